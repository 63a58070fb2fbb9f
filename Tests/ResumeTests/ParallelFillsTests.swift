// How many fills run side by side, and how far is read ahead: events in, numbers out.

import Resume
import Testing

@Suite("ParallelFills: as many as bring something, and as the origin tolerates")
struct ParallelFillsTests {
    enum Event: Sendable {
        /// For six seconds, with as many open as may be: bytes per second in all.
        case runs(Int64)
        case runsWith(Int, Int64)
        case refused(Int)
    }

    struct Life: Sendable, CustomTestStringConvertible {
        var name: String
        var wished = 4
        var start = 2
        var events: [Event]
        var limits: [Int]
        var learnt: [OriginEvent] = []
        var testDescription: String { name }
    }

    @Test(
        "It climbs while each one makes the whole faster, and steps back where not",
        arguments: [
            Life(name: "off", wished: 1, start: 2, events: [.runs(100), .runs(1)], limits: [1, 1]),
            Life(
                name: "each brings as much as the first",
                events: [.runs(200), .runs(300), .runs(400), .runs(400)],
                limits: [3, 4, 4, 4],
                learnt: [.toleratedConnections(2), .toleratedConnections(3), .toleratedConnections(4)]
            ),
            Life(
                name: "the third brings nothing",
                events: [.runs(1000), .runs(1050), .runs(1000)],
                limits: [3, 2, 2],
                learnt: [.toleratedConnections(2)]
            ),
            Life(
                name: "the third brings a tenth",
                events: [.runs(1000), .runs(1100)],
                limits: [3, 4],
                learnt: [.toleratedConnections(2), .toleratedConnections(3)]
            ),
            Life(
                name: "fewer are open than may be: nothing is judged",
                events: [.runsWith(1, 100), .runsWith(1, 1)],
                limits: [2, 2]
            ),
            Life(
                name: "429 takes half of them, and none is added again",
                start: 4,
                events: [.runs(400), .refused(4), .runs(400), .runs(400)],
                limits: [4, 2, 2, 2],
                learnt: [.toleratedConnections(4), .tooManyConnections(4)]
            ),
            Life(
                name: "429 with one open leaves one",
                events: [.refused(1)],
                limits: [1],
                learnt: [.tooManyConnections(1)]
            ),
            Life(
                name: "it slows down: one less, and one less again",
                start: 4,
                events: [.runs(900), .runs(700), .runs(500), .runs(330)],
                limits: [4, 4, 3, 2],
                learnt: [.toleratedConnections(4)]
            ),
            Life(
                name: "never none",
                wished: 2,
                start: 1,
                events: [.refused(0), .runs(9), .runs(1)],
                limits: [1, 1, 1],
                learnt: [.tooManyConnections(0)]
            ),
        ]
    )
    func living(_ life: Life) {
        var fills = ParallelFills(wished: life.wished, start: life.start, startedAt: 0)
        var now: Int64 = 0
        var limits: [Int] = []
        var learnt: [OriginEvent] = []
        func run(_ open: Int, _ rate: Int64) {
            for _ in 0..<6 {
                now += 1_000_000_000
                if let event = fills.observed(open: open, bytesPerSecond: rate, at: now) {
                    learnt.append(event)
                    break
                }
                if fills.limit != open { break }
            }
        }
        for event in life.events {
            switch event {
            case .runs(let rate): run(fills.limit, rate)
            case .runsWith(let open, let rate): run(open, rate)
            case .refused(let open): learnt.append(fills.refused(open: open, at: now))
            }
            limits.append(fills.limit)
        }
        #expect(limits == life.limits)
        #expect(learnt == life.learnt)
    }

    @Test("Nothing is judged before the fills have run for five seconds together")
    func settling() {
        var fills = ParallelFills(wished: 4, start: 2, startedAt: 0)
        let early = fills.observed(open: 2, bytesPerSecond: 9, at: ParallelFills.settleNanoseconds - 1)
        let other = fills.observed(open: 1, bytesPerSecond: 9, at: ParallelFills.settleNanoseconds)
        let again = fills.observed(open: 2, bytesPerSecond: 9, at: 2 * ParallelFills.settleNanoseconds - 1)
        let late = fills.observed(open: 2, bytesPerSecond: 9, at: 2 * ParallelFills.settleNanoseconds)
        #expect([early, other, again] == [nil, nil, nil])
        #expect(late == .toleratedConnections(2))
    }
}

@Suite("ReadAhead: before a reader that jumps (R59)")
struct ReadAheadTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var limit: Int64 = 1 << 20
        var asked: [Range<Int64>]
        var bytes: [Int64]
        var testDescription: String { name }
    }

    private static let first = ReadAhead.first
    private static let near = ReadAhead.nearness

    @Test(
        "A little after a jump, twice as much with each request that goes on",
        arguments: [
            Case(name: "off, as by default", limit: 0, asked: [0..<10, 10..<20], bytes: [0, 0]),
            Case(name: "the first request", asked: [5000..<6000], bytes: [first]),
            Case(
                name: "piece by piece, up to the limit",
                asked: [0..<10, 10..<20, 20..<30, 30..<40],
                bytes: [first, first * 2, first * 4, first * 4]
            ),
            Case(
                name: "a jump begins anew",
                asked: [0..<10, 10..<20, 900_000..<900_010],
                bytes: [first, first * 2, first]
            ),
            Case(
                name: "a little further on, and a little before, still goes on",
                asked: [0..<10, (10 + near)..<(20 + near), 20..<30],
                bytes: [first, first * 2, first * 4]
            ),
            Case(name: "a byte too far is a jump", asked: [0..<10, (11 + near)..<(20 + near)], bytes: [first, first]),
            Case(name: "an open request asks by itself", asked: [0..<10, 10..<Int64.max], bytes: [first, 0]),
            Case(name: "and nothing goes on behind it", asked: [0..<Int64.max, 5..<10], bytes: [0, first]),
            Case(name: "the limit is less than the first step", limit: 7, asked: [0..<10, 10..<20], bytes: [7, 7]),
            Case(
                name: "no overflow",
                limit: .max,
                asked: Array(repeating: 0..<10, count: 50),
                bytes: (0..<50).map { $0 < 45 ? first << $0 : .max }
            ),
        ]
    )
    func growing(_ row: Case) {
        var readAhead = ReadAhead(limit: row.limit)
        let bytes = row.asked.map { range in
            readAhead.asked(for: range)
            return readAhead.bytes
        }
        #expect(bytes == row.bytes)
    }
}
