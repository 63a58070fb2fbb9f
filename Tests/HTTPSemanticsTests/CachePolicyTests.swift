// What the operator's rules do to the lifetime of a response. What they do to storing and to reuse stands with
// those.

import HTTPSemantics
import Testing

@Suite("The operator's word on freshness (RFC 9111 §4.2.1, R70)")
struct CachePolicyTests {
    private func lifetime(
        _ lines: KeyValuePairs<String, String> = [:],
        status: Int = 200,
        asked: KeyValuePairs<String, String> = [:],
        _ change: (inout CachePolicy) -> Void
    ) -> Freshness {
        var policy = CachePolicy.standard
        change(&policy)
        return Freshness.lifetime(
            request: request(asked),
            response: response(status, lines),
            responseTime: instant,
            policy: policy
        )
    }

    private static let saids: [KeyValuePairs<String, String>] = [
        [:], ["Cache-Control": "max-age=60"], ["Cache-Control": "s-maxage=60, max-age=5"], ["Expires": "0"],
        ["Cache-Control": "max-age=9999999"], ["Last-Modified": HTTPDate.format(instant - 1000)],
    ]

    @Test("The standard policy is what the RFC says by itself")
    func standard() {
        let policy = CachePolicy.standard
        #expect(policy == CachePolicy())
        #expect(policy.targets.isEmpty)
        #expect(policy.mayStore && !policy.isImmutable && !policy.ignoresClientReload)
        #expect(policy.ttl == nil && policy.minTTL == nil && policy.staleIfError == nil)
        #expect(policy.maxErrorLifetime == 60)
        #expect(lifetime(["Cache-Control": "max-age=61"]) { _ in } == Freshness(lifetime: 61, isHeuristic: false))
    }

    @Test("A ttl replaces the origin's lifetime, the guess included, and is no guess (§4.2.1)")
    func ttl() {
        for said in Self.saids {
            #expect(lifetime(said) { $0.ttl = 3600 } == Freshness(lifetime: 3600, isHeuristic: false))
            #expect(lifetime(said) { $0.ttl = 0 } == Freshness(lifetime: 0, isHeuristic: false))
            #expect(lifetime(said) { $0.ttl = .max }.lifetime == 2_147_483_648)
            #expect(lifetime(said) { $0.ttl = -1 }.lifetime == 0)
        }
        #expect(lifetime(asked: ["Cookie": "a=b"]) { $0.ttl = 3600 }.lifetime == 3600)
    }

    @Test("A min_ttl lengthens what is shorter and leaves what is longer (§4.2.1)")
    func minTTL() {
        let lifetimes = Self.saids.map { said in lifetime(said) { $0.minTTL = 3600 }.lifetime }
        #expect(lifetimes == [3600, 3600, 3600, 3600, 9_999_999, 3600])
        #expect(lifetime(["Cache-Control": "max-age=60"]) { $0.minTTL = 60 }.lifetime == 60)
        #expect(lifetime { $0.minTTL = 3600 }.isHeuristic == false)
        #expect(lifetime { $0.minTTL = .max }.lifetime == 2_147_483_648)
        #expect(lifetime { $0.minTTL = 0 } == Freshness(lifetime: 0, isHeuristic: true))
        let both = lifetime { policy in
            policy.ttl = 10
            policy.minTTL = 20
        }
        #expect(both.lifetime == 20)
    }

    @Test("What is immutable by rule is fresh for a year where nobody says how long (RFC 8246)")
    func immutable() {
        let lifetimes = Self.saids.map { said in lifetime(said) { $0.isImmutable = true } }
        #expect(lifetimes.map(\.lifetime) == [31_536_000, 60, 60, 0, 9_999_999, 31_536_000])
        #expect(lifetimes.allSatisfy { !$0.isHeuristic })
        let ruled = lifetime { policy in
            policy.isImmutable = true
            policy.ttl = 5
        }
        #expect(ruled.lifetime == 5)
        for status in [203, 206, 301, 308] {
            #expect(lifetime(status: status) { $0.isImmutable = true }.lifetime == 31_536_000)
        }
        for status in [302, 307, 404, 410, 501] {
            #expect(lifetime(status: status) { $0.isImmutable = true }.lifetime == 0)
        }
    }

    @Test(
        "To an error a rule's ttl is a bound, and a min_ttl says nothing (R70)",
        arguments: [400, 404, 410, 500, 503]
    )
    func errors(status: Int) {
        let said: KeyValuePairs = ["Cache-Control": "max-age=30"]
        #expect(lifetime(said, status: status) { $0.ttl = 3600 }.lifetime == 30)
        #expect(lifetime(said, status: status) { $0.ttl = 10 }.lifetime == 10)
        #expect(lifetime(said, status: status) { $0.ttl = -1 }.lifetime == 0)
        #expect(lifetime(said, status: status) { $0.minTTL = 3600 }.lifetime == 30)
        #expect(lifetime(status: status) { $0.ttl = 3600 }.lifetime == 0)
        #expect(lifetime(said, status: status) { $0.maxErrorLifetime = 20 }.lifetime == 20)
        #expect(lifetime(said, status: status) { $0.maxErrorLifetime = 0 }.lifetime == 0)
        #expect(lifetime(said, status: status) { $0.maxErrorLifetime = -5 }.lifetime == 0)
        #expect(
            lifetime(["Cache-Control": "max-age=900"], status: status) { $0.maxErrorLifetime = 800 }.lifetime == 800
        )
    }

    @Test("The guess is the policy's (§4.2.2)")
    func heuristic() {
        let said: KeyValuePairs = ["Last-Modified": HTTPDate.format(instant - 1000)]
        let freshness = lifetime(said) { $0.heuristic = HeuristicFreshness(share: 0.5, longest: 400) }
        #expect(freshness == Freshness(lifetime: 400, isHeuristic: true))
    }
}
