// Turns: what is reserved is waited for, many have their turn one after the other, each key has a budget of its own, and
// background work is held to the rate of the moment.

import Resume
import Testing

private func seconds(_ count: Double) -> Int64 { Int64((count * 1_000_000_000).rounded()) }

@Suite("Turns within a rate")
struct RateLedgerTests {
    @Test("What is reserved within the burst goes at once, and the rest in the order of asking")
    func turns() {
        var budget = RateBudget(bytesPerSecond: 1000, burst: 500, startedAt: 0)
        let instants = (0..<5).map { _ in budget.reserve(250, at: 0) }
        #expect(instants == [0, 0, 250, 500, 750].map { seconds(Double($0) / 1000) })
        // What the third does not use, nobody waits for.
        budget.giveBack(250)
        let next = budget.reserve(250, at: 0)
        #expect(next == seconds(0.75))
        let later = budget.reserve(0, at: seconds(10))
        #expect(later == seconds(10))
    }

    @Test("No count, however wrong, is waited for longer than an hour, and nothing overflows")
    func extremes() {
        var budget = RateBudget(bytesPerSecond: 1, burst: 1, startedAt: 0)
        let instants = [budget.reserve(.max, at: 0), budget.reserve(.max, at: 0)]
        #expect(instants == [seconds(3600), seconds(3600)])
        var largest = RateBudget(bytesPerSecond: .max, burst: .max, startedAt: .min)
        let instant = largest.reserve(.max, at: .max)
        #expect(instant == .max)
        budget.giveBack(.max)
        let isFull = budget.isFull(at: seconds(3600))
        #expect(isFull)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var rate: Int64?
        var ratePerKey: Int64?
        /// Who reserves 64 KiB, one after the other at the same instant, and the millisecond of each turn.
        var asking: [(key: String, turn: Int)]
        var testDescription: String { name }
    }

    @Test(
        "Each key has its own budget, and all have one together",
        arguments: [
            Case(name: "no limit", asking: [("a", 0), ("a", 0), ("a", 0)]),
            Case(
                name: "by key: the others are not in its way",
                ratePerKey: 65536,
                asking: [("a", 0), ("a", 1000), ("b", 0), ("a", 2000), ("b", 1000)]
            ),
            Case(
                name: "in all: one after the other, whoever it is",
                rate: 65536,
                asking: [("a", 0), ("b", 1000), ("a", 2000), ("c", 3000)]
            ),
            Case(
                name: "both: the tighter one counts",
                rate: 131_072,
                ratePerKey: 65536,
                asking: [("a", 0), ("a", 1000), ("b", 1000), ("c", 1500)]
            ),
        ]
    )
    func keys(_ row: Case) {
        var ledger = RateLedger<String>(rate: row.rate, ratePerKey: row.ratePerKey, startedAt: 0)
        let turns = row.asking.map { ledger.reserve(65536, of: $0.key, at: 0) / 1_000_000 }
        #expect(turns == row.asking.map { Int64($0.turn) })
    }

    @Test("Two that take slices in turn get the same, however many bytes each wants")
    func fairness() {
        var ledger = RateLedger<Int>(rate: 1 << 20, ratePerKey: nil, startedAt: 0)
        var next: [Int64] = [0, 0]
        var sent: [Int64] = [0, 0]
        // Whoever's turn comes first takes its slice, and asks for the next.
        for _ in 0..<1000 {
            let who = next[0] <= next[1] ? 0 : 1
            sent[who] += ledger.slice
            next[who] = ledger.reserve(ledger.slice, of: who, at: next[who])
        }
        #expect(abs(sent[0] - sent[1]) <= 8 * ledger.slice)
    }

    @Test(
        "A slice is what goes in a 20th of a second, within bounds",
        arguments: [
            (nil, nil, Int64.max), (1000, nil, 4096), (nil, 1_000_000, 50_000), (1 << 30, 1_000_000, 50_000),
            (1 << 30, nil, 256 << 10),
        ] as [(Int64?, Int64?, Int64)]
    )
    func slices(rate: Int64?, ratePerKey: Int64?, slice: Int64) {
        #expect(RateLedger<Int>(rate: rate, ratePerKey: ratePerKey, startedAt: 0).slice == slice)
    }

    @Test("Keys that use nothing are forgotten, those that wait are not")
    func forgetting() {
        var ledger = RateLedger<Int>(rate: nil, ratePerKey: 65536, startedAt: 0)
        _ = ledger.reserve(655_360, of: -1, at: 0)
        for key in 0..<5000 { _ = ledger.reserve(10, of: key, at: seconds(Double(key) / 1000)) }
        #expect(ledger.keyCount < 1100)
        let instant = ledger.reserve(0, of: -1, at: seconds(5))
        #expect(instant == seconds(9))
    }
}

@Suite("BackgroundBudget: work that no client waits for, at the rate of the moment")
struct BackgroundBudgetTests {
    @Test("It waits while clients take the link, and not for what they took before")
    func follows() {
        var link = LinkEstimate(startedAt: 0)
        var budget = BackgroundBudget(.unlimited)
        let unseen = budget.reserve(1 << 30, on: link, at: 0)
        #expect(unseen == 0)
        #expect(budget.rate == nil)
        link.carried(16 << 20, isForeground: true, at: 1)
        link.roll(to: seconds(1))
        // A 16th of 16 MiB a second.
        _ = budget.reserve(1 << 20, on: link, at: seconds(1))
        #expect(budget.rate == 1 << 20)
        let waiting = budget.reserve(1 << 20, on: link, at: seconds(1))
        #expect(waiting == seconds(2.75))
        link.roll(to: seconds(2))
        let free = budget.reserve(1 << 20, on: link, at: seconds(2))
        #expect(free == seconds(2))
        #expect(budget.rate == nil)
    }

    @Test("Clients that have just come are given way at once, before a second of them was seen")
    func atOnce() {
        var link = LinkEstimate(startedAt: 0)
        link.carried(16 << 20, isForeground: false, at: 1)
        link.roll(to: seconds(1))
        #expect(BackgroundRate.share(1).rate(on: link) == 16 << 20)
        link.carried(1, isForeground: true, at: seconds(1.1))
        #expect(link.claimed == 16 << 20)
        #expect(BackgroundRate.share(1).rate(on: link) == 1 << 20)
        link.roll(to: seconds(2))
        #expect(BackgroundRate.share(1).rate(on: link) ?? 0 > 15 << 20)
    }
}
