// The conditions of our own requests to an origin (RFC 9111 §4.3.1, resume-rules 3 and 4). Ours replace
// the client's: an answer to somebody else's condition says nothing about what is stored.

/// Puts conditions into the fields of a request to an origin.
package enum ConditionalRequest {
    /// More tags than these are not named in one request.
    package static let tagLimit = 64
    /// Nor more bytes of further tags: origins refuse fields that are too long, and then nothing could be validated.
    package static let tagByteLimit = 4096

    /// Asks whether the stored response is still the current one: If-None-Match and If-Modified-Since, as far as there
    /// are validators, both verbatim (RFC 9111 §4.3.1). Without validators it is a plain request.
    package static func validate(_ fields: inout FieldSection, stored: FieldSection) {
        validate(&fields, selected: stored, others: [])
    }

    /// Asks which of the stored responses is the current one for this request (RFC 9111 §4.3.1).
    ///
    /// - Parameters:
    ///   - selected: the fields of the one that would answer the request; nil where none does.
    ///   - others: the fields of further responses under the same key; only their entity tags are named, and only
    ///     where the selected one has a tag or is not there. If-None-Match would make the origin ignore the
    ///     If-Modified-Since that alone speaks of the selected one (RFC 9110 §13.1.3).
    package static func validate(_ fields: inout FieldSection, selected: FieldSection?, others: [FieldSection]) {
        plain(&fields)
        let own = selected.flatMap(tag)
        var tags: [String] = own.map { [$0] } ?? []
        if selected == nil || own != nil {
            var room = tagByteLimit
            for other in others.compactMap(tag) where tags.count < tagLimit && !tags.contains(other) {
                guard other.utf8.count <= room else { continue }
                room -= other.utf8.count
                tags.append(other)
            }
        }
        if !tags.isEmpty { fields.append(.ifNoneMatch, tags.joined(separator: ", ")) }
        if let date = selected.flatMap(date) { fields.append(.ifModifiedSince, date) }
    }

    /// Asks for the missing bytes under the validator of those that are held (RFC 9110 §13.1.5); `openEnd` where the
    /// complete length is not known, so that only the start of the span counts. An empty span asks for the whole.
    /// Where a rule is the validator there is nothing to name in If-Range: the answer is judged by its complete length
    /// and by bytes that are held (resume-rules 11).
    package static func completing(
        _ fields: inout FieldSection,
        range: Range<Int64>,
        openEnd: Bool,
        validator: StrongValidator
    ) {
        completing(&fields, range: range, openEnd: openEnd, condition: validator.ifRangeValue.map { (.ifRange, $0) })
    }

    /// The same under another condition: the next rung where an origin does not know If-Range (resume-rules 5, row 5);
    /// nil: none, and the answer alone tells.
    package static func completing(
        _ fields: inout FieldSection,
        range: Range<Int64>,
        openEnd: Bool,
        condition: (field: KnownField, value: String)?
    ) {
        plain(&fields)
        guard range.lowerBound >= 0, openEnd || !range.isEmpty else { return }
        let end = openEnd ? "" : String(range.upperBound - 1)
        fields.append(.range, "bytes=\(range.lowerBound)-\(end)")
        if let condition { fields.append(condition.field, condition.value) }
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
