// A 206 that continues nothing: the answer to the range of a cold object, or of a version that has just
// changed. Which span does it bring, and may it be stored (R30)? Whether the would-be 200 may be stored is
// HTTPSemantics' question. The fields that parts of one representation must agree on are compared here too.

package import HTTPSemantics

/// The span that a first 206 brings.
package struct FirstPartial: Sendable, Equatable {
    package let span: Range<Int64>
    /// nil where the origin did not say it.
    package let completeLength: Int64?

    package init(span: Range<Int64>, completeLength: Int64?) {
        self.span = span
        self.completeLength = completeLength
    }
}

extension ContinuationCheck {
    /// The span of a 206 to a range that we asked for without holding anything; nil where it is not used.
    /// It must start where we asked and end no later; a shorter span leaves a hole.
    package static func firstPartial(
        asked: RangeSpecifier,
        response: ResponseHead,
        contentLength: Int64?
    ) -> FirstPartial? {
        guard response.status == 206, case .success(let read) = PartialSpan.read(response) else { return nil }
        let span = read.span
        if let contentLength, contentLength > span.upperBound - span.lowerBound { return nil }
        switch asked {
        case .fromTo(let first, let last):
            guard span.lowerBound == first, span.upperBound - 1 <= last else { return nil }
        case .from(let first):
            guard span.lowerBound == first else { return nil }
        case .suffix(let length):
            if let completeLength = read.completeLength {
                guard span.lowerBound == max(0, completeLength - max(0, length)) else { return nil }
            } else {
                guard span.upperBound - span.lowerBound <= length else { return nil }
            }
        }
        return FirstPartial(span: span, completeLength: read.completeLength)
    }
}

extension ContinuationCheck {
    /// How many bytes the body of a 206 has by its Content-Range, in bytes; nil where that does not say it. What ends
    /// before is cut, whatever its framing says (R30).
    package static func announcedLength(of response: ResponseHead) -> Int64? {
        guard response.status == 206, case .success(let part) = PartialSpan.read(response) else { return nil }
        return part.span.upperBound - part.span.lowerBound
    }
}

/// The one sound Content-Range of a 206, or what is wrong with it.
enum PartialSpan {
    struct Unsound: Error {
        let reason: BrokenReason
    }

    static func read(_ response: ResponseHead) -> Result<FirstPartial, Unsound> {
        // RFC 9110 §15.3.7.2: an answer to a single range is never multipart.
        if let type = response.fields.first(.contentType),
            RepresentationField.normalized(type).utf8.starts(with: "multipart/byteranges".utf8)
        {
            return .failure(Unsound(reason: .multipart))
        }
        guard let text = response.fields.only(.contentRange) else {
            return .failure(Unsound(reason: .contentRangeMissing))
        }
        guard case .satisfied(let span, let completeLength)? = ContentRange.parse(text) else {
            return .failure(Unsound(reason: .contentRangeInvalid))
        }
        // The parser has proved it (R30); what is joined here is joined for good, so it is looked at again.
        guard span.lowerBound >= 0, !span.isEmpty, span.upperBound <= completeLength ?? Int64.max else {
            return .failure(Unsound(reason: .contentRangeInvalid))
        }
        return .success(FirstPartial(span: span, completeLength: completeLength))
    }
}

/// Content-Encoding and Content-Type of parts: equal or absent (resume-rules 2), since a 206 to If-Range need
/// not repeat them (RFC 9110 §15.3.7).
enum RepresentationField {
    /// A part that names no coding inherits the one that is known; one that names another is of another
    /// representation, whatever its validator says (resume-rules 8).
    static func agree(encoding: String?, known: String?) -> Bool {
        guard let encoding else { return true }
        return coding(encoding) == coding(known ?? "")
    }

    static func agree(type: String?, known: String?) -> Bool {
        guard let type, let known else { return true }
        return normalized(type) == normalized(known)
    }

    static func isEncoded(_ encoding: String?) -> Bool {
        !coding(encoding ?? "").isEmpty
    }

    /// RFC 9110 §8.4.1: `identity` is no coding.
    private static func coding(_ text: String) -> String {
        let text = normalized(text)
        return text == "identity" ? "" : text
    }

    /// Lower case, without whitespace: the same value written in two ways is one value.
    static func normalized(_ text: String) -> String {
        String(decoding: text.utf8.filter { $0 != 0x20 && $0 != 0x09 }.map { lowercased($0) }, as: UTF8.self)
    }
}
