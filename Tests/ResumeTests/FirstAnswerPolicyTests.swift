// How often, and after which pauses, a request is repeated of whose answer the client has seen nothing (R56).

import Resume
import Testing

private let second: Int64 = 1_000_000_000

@Suite("FirstAnswerPolicy: is it asked again before the first byte?")
struct FirstAnswerPolicyTests {
    private static func waits(
        _ troubles: [FirstAnswerTrouble],
        longest: Int64 = 30 * second,
        random: Double
    ) -> [Int64?] {
        var policy = FirstAnswerPolicy(retryAfterWaitNanoseconds: longest)
        return troubles.map { policy.failed($0, random: random) }
    }

    @Test("Three attempts, over two to five seconds: a restart is survived, a dead host is reported (R56)")
    func absent() {
        for first in [FirstAnswerTrouble.absent, .broken] {
            for random in [0, 0.5, 0.999] {
                let waits = Self.waits([first, .absent, .absent], random: random)
                let sum = waits.compactMap { $0 }.reduce(0, +)
                #expect(waits.count { $0 != nil } == 2 && waits[2] == nil)
                #expect(first == .broken || sum >= 2 * second)
                #expect(sum <= 5 * second)
            }
        }
    }

    @Test("A connection that broke is made anew almost at once, and then after a restart's time")
    func broken() {
        let waits = Self.waits([.broken, .broken, .broken], random: 0)
        #expect(waits == [50_000_000, 2 * second, nil])
    }

    @Test("Retry-After is waited for, in all as long as the directive says; zero makes no tight loop")
    func busy() {
        func busy(_ seconds: Int64) -> FirstAnswerTrouble { .busy(retryAfterSeconds: seconds) }
        #expect(Self.waits([busy(30)], random: 0) == [30 * second])
        #expect(Self.waits([busy(31)], random: 0) == [nil])
        #expect(Self.waits([busy(20), busy(11)], random: 0) == [20 * second, nil])
        #expect(Self.waits([busy(1), busy(1), busy(1)], random: 0) == [second, second, nil])
        #expect(Self.waits([busy(0)], random: 0) == [second / 2])
        #expect(Self.waits([busy(0)], longest: 0, random: 0) == [nil])
        #expect(Self.waits([busy(.max)], random: 0) == [nil])
    }
}
