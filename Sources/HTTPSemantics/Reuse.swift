// May a stored response answer this request now (RFC 9111 §4)? Three answers: yes, not before the origin
// has been asked, and not at all. What is not sure to be reusable is validated.

/// What is known of a stored response when a request comes.
package struct StoredView: Sendable {
    package let head: ResponseHead
    /// The fields of the request it answered that Vary nominates, as they were stored.
    package let requestFields: FieldSection
    /// When it was asked for, or last validated; seconds since 1970 UTC.
    package let requestTime: Int64
    /// When it, or the answer that validated it last, was received; seconds since 1970 UTC.
    package let responseTime: Int64
    package let lifetime: Freshness
    /// Whether an unsafe request has made it doubtful (RFC 9111 §4.4).
    package let isInvalidated: Bool

    package init(
        head: ResponseHead,
        requestFields: FieldSection,
        requestTime: Int64,
        responseTime: Int64,
        lifetime: Freshness,
        isInvalidated: Bool
    ) {
        self.head = head
        self.requestFields = requestFields
        self.requestTime = requestTime
        self.responseTime = responseTime
        self.lifetime = lifetime
        self.isInvalidated = isInvalidated
    }
}

/// Why the origin has to be asked first.
package enum ValidationReason: Hashable, Sendable {
    case stale
    case responseNoCache
    case requestNoCache
    case requestMaxAge
    case minFresh
    case invalidated
    case varyAny

    /// A sentence for the person who asks why.
    package var sentence: String {
        switch self {
        case .stale: "It is stale."
        case .responseNoCache: "The response says Cache-Control: no-cache, so the origin is asked before each use."
        case .requestNoCache: "The request says no-cache."
        case .requestMaxAge: "It is older than the request's max-age allows."
        case .minFresh: "It does not stay fresh as long as the request's min-fresh wants."
        case .invalidated: "A request that may have changed the resource came since."
        case .varyAny: "Vary is *, unreadable, or names too many fields."
        }
    }
}

/// What may be done with a stored response. Times in seconds.
package enum ReuseDecision: Equatable, Sendable {
    /// It may be used; `ttl` is negative where it is stale and the client takes it stale.
    case fresh(age: Int64, ttl: Int64)
    case validate(ValidationReason)
    /// It answers another request: Vary.
    case mismatch
}

/// RFC 9111 §4.
package enum Reuse {
    /// Judges a stored response for a request; `now` in seconds since 1970 UTC.
    package static func judge(request: RequestHead, stored: StoredView, now: Int64) -> ReuseDecision {
        guard let names = Vary.nominated(stored.head.fields) else { return .validate(.varyAny) }
        guard Vary.matches(names: names, stored: stored.requestFields, request: request.fields) else {
            return .mismatch
        }
        if stored.isInvalidated { return .validate(.invalidated) }
        let ours = CacheControl.response(stored.head.fields)
        if ours.noCache { return .validate(.responseNoCache) }
        let theirs = CacheControl.request(request.fields)
        if theirs.noCache { return .validate(.requestNoCache) }
        let age = Freshness.age(
            response: stored.head.fields,
            requestTime: stored.requestTime,
            responseTime: stored.responseTime,
            now: now
        )
        let ttl = stored.lifetime.lifetime - age
        // RFC 9111 §5.2.1.1. A max-age of 0 is how a client asks for validation, be the response made this very second.
        if let limit = theirs.maxAge, age > limit || limit == 0 { return .validate(.requestMaxAge) }
        if let wanted = theirs.minFresh, ttl < wanted { return .validate(.minFresh) }
        if ttl > 0 { return .fresh(age: age, ttl: ttl) }
        return takesStale(theirs, by: -ttl) && allowsStale(ours, status: stored.head.status)
            ? .fresh(age: age, ttl: ttl) : .validate(.stale)
    }

    /// RFC 9111 §5.2.1.2.
    private static func takesStale(_ request: CacheControl, by seconds: Int64) -> Bool {
        switch request.maxStale {
        case nil: false
        case .any: true
        case .seconds(let limit): seconds <= limit
        }
    }

    /// RFC 9111 §4.2.4: what forbids to use a response stale. Errors are never kept beyond their lifetime (R70).
    private static func allowsStale(_ response: CacheControl, status: Int) -> Bool {
        !response.mustRevalidate && !response.proxyRevalidate && response.sMaxAge == nil && status < 400
    }
}
