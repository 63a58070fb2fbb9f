// When a connection is too slow, and when it is left be (`upstream.min_rate`).

import Resume
import Testing

private let second: Int64 = 1_000_000_000

@Suite("RateWatch: is a connection too slow?")
struct RateWatchTests {
    /// What the windows of ten seconds say, one after the other, in each of which so many bytes come.
    private static func verdicts(_ windows: [Int64]) -> [RateWatch.Verdict] {
        var watch = RateWatch(limit: 100, windowNanoseconds: 10 * second, startedAt: 0)
        return windows.enumerated().map { number, bytes in
            watch.received(bytes)
            return watch.check(at: Int64(number + 1) * 10 * second)
        }
    }

    @Test("A whole window below the limit is too slow; one at the limit is not")
    func limit() {
        #expect(Self.verdicts([1000]) == [.fine])
        #expect(Self.verdicts([990]) == [.tooSlow(bytesPerSecond: 99)])
        var watch = RateWatch(limit: 100, windowNanoseconds: 10 * second, startedAt: 0)
        #expect(watch.check(at: 10 * second - 1) == .fine)
        #expect(watch.due == 10 * second)
    }

    @Test("What does not become faster by asking again is left be")
    func leftBe() {
        let slow = RateWatch.Verdict.tooSlow(bytesPerSecond: 50)
        #expect(Self.verdicts([500, 500, 500, 500, 500]) == [slow, slow, slow, .fine, .fine])
    }

    @Test("A quarter more is an improvement, and a fast window forgets what was")
    func improves() {
        let verdicts = Self.verdicts([500, 500, 500, 700, 700, 2000, 500, 500])
        #expect(verdicts.map { $0 == .fine } == [false, false, false, false, false, true, false, false])
    }

    @Test("A pause of our own begins the window anew")
    func pause() {
        var watch = RateWatch(limit: 100, windowNanoseconds: 10 * second, startedAt: 0)
        watch.restart(at: 9 * second)
        #expect(watch.check(at: 10 * second) == .fine)
        watch.received(1000)
        #expect(watch.check(at: 19 * second) == .fine)
    }
}
