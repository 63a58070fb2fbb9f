// Does the origin's answer continue what is held? Resume-rules 5 and 2 and hardening R30 to R32 as one
// table on values. Whatever is not proven to be the same version is not joined (invariant 2). The bytes of
// the overlap are the last proof; comparing them is the fill's part. It knows no socket and no store.

package import HTTPSemantics

/// What our Range named, the overlap included; half-open.
package struct AskedSpan: Sendable, Equatable {
    package let start: Int64
    /// Exclusive; nil for `bytes=a-`.
    package let end: Int64?
    /// How many bytes of it, from `start` on, are held and will be compared.
    package let overlap: Int64

    package init(start: Int64, end: Int64?, overlap: Int64 = 0) {
        self.start = start
        self.end = end
        self.overlap = overlap
    }

    /// The same as a range specifier: how a first 206 to this question is judged.
    package var specifier: RangeSpecifier {
        if let end, end > start { return .fromTo(first: start, last: end - 1) }
        return .from(first: start)
    }
}

/// Why an answer is of no use: it is discarded, and a plain GET follows (resume-rules 5).
package enum BrokenReason: Hashable, Sendable, CaseIterable {
    case multipart
    case contentRangeMissing
    case contentRangeInvalid
    case wrongStart
    case beyondAsked
    case longerThanSpan
    case completeLengthContradicts
    case contentEncodingChanged
    case contentTypeChanged
    case encodedWithoutEntityTag
    case unsatisfiedRangeContradicts
    case unexpectedStatus

    package var sentence: String {
        switch self {
        case .multipart: "The origin answered one range with a multipart body."
        case .contentRangeMissing: "The origin answered 206 without exactly one Content-Range."
        case .contentRangeInvalid: "The origin answered 206 with an invalid Content-Range."
        case .wrongStart: "The origin's range starts at another byte than the one asked for."
        case .beyondAsked: "The origin's range ends beyond the one asked for."
        case .longerThanSpan: "The origin's Content-Length is larger than its Content-Range."
        case .completeLengthContradicts: "The origin's part names another complete length under the same validator."
        case .contentEncodingChanged: "The origin sent another Content-Encoding under the same validator."
        case .contentTypeChanged: "The origin sent another Content-Type under the same validator."
        case .encodedWithoutEntityTag: "Encoded content without a strong entity tag is not joined."
        case .unsatisfiedRangeContradicts: "The origin answered 416, which contradicts the length that is known."
        case .unexpectedStatus: "The origin answered a range request with a status that does not fit it."
        }
    }
}

package enum ContinuationAnswer: Equatable, Sendable {
    /// Same version: the body is this span. It may be shorter than asked; then a hole is left (R30).
    case continues(span: Range<Int64>, completeLength: Int64?)
    /// A 200, or a 206 of another validator or complete length: judge it as a first answer.
    case newVersion
    /// Discard the body, then a plain GET.
    case broken(BrokenReason)
    /// 416: the body has this length and the span that was asked for lies behind it. What is held is
    /// complete where it has no holes, once a HEAD or a conditional request has confirmed it.
    case alreadyComplete(Int64)
    /// 3xx, 401, 403, 404, 407, 410 and other 4xx: park what is held, surface the status.
    case gone(status: Int)
    /// 408, 425, 429, 5xx: try again later (R47).
    case transient(status: Int)
    /// 304 or 412, which we did not ask for: a plain GET.
    case unsolicited
}

