// RFC 9111 §4: may a stored response answer now?

import HTTPSemantics
import Testing

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
        isInvalidated: Bool = false
    ) -> ReuseDecision {
        let stored = StoredView(
            head: response(status, said),
            requestFields: section(storedRequest),
            requestTime: instant,
            responseTime: instant,
            lifetime: Freshness(lifetime: lifetime, isHeuristic: false),
            isInvalidated: isInvalidated
        )
        return Reuse.judge(request: request(asked), stored: stored, now: instant + seconds)
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
            ("max-stale, min-fresh=1", "", .validate(.minFresh)),
            ("max-stale, max-age=200", "", .fresh(age: 150, ttl: -50)),
            ("max-age=200", "", .validate(.stale)),
            ("", "stale-while-revalidate=100, stale-if-error=100", .validate(.stale)),
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

    @Test("Every reason is a sentence of its own")
    func sentences() {
        let reasons: [ValidationReason] = [
            .stale, .responseNoCache, .requestNoCache, .requestMaxAge, .minFresh, .invalidated, .varyAny,
        ]
        #expect(Set(reasons.map(\.sentence)).count == reasons.count)
    }
}
