// Where the body of a message ends (RFC 9112 §6), decided from the fields alone. This is where smuggling
// lives: two readers that find two ends. So everything that could be read in two ways is refused, also
// where the RFC would allow a repair (hardening R20, R21). It sees no byte of the body.

package import HTTPSemantics

/// How the end of a body is found.
package enum BodyFraming: Hashable, Sendable {
    /// There is no body.
    case none
    /// So many bytes; may be 0.
    case length(Int64)
    /// Up to the last chunk.
    case chunked
    /// Up to the closing of the connection; responses only.
    case untilClose

    /// RFC 9112 §6.3 for a request.
    package static func request(_ head: RequestHead) -> Result<BodyFraming, WireRefusal> {
        switch FramingFields(head.fields).framing(version: head.version) {
        case .failure(let refusal): return .failure(refusal)
        case .success(let framing):
            // R28, RFC 9110 §9.3.6: what follows a CONNECT belongs to the tunnel.
            if head.method == .connect, let framing, framing != .length(0) { return .failure(.contentInConnect) }
            return .success(head.method == .connect ? .none : framing ?? .none)
        }
    }

    /// RFC 9112 §6.3 for a response to a request of this method.
    package static func response(_ head: ResponseHead, to method: Method) -> Result<BodyFraming, WireRefusal> {
        // RFC 9110 §9.3.6: the fields of a 2xx to CONNECT mean nothing.
        if method == .connect, (200...299).contains(head.status) { return .success(.none) }

        switch FramingFields(head.fields).framing(version: head.version) {
        case .failure(let refusal):
            return .failure(refusal)
        case .success(let framing):
            if (100...199).contains(head.status) || head.status == 204 {
                // RFC 9110 §8.6, RFC 9112 §6.1: no framing fields here. Bytes that they announce would be taken for
                // the next response (R9).
                if let framing, framing != .length(0) { return .failure(.contentNotAllowed) }
                return .success(.none)
            }
            // Here they describe the body that a GET would have had; they are sent on, so they must be sound too.
            if method == .head || head.status == 304 { return .success(.none) }
            return .success(framing ?? .untilClose)
        }
    }
}

/// What the two framing fields of a head say, collected in one pass and without a copy.
private struct FramingFields {
    private var lengthLines = 0
    private var length: Int64?
    private var codingLines = 0
    private var coding = TransferCoding.malformed

    private enum TransferCoding {
        case chunked
        case unknownBeforeChunked
        case malformed
    }

    init(_ fields: FieldSection) {
        var lengthLines = 0
        var codingLines = 0
        var length: Int64?
        var coding = TransferCoding.malformed
        fields.forEachBytes { known, _, value in
            if known == .contentLength {
                lengthLines += 1
                length = Self.contentLength(value)
            } else if known == .transferEncoding {
                codingLines += 1
                coding = Self.transferCoding(value)
            }
        }
        self.lengthLines = lengthLines
        self.length = length
        self.codingLines = codingLines
        self.coding = coding
    }

    /// The framing that the fields announce, nil where there are none.
    func framing(version: HTTPVersion) -> Result<BodyFraming?, WireRefusal> {
        if codingLines > 0 {
            // R20, RFC 9112 §6.1, §6.3: never both; never in HTTP/1.0; once; and nothing but chunked.
            if lengthLines > 0 { return .failure(.transferEncodingWithContentLength) }
            if version == .http10 { return .failure(.transferEncodingInHTTP10) }
            if codingLines > 1 { return .failure(.transferEncodingRepeated) }
            switch coding {
            case .chunked: return .success(.chunked)
            case .unknownBeforeChunked: return .failure(.transferCodingUnknown)
            case .malformed: return .failure(.transferEncodingNotChunked)
            }
        }
        if lengthLines > 0 {
            // R21: several lines are refused even where they agree.
            if lengthLines > 1 { return .failure(.contentLengthRepeated) }
            guard let length else { return .failure(.contentLengthInvalid) }
            return .success(.length(length))
        }
        return .success(nil)
    }

    /// R21, RFC 9110 §8.6: 1*DIGIT below 2^63. No sign, no list, no white space; leading zeros do not count.
    private static func contentLength(_ value: UnsafeRawBufferPointer) -> Int64? {
        guard !value.isEmpty else { return nil }
        var length: Int64 = 0
        for byte in value {
            guard ByteClass.isDigit(byte) else { return nil }
            let (tenfold, overflow) = length.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tenfold.addingReportingOverflow(Int64(byte &- Byte.zero))
            guard !overflow, !carry else { return nil }
            length = sum
        }
        return length
    }

    /// R20: `chunked` in any case of letters, alone. A list of tokens whose last is chunked and that names another
    /// coding before it is well-formed and not implemented; everything else is malformed.
    private static func transferCoding(_ value: UnsafeRawBufferPointer) -> TransferCoding {
        if value.isCaseInsensitively("chunked") { return .chunked }
        var start = 0
        var result = TransferCoding.malformed
        while start <= value.count {
            var end = start
            while end < value.count, value[end] != Byte.comma { end += 1 }
            var first = start
            var last = end
            while first < last, ByteClass.isWhitespace(value[first]) { first += 1 }
            while last > first, ByteClass.isWhitespace(value[last - 1]) { last -= 1 }
            let element = value.slice(first..<last)
            let isLast = end == value.count
            guard !element.isEmpty, element.allSatisfy(ByteClass.isToken) else { return .malformed }
            // chunked is the last one, and only that (RFC 9112 §6.1).
            guard element.isCaseInsensitively("chunked") == isLast else { return .malformed }
            if !isLast { result = .unknownBeforeChunked }
            start = end + 1
        }
        return result
    }
}
