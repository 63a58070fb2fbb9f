// Back-off after failures of an origin (R47): a sequence of events, and the instants that come out.

import Resume
import Testing

@Suite("RetryPolicy: when is a failed fill tried again? (R47)")
struct RetryPolicyTests {
    private static let second: Int64 = 1_000_000_000

    /// The delay that a failure at this instant leads to, in nanoseconds; nil: given up.
    private func delay(
        _ policy: inout RetryPolicy,
        at instant: Int64,
        retryAfter: Int64? = nil,
        random: Double = 1
    ) -> Int64? {
        switch policy.failed(at: instant, retryAfterNanoseconds: retryAfter, random: random) {
        case .at(let due): due - instant
        case .giveUp: nil
        }
    }

    @Test("Attempts without progress are made 0.5 s apart, doubling to 8 s")
    func doubling() {
        var policy = RetryPolicy(startedAt: 0)
        let delays = (0..<7).map { _ in delay(&policy, at: 0) }
        #expect(delays == [500, 1000, 2000, 4000, 8000, 8000, 8000].map { $0 * 1_000_000 })
        #expect(policy.history.attemptsWithoutProgress == 7)
    }

    @Test(
        "Jitter takes up to one half away",
        arguments: [(0.0, 250), (0.5, 375), (1.0, 500), (-3.0, 250), (7.0, 500), (.nan, 250)] as [(Double, Int64)]
    )
    func jitter(random: Double, milliseconds: Int64) {
        var policy = RetryPolicy(startedAt: 0)
        #expect(delay(&policy, at: 0, random: random) == milliseconds * 1_000_000)
    }

    @Test("After a gain of 64 KiB the next attempt is made at once, then the distances begin again")
    func gain() {
        var policy = RetryPolicy(startedAt: 0)
        #expect(delay(&policy, at: 0) == Self.second / 2)
        #expect(delay(&policy, at: 0) == Self.second)
        policy.gained(65535, at: 5)
        #expect(delay(&policy, at: 5) == 2 * Self.second)
        policy.gained(1, at: 6)
        #expect(delay(&policy, at: 6) == 0)
        #expect(delay(&policy, at: 6) == Self.second / 2)
        #expect(policy.history.lastGainNanoseconds == 6)
    }

    @Test("The heal time runs from the last gain of 64 KiB, not from the last byte")
    func healTime() {
        var policy = RetryPolicy(healTimeoutNanoseconds: 10 * Self.second, startedAt: 0)
        #expect(delay(&policy, at: 9 * Self.second) == Self.second / 2)
        policy.gained(1000, at: 9 * Self.second)
        #expect(delay(&policy, at: 10 * Self.second) == nil)
        policy.gained(65536, at: 10 * Self.second)
        #expect(delay(&policy, at: 19 * Self.second) == 0)
        #expect(delay(&policy, at: 20 * Self.second) == nil)
    }

    @Test("An attempt that would begin after the heal time is not waited for")
    func tooLate() {
        var policy = RetryPolicy(healTimeoutNanoseconds: 10 * Self.second, startedAt: 0)
        #expect(delay(&policy, at: 9 * Self.second, retryAfter: 2 * Self.second) == nil)
    }

    @Test("Retry-After lengthens a delay, and never shortens it (RFC 9110 §10.2.3)")
    func retryAfter() {
        var policy = RetryPolicy(startedAt: 0)
        #expect(delay(&policy, at: 0, retryAfter: 0) == Self.second / 2)
        #expect(delay(&policy, at: 0, retryAfter: 30 * Self.second) == 30 * Self.second)
        #expect(delay(&policy, at: 0, retryAfter: -5) == 2 * Self.second)
        policy.gained(1 << 20, at: 0)
        #expect(delay(&policy, at: 0, retryAfter: 3 * Self.second) == 3 * Self.second)
    }

    @Test("A policy that is started anew has no history")
    func started() {
        var policy = RetryPolicy(gainBytes: 10, startedAt: 0)
        _ = policy.failed(at: 1, retryAfterNanoseconds: nil, random: 0)
        #expect(policy.started(at: 7) == RetryPolicy(gainBytes: 10, startedAt: 7))
    }

    @Test("Extreme values do not overflow")
    func extremes() {
        var policy = RetryPolicy(
            healTimeoutNanoseconds: .max,
            firstDelayNanoseconds: .max,
            maxDelayNanoseconds: .max,
            gainBytes: .max,
            startedAt: .max
        )
        policy.gained(.max, at: .max)
        policy.gained(.max, at: .max)
        #expect(policy.failed(at: .max, retryAfterNanoseconds: .max, random: 1) == .giveUp)
        #expect(policy.failed(at: 0, retryAfterNanoseconds: nil, random: 1) == .at(.max))
        var zero = RetryPolicy(firstDelayNanoseconds: 0, maxDelayNanoseconds: 0, startedAt: 0)
        #expect(zero.failed(at: 3, retryAfterNanoseconds: nil, random: 1) == .at(3))
    }
}
