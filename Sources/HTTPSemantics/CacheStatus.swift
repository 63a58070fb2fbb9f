// Cache-Status (RFC 9211): what the cache did with a request, in one member of a structured list
// (RFC 8941). It only writes; what is true is decided where it happened.

/// What a response says about its way through the cache.
package struct CacheStatus: Sendable, Equatable {
    /// RFC 9211 §2.2: why the request went to the origin.
    package enum Forward: String, Sendable, CaseIterable {
        case bypass
        case method
        case uriMiss = "uri-miss"
        case varyMiss = "vary-miss"
        case miss
        case request
        case stale
        case partial
    }

    /// §2.1: answered without the origin. Excludes `forward`.
    package var hit: Bool
    package var forward: Forward?
    /// §2.3: the status that the origin answered with.
    package var forwardStatus: Int?
    /// §2.5: whether the response was stored.
    package var stored: Bool
    /// §2.6: whether the request shared another one's way to the origin; false where it waited for that in vain, nil
    /// where it did not wait.
    package var collapsed: Bool?
    /// §2.4: seconds for which the response is still fresh; negative where it is stale.
    package var ttl: Int64?
    /// §2.7: the cache key. It may tell what others asked for: nil unless an operator wants it (§6).
    package var key: String?
    /// §2.8: something for people.
    package var detail: String?

    package init(
        hit: Bool = false,
        forward: Forward? = nil,
        forwardStatus: Int? = nil,
        stored: Bool = false,
        collapsed: Bool? = nil,
        ttl: Int64? = nil,
        key: String? = nil,
        detail: String? = nil
    ) {
        self.hit = hit
        self.forward = forward
        self.forwardStatus = forwardStatus
        self.stored = stored
        self.collapsed = collapsed
        self.ttl = ttl
        self.key = key
        self.detail = detail
    }

    /// The list member of this cache, its parameters in the order of RFC 9211 §2, as `holdfast; fwd=stale; fwd-status=304`.
    package func value(cacheName: String) -> String {
        var text = StructuredItem.tokenOrString(cacheName)
        if let forward {
            text += "; fwd=\(forward.rawValue)"
            // §2.3: only with `fwd`.
            if let forwardStatus { text += "; fwd-status=\(forwardStatus)" }
        } else if hit {
            // §2.1: never with `fwd`.
            text += "; hit"
        }
        if let ttl { text += "; ttl=\(StructuredItem.integer(ttl))" }
        // §2.5 and §2.6: only with `fwd`.
        if forward != nil, stored { text += "; stored" }
        if forward != nil, let collapsed { text += collapsed ? "; collapsed" : "; collapsed=?0" }
        // §2.7: a string, never a token.
        if let key { text += "; key=\(StructuredItem.string(key))" }
        if let detail { text += "; detail=\(StructuredItem.tokenOrString(detail))" }
        return text
    }
}
