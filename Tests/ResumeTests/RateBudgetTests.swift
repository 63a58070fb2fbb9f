// Rates: how much may go and when, what several limits allow together, what the link is seen to carry, and how background
// work yields. Seconds are written as nanoseconds by `seconds(_:)`.

import Resume
import Testing

private func seconds(_ count: Double) -> Int64 { Int64((count * 1_000_000_000).rounded()) }

@Suite("RateBudget: how much may go, and when more may")
struct RateBudgetTests {
    struct Step: Sendable {
        var at: Double
        var spent: Int64 = 0
        var least: Int64 = 1
        var allowance: RateAllowance
    }

    struct Life: Sendable, CustomTestStringConvertible {
        var name: String
        var rate: Int64 = 1000
        var burst: Int64 = 500
        var steps: [Step]
        var testDescription: String { name }
    }

    @Test(
        "A budget begins full, refills with time, and never holds more than its burst",
        arguments: [
            Life(name: "at the beginning", steps: [Step(at: 0, allowance: .send(500))]),
            Life(
                name: "emptied, and waited for one byte",
                steps: [Step(at: 0, spent: 500, allowance: .waitUntil(seconds(0.001)))]
            ),
            Life(
                name: "emptied, and waited for more than one",
                steps: [Step(at: 0, spent: 500, least: 200, allowance: .waitUntil(seconds(0.2)))]
            ),
            Life(
                name: "more than the burst is not waited for",
                steps: [Step(at: 0, spent: 500, least: 9000, allowance: .waitUntil(seconds(0.5)))]
            ),
            Life(
                name: "refilled in part",
                steps: [
                    Step(at: 0, spent: 500, allowance: .waitUntil(seconds(0.001))),
                    Step(at: 0.3, allowance: .send(300)),
                ]
            ),
            Life(
                name: "refilled, and no more than that",
                steps: [
                    Step(at: 0, spent: 500, allowance: .waitUntil(seconds(0.001))),
                    Step(at: 900, allowance: .send(500)),
                ]
            ),
            Life(
                name: "what went too much is waited for",
                steps: [Step(at: 0, spent: 1500, allowance: .waitUntil(seconds(1.001)))]
            ),
            Life(
                name: "a debt of more than ten bursts is forgiven",
                steps: [Step(at: 0, spent: 1 << 60, allowance: .waitUntil(seconds(5.001)))]
            ),
            Life(
                name: "an instant before the last one changes nothing",
                steps: [
                    Step(at: 1, spent: 500, allowance: .waitUntil(seconds(1.001))),
                    Step(at: 0.5, allowance: .waitUntil(seconds(1.001))),
                ]
            ),
            Life(
                name: "one byte per second",
                rate: 1,
                burst: 1,
                steps: [
                    Step(at: 0, spent: 1, allowance: .waitUntil(seconds(1))),
                    Step(at: 0.999, allowance: .waitUntil(seconds(1))), Step(at: 1, allowance: .send(1)),
                ]
            ),
            Life(
                name: "a rate of nothing is one byte per second",
                rate: 0,
                burst: 0,
                steps: [Step(at: 0, spent: 1, allowance: .waitUntil(seconds(1)))]
            ),
        ]
    )
    func living(_ life: Life) {
        var budget = RateBudget(bytesPerSecond: life.rate, burst: life.burst, startedAt: 0)
        for step in life.steps {
            if step.spent > 0 { budget.spent(step.spent, at: seconds(step.at)) }
            let allowance = budget.allowance(at: seconds(step.at), least: step.least)
            #expect(allowance == step.allowance, "at \(step.at)")
        }
    }

    @Test("The largest rates and instants do not overflow")
    func extremes() {
        var budget = RateBudget(bytesPerSecond: .max, burst: .max, startedAt: .min)
        budget.spent(.max, at: .min)
        let allowances = [budget.allowance(at: .max), budget.allowance(at: .max, least: .max)]
        #expect(allowances == [.send(.max), .send(.max)])
    }

    @Test("Over a long time exactly the rate goes, however it is asked for", arguments: 1...6 as ClosedRange<UInt64>)
    func exact(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let rate = random.number(1..<5_000_000)
        let burst = random.number(1..<100_000)
        var budget = RateBudget(bytesPerSecond: rate, burst: burst, startedAt: 0)
        var now: Int64 = 0
        var sent: Int64 = 0
        for _ in 0..<2000 {
            switch budget.allowance(at: now, least: random.number(1..<2000)) {
            case .send(let bytes):
                let taken = random.number(1..<(bytes + 1))
                budget.spent(taken, at: now)
                sent += taken
            case .waitUntil(let instant):
                #expect(instant > now)
                now = instant
            }
        }
        let allowed = Double(burst) + Double(rate) * Double(now) / 1e9
        #expect(Double(sent) <= allowed + 1)
        #expect(Double(sent) >= allowed - Double(burst) - 1)
    }

