// The rules in their order: proxy.conf's own, then those of the presets as `presets` names them. The first that matches
// holds, alone.
//
// A rule with `type` cannot match before a response is known, and is passed over until then. The key must be known
// before, so that no rule with `type` has one.

package import HTTPSemantics

/// All rules that hold.
package struct CacheRules: Sendable, Equatable {
    /// The first match wins.
    package let rules: [CacheRule]
    /// Whether any rule changes a key; most configurations never do.
    private let changesKeys: Bool

    package init(_ rules: [CacheRule] = []) {
        self.rules = rules
        changesKeys = rules.contains { $0.key != nil }
    }

    /// The key that a response to this URI is stored under; the URI's own where no rule says otherwise.
    package func key(of uri: AbsoluteURI) -> CacheKey {
        CacheKey(keyURI(of: uri))
    }

    /// The URI whose own key `key(of:)` is.
    package func keyURI(of uri: AbsoluteURI) -> AbsoluteURI {
        guard changesKeys else { return uri }
        return match(uri, contentType: nil)?.rule.key?.uri(for: uri) ?? uri
    }

    /// The rule that holds; nil where none does.
    ///
    /// - Parameter contentType: the response's Content-Type; nil before the response is known, or where it has none:
    ///   rules with `type` do not match then.
    package func match(_ uri: AbsoluteURI, contentType: String?) -> MatchedRule? {
        if rules.isEmpty { return nil }
        let path = Self.path(of: uri)
        for rule in rules {
            if let matched = Self.match(rule, uri: uri, path: path, contentType: contentType) { return matched }
        }
        return nil
    }

    package func policy(_ base: CachePolicy, for uri: AbsoluteURI, contentType: String?) -> CachePolicy {
        match(uri, contentType: contentType)?.rule.policy(base) ?? base
    }

    /// The rules before the one that holds which would hold for some other content type.
    package func passedOver(_ uri: AbsoluteURI, contentType: String?) -> [CacheRule] {
        let path = Self.path(of: uri)
        let before = rules.prefix { Self.match($0, uri: uri, path: path, contentType: contentType) == nil }
        return before.filter { rule in
            var anyType = rule
            anyType.types = []
            return !rule.types.isEmpty && Self.match(anyType, uri: uri, path: path, contentType: nil) != nil
        }
    }

    private static func path(of uri: AbsoluteURI) -> [UInt8] {
        uri.pathAndQuery.utf8.prefix { $0 != UInt8(ascii: "?") }.map { $0 }
    }

    /// Whether the path has segments that lead upwards or nowhere (RFC 3986 §5.2.4), percent-encoded or not: what such a
    /// path means is the origin's business, and no pattern tells.
    private static func hasDotSegments(_ path: [UInt8]) -> Bool {
        path.split(separator: UInt8(ascii: "/")).contains { segment in
            var rest = segment
            var dots = 0
            while let first = rest.first {
                if first == UInt8(ascii: ".") {
                    rest = rest.dropFirst()
                } else if rest.count >= 3, first == UInt8(ascii: "%"), rest[rest.startIndex + 1] == UInt8(ascii: "2"),
                    rest[rest.startIndex + 2] | 0x20 == UInt8(ascii: "e")
                {
                    rest = rest.dropFirst(3)
                } else {
                    return false
                }
                dots += 1
            }
            return (1...2).contains(dots)
        }
    }

    private static func match(
        _ rule: CacheRule,
        uri: AbsoluteURI,
        path: [UInt8],
        contentType: String?
    ) -> MatchedRule? {
        let host = rule.hosts.first { $0.matches(uri) }
        if host == nil, !rule.hosts.isEmpty { return nil }
        let pathPattern = hasDotSegments(path) ? nil : rule.paths.first { $0.matches(path) }
        if pathPattern == nil, !rule.paths.isEmpty { return nil }
        let type = contentType.flatMap { contentType in rule.types.first { $0.matches(contentType) } }
        if type == nil, !rule.types.isEmpty { return nil }
        return MatchedRule(rule: rule, uri: uri, contentType: contentType, host: host, path: pathPattern, type: type)
    }
}
