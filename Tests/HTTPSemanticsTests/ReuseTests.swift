// RFC 9111 §4: may a stored response answer now?

import HTTPSemantics
import Testing

/// A response made at `instant` and received then, fresh for `lifetime` seconds.
private func view(
    _ said: KeyValuePairs<String, String>,
    _ storedRequest: KeyValuePairs<String, String> = [:],
    lifetime: Int64 = 100,
    status: Int = 200,
    isInvalidated: Bool = false
) -> StoredView {
    StoredView(
        head: response(status, said),
        requestFields: section(storedRequest),
        requestTime: instant,
        responseTime: instant,
        lifetime: Freshness(lifetime: lifetime, isHeuristic: false),
        isInvalidated: isInvalidated
    )
}

@Suite("Reuse of a stored response (RFC 9111 §4)")
struct ReuseTests {
    /// A response made at `instant` and received then, fresh for `lifetime` seconds.
    private func judge(
        _ asked: KeyValuePairs<String, String> = [:],
        said: KeyValuePairs<String, String> = [:],
        storedRequest: KeyValuePairs<String, String> = [:],
        lifetime: Int64 = 100,
        after seconds: Int64 = 10,
        status: Int = 200,
        isInvalidated: Bool = false,
        policy: CachePolicy = .standard
    ) -> ReuseDecision {
        let stored = view(said, storedRequest, lifetime: lifetime, status: status, isInvalidated: isInvalidated)
        return Reuse.judge(request: request(asked), stored: stored, now: instant + seconds, policy: policy)
    }

    @Test("Fresh while the lifetime is larger than the age (§4.2)")
    func fresh() {
        #expect(judge(after: 0) == .fresh(age: 0, ttl: 100))
        #expect(judge(after: 99) == .fresh(age: 99, ttl: 1))
        #expect(judge(after: 100) == .validate(.stale))
        #expect(judge(after: 1000) == .validate(.stale))
        #expect(judge(lifetime: 0, after: 0) == .validate(.stale))
        #expect(judge(said: ["Age": "95"], after: 4) == .fresh(age: 99, ttl: 1))
        #expect(judge(said: ["Age": "95"], after: 5) == .validate(.stale))
    }

    @Test(
        "What the request says (§5.2.1)",
        arguments: [
            ("no-cache", .validate(.requestNoCache)),
            ("max-age=10", .fresh(age: 10, ttl: 90)),
            ("max-age=9", .validate(.requestMaxAge)),
            ("max-age=0", .validate(.requestMaxAge)),
            ("max-age=x", .validate(.requestMaxAge)),
            ("min-fresh=90", .fresh(age: 10, ttl: 90)),
            ("min-fresh=91", .validate(.minFresh)),
            ("min-fresh=x", .validate(.minFresh)),
            ("max-age=9, max-stale", .validate(.requestMaxAge)),
            ("only-if-cached", .fresh(age: 10, ttl: 90)),
            ("no-store", .fresh(age: 10, ttl: 90)),
        ] as [(String, ReuseDecision)]
    )
    func asked(value: String, decision: ReuseDecision) {
        #expect(judge(["Cache-Control": value]) == decision)
    }

    @Test("max-age=0 asks for validation even within the second of the receipt")
    func reload() {
        #expect(judge(["Cache-Control": "max-age=0"], after: 0) == .validate(.requestMaxAge))
        #expect(judge(["Pragma": "no-cache"], after: 0) == .validate(.requestNoCache))
    }

