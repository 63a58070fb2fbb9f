// Whether a connection outlives a message (RFC 9112 §9.3), and the framing fields of a response to a
// client. Rules on values only; the connections that obey them are elsewhere.

import HTTPSemantics

enum Persistence {
    /// Whether the sender of this head is willing to go on with the connection.
    static func isKept(version: HTTPVersion, fields: FieldSection) -> Bool {
        guard fields.contains(.connection) else { return version == .http11 }
        var close = false
        var keepAlive = false
        for value in fields.values(.connection) {
            for option in value.split(separator: ",") {
                let option = option.drop(while: isOptionalWhitespace)
                if matches(option, "close") { close = true }
                if matches(option, "keep-alive") { keepAlive = true }
            }
        }
        if close { return false }
        switch version {
        case .http11: return true
        case .http10: return keepAlive
        }
    }

    /// The head as the client gets it: its framing and its persistence are said by us.
    /// - Parameter isKept: whether the connection is to go on; false where `framing` already rules it out.
    static func framed(
        _ head: ResponseHead,
        framing: ResponseFraming,
        isKept: Bool,
        clientVersion: HTTPVersion
    ) -> ResponseHead {
        var head = head
        head.fields.removeAll(.connection)
        head.fields.removeAll(.keepAlive)
        head.fields.removeAll(.proxyConnection)
        head.fields.removeAll(.transferEncoding)
        switch framing {
        case .none: break
        case .length(let length): head.fields.set(.contentLength, String(length))
        case .chunked:
            head.fields.removeAll(.contentLength)
            head.fields.append(.transferEncoding, "chunked")
        case .untilClose: head.fields.removeAll(.contentLength)
        }
        if !isKept {
            head.fields.append(.connection, "close")
        } else if clientVersion == .http10 {
            head.fields.append(.connection, "keep-alive")
        }
        return head
    }

    private static func isOptionalWhitespace(_ character: Character) -> Bool { character == " " || character == "\t" }

    private static func matches(_ option: Substring, _ name: StaticString) -> Bool {
        var bytes = option.utf8[...]
        while let last = bytes.last, last == 0x20 || last == 0x09 { bytes.removeLast() }
        guard bytes.count == name.utf8CodeUnitCount else { return false }
        return name.withUTF8Buffer { zip(bytes, $0).allSatisfy { lowercased($0) == $1 } }
    }
}

/// How the body of a response leaves, once the client's version is known.
enum ResponseFraming: Equatable {
    case none
    case length(Int64)
    case chunked
    case untilClose

    init(_ body: ResponseBody, status: Int, clientVersion: HTTPVersion) {
        // RFC 9110 §15.3.5, §15.4.5: whatever the caller says, these have no body.
        guard status != 204, status != 304 else {
            self = .none
            return
        }
        switch body {
        case .none: self = .none
        case .length(let length): self = .length(length)
        case .unknownLength: self = clientVersion == .http11 ? .chunked : .untilClose
        }
    }
}