    @Test("Another rate holds from its instant on")
    func changing() {
        var budget = RateBudget(bytesPerSecond: 1000, burst: 500, startedAt: 0)
        budget.spent(500, at: 0)
        budget.limit(to: 10, burst: 100, at: seconds(0.05))
        let allowances = [
            budget.allowance(at: seconds(0.05)), budget.allowance(at: seconds(1.05)),
            budget.allowance(at: seconds(100)),
        ]
        #expect(allowances == [.send(50), .send(60), .send(100)])
        #expect(RateBudget(bytesPerSecond: 1 << 20, startedAt: 0).burst == 1 << 18)
        #expect(RateBudget(bytesPerSecond: 10, startedAt: 0).burst == 65536)
    }

    @Test("Several limits allow what the tightest does")
    func combining() {
        #expect(RateAllowance.send(5).and(.send(3)) == .send(3))
        #expect(RateAllowance.send(5).and(.waitUntil(9)) == .waitUntil(9))
        #expect(RateAllowance.waitUntil(9).and(.send(5)) == .waitUntil(9))
        #expect(RateAllowance.waitUntil(9).and(.waitUntil(10)) == .waitUntil(10))
        #expect(RateAllowance.send(.max).and(.send(1)) == .send(1))
    }
}

@Suite("BackgroundRate: a share of what the link carries, and clients first")
struct BackgroundRateTests {
    struct Second: Sendable {
        var foreground: Int64
        var background: Int64
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var rate: BackgroundRate
        var seen: [Second] = []
        var allowed: Int64?
        var testDescription: String { name }
    }

    private static let mebibyte: Int64 = 1 << 20
    private static let alone = Second(foreground: 0, background: 16 * mebibyte)
    private static let busy = Second(foreground: 12 * mebibyte, background: 4 * mebibyte)
    private static let full = Second(foreground: 16 * mebibyte, background: 0)

    @Test(
        "How fast background work may be",
        arguments: [
            Case(name: "unlimited, nothing seen", rate: .unlimited, allowed: nil),
            Case(name: "unlimited, no clients", rate: .unlimited, seen: [alone], allowed: nil),
            Case(
                name: "unlimited, clients: what they leave, and a little",
                rate: .unlimited,
                seen: [busy],
                allowed: 5 * mebibyte
            ),
            Case(name: "unlimited, clients take it all", rate: .unlimited, seen: [full], allowed: mebibyte),
            Case(name: "fixed, nothing seen", rate: .fixed(5), allowed: 5),
            Case(name: "fixed, no clients", rate: .fixed(9 * mebibyte), seen: [alone], allowed: 9 * mebibyte),
            Case(name: "fixed, clients leave less", rate: .fixed(9 * mebibyte), seen: [busy], allowed: 5 * mebibyte),
            Case(name: "fixed, clients leave enough", rate: .fixed(mebibyte), seen: [busy], allowed: mebibyte),
            Case(name: "fixed at nothing", rate: .fixed(0), allowed: 1),
            Case(name: "share, nothing seen: it is measured by running", rate: .share(0.5), allowed: nil),
            Case(name: "share, no clients", rate: .share(0.5), seen: [alone], allowed: 8 * mebibyte),
            Case(name: "share, clients leave less", rate: .share(0.5), seen: [busy], allowed: 5 * mebibyte),
            Case(name: "share, clients leave enough", rate: .share(0.125), seen: [busy], allowed: 2 * mebibyte),
            Case(name: "share of nothing: it never stands still", rate: .share(0), seen: [alone], allowed: 65536),
            Case(name: "share beyond the whole", rate: .share(7), seen: [alone], allowed: 16 * mebibyte),
            Case(name: "no number", rate: .share(.nan), seen: [alone], allowed: nil),
            Case(
                name: "its own slowness is not the link's: the share does not spiral down",
                rate: .share(0.5),
                seen: [alone] + Array(repeating: Second(foreground: 0, background: mebibyte), count: 1000),
                allowed: 8 * mebibyte
            ),
            Case(
                name: "a second without clients ends the yielding",
                rate: .fixed(9 * mebibyte),
                seen: [full, alone],
                allowed: 9 * mebibyte
            ),
        ]
    )
    func yielding(_ row: Case) {
        var link = LinkEstimate(startedAt: 0)
        var now: Int64 = 0
        for second in row.seen {
            link.carried(second.foreground, isForeground: true, at: now + 1)
            link.carried(second.background, isForeground: false, at: now + 2)
            now += seconds(1)
            link.roll(to: now)
        }
        #expect(row.rate.rate(on: link) == row.allowed)
    }

    @Test("A link that became slower is noticed within minutes of clients")
    func slower() {
        var link = LinkEstimate(startedAt: 0)
        for second in Int64(0)..<300 {
            link.carried(second < 10 ? 16_000_000 : 1_000_000, isForeground: true, at: second * seconds(1) + 5)
        }
        link.roll(to: seconds(300))
        #expect((1_000_000..<1_500_000).contains(link.capacity))
    }

    @Test("The largest counts and instants do not overflow")
    func extremes() {
        var link = LinkEstimate(startedAt: .min)
        link.carried(.max, isForeground: true, at: .min)
        link.carried(.max, isForeground: false, at: .min)
        link.carried(.max, isForeground: true, at: .min)
        link.roll(to: .min + 1_000_000_000)
        #expect(link.capacity == .max)
        #expect(BackgroundRate.share(1).rate(on: link) != nil)
        #expect(BackgroundRate.share(0.999_999_999_999_999_9).rate(on: link) != nil)
        link.roll(to: .max)
    }
}
