// The hosts that a rule speaks of: one name, a name with all names under it, or only those under it, and perhaps one
// port. Names are compared in lower case, as a parsed URI has them. It must not know what a rule sets.

package import HTTPSemantics

/// One entry of `host` in a rule.
package struct HostPattern: Sendable, Hashable {
    private enum Names: Hashable {
        /// `example.org`
        case only
        /// `.example.org`: it and all names under it.
        case withSubdomains
        /// `*.example.org`: all names under it.
        case onlySubdomains
    }

    /// As it was written.
    package let text: String
    /// Lower case; an IPv6 address in brackets, in its canonical form.
    private let name: String
    private let names: Names
    /// nil: any port.
    private let port: UInt16?

    /// nil where `text` is no host, or asks for the subdomains of an IP address.
    package static func parse(_ text: String) -> HostPattern? {
        let names: Names
        let host: Substring
        if text.hasPrefix("*.") {
            (names, host) = (.onlySubdomains, text.dropFirst(2))
        } else if text.hasPrefix(".") {
            (names, host) = (.withSubdomains, text.dropFirst())
        } else {
            (names, host) = (.only, text[...])
        }
        guard let authority = Authority.parse(String(host)) else { return nil }
        guard names == .only || IPAddress.parse(authority.bareHost) == nil else { return nil }
        return HostPattern(text: text, name: canonical(authority), names: names, port: authority.port)
    }

    /// Whether the pattern names the URI's host, and its port where the pattern has one; a URI without a port has its
    /// scheme's.
    package func matches(_ uri: AbsoluteURI) -> Bool {
        if let port, port != uri.port { return false }
        let host = Self.canonical(uri.authority)
        switch names {
        case .only: return host == name
        case .withSubdomains: return host == name || isSubdomain(host)
        case .onlySubdomains: return isSubdomain(host)
        }
    }

    private func isSubdomain(_ host: String) -> Bool {
        let (host, name) = (host.utf8, name.utf8)
        guard host.count > name.count + 1, host.suffix(name.count).elementsEqual(name) else { return false }
        return host.dropLast(name.count).last == UInt8(ascii: ".")
    }

    /// An IPv6 address has many spellings (RFC 5952 §2); a parsed name is in lower case already.
    private static func canonical(_ authority: Authority) -> String {
        guard authority.host.utf8.first == UInt8(ascii: "["), let address = IPAddress.parse(authority.bareHost) else {
            return authority.host
        }
        return "[" + address.text + "]"
    }
}
