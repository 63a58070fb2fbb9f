// The heads of messages as values: what a parser of any HTTP version fills and every rule reads.
// They know nothing of bytes on the wire (that is Wire) nor of connections.

/// The protocol version of a message (RFC 9110 §2.5). HTTP/2 will be a further case.
package enum HTTPVersion: UInt8, Sendable, Comparable {
    case http10
    case http11

    package static func < (left: HTTPVersion, right: HTTPVersion) -> Bool { left.rawValue < right.rawValue }
}

/// A request method (RFC 9110 §9): a token, its case significant.
package struct Method: Hashable, Sendable, CustomStringConvertible {
    package let name: String

    package init(_ name: String) { self.name = name }

    package static let get = Method("GET")
    package static let head = Method("HEAD")
    package static let post = Method("POST")
    package static let put = Method("PUT")
    package static let delete = Method("DELETE")
    package static let connect = Method("CONNECT")
    package static let options = Method("OPTIONS")
    package static let trace = Method("TRACE")

    /// RFC 9110 §9.2.1. A method that we do not know is not safe.
    package var isSafe: Bool { self == .get || self == .head || self == .options || self == .trace }
    /// RFC 9110 §9.2.2. A method that we do not know is not idempotent.
    package var isIdempotent: Bool { isSafe || self == .put || self == .delete }

    package var description: String { name }
}

/// The head of a request.
package struct RequestHead: Sendable, Equatable {
    package var method: Method
    package var target: RequestTarget
    package var version: HTTPVersion
    package var fields: FieldSection

    package init(method: Method, target: RequestTarget, version: HTTPVersion, fields: FieldSection) {
        self.method = method
        self.target = target
        self.version = version
        self.fields = fields
    }
}

/// The head of a response.
package struct ResponseHead: Sendable, Equatable {
    /// 100 to 999 (RFC 9110 §15).
    package var status: Int
    /// The reason phrase as it was received; it means nothing (RFC 9112 §4).
    package var reason: String
    package var version: HTTPVersion
    package var fields: FieldSection

    package init(
        status: Int,
        reason: String? = nil,
        version: HTTPVersion = .http11,
        fields: FieldSection = FieldSection()
    ) {
        self.status = status
        self.reason = reason ?? ReasonPhrase.of(status)
        self.version = version
        self.fields = fields
    }
}

/// The reason phrases of RFC 9110 §15 for the status codes that we write ourselves.
package enum ReasonPhrase {
    package static func of(_ status: Int) -> String {
        switch status {
        case 100: "Continue"
        case 200: "OK"
        case 206: "Partial Content"
        case 304: "Not Modified"
        case 400: "Bad Request"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 407: "Proxy Authentication Required"
        case 408: "Request Timeout"
        case 411: "Length Required"
        case 412: "Precondition Failed"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 416: "Range Not Satisfiable"
        case 417: "Expectation Failed"
        case 421: "Misdirected Request"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        case 508: "Loop Detected"
        default: ""
        }
    }
}
