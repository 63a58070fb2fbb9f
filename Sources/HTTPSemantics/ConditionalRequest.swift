// The conditions of our own requests to an origin (RFC 9111 §4.3.1, resume-rules 3 and 4). Ours replace
// the client's: an answer to somebody else's condition says nothing about what is stored.

/// Puts conditions into the fields of a request to an origin.
package enum ConditionalRequest {
    /// Asks whether the stored response is still the current one: If-None-Match and If-Modified-Since, as far as there
    /// are validators, both verbatim (RFC 9111 §4.3.1). Without validators it is a plain request.
    package static func validate(_ fields: inout FieldSection, stored: FieldSection) {
        plain(&fields)
        if let tag = tag(stored) { fields.append(.ifNoneMatch, tag) }
        if let date = date(stored) { fields.append(.ifModifiedSince, date) }
    }

    /// Asks for the missing bytes under the validator of those that are held (RFC 9110 §13.1.5); `openEnd` where the
    /// complete length is not known, so that only the start of the span counts. An empty span asks for the whole.
    package static func completing(
        _ fields: inout FieldSection,
        range: Range<Int64>,
        openEnd: Bool,
        validator: StrongValidator
    ) {
        plain(&fields)
        guard range.lowerBound >= 0, openEnd || !range.isEmpty else { return }
        let end = openEnd ? "" : String(range.upperBound - 1)
        fields.append(.range, "bytes=\(range.lowerBound)-\(end)")
        fields.append(.ifRange, validator.ifRangeValue)
    }

    /// Asks for the whole, whatever is stored: no condition, no range.
    package static func plain(_ fields: inout FieldSection) {
        fields.removeAll { field in
            switch field.known {
            case .ifMatch, .ifNoneMatch, .ifModifiedSince, .ifUnmodifiedSince, .ifRange, .range: true
            default: false
            }
        }
    }

    /// Whether a request has a condition to which 304 is an answer (RFC 9110 §13.1).
    package static func isConditional(_ fields: FieldSection) -> Bool {
        fields.contains(.ifNoneMatch) || fields.contains(.ifModifiedSince)
    }

    /// Whether there is anything to ask with.
    package static func hasValidator(_ stored: FieldSection) -> Bool {
        tag(stored) != nil || date(stored) != nil
    }

    private static func tag(_ stored: FieldSection) -> String? {
        stored.only(.etag).flatMap(EntityTag.parse)?.text
    }

    private static func date(_ stored: FieldSection) -> String? {
        stored.only(.lastModified).flatMap { HTTPDate.parse($0) == nil ? nil : $0 }
    }
}
