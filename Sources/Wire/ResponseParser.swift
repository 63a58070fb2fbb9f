// From bytes to the head of a response (RFC 9112 §2, §4, §5), as strict as the request's: an origin is no
// more to be trusted than a client. It reads one head after another, interim ones included (R9 counts
// them elsewhere), and does not judge the framing of the body (that is BodyFraming).

package import HTTPSemantics

/// The parser of the responses of one connection, one after another.
package struct ResponseParser: Sendable {
    private let limits: WireLimits
    private var lines = HeadLines()
    /// The status line once its end has arrived, and where the field lines begin.
    private var statusLine: (line: StatusLine, end: Int)?
    private var refused: WireRefusal?

    /// Whether bytes of the next response have been seen.
    package private(set) var hasStarted = false

    package init(limits: WireLimits = .standard) { self.limits = limits }

    /// Forgets the response under way.
    package mutating func reset() {
        lines = HeadLines()
        statusLine = nil
        refused = nil
        hasStarted = false
    }

    /// Looks at all bytes of the connection that have not been consumed. After a head it is ready for the next
    /// response; a refusal is repeated until `reset`.
    package mutating func parse(_ bytes: UnsafeRawBufferPointer) -> ParseResult<ResponseHead> {
        if let refused { return .refusal(refused) }
        if !bytes.isEmpty { hasStarted = true }
        do throws(WireRefusal) {
            guard let (head, end) = try advance(bytes) else { return .needMore }
            reset()
            return .head(head, consumed: end)
        } catch {
            refused = error
            return .refusal(error)
        }
    }

    private mutating func advance(_ bytes: UnsafeRawBufferPointer) throws(WireRefusal) -> (ResponseHead, end: Int)? {
        guard let (line, fieldsStart) = try readStatusLine(bytes) else { return nil }
        guard
            let (end, count) = try lines.endOfFields(in: bytes, limits: limits, headLimit: limits.responseHead)
        else { return nil }
        let fields = try FieldLines.parse(bytes, in: fieldsStart..<end, count: count)
        let head = ResponseHead(status: line.status, reason: line.reason, version: line.version, fields: fields)
        return (head, end)
    }

    /// The status line is read when its end arrives, and its first letters before that: a peer that speaks
    /// something else (R29) is not listened to for 64 KiB.
    private mutating func readStatusLine(
        _ bytes: UnsafeRawBufferPointer
    ) throws(WireRefusal) -> (line: StatusLine, end: Int)? {
        if let statusLine { return statusLine }
        guard zip(bytes, StatusLine.beginning.utf8).allSatisfy({ $0 == $1 }) else { throw .malformedStatusLine }
        let line = try lines.next(
            in: bytes,
            limit: limits.field,
            over: .malformedStatusLine,
            headLimit: limits.responseHead
        )
        switch line {
        case .incomplete: return nil
        case .line(let span):
            let read = (line: try StatusLine.parse(bytes.slice(span)), end: lines.lineStart)
            statusLine = read
            return read
        }
    }
}

/// `HTTP-version SP status-code [SP reason-phrase]`, read.
struct StatusLine: Sendable {
    let version: HTTPVersion
    let status: Int
    let reason: String

    /// What every status line begins with.
    static let beginning = "HTTP/1."

    /// Reads the bytes of the line, which come without its CRLF (R29, RFC 9112 §4). The SP after the code may be
    /// missing where there is no reason: common, harmless, and what is sent on is written by us.
    static func parse(_ line: UnsafeRawBufferPointer) throws(WireRefusal) -> StatusLine {
        let prefix = 7
        let code = 9
        guard line.count >= code + 3, line.starts(with: beginning.utf8) else { throw .malformedStatusLine }
        let minor = line[prefix]
        guard minor == 0x30 || minor == 0x31, line[prefix + 1] == Byte.space else { throw .malformedStatusLine }

        var status = 0
        for index in code..<(code + 3) {
            guard ByteClass.isDigit(line[index]) else { throw .malformedStatusLine }
            status = status * 10 + Int(line[index] &- Byte.zero)
        }
        guard status >= 100 else { throw .malformedStatusLine }

        var reason = ""
        if line.count > code + 3 {
            guard line[code + 3] == Byte.space else { throw .malformedStatusLine }
            let phrase = line.slice((code + 4)..<line.count)
            for byte in phrase where !ByteClass.isText(byte) {
                throw byte == Byte.carriageReturn ? .bareCarriageReturn : .malformedStatusLine
            }
            reason = String(decoding: phrase, as: UTF8.self)
        }
        return StatusLine(version: minor == 0x31 ? .http11 : .http10, status: status, reason: reason)
    }
}
