// The one judgement that the whole project stands on: under which validator may bytes of two responses be
// joined (resume-rules 1, RFC 9110 §8.8.2.2 and §8.8.3, R32). Where there is doubt there is none.
// It judges the response that delivered the bytes, never one that a 304 has updated since.

/// A validator that proves two representations to be the same byte for byte.
package enum StrongValidator: Hashable, Sendable {
    case etag(EntityTag)
    /// A modification date that is strong by resume-rules 1: as it was received, and in seconds since 1970 UTC.
    case lastModified(text: String, seconds: Int64)
    /// By a rule of the operator the bytes of this URL never change: the URL and the complete length stand for the
    /// validator (resume-rules 11). Whoever compares two of these has to compare the complete lengths too.
    case immutable

    /// The value for If-Range (RFC 9110 §13.1.5); a date verbatim, never written anew. nil where the origin has named
    /// nothing that could stand there.
    package var ifRangeValue: String? {
        switch self {
        case .etag(let tag): tag.text
        case .lastModified(let text, _): text
        case .immutable: nil
        }
    }

    package var isTag: Bool { if case .etag = self { true } else { false } }

    /// Whether an operator's rule vouches for it and not the origin: then held bytes have to be compared with those
    /// that are sent again, wherever that can be done (resume-rules 11).
    package var isByRule: Bool { self == .immutable }

    /// The strong validator of a response, or nil where it has none.
    ///
    /// `fields` are those of the response that delivered the bytes, as received: with the origin's own Date, not
    /// one that was added here or came with a later 304. `now` is when it was received, in seconds since 1970 UTC.
    /// `isImmutable`: a rule says that the bytes of this URL never change; what the origin itself proves is preferred.
    package static func of(
        _ fields: FieldSection,
        receivedAt now: Int64,
        isImmutable: Bool = false
    ) -> StrongValidator? {
        named(by: fields, receivedAt: now) ?? (isImmutable ? .immutable : nil)
    }

    private static func named(by fields: FieldSection, receivedAt now: Int64) -> StrongValidator? {
        if fields.contains(.etag) {
            // RFC 9110 §13.1.5: where there is any entity tag, even a weak one, a date must not be used.
            guard let text = fields.only(.etag), let tag = EntityTag.parse(text), !tag.isWeak else { return nil }
            return .etag(tag)
        }
        return strongLastModified(fields, receivedAt: now)
    }

    /// The modification date, whatever the tags, where it is strong by resume-rules 1.
    static func strongLastModified(_ fields: FieldSection, receivedAt now: Int64) -> StrongValidator? {
        guard let text = fields.only(.lastModified), let modified = HTTPDate.parse(text, now: now),
            let dateText = fields.only(.date), let date = HTTPDate.parse(dateText, now: now)
        else { return nil }
        let distance = date - modified
        // RFC 9110 §8.8.2.2: at least a second, and one clock or a difference too large for two.
        if distance >= largeDistance { return .lastModified(text: text, seconds: modified) }
        guard distance >= 1, abs(date - now) <= sameClock else { return nil }
        return .lastModified(text: text, seconds: modified)
    }

    /// Seconds between Last-Modified and Date from which no skew of clocks is likely (resume-rules 1).
    private static let largeDistance: Int64 = 60
    /// Seconds that Date may be away from our clock and still count as made for this response (resume-rules 1).
    private static let sameClock: Int64 = 5
}
