// URI references in fields of responses, made absolute (RFC 3986 §5.2). Location and Content-Location may be
// relative in any of the ways that a link is. What a reader could take for something else is none at all.

extension AbsoluteURI {
    /// The URI that a reference means where this one is the base (RFC 3986 §5.2.2), its fragment left out, its dot
    /// segments resolved; nil where it is malformed or of another scheme than `http` and `https`.
    package func resolving(_ reference: String) -> AbsoluteURI? {
        let text = Substring(reference.utf8.prefix { $0 != UInt8(ascii: "#") })
        if Self.hasScheme(text) {
            return Self.parsed(String(text))?.withoutDotSegments
        }
        if text.utf8.starts(with: "//".utf8) {
            return Self.parsed("\(scheme):\(text)")?.withoutDotSegments
        }
        // `OPTIONS *` has no path that anything could be relative to.
        guard pathAndQuery.utf8.first == UInt8(ascii: "/") else { return nil }
        let origin = "\(scheme)://\(hostField)"
        let (path, query) = Self.split(text)
        let (basePath, _) = Self.split(Substring(pathAndQuery))
        if text.isEmpty { return self }
        if path.isEmpty { return Self.parsed(origin + basePath + query) }
        if path.utf8.first == UInt8(ascii: "/") {
            return Self.parsed(origin + Self.removingDotSegments(path) + query)
        }
        // §5.2.3: all but the last segment of the base.
        let directory = basePath.utf8.lastIndex(of: UInt8(ascii: "/")).map { basePath[...$0] } ?? "/"
        return Self.parsed(origin + Self.removingDotSegments(directory + path) + query)
    }

    /// Whether both have the same scheme, host and port (RFC 9110 §4.3.1).
    package func isSameOrigin(as other: AbsoluteURI) -> Bool {
        scheme == other.scheme && authority.host == other.authority.host && port == other.port
    }

    private var withoutDotSegments: AbsoluteURI {
        let (path, query) = Self.split(Substring(pathAndQuery))
        return AbsoluteURI(
            scheme: scheme,
            authority: authority,
            pathAndQuery: Self.removingDotSegments(path) + query
        )
    }

    private static func parsed(_ text: String) -> AbsoluteURI? {
        guard case .success(let uri) = parse(text) else { return nil }
        return uri
    }

    /// RFC 3986 §4.2: a colon in the first segment of a reference ends a scheme.
    private static func hasScheme(_ text: Substring) -> Bool {
        let end = text.utf8.firstIndex { byte in
            byte == UInt8(ascii: ":") || byte == UInt8(ascii: "/") || byte == UInt8(ascii: "?")
        }
        guard let end else { return false }
        return text.utf8[end] == UInt8(ascii: ":")
    }

    /// The path, and the query with its question mark.
    private static func split(_ text: Substring) -> (path: Substring, query: Substring) {
        let mark = text.utf8.firstIndex(of: UInt8(ascii: "?")) ?? text.endIndex
        return (text[..<mark], text[mark...])
    }

    /// RFC 3986 §5.2.4, for a path that starts with a slash.
    private static func removingDotSegments(_ path: some StringProtocol) -> String {
        let segments = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst()
        var kept: [String] = []
        // A dot segment at the end leaves its slash.
        var endsInDots = false
        for segment in segments {
            let text = String(decoding: segment, as: UTF8.self)
            endsInDots = text == "." || text == ".."
            if text == ".." {
                _ = kept.popLast()
            } else if text != "." {
                kept.append(text)
            }
        }
        return "/" + kept.joined(separator: "/") + (endsInDots && !kept.isEmpty ? "/" : "")
    }
}
