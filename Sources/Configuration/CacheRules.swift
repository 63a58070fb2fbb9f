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
        guard let matched = match(uri, contentType: nil), let key = matched.rule.key else { return uri }
        // Another port is another origin: it is merged only where the rule names it.
        if case .template(let template) = key, !template.namesPort, matched.host?.port == nil, !uri.hasDefaultPort {
            return uri
        }
        return key.uri(for: uri)
    }

    /// The rule that holds; nil where none does.
    ///
    /// - Parameter contentType: the response's Content-Type; nil before the response is known, or where it has none:
    ///   rules with `type` do not match then.
    package func match(_ uri: AbsoluteURI, contentType: String?) -> MatchedRule? {
        if rules.isEmpty { return nil }
        let target = Target(uri)
        // By index: what does not match is not copied.
        for index in rules.indices {
            if let matched = Self.match(rules[index], target: target, contentType: contentType) { return matched }
        }
        return nil
    }

    package func policy(_ base: CachePolicy, for uri: AbsoluteURI, contentType: String?) -> CachePolicy {
        match(uri, contentType: contentType)?.rule.policy(base) ?? base
    }

    /// The rules before the one that holds which would hold for some other content type.
    package func passedOver(_ uri: AbsoluteURI, contentType: String?) -> [CacheRule] {
        let target = Target(uri)
        let before = rules.prefix { Self.match($0, target: target, contentType: contentType) == nil }
        return before.filter { rule in
            var anyType = rule
            anyType.types = []
            return !rule.types.isEmpty && Self.match(anyType, target: target, contentType: nil) != nil
        }
    }

    /// What patterns look at, in the form in which they compare it: made once for all rules.
    private struct Target {
        let uri: AbsoluteURI
        let host: String
        let port: UInt16
        let path: [UInt8]
        let leadsUpwards: Bool

        init(_ uri: AbsoluteURI) {
            self.uri = uri
            host = HostPattern.canonical(uri.authority)
            port = uri.port
            path = Array(uri.pathAndQuery.utf8.prefix { $0 != UInt8(ascii: "?") })
            leadsUpwards = CacheRules.leadsUpwards(path)
        }
    }

    /// Whether the path has segments that lead upwards (RFC 3986 §5.2.4), percent-encoded or not: what such a path means
    /// is the origin's business, and no pattern tells.
    private static func leadsUpwards(_ path: [UInt8]) -> Bool {
        path.split(separator: UInt8(ascii: "/")).contains { segment in
            guard segment.count <= 6 else { return false }
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
            return dots == 2
        }
    }

    private static func match(_ rule: CacheRule, target: Target, contentType: String?) -> MatchedRule? {
        let host = rule.hosts.firstIndex { $0.matches(host: target.host, port: target.port) }
        if host == nil, !rule.hosts.isEmpty { return nil }
        let path = target.leadsUpwards ? nil : rule.paths.firstIndex { $0.matches(target.path) }
        if path == nil, !rule.paths.isEmpty { return nil }
        let type = contentType.flatMap { contentType in rule.types.first { $0.matches(contentType) } }
        if type == nil, !rule.types.isEmpty { return nil }
        return MatchedRule(
            rule: rule,
            uri: target.uri,
            contentType: contentType,
            host: host.map { rule.hosts[$0] },
            path: path.map { rule.paths[$0] },
            type: type
        )
    }
}
