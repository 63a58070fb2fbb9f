// May a stored response answer this request now (RFC 9111 §4)? Yes; yes, but the origin is asked meanwhile; not
// before the origin has been asked; not at all. What is not sure to be reusable is validated. And where asking
// failed: may it answer all the same (§4.2.4, RFC 5861 §4)? It knows no clock, no bytes and no configuration file.

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
    /// It may be used stale while the origin is asked behind the client's back (RFC 5861 §3); `ttl` is not positive.
    case staleWhileRevalidate(age: Int64, ttl: Int64)
    case validate(ValidationReason)
    /// It answers another request: Vary.
    case mismatch
}

/// What happened upstream when a stored response was to be validated or replaced.
package enum UpstreamTrouble: Hashable, Sendable {
    case unreachable
    /// The origin answered with this status, 500 to 599.
    case serverError(Int)
}

/// RFC 9111 §4.
package enum Reuse {
    /// Judges a stored response for a request; `now` in seconds since 1970 UTC.
    package static func judge(
        request: RequestHead,
        stored: StoredView,
        now: Int64,
        policy: CachePolicy = .standard
    ) -> ReuseDecision {
        guard let names = Vary.nominated(stored.head.fields) else { return .validate(.varyAny) }
        guard Vary.matches(names: names, stored: stored.requestFields, request: request.fields) else {
            return .mismatch
        }
        if stored.isInvalidated { return .validate(.invalidated) }
        let ours = CacheControl.response(stored.head.fields, policy: policy)
        if ours.noCache { return .validate(.responseNoCache) }
        let (age, ttl) = ages(stored, now: now)
        let theirs = wishes(request, fresh: ttl > 0, ours, status: stored.head.status, policy: policy)
        // What is stale is stale first, whatever the request adds (RFC 9211 §2.2).
        if theirs.noCache { return .validate(ttl > 0 ? .requestNoCache : .stale) }
        // RFC 9111 §5.2.1.1. A max-age of 0 is how a client asks for validation, be the response made this very second.
        if let limit = theirs.maxAge, age > limit || limit == 0 { return .validate(ttl > 0 ? .requestMaxAge : .stale) }
        if let wanted = theirs.minFresh, ttl < wanted { return .validate(ttl > 0 ? .minFresh : .stale) }
        if ttl > 0 { return .fresh(age: age, ttl: ttl) }
        guard allowsStale(ours, status: stored.head.status) else { return .validate(.stale) }
        // RFC 5861 §3. A client that has said how old or how fresh is not given what is older behind its back.
        if let window = ours.staleWhileRevalidate, window > 0, -ttl <= window,
            theirs.maxAge == nil, theirs.minFresh == nil
        {
            return .staleWhileRevalidate(age: age, ttl: ttl)
        }
        return takesStale(theirs, by: -ttl) ? .fresh(age: age, ttl: ttl) : .validate(.stale)
    }

    /// Whether the stored response may be used instead of an error (RFC 9111 §4.2.4, RFC 5861 §4); nil: no. Age and
    /// ttl, which is negative where the response is stale, in seconds; `now` in seconds since 1970 UTC.
    package static func staleInstead(
        of trouble: UpstreamTrouble,
        request: RequestHead,
        stored: StoredView,
        now: Int64,
        policy: CachePolicy
    ) -> (age: Int64, ttl: Int64)? {
        guard let names = Vary.nominated(stored.head.fields),
            Vary.matches(names: names, stored: stored.requestFields, request: request.fields),
            // RFC 9111 §4.4.
            !stored.isInvalidated
        else { return nil }
        let ours = CacheControl.response(stored.head.fields, policy: policy)
        let theirs = CacheControl.request(request.fields)
        guard !ours.noCache, !theirs.noCache, allowsStale(ours, status: stored.head.status) else { return nil }
        let (age, ttl) = ages(stored, now: now)
        let isOfferedStale = takesStale(theirs, by: -ttl)
        // What is fresh was to be validated because the client wanted it: an older answer is none to its question,
        // unless the client has said how stale it takes one. So it is with every wish for youth.
        let asksForYouth = ttl > 0 || theirs.maxAge != nil || theirs.minFresh != nil
        guard !asksForYouth || isOfferedStale else { return nil }
        let limit = stalenessLimit(trouble, ours, theirs, policy)
        guard limit > 0, -ttl <= limit else { return nil }
        return (age, ttl)
    }

    /// Whether a request for which this response cannot be validated has to fail: 504 (RFC 9111 §5.2.2.2).
    package static func mustFailWithoutValidation(stored: StoredView, policy: CachePolicy) -> Bool {
        let ours = CacheControl.response(stored.head.fields, policy: policy)
        return ours.noCache || mustRevalidate(ours)
    }

    private static func ages(_ stored: StoredView, now: Int64) -> (age: Int64, ttl: Int64) {
        let age = Freshness.age(
            response: stored.head.fields,
            requestTime: stored.requestTime,
            responseTime: stored.responseTime,
            now: now
        )
        return (age, stored.lifetime.lifetime - age)
    }

    /// The directives of the request that count for a stored response.
    private static func wishes(
        _ request: RequestHead,
        fresh isFresh: Bool,
        _ ours: CacheControl,
        status: Int,
        policy: CachePolicy
    ) -> CacheControl {
        var theirs = CacheControl.request(request.fields)
        guard isFresh else { return theirs }
        // RFC 8246 §2: while it is fresh, a reload is no reason to ask; a no-cache, the forced reload, is one.
        if ours.immutable || policy.saysImmutable(status: status) { theirs.maxAge = nil }
        if policy.ignoresClientReload {
            theirs.noCache = false
            theirs.maxAge = nil
        }
        return theirs
    }

    /// How stale a response may be that is used instead of this error, in seconds; 0: not at all.
    private static func stalenessLimit(
        _ trouble: UpstreamTrouble,
        _ ours: CacheControl,
        _ theirs: CacheControl,
        _ policy: CachePolicy
    ) -> Int64 {
        // RFC 5861 §4. Where both say it, the stricter holds.
        let said = [ours.staleIfError, theirs.staleIfError].compactMap(\.self).min()
        let onError = said ?? policy.staleIfError ?? 0
        switch trouble {
        case .unreachable: return max(policy.staleOnDisconnect, onError)
        case .serverError(500), .serverError(502), .serverError(503), .serverError(504): return onError
        case .serverError: return 0
        }
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
        !mustRevalidate(response) && status < 400
    }

    /// RFC 9111 §5.2.2.2, §5.2.2.8, §5.2.2.10: a shared cache validates it, once it is stale, without exception.
    private static func mustRevalidate(_ response: CacheControl) -> Bool {
        response.mustRevalidate || response.proxyRevalidate || response.sMaxAge != nil
    }
}
