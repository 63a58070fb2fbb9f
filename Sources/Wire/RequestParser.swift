// From bytes to the head of a request (RFC 9112 §2, §3, §5). Strict, bounded and linear; between two
// pieces of a head it keeps a few numbers and the request line, never bytes. It knows no connection, and
// it does not judge the framing of the body (that is BodyFraming).

package import HTTPSemantics

/// What a parser makes of the bytes that have arrived.
package enum ParseResult<Head> {
    /// The head is not complete. Nothing is consumed: the next call gets these bytes again, and more.
    case needMore
    /// A head, and how many of the bytes it took, empty lines before it included.
    case head(Head, consumed: Int)
    /// No head will come of these bytes. The connection is not to be used any further (R27).
    case refusal(WireRefusal)
}

extension ParseResult: Sendable where Head: Sendable {}
extension ParseResult: Equatable where Head: Equatable {}

/// The parser of the requests of one connection, one after another.
package struct RequestParser: Sendable {
    private let limits: WireLimits
    private var lines = HeadLines()
    private var emptyLines = 0
    /// The request line once its end has arrived, and where the field lines begin.
    private var requestLine: (line: RequestLine, end: Int)?
    private var refused: WireRefusal?

    /// Whether bytes of the next request have been seen. Empty lines before it do not count.
    package private(set) var hasStarted = false

    package init(limits: WireLimits = .standard) { self.limits = limits }

    /// Forgets the request under way.
    package mutating func reset() {
        lines = HeadLines()
        emptyLines = 0
        requestLine = nil
        refused = nil
        hasStarted = false
    }

    /// Looks at all bytes of the connection that have not been consumed. After a head it is ready for the next
    /// request; a refusal is repeated until `reset`.
    package mutating func parse(_ bytes: UnsafeRawBufferPointer) -> ParseResult<RequestHead> {
        if let refused { return .refusal(refused) }
        do throws(WireRefusal) {
            guard let (head, end) = try advance(bytes) else { return .needMore }
            reset()
            return .head(head, consumed: end)
        } catch {
            refused = error
            return .refusal(error)
        }
    }

    private mutating func advance(_ bytes: UnsafeRawBufferPointer) throws(WireRefusal) -> (RequestHead, end: Int)? {
        guard let (line, fieldsStart) = try readRequestLine(bytes) else { return nil }
        guard
            let (end, count) = try lines.endOfFields(in: bytes, limits: limits, headLimit: limits.requestHead)
        else { return nil }
        let fields = try FieldLines.parse(bytes, in: fieldsStart..<end, count: count)
        try HostField.check(fields, version: line.version, target: line.target)
        return (RequestHead(method: line.method, target: line.target, version: line.version, fields: fields), end)
    }

    /// The request line is read when its end arrives, so that what is not HTTP/1 is not waited for any longer.
    private mutating func readRequestLine(
        _ bytes: UnsafeRawBufferPointer
    ) throws(WireRefusal) -> (line: RequestLine, end: Int)? {
        if let requestLine { return requestLine }
        guard try skipEmptyLines(bytes) else { return nil }
        let line = try lines.next(
            in: bytes,
            limit: limits.requestLine,
            over: .requestLineTooLong,
            headLimit: limits.requestHead
        )
        switch line {
        case .incomplete: return nil
        case .line(let span):
            let read = (line: try RequestLine.parse(bytes.slice(span)), end: lines.lineStart)
            requestLine = read
            return read
        }
    }

    /// RFC 9112 §2.2: empty lines before a request are passed over (R14: a few). Answers whether a request begins.
    private mutating func skipEmptyLines(_ bytes: UnsafeRawBufferPointer) throws(WireRefusal) -> Bool {
        while lines.start < bytes.count {
            let first = bytes[lines.start]
            if first == Byte.carriageReturn {
                guard lines.start + 1 < bytes.count else { return false }
                guard bytes[lines.start + 1] == Byte.lineFeed else { throw .bareCarriageReturn }
                emptyLines += 1
                guard emptyLines <= limits.emptyLines else { throw .tooManyEmptyLines }
                lines.skip(2)
                continue
            }
            hasStarted = true
            if first == Byte.lineFeed { throw .bareLineFeed }
            // At once, for the client that begins a TLS handshake here and would wait for an answer.
            guard ByteClass.isToken(first) else { throw .invalidMethod }
            return true
        }
        return false
    }
}
