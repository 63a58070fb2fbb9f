// The target of a request (RFC 9112 §3.2), strictly read (hardening R23). What is not canonical is
// refused rather than repaired: a proxy and an origin that read a target differently are a hole.

/// `host [":" port]`, the host in lower case; an IPv6 address keeps its brackets.
package struct Authority: Hashable, Sendable, CustomStringConvertible {
    package let host: String
    /// nil where none was written.
    package let port: UInt16?

    package init(host: String, port: UInt16?) {
        self.host = host
        self.port = port
    }

    package var description: String { port.map { "\(host):\($0)" } ?? host }

    /// The host as a resolver or a socket wants it: an IPv6 address without its brackets.
    package var bareHost: String {
        host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    }
}

/// An absolute `http` or `https` URI without a fragment.
package struct AbsoluteURI: Hashable, Sendable, CustomStringConvertible {
    /// `http` or `https`.
    package let scheme: String
    package let authority: Authority
    /// The path, `/` where the URI had none, and the query with its question mark: byte for byte as received.
    package let pathAndQuery: String

    package init(scheme: String, authority: Authority, pathAndQuery: String) {
        self.scheme = scheme
        self.authority = authority
        self.pathAndQuery = pathAndQuery
    }

    /// The port that is connected to.
    package var port: UInt16 { authority.port ?? (scheme == "https" ? 443 : 80) }

    /// Whether the port is the scheme's own (RFC 9110 §4.2.3).
    package var hasDefaultPort: Bool { port == (scheme == "https" ? 443 : 80) }

    /// The authority as it goes into Host: a default port is left out (RFC 9110 §4.2.3).
    package var hostField: String {
        hasDefaultPort ? authority.host : authority.description
    }

    package var description: String { "\(scheme)://\(hostField)\(pathAndQuery)" }
}

/// The four forms of RFC 9112 §3.2.
package enum RequestTarget: Hashable, Sendable {
    /// `GET http://example.org/path HTTP/1.1`: what a proxy is sent.
    case absolute(AbsoluteURI)
    /// `GET /path HTTP/1.1`: what an origin is sent.
    case origin(pathAndQuery: String)
    /// `CONNECT example.org:443 HTTP/1.1`; the port is always written.
    case authority(Authority)
    /// `OPTIONS * HTTP/1.1`
    case asterisk
}

/// Why a target was refused.
package enum TargetError: Error, Hashable, Sendable {
    case malformed
    case fragment
    case userinfo
    case emptyHost
    case badHost
    case badPort
    /// A scheme that this proxy does not speak (R28: 501).
    case scheme(String)

    /// A sentence for the person who sent it.
    package var sentence: String {
        switch self {
        case .malformed: "The request target is malformed."
        case .fragment: "A request target has no fragment (no \"#\")."
        case .userinfo: "A request target has no user name or password (RFC 9110, section 4.2.4)."
        case .emptyHost: "The request target names no host."
        case .badHost: "The host of the request target is malformed or not in its canonical form."
        case .badPort: "The port of the request target is not between 1 and 65535."
        case .scheme(let scheme):
            "This proxy does not speak the scheme \"\(scheme)\"; it speaks http, and https through CONNECT."
        }
    }
}
