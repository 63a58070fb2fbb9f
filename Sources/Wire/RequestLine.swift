// The first line of a request (RFC 9112 §3) and the one field that is read together with its target, Host
// (§3.2). Both say whom the request is for; two readers must not find two answers in them.

import HTTPSemantics

/// `method SP request-target SP HTTP-version`, read.
struct RequestLine: Sendable {
    let method: Method
    let target: RequestTarget
    let version: HTTPVersion

    /// R23: the longest method that is taken for one.
    static let longestMethod = 32

    /// Reads the bytes of the line, which come without its CRLF.
    static func parse(_ line: UnsafeRawBufferPointer) throws(WireRefusal) -> RequestLine {
        // method = token (RFC 9110 §9.1)
        var index = 0
        while index < line.count, ByteClass.isToken(line[index]) { index += 1 }
        guard index > 0 else { throw .invalidMethod }
        guard index < line.count else { throw .malformedRequestLine }
        guard line[index] == Byte.space else {
            throw line[index] == Byte.carriageReturn ? .bareCarriageReturn : .invalidMethod
        }
        guard index <= longestMethod else { throw .methodTooLong }
        let methodSpan = 0..<index

        // R23: exactly one SP on either side, the target visible ASCII.
        let targetStart = index + 1
        index = targetStart
        while index < line.count, ByteClass.isVisible(line[index]) { index += 1 }
        guard index < line.count, index > targetStart else { throw .malformedRequestLine }
        guard line[index] == Byte.space else {
            throw line[index] == Byte.carriageReturn ? .bareCarriageReturn : .target(.malformed)
        }

        let version = try version(line.slice((index + 1)..<line.count))
        let method = method(line.slice(methodSpan))
        switch RequestTarget.parse(line.slice(targetStart..<index), method: method) {
        case .success(let target): return RequestLine(method: method, target: target, version: version)
        case .failure(let error): throw .target(error)
        }
    }

    private static func method(_ bytes: UnsafeRawBufferPointer) -> Method {
        // RFC 9110 §9.1: the method is case-sensitive. Nothing is allocated up to 15 bytes.
        Method(String(decoding: bytes, as: UTF8.self))
    }

    /// RFC 9112 §2.3: `HTTP/1.0` or `HTTP/1.1`, in capitals. Other versions of HTTP get an answer that says so.
    private static func version(_ bytes: UnsafeRawBufferPointer) throws(WireRefusal) -> HTTPVersion {
        guard bytes.count == 8, bytes.starts(with: "HTTP/".utf8), ByteClass.isDigit(bytes[5]),
            bytes[6] == 0x2E, ByteClass.isDigit(bytes[7])
        else {
            throw bytes.contains(Byte.carriageReturn) ? .bareCarriageReturn : .malformedRequestLine
        }
        guard bytes[5] == 0x31, bytes[7] <= 0x31 else { throw .unsupportedVersion }
        return bytes[7] == 0x31 ? .http11 : .http10
    }
}

enum HostField {
    /// R24, RFC 9112 §3.2: exactly one valid Host in HTTP/1.1, at most one in HTTP/1.0. It need not agree with an
    /// absolute target: that wins, and the Host that is sent on is built from it.
    static func check(
        _ fields: FieldSection,
        version: HTTPVersion,
        target: RequestTarget
    ) throws(WireRefusal) {
        var occurrences = 0
        var isValid = true
        fields.forEachBytes { known, _, value in
            guard known == .host else { return }
            occurrences += 1
            // The common case without a parse: the host of the target, once more.
            if let authority = authority(of: target), isHost(of: authority, value) { return }
            isValid = isValid && isValidHost(value)
        }
        if occurrences == 0 {
            guard version == .http10 else { throw .hostMissing }
            return
        }
        guard occurrences == 1 else { throw .hostRepeated }
        guard isValid else { throw .hostInvalid }
    }

    private static func authority(of target: RequestTarget) -> Authority? {
        switch target {
        case .absolute(let uri): uri.authority
        case .authority(let authority): authority
        case .origin, .asterisk: nil
        }
    }

    private static func isHost(of authority: Authority, _ value: UnsafeRawBufferPointer) -> Bool {
        value.count == authority.host.utf8.count && value.elementsEqual(authority.host.utf8)
    }

    private static func isValidHost(_ value: UnsafeRawBufferPointer) -> Bool {
        // Visible ASCII first: as text, foreign bytes would arrive in the parser as U+FFFD.
        value.allSatisfy(ByteClass.isVisible) && Authority.parse(String(decoding: value, as: UTF8.self)) != nil
    }
}