    @Test("A response that says no-cache is validated each time, the qualified form is not (§5.2.2.4)")
    func noCache() {
        #expect(judge(said: ["Cache-Control": "no-cache"], after: 0) == .validate(.responseNoCache))
        #expect(judge(said: ["Cache-Control": "no-cache=\"x\""], after: 0) == .fresh(age: 0, ttl: 100))
        #expect(
            judge(["Cache-Control": "max-stale"], said: ["Cache-Control": "no-cache"]) == .validate(.responseNoCache)
        )
        // Pragma in a response has no meaning (§5.4).
        #expect(judge(said: ["Pragma": "no-cache"]) == .fresh(age: 10, ttl: 90))
    }

    @Test(
        "Stale only by the request's max-stale, and where the response does not forbid it (§4.2.4, §5.2.1.2)",
        arguments: [
            ("max-stale", "", .fresh(age: 150, ttl: -50)),
            ("max-stale=50", "", .fresh(age: 150, ttl: -50)),
            ("max-stale=49", "", .validate(.stale)),
            ("max-stale=x", "", .validate(.stale)),
            ("max-stale", "must-revalidate", .validate(.stale)),
            ("max-stale", "proxy-revalidate", .validate(.stale)),
            ("max-stale", "s-maxage=100", .validate(.stale)),
            ("max-stale, min-fresh=1", "", .validate(.stale)),
            ("max-stale, max-age=200", "", .fresh(age: 150, ttl: -50)),
            ("max-age=200", "", .validate(.stale)),
            ("", "stale-if-error=100", .validate(.stale)),
        ] as [(String, String, ReuseDecision)]
    )
    func stale(asked: String, said: String, decision: ReuseDecision) {
        #expect(judge(["Cache-Control": asked], said: ["Cache-Control": said], after: 150) == decision)
    }

    @Test("An error is never used stale (R70)")
    func staleError() {
        #expect(judge(["Cache-Control": "max-stale"], after: 150, status: 404) == .validate(.stale))
        #expect(judge(["Cache-Control": "max-stale"], after: 50, status: 404) == .fresh(age: 50, ttl: 50))
    }

    @Test("What an unsafe request has made doubtful is validated (§4.4)")
    func invalidated() {
        #expect(judge(isInvalidated: true) == .validate(.invalidated))
        #expect(judge(["Cache-Control": "max-stale"], isInvalidated: true) == .validate(.invalidated))
    }

    @Test("Another variant is no answer, whatever its freshness (§4.1)")
    func vary() {
        let said: KeyValuePairs = ["Vary": "Accept-Language"]
        #expect(
            judge(["Accept-Language": "de"], said: said, storedRequest: ["Accept-Language": "de"])
                == .fresh(age: 10, ttl: 90)
        )
        #expect(judge(["Accept-Language": "en"], said: said, storedRequest: ["Accept-Language": "de"]) == .mismatch)
        #expect(judge([:], said: said, storedRequest: ["Accept-Language": "de"]) == .mismatch)
        #expect(
            judge([:], said: said, storedRequest: ["Accept-Language": "de"], after: 1000, isInvalidated: true)
                == .mismatch
        )
        #expect(judge(said: ["Vary": "*"]) == .validate(.varyAny))
    }

    @Test(
        "Stale while the origin is asked, within the response's own window and where nothing forbids it (RFC 5861 §3)",
        arguments: [
            ("", "stale-while-revalidate=50", .staleWhileRevalidate(age: 150, ttl: -50)),
            ("", "stale-while-revalidate=49", .validate(.stale)),
            ("", "stale-while-revalidate=x", .validate(.stale)),
            ("stale-while-revalidate=50", "", .validate(.stale)),
            ("", "stale-while-revalidate=50, must-revalidate", .validate(.stale)),
            ("", "stale-while-revalidate=50, proxy-revalidate", .validate(.stale)),
            ("", "stale-while-revalidate=50, s-maxage=100", .validate(.stale)),
            ("", "stale-while-revalidate=50, no-cache", .validate(.responseNoCache)),
            ("no-cache", "stale-while-revalidate=50", .validate(.stale)),
            ("max-age=0", "stale-while-revalidate=50", .validate(.stale)),
            ("max-age=200", "stale-while-revalidate=50", .validate(.stale)),
            ("min-fresh=0", "stale-while-revalidate=50", .validate(.stale)),
            ("max-stale", "stale-while-revalidate=50", .staleWhileRevalidate(age: 150, ttl: -50)),
            ("max-stale", "stale-while-revalidate=49", .fresh(age: 150, ttl: -50)),
            ("only-if-cached", "stale-while-revalidate=50", .staleWhileRevalidate(age: 150, ttl: -50)),
        ] as [(String, String, ReuseDecision)]
    )
    func staleWhileRevalidate(asked: String, said: String, decision: ReuseDecision) {
        #expect(judge(["Cache-Control": asked], said: ["Cache-Control": said], after: 150) == decision)
    }

    @Test("The window begins where the lifetime ends, and is none of an error's or a doubtful response's (RFC 5861 §3)")
    func window() {
        let said: KeyValuePairs = ["Cache-Control": "stale-while-revalidate=50"]
        #expect(judge(said: said, after: 99) == .fresh(age: 99, ttl: 1))
        #expect(judge(said: said, after: 100) == .staleWhileRevalidate(age: 100, ttl: 0))
        #expect(judge(said: ["Cache-Control": "stale-while-revalidate=0"], after: 100) == .validate(.stale))
        #expect(judge(said: said, after: 120, status: 404) == .validate(.stale))
        #expect(judge(said: said, after: 120, isInvalidated: true) == .validate(.invalidated))
        #expect(
            judge(
                said: ["Cache-Control": "stale-while-revalidate=50", "Vary": "A"],
                storedRequest: ["A": "1"],
                after: 120
            )
                == .mismatch
        )
    }

    @Test(
        "A fresh response that is immutable is not validated for a max-age, but for a no-cache (RFC 8246 §2)",
        arguments: [
            ("max-age=0", 10, .fresh(age: 10, ttl: 90)), ("max-age=9", 10, .fresh(age: 10, ttl: 90)),
            ("no-cache", 10, .validate(.requestNoCache)), ("no-cache, max-age=0", 10, .validate(.requestNoCache)),
            ("min-fresh=91", 10, .validate(.minFresh)), ("max-age=0", 100, .validate(.stale)),
            ("", 100, .validate(.stale)),
        ] as [(String, Int64, ReuseDecision)]
    )
    func immutable(asked: String, seconds: Int64, decision: ReuseDecision) {
        var policy = CachePolicy.standard
        #expect(
            judge(["Cache-Control": asked], said: ["Cache-Control": "immutable"], after: seconds, policy: policy)
                == decision
        )
        policy.isImmutable = true
        #expect(judge(["Cache-Control": asked], after: seconds, policy: policy) == decision)
    }

    @Test("A rule says immutable of the resource, not of its errors and not of where it points today (RFC 8246)")
    func immutableError() {
        var policy = CachePolicy.standard
        policy.isImmutable = true
        for status in [404, 410, 302] {
            #expect(
                judge(["Cache-Control": "max-age=0"], status: status, policy: policy) == .validate(.requestMaxAge)
            )
        }
        #expect(judge(["Pragma": "no-cache"], policy: policy) == .validate(.requestNoCache))
        #expect(
            judge(["Cache-Control": "max-age=0"], said: ["Cache-Control": "no-cache"], policy: policy)
                == .validate(.responseNoCache)
        )
    }

    @Test("Where a rule ignores reloads, a fresh response answers them; a stale one does not (§5.2.1)")
    func ignoredReload() {
        var policy = CachePolicy.standard
        policy.ignoresClientReload = true
        let reloads: [KeyValuePairs<String, String>] = [
            ["Cache-Control": "no-cache"], ["Cache-Control": "max-age=0"], ["Cache-Control": "max-age=9"],
            ["Pragma": "no-cache"],
        ]
        for reload in reloads {
            #expect(judge(reload, policy: policy) == .fresh(age: 10, ttl: 90))
            #expect(judge(reload, said: ["Cache-Control": "no-cache"], policy: policy) == .validate(.responseNoCache))
            #expect(judge(reload, isInvalidated: true, policy: policy) == .validate(.invalidated))
        }
        #expect(judge(["Cache-Control": "no-cache"], after: 100, policy: policy) == .validate(.stale))
        #expect(judge(["Cache-Control": "max-age=9"], after: 100, policy: policy) == .validate(.stale))
        #expect(judge(["Cache-Control": "min-fresh=91"], policy: policy) == .validate(.minFresh))
    }

    @Test("What a targeted field says of reuse counts, and Cache-Control does not (RFC 9213 §2.2)")
    func targeted() {
        var policy = CachePolicy.standard
        policy.targets = ["cdn-cache-control"]
        let said: KeyValuePairs = [
            "CDN-Cache-Control": "stale-while-revalidate=50", "Cache-Control": "no-cache, must-revalidate",
        ]
        #expect(judge(said: said, after: 150, policy: policy) == .staleWhileRevalidate(age: 150, ttl: -50))
        #expect(judge(said: said, after: 150) == .validate(.responseNoCache))
        #expect(
            judge(said: ["CDN-Cache-Control": "no-cache", "Cache-Control": "max-age=9"], policy: policy)
                == .validate(.responseNoCache)
        )
    }

    @Test("Every reason is a sentence of its own")
    func sentences() {
        let reasons: [ValidationReason] = [
            .stale, .responseNoCache, .requestNoCache, .requestMaxAge, .minFresh, .invalidated, .varyAny,
        ]
        #expect(Set(reasons.map(\.sentence)).count == reasons.count)
    }
}

