// How long a response stays fresh, and how old it is (RFC 9111 §4.2, R70, R72). All times are arguments,
// in seconds since 1970 UTC; a clock that was set back makes nothing younger than it was received.

/// How long a response is fresh.
package struct Freshness: Sendable, Hashable {
    /// Seconds from the making of the response on; 0 where it is never fresh.
    package let lifetime: Int64
    /// Whether the lifetime is our guess and not the origin's word (RFC 9111 §4.2.2).
    package let isHeuristic: Bool

    package init(lifetime: Int64, isHeuristic: Bool) {
        self.lifetime = lifetime
        self.isHeuristic = isHeuristic
    }

    /// RFC 9111 §4.2.1: s-maxage, else max-age, else Expires, else a guess; what a rule says goes before (CachePolicy).
    /// `responseTime` is when the response was received, in seconds since 1970 UTC.
    package static func lifetime(
        request: RequestHead,
        response: ResponseHead,
        responseTime: Int64,
        policy: CachePolicy = .standard
    ) -> Freshness {
        let said = unruled(request: request, response: response, responseTime: responseTime, policy: policy)
        guard response.status < 400 else {
            // R70. A rule speaks of the resource: to an error, its `ttl` is a bound only.
            let bound = max(0, min(policy.maxErrorLifetime, policy.ttl ?? .max))
            return Freshness(lifetime: min(said.lifetime, bound), isHeuristic: said.isHeuristic)
        }
        return ruled(said, status: response.status, policy: policy)
    }

    /// The lifetime as the operator's rules leave it.
    private static func ruled(_ said: Freshness, status: Int, policy: CachePolicy) -> Freshness {
        var freshness = said
        if let seconds = policy.ttl {
            freshness = Freshness(lifetime: bounded(seconds), isHeuristic: false)
        } else if said.isHeuristic, policy.saysImmutable(status: status) {
            freshness = Freshness(lifetime: CachePolicy.immutableLifetime, isHeuristic: false)
        }
        guard let least = policy.minTTL, least > freshness.lifetime else { return freshness }
        return Freshness(lifetime: bounded(least), isHeuristic: false)
    }

    /// The age of a response in seconds (RFC 9111 §4.2.3), at most 2^31. `requestTime` and `responseTime` are when it
    /// was asked for and when it was received.
    package static func age(response: FieldSection, requestTime: Int64, responseTime: Int64, now: Int64) -> Int64 {
        // RFC 9110 §6.6.1: a missing Date is the time of receipt.
        let date = response.only(.date).flatMap { HTTPDate.parse($0, now: responseTime) } ?? responseTime
        let apparentAge = difference(responseTime, date)
        let correctedAge = min(receivedAge(response) + difference(responseTime, requestTime), FieldGrammar.deltaLimit)
        let residentTime = difference(now, responseTime)
        return min(max(apparentAge, correctedAge) + residentTime, FieldGrammar.deltaLimit)
    }

    /// The lifetime by the messages alone.
    private static func unruled(
        request: RequestHead,
        response: ResponseHead,
        responseTime: Int64,
        policy: CachePolicy
    ) -> Freshness {
        let fields = response.fields
        let control = CacheControl.response(fields, policy: policy)
        if let seconds = control.sMaxAge ?? control.maxAge {
            return Freshness(lifetime: seconds, isHeuristic: false)
        }
        let date = fields.only(.date).flatMap { HTTPDate.parse($0, now: responseTime) } ?? responseTime
        // RFC 9213 §2.2: a targeted field is in the place of Expires too.
        if fields.contains(.expires), !control.isTargeted {
            // RFC 9111 §5.3: what is no date, `0` above all, lies in the past. §4.2.1: so does a repeated field.
            let expires = fields.only(.expires).flatMap { HTTPDate.parse($0, now: responseTime) }
            return Freshness(lifetime: expires.map { difference($0, date) } ?? 0, isHeuristic: false)
        }
        return Freshness(
            lifetime: heuristic(
                request: request,
                response: response,
                control: control,
                date: date,
                now: responseTime,
                guess: policy.heuristic
            ),
            isHeuristic: true
        )
    }

    /// RFC 9111 §4.2.2: a tenth of the time since the last modification, at most a day (R72).
    private static func heuristic(
        request: RequestHead,
        response: ResponseHead,
        control: CacheControl,
        date: Int64,
        now: Int64,
        guess: HeuristicFreshness
    ) -> Int64 {
        let fields = response.fields
        guard Storability.isHeuristicallyCacheable(response.status) || control.isPublic,
            // R72.
            !request.fields.contains(.cookie), !request.fields.contains(.authorization),
            // No rule of today's, but what an origin of HTTP/1.0 says when it means "do not keep".
            !fields.contains(.pragma),
            let modified = fields.only(.lastModified).flatMap({ HTTPDate.parse($0, now: now) })
        else { return 0 }
        return guess.lifetime(sinceModification: difference(date, modified))
    }

    /// RFC 9111 §5.1: the first member where there are several; ignored where it is no number.
    private static func receivedAge(_ fields: FieldSection) -> Int64 {
        guard let line = fields.first(.age) else { return 0 }
        let first = line.utf8.prefix { $0 != FieldGrammar.comma }
        return FieldGrammar.deltaSeconds(FieldGrammar.trimmed(Substring(first))) ?? 0
    }

    private static func bounded(_ seconds: Int64) -> Int64 {
        min(max(0, seconds), FieldGrammar.deltaLimit)
    }

    /// `later - earlier`, between 0 and 2^31.
    private static func difference(_ later: Int64, _ earlier: Int64) -> Int64 {
        let (seconds, isTooLarge) = later.subtractingReportingOverflow(earlier)
        if isTooLarge { return later > earlier ? FieldGrammar.deltaLimit : 0 }
        return bounded(seconds)
    }
}
