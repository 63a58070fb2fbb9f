// What the directives say of storing and reuse, as the value that HTTPSemantics asks for. What rules say comes on
// top of it (CacheRules.swift).

package import HTTPSemantics

extension Configuration {
    package var policy: CachePolicy {
        var policy = CachePolicy()
        policy.targets = freshness.targets
        policy.heuristic = HeuristicFreshness(
            share: freshness.defaultHeuristicShare,
            longest: freshness.maxHeuristicSeconds
        )
        policy.maxErrorLifetime = freshness.maxErrorTTLSeconds
        policy.staleOnDisconnect = freshness.staleOnDisconnectSeconds
        return policy
    }
}
