// A key that is put together from parts of the URL: `key` of a rule, for the many hosts that give out the same files.
//
//     {scheme}     http or https
//     {host}       lower case; an IPv6 address in brackets
//     {port}       as a number, the scheme's own where none was written
//     {path}       from its first slash
//     {query}      with its question mark; empty where there is none
//     {segment:N}  the N-th part of the path between slashes, counted from 1
//     {last}       what stands after the path's last slash
//
// All else stands for itself. What comes out must be an absolute URI, else the URL's own key holds.

package import HTTPSemantics

/// `key`.
package struct KeyTemplate: Sendable, Hashable {
    private enum Part: Hashable {
        case text(String)
        case scheme, host, port, path, query, last
        case segment(Int)
    }

    /// As it was written.
    package let text: String
    private let parts: [Part]

    /// Whether what comes out tells ports apart.
    var namesPort: Bool { parts.contains { if case .port = $0 { true } else { false } } }

    /// The longest template, in bytes.
    package static let longest = 1024
    /// The highest number of a segment.
    package static let lastSegment = 32

    /// nil where a brace is left open or the word between two of them is unknown.
    package static func parse(_ text: String) -> KeyTemplate? {
        guard (1...longest).contains(text.utf8.count) else { return nil }
        var parts: [Part] = []
        var rest = text[...]
        while !rest.isEmpty {
            let literal = rest.prefix { $0 != "{" && $0 != "}" }
            if !literal.isEmpty { parts.append(.text(String(literal))) }
            rest = rest.dropFirst(literal.count)
            guard let brace = rest.first else { break }
            guard brace == "{", let close = rest.firstIndex(of: "}"), let part = part(rest[..<close].dropFirst()) else {
                return nil
            }
            parts.append(part)
            rest = rest[close...].dropFirst()
        }
        return KeyTemplate(text: text, parts: parts)
    }

    private static func part(_ word: Substring) -> Part? {
        switch word {
        case "scheme": return .scheme
        case "host": return .host
        case "port": return .port
        case "path": return .path
        case "query": return .query
        case "last": return .last
        default:
            guard word.hasPrefix("segment:"), let number = HostAndPort.port(word.dropFirst(8)),
                (1...lastSegment).contains(Int(number))
            else { return nil }
            return .segment(Int(number))
        }
    }

    /// Whether different hosts have different keys.
    package var namesHost: Bool { parts.contains(.host) }

    /// The key's URI; nil where the URL has no such segment, or what comes out is no absolute URI.
    package func applied(to uri: AbsoluteURI) -> AbsoluteURI? {
        let path = uri.pathAndQuery.prefix { $0 != "?" }
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        var text = ""
        for part in parts {
            switch part {
            case .text(let literal): text += literal
            case .scheme: text += uri.scheme
            case .host: text += uri.authority.host
            case .port: text += String(uri.port)
            case .path: text += path
            case .query: text += uri.pathAndQuery.dropFirst(path.count)
            case .last: text += segments.last ?? ""
            case .segment(let number):
                guard number <= segments.count else { return nil }
                text += segments[segments.startIndex + number - 1]
            }
        }
        guard case .success(let key) = AbsoluteURI.parse(text) else { return nil }
        return key
    }

    /// What comes out for a URL that has all that a template can ask for.
    var sample: AbsoluteURI? {
        let path = (1...Self.lastSegment).map { "/\($0)" }.joined()
        let authority = Authority(host: "host.example", port: 8080)
        return applied(to: AbsoluteURI(scheme: "http", authority: authority, pathAndQuery: path + "?a=b"))
    }
}