package enum ContinuationCheck {
    /// Judges the answer to `Range` with `If-Range`.
    ///
    /// - Parameters:
    ///   - contentLength: of the response's framing; nil where it has none.
    ///   - receivedAt: seconds since 1970 UTC.
    ///   - condition: what it was asked under.
    package static func check(
        asked: AskedSpan,
        known: KnownVersion,
        response: ResponseHead,
        contentLength: Int64?,
        receivedAt: Int64,
        condition: ResumeCondition = .ifRangeTag
    ) -> ContinuationAnswer {
        switch response.status {
        case 206:
            return partial(
                asked: asked,
                known: known,
                isConditional: condition != .checkedAfterwards,
                response: response,
                contentLength: contentLength,
                receivedAt: receivedAt
            )
        case 200, 203:
            // R31; the same validator and length (`KnownVersion.isWhole`) would allow a verified restart, which
            // compares from byte 0.
            return .newVersion
        case 416:
            return unsatisfied(asked: asked, known: known, response: response)
        case 304, 412:
            return .unsolicited
        case 408, 425, 429:
            return .transient(status: response.status)
        case 300..<500:
            // A redirect in answer to a resume counts as changed (resume-rules 4), never as a way to go.
            return .gone(status: response.status)
        case 500...:
            // 600 and above are treated like 5xx (R29, RFC 9110 §15).
            return .transient(status: response.status)
        default:
            return .broken(.unexpectedStatus)
        }
    }

    // MARK: 206

    private static func partial(
        asked: AskedSpan,
        known: KnownVersion,
        isConditional: Bool,
        response: ResponseHead,
        contentLength: Int64?,
        receivedAt: Int64
    ) -> ContinuationAnswer {
        let span: Range<Int64>
        let completeLength: Int64?
        switch PartialSpan.read(response) {
        case .failure(let reason): return .broken(reason.reason)
        case .success(let read): (span, completeLength) = (read.span, read.completeLength)
        }
        // The same version by its name, and another by its length: one of them is not true, and the whole tells which. No
        // byte of this part is used for it (row 4 in the place of row 3).
        if contradicts(known, completeLength), namesTag(of: known, response.fields) {
            return .broken(.completeLengthContradicts)
        }
        // Which version it is comes before where it lies: row 3 of the table, then row 4.
        guard
            isSameVersion(
                asked: asked,
                known: known,
                isConditional: isConditional,
                response: response,
                completeLength: completeLength,
                receivedAt: receivedAt
            )
        else { return .newVersion }
        let fields = response.fields
        guard known.mayBeContinued else { return .broken(.encodedWithoutEntityTag) }
        if !RepresentationField.agree(encoding: fields.combined(.contentEncoding), known: known.contentEncoding) {
            return .broken(.contentEncodingChanged)
        }
        if !RepresentationField.agree(type: fields.combined(.contentType), known: known.contentType) {
            return .broken(.contentTypeChanged)
        }
        guard span.lowerBound == asked.start else { return .broken(.wrongStart) }
        if let end = asked.end, span.upperBound > end { return .broken(.beyondAsked) }
        // R30: a shorter Content-Length counts as cut, and the bytes that come are kept; a longer one is a lie.
        if let contentLength, contentLength > span.upperBound - span.lowerBound { return .broken(.longerThanSpan) }
        return .continues(span: span, completeLength: completeLength ?? known.completeLength)
    }

    /// Resume-rules 2: the same strong validator and the same complete length, where unknown agrees with all.
    private static func isSameVersion(
        asked: AskedSpan,
        known: KnownVersion,
        isConditional: Bool,
        response: ResponseHead,
        completeLength: Int64?,
        receivedAt: Int64
    ) -> Bool {
        // Row 2: what names no version is believed only after a condition, where both the complete length and an overlap
        // bear it out.
        let isBorneOut =
            isConditional && asked.overlap > 0 && known.completeLength != nil && known.completeLength == completeLength
        if contradicts(known, completeLength) { return false }
        let fields = response.fields
        switch known.validator {
        case .etag(let tag):
            switch fields.occurrences(of: .etag) {
            case 0:
                // RFC 9110 §15.3.7 demands it.
                return isBorneOut
            default:
                return names(tag, fields)
            }
        case .lastModified(let text, _):
            // Resume-rules 1: where there is an entity tag, even a weak one, the date is no strong validator.
            guard !fields.contains(.etag) else { return false }
            switch fields.occurrences(of: .lastModified) {
            case 0:
                // RFC 9110 §15.3.7 does not demand it after If-Range with a date; but an origin that ignores If-Range
                // leaves it out just so.
                return isBorneOut
            case 1:
                guard fields.first(.lastModified) == text else { return false }
                // The Date of the response that delivers the bytes decides (resume-rules 1). Without a Date
                // the equal date says no less than its absence would.
                return !fields.contains(.date) || StrongValidator.of(fields, receivedAt: receivedAt) != nil
            default:
                return false
            }
        case .immutable:
            // Resume-rules 11: URL and complete length stand for the validator, so that an unknown length proves
            // nothing; and what the origin does say of its version must not contradict what is stored.
            return known.completeLength != nil && known.completeLength == completeLength && !known.contradicts(fields)
        }
    }

    private static func contradicts(_ known: KnownVersion, _ completeLength: Int64?) -> Bool {
        guard let received = completeLength else { return false }
        return known.completeLength.map { $0 != received } ?? (received < known.highestHeldEnd)
    }

    private static func namesTag(of known: KnownVersion, _ fields: FieldSection) -> Bool {
        if case .etag(let tag) = known.validator { names(tag, fields) } else { false }
    }

    private static func names(_ tag: EntityTag, _ fields: FieldSection) -> Bool {
        guard let text = fields.only(.etag), let received = EntityTag.parse(text) else { return false }
        return received.stronglyEquals(tag)
    }

    // MARK: 416

    /// RFC 9110 §15.5.17. Only where the length was not known, and what is held ends exactly there, does it
    /// say something that can be believed.
    private static func unsatisfied(
        asked: AskedSpan,
        known: KnownVersion,
        response: ResponseHead
    ) -> ContinuationAnswer {
        // Under a rule (resume-rules 11) only a length that was known from the start is believed.
        guard known.completeLength == nil, !known.validator.isByRule, let text = response.fields.only(.contentRange),
            case .unsatisfied(let length?)? = ContentRange.parse(text),
            length == known.highestHeldEnd, asked.start >= length
        else { return .broken(.unsatisfiedRangeContradicts) }
        return .alreadyComplete(length)
    }
}
