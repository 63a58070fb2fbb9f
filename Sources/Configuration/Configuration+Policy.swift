// What the directives say of storing and reuse, as the value that HTTPSemantics asks for.

package import HTTPSemantics

extension Configuration {
    package var policy: CachePolicy {
        var policy = CachePolicy()
        policy.heuristic = HeuristicFreshness(
            share: freshness.defaultHeuristicShare,
            longest: freshness.maxHeuristicSeconds
        )
        policy.maxErrorLifetime = freshness.maxErrorTTLSeconds
        policy.staleOnDisconnect = freshness.staleOnDisconnectSeconds
        return policy
    }
}
