// What the operator says of caching beside the messages themselves: the directives of proxy.conf and its rules,
// as numbers and flags for one request. It knows no configuration file and no pattern: who fills it has matched
// them already.
//
// No policy overrides what a response forbids: no-store, private, no-cache, Vary: *, what Authorization asks for
// (RFC 9111 §3.5), and must-revalidate once the lifetime is over. A rule makes a response longer fresh, and it is
// an explicit freshness where the response has none; it does not make public what is one client's.
// Rules speak of the resource and not of its errors: to a 4xx or 5xx, `ttl` can only be a bound, and `minTTL` and
// `isImmutable` say nothing. A Set-Cookie likewise needs the origin's own word (R70).

/// What the operator says beside the messages, for one request.
package struct CachePolicy: Sendable, Hashable {
    /// RFC 9213 §2.2: the names of the targeted fields in lower case, in order of precedence; empty: none.
    package var targets: [String] = []
    /// RFC 9111 §4.2.2.
    package var heuristic = HeuristicFreshness.standard
    /// The longest lifetime of a 4xx or 5xx, in seconds (R70).
    package var maxErrorLifetime: Int64 = 60
    /// How long a stale response is served where the origin cannot be reached, in seconds beyond its lifetime; 0:
    /// never (RFC 9111 §4.2.4).
    package var staleOnDisconnect: Int64 = 86_400

    // MARK: By rule

    /// Seconds that replace the origin's lifetime (s-maxage, max-age, Expires, and the guess).
    package var ttl: Int64?
    /// Seconds that the lifetime is at least.
    package var minTTL: Int64?
    package var mayStore = true
    /// RFC 8246, said by the operator: a fresh response is not validated for the sake of a client's max-age. Without a
    /// `ttl` and without an explicit freshness, a response is then fresh for a year.
    package var isImmutable = false
    /// For fresh responses, a request's no-cache and max-age, and its Pragma, do not count.
    package var ignoresClientReload = false
    /// Seconds, where neither the response nor the request says stale-if-error (RFC 5861 §4).
    package var staleIfError: Int64?

    package init() {}

    package static let standard = CachePolicy()

    /// The lifetime of what is immutable by rule, in seconds.
    package static let immutableLifetime: Int64 = 31_536_000

    /// Whether a rule gives this response a freshness of its own; as explicit as one that the origin gives.
    func isExplicit(status: Int) -> Bool {
        status < 400 && (ttl != nil || minTTL != nil)
    }

    /// Whether the operator says of this response that it never changes. Only what may be kept without a word is
    /// meant, and no error: a 302 of an unchanging name may still point elsewhere tomorrow.
    func saysImmutable(status: Int) -> Bool {
        isImmutable && status < 400 && Storability.isHeuristicallyCacheable(status)
    }
}