@Suite("Stale instead of an error (RFC 9111 §4.2.4, RFC 5861 §4)")
struct StaleInsteadTests {
    /// The ttl of what is used instead; nil where nothing is.
    private func ttl(
        _ trouble: UpstreamTrouble = .unreachable,
        _ asked: KeyValuePairs<String, String> = [:],
        said: KeyValuePairs<String, String> = [:],
        storedRequest: KeyValuePairs<String, String> = [:],
        after seconds: Int64 = 150,
        status: Int = 200,
        isInvalidated: Bool = false,
        onDisconnect: Int64 = 1000,
        staleIfError: Int64? = nil
    ) -> Int64? {
        var policy = CachePolicy.standard
        policy.staleOnDisconnect = onDisconnect
        policy.staleIfError = staleIfError
        let answer = Reuse.staleInstead(
            of: trouble,
            request: request(asked),
            stored: view(said, storedRequest, status: status, isInvalidated: isInvalidated),
            now: instant + seconds,
            policy: policy
        )
        #expect(answer == nil || answer?.age == seconds)
        return answer?.ttl
    }

    @Test("An origin that is not reached: within the operator's bound, or a longer stale-if-error (§4.2.4)")
    func unreachable() {
        #expect(ttl() == -50)
        #expect(ttl(after: 1100) == -1000)
        #expect(ttl(after: 1101) == nil)
        #expect(ttl(after: 100, onDisconnect: 0) == nil)
        #expect(ttl(onDisconnect: 0) == nil)
        #expect(ttl(onDisconnect: 49) == nil)
        #expect(ttl(onDisconnect: 50) == -50)
        #expect(ttl(said: ["Cache-Control": "stale-if-error=50"], onDisconnect: 0) == -50)
        #expect(ttl(said: ["Cache-Control": "stale-if-error=49"], onDisconnect: 0) == nil)
        #expect(ttl(said: ["Cache-Control": "stale-if-error=0"]) == -50)
        #expect(ttl(onDisconnect: 0, staleIfError: 50) == -50)
        var policy = CachePolicy()
        #expect(policy.staleOnDisconnect == 86_400)
        policy.staleOnDisconnect = .max
        #expect(
            Reuse.staleInstead(of: .unreachable, request: request(), stored: view([:]), now: .max, policy: policy)
                != nil
        )
    }

    @Test(
        "A server error only with stale-if-error, and only where it may be a passing one (RFC 5861 §4)",
        arguments: [
            (500, true), (502, true), (503, true), (504, true), (501, false), (505, false), (507, false), (599, false),
            (404, false),
        ]
    )
    func serverError(status: Int, isCovered: Bool) {
        let expected: Int64? = isCovered ? -50 : nil
        #expect(ttl(.serverError(status)) == nil)
        #expect(ttl(.serverError(status), said: ["Cache-Control": "stale-if-error=50"]) == expected)
        #expect(ttl(.serverError(status), ["Cache-Control": "stale-if-error=50"]) == expected)
        #expect(ttl(.serverError(status), staleIfError: 50) == expected)
        #expect(ttl(.serverError(status), said: ["Cache-Control": "stale-if-error=49"]) == nil)
        #expect(ttl(.serverError(status), ["Cache-Control": "stale-if-error=49"]) == nil)
        #expect(ttl(.serverError(status), staleIfError: 49) == nil)
        #expect(ttl(.serverError(status), said: ["Cache-Control": "stale-while-revalidate=50"]) == nil)
    }

    @Test("Of two stale-if-error the stricter holds, and both go before the rule's (RFC 5861 §4)")
    func strictest() {
        let (long, short): (KeyValuePairs, KeyValuePairs) = (
            ["Cache-Control": "stale-if-error=60"], ["Cache-Control": "stale-if-error=40"]
        )
        #expect(ttl(.serverError(503), long, said: long) == -50)
        #expect(ttl(.serverError(503), short, said: long) == nil)
        #expect(ttl(.serverError(503), long, said: short) == nil)
        #expect(ttl(.serverError(503), said: short, staleIfError: 60) == nil)
        #expect(ttl(.serverError(503), short, staleIfError: 60) == nil)
    }

    @Test(
        "Never against the response's own prohibition (§4.2.4)",
        arguments: [
            ("no-cache", nil), ("must-revalidate", nil), ("proxy-revalidate", nil), ("s-maxage=100", nil),
            ("no-cache=\"x\"", -50), ("max-age=100", -50), ("immutable", -50), ("x=\"must-revalidate\"", -50),
        ] as [(String, Int64?)]
    )
    func prohibited(said: String, expected: Int64?) {
        let lines: KeyValuePairs = ["Cache-Control": "stale-if-error=500", "cache-control": said]
        #expect(ttl(said: lines) == expected)
        #expect(ttl(.serverError(503), said: lines) == expected)
        #expect(ttl(.serverError(503), ["Cache-Control": "max-stale"], said: lines) == expected)
    }

    @Test("A doubtful response, an error, and one of another variant answer nothing (§4.4, §4.1, R70)")
    func unsuitable() {
        #expect(ttl(isInvalidated: true) == nil)
        #expect(ttl(status: 399) == -50)
        #expect(ttl(status: 400) == nil)
        #expect(ttl(status: 503) == nil)
        #expect(ttl(said: ["Vary": "*"]) == nil)
        #expect(ttl(.unreachable, ["A": "1"], said: ["Vary": "A"], storedRequest: ["A": "1"]) == -50)
        #expect(ttl(.unreachable, ["A": "2"], said: ["Vary": "A"], storedRequest: ["A": "1"]) == nil)
    }

    @Test(
        "A client that asks for youth is given no age, unless its max-stale covers it (§5.2.1)",
        arguments: [
            ("no-cache", nil), ("max-age=0", nil), ("max-age=500", nil), ("min-fresh=0", nil),
            ("no-cache, max-stale", nil), ("max-age=0, max-stale", -50), ("max-age=0, max-stale=50", -50),
            ("max-age=0, max-stale=49", nil), ("min-fresh=1, max-stale", -50), ("no-store", -50),
            ("only-if-cached", -50), ("no-transform", -50),
        ] as [(String, Int64?)]
    )
    func wishes(asked: String, expected: Int64?) {
        #expect(ttl(.unreachable, ["Cache-Control": asked]) == expected)
        #expect(ttl(.serverError(503), ["Cache-Control": asked], staleIfError: 500) == expected)
    }

    @Test("Pragma: no-cache asks for youth as no-cache does (§5.4)")
    func pragma() {
        #expect(ttl(.unreachable, ["Pragma": "no-cache"]) == nil)
    }

    @Test("What is fresh was to be validated for the client's sake, and is no answer to it (§4.2.4)")
    func fresh() {
        #expect(ttl(.unreachable, ["Cache-Control": "no-cache"], after: 10) == nil)
        #expect(ttl(.unreachable, ["Cache-Control": "max-age=0"], after: 10) == nil)
        #expect(ttl(.unreachable, after: 10) == nil)
        #expect(ttl(.unreachable, ["Cache-Control": "max-age=0, max-stale"], after: 10) == 90)
    }

    @Test(
        "What must be validated and cannot be fails with 504 (§5.2.2.2)",
        arguments: [
            ("must-revalidate", true), ("proxy-revalidate", true), ("s-maxage=5", true), ("no-cache", true),
            ("no-cache=\"x\"", false), ("max-age=5", false), ("", false),
        ]
    )
    func mustFail(said: String, mustFail: Bool) {
        #expect(
            Reuse.mustFailWithoutValidation(stored: view(["Cache-Control": said]), policy: .standard) == mustFail
        )
        var targeted = CachePolicy.standard
        targeted.targets = ["t"]
        #expect(
            Reuse.mustFailWithoutValidation(
                stored: view(["Cache-Control": said, "T": "max-age=5"]),
                policy: targeted
            ) == false
        )
    }
}
