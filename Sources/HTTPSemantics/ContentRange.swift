// Content-Range (RFC 9110 §14.4): where the bytes of a 206 belong, and how long the whole is. This is the
// field that bytes are written by, so it is read to the letter (R30): one that is odd in any way is none.

/// The value of a Content-Range field of the unit `bytes`.
package enum ContentRange: Equatable, Sendable {
    /// Of a 206: the half-open span of the enclosed bytes; nil as complete length where it was written as `*`.
    case satisfied(Range<Int64>, completeLength: Int64?)
    /// Of a 416: the complete length of what there is.
    case unsatisfied(completeLength: Int64?)

    /// Reads `bytes a-b/L`, `bytes a-b/*` or `bytes */L`; nil unless a ≤ b < L (RFC 9110 §14.4: else invalid).
    package static func parse(_ text: String) -> ContentRange? {
        let words = text.utf8.split(separator: FieldGrammar.space, omittingEmptySubsequences: false)
        guard words.count == 2, FieldGrammar.equalIgnoringCase(Substring(words[0]), "bytes") else { return nil }
        let parts = words[1].split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        let span = Substring(parts[0])
        let length = Substring(parts[1])
        var completeLength: Int64?
        if length != "*" {
            guard let value = number(length) else { return nil }
            completeLength = value
        }
        if span == "*" {
            return completeLength == nil ? nil : .unsatisfied(completeLength: completeLength)
        }
        let ends = span.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard ends.count == 2, let first = number(Substring(ends[0])), let last = number(Substring(ends[1])),
            first <= last
        else { return nil }
        if let completeLength, last >= completeLength { return nil }
        return .satisfied(first..<last + 1, completeLength: completeLength)
    }

    /// The value as it is written; a span without bytes has none of its own and is written as unsatisfied.
    package var text: String {
        switch self {
        case .satisfied(let span, let completeLength):
            guard !span.isEmpty else { return "bytes */\(Self.length(completeLength))" }
            return "bytes \(span.lowerBound)-\(span.upperBound - 1)/\(Self.length(completeLength))"
        case .unsatisfied(let completeLength):
            return "bytes */\(Self.length(completeLength))"
        }
    }

    /// A number below the largest one: an inclusive end must have a successor.
    private static func number(_ text: Substring) -> Int64? {
        FieldGrammar.decimal(text).flatMap { $0 == Int64.max ? nil : $0 }
    }

    private static func length(_ completeLength: Int64?) -> String {
        completeLength.map { String($0) } ?? "*"
    }
}
