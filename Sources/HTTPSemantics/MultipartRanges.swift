// The framing of a 206 with several parts (RFC 9110 §14.6, RFC 2046 §5.1): what stands before, between and
// behind the parts, and how long all of it is together, so that the answer has an exact Content-Length and
// not one byte of a part is copied. It knows nothing of where the bytes of the parts come from.

package struct MultipartRanges: Sendable, Equatable {
    /// Half-open, bytes, in the order in which they are sent.
    package let parts: [Range<Int64>]
    /// Bytes of the whole.
    package let completeLength: Int64
    /// Of the whole; nil where it has none, and then the parts have none (RFC 9110 §15.3.7.2).
    package let contentType: String?
    /// Without the hyphens that introduce it.
    package let boundary: String

    package init(parts: [Range<Int64>], completeLength: Int64, contentType: String?, boundary: String) {
        self.parts = parts
        self.completeLength = completeLength
        self.contentType = contentType
        self.boundary = boundary
    }

    /// What stands before the bytes of one part: the delimiter, its fields and the empty line; nothing where there is
    /// no such part.
    package func preamble(of index: Int) -> [UInt8] {
        guard parts.indices.contains(index) else { return [] }
        // RFC 2046 §5.1.1: the line break before a delimiter belongs to it. Before the first one there is no
        // preamble for it to end.
        var text = index == 0 ? "" : "\r\n"
        text += "--\(boundary)\r\n"
        if let contentType { text += "Content-Type: \(contentType)\r\n" }
        text += "Content-Range: \(ContentRange.satisfied(parts[index], completeLength: completeLength).text)\r\n\r\n"
        return Array(text.utf8)
    }

    /// What stands behind the last part.
    package var epilogue: [UInt8] { Array("\r\n--\(boundary)--\r\n".utf8) }

    /// The length of the content in bytes: all preambles, all parts and the epilogue. `Int64.max` where it would be
    /// more than that, which no request has that keeps to R10.
    package var contentLength: Int64 {
        var length = Int64(epilogue.count)
        for (index, part) in parts.enumerated() {
            let (size, first) = part.upperBound.subtractingReportingOverflow(part.lowerBound)
            let (framed, second) = size.addingReportingOverflow(Int64(preamble(of: index).count))
            let (sum, third) = length.addingReportingOverflow(framed)
            guard !first, !second, !third else { return .max }
            length = sum
        }
        return length
    }

    /// The media type of the answer. The boundary needs no quotation marks: it is a token.
    package var mediaType: String { "multipart/byteranges; boundary=\(boundary)" }

    /// A boundary from random numbers: 32 hexadecimal digits, so that it is a token (some clients do not understand
    /// quotation marks, RFC 9110 §14.6) and nobody can put it into a body beforehand.
    package static func boundary(_ random: (UInt64, UInt64)) -> String {
        hexadecimal(random.0) + hexadecimal(random.1)
    }

    private static func hexadecimal(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: max(0, 16 - digits.utf8.count)) + digits
    }
}
