// How long an origin asks to be left alone (RFC 9110 §10.2.3).

package enum RetryAfter {
    /// Seconds from `now` on; nil where the field is missing or is neither seconds nor a date.
    package static func of(_ fields: FieldSection, now: Int64) -> Int64? {
        guard let text = fields.only(.retryAfter) else { return nil }
        if let seconds = FieldGrammar.deltaSeconds(text) { return seconds }
        return HTTPDate.parse(text, now: now).map { min(max(0, $0 - now), FieldGrammar.deltaLimit) }
    }
}
