// Several fills of one large body, and bytes read ahead: one situation, one list of actions. 100 bytes are the least
// piece, 10 bytes of overlap, 2 s of patience.

import Resume
import Testing

@Suite("FillPlan: faster than one connection, still every byte once")
struct FillPlanSpeedTests {
    struct Situation: Sendable, CustomTestStringConvertible {
        var name: String
        var held: [Range<Int64>] = []
        var claims: [Claim] = []
        var wants: [Want] = []
        var background: [Range<Int64>] = []
        var completeLength: Int64? = 1000
        var parallel = 4
        var mayStart = 16
        var actions: [FillAction]
        var testDescription: String { name }
    }

    private static func claim(_ fill: Int, _ offset: Int64, _ end: Int64?, mayBeCut: Bool = true) -> Claim {
        Claim(fill: fill, offset: offset, end: end, bytesPerSecond: 1000, mayBeCut: mayBeCut)
    }

    private static func want(_ position: Int64, _ end: Int64?, ahead: Int64 = 0) -> Want {
        Want(reader: 1, position: position, end: end, readAhead: ahead)
    }

    private static func start(_ range: Range<Int64>, overlap: Int64 = 0) -> FillAction {
        .start(range, openEnd: range.upperBound == Int64.max, overlap: overlap)
    }

    @Test(
        "A large claim is shared among as many fills as may run, each half of what was left",
        arguments: [
            Situation(
                name: "the first split",
                claims: [claim(7, 0, 1000)],
                wants: [want(0, nil)],
                actions: [.cut(fill: 7, at: 500), start(500..<1000)]
            ),
            Situation(
                name: "what came already is not counted",
                held: [0..<200],
                claims: [claim(7, 200, 1000)],
                wants: [want(200, nil)],
                actions: [.cut(fill: 7, at: 600), start(600..<1000)]
            ),
            Situation(
                name: "the larger of two, and then the other",
                claims: [claim(7, 100, 400), claim(8, 400, 1000)],
                wants: [want(100, nil)],
                actions: [.cut(fill: 7, at: 250), .cut(fill: 8, at: 700), start(700..<1000), start(250..<400)]
            ),
            Situation(
                name: "one more may run: the larger",
                claims: [claim(7, 100, 400), claim(8, 400, 1000)],
                wants: [want(100, nil)],
                parallel: 3,
                actions: [.cut(fill: 8, at: 700), start(700..<1000)]
            ),
            Situation(
                name: "as many run as may",
                claims: [claim(7, 0, 500), claim(8, 500, 1000)],
                wants: [want(0, nil)],
                parallel: 2,
                actions: []
            ),
            Situation(
                name: "off, as by default",
                claims: [claim(7, 0, 1000)],
                wants: [want(0, nil)],
                parallel: 1,
                actions: []
            ),
            Situation(
                name: "no slot",
                claims: [claim(7, 0, 1000)],
                wants: [want(0, nil)],
                mayStart: 0,
                actions: []
            ),
            Situation(
                name: "not where ranges are not proven",
                claims: [claim(7, 0, 1000, mayBeCut: false)],
                wants: [want(0, nil)],
                actions: []
            ),
            Situation(
                name: "not where the length is not known",
                claims: [claim(7, 0, nil)],
                wants: [want(0, nil)],
                completeLength: nil,
                actions: []
            ),
            Situation(
                name: "an open claim whose length is known since",
                claims: [claim(7, 0, nil)],
                wants: [want(0, nil)],
                actions: [.cut(fill: 7, at: 500), start(500..<1000)]
            ),
            Situation(
                name: "the rest is too small",
                claims: [claim(7, 801, 1000)],
                wants: [want(801, nil)],
                actions: []
            ),
            Situation(
                name: "exactly two least pieces",
                claims: [claim(7, 800, 1000)],
                wants: [want(800, nil)],
                actions: [.cut(fill: 7, at: 900), start(900..<1000)]
            ),
            Situation(
                name: "what is held in the middle is not asked for, and compared",
                held: [490..<510],
                claims: [claim(7, 0, 1000)],
                wants: [want(0, nil)],
                actions: [.cut(fill: 7, at: 490), start(510..<1000, overlap: 10)]
            ),
            Situation(
                name: "nobody waits for the half that would be split off",
                claims: [claim(7, 0, 1000)],
                wants: [want(0, 500)],
                actions: []
            ),
            Situation(
                name: "a finisher does",
                claims: [claim(7, 0, 1000)],
                background: [0..<Int64.max],
                actions: [.cut(fill: 7, at: 500), start(500..<1000)]
            ),
            Situation(
                name: "a reader without its byte comes first: the split waits",
                claims: [claim(7, 0, 900)],
                wants: [want(0, nil), want(900, nil)],
                actions: [start(900..<1000)]
            ),
            Situation(
                name: "a fill that starts now is not split before it runs",
                wants: [want(0, nil)],
                actions: [start(0..<1000)]
            ),
        ]
    )
    func sharing(_ situation: Situation) { expect(situation) }

    @Test(
        "What is read ahead is asked for with what is waited for, or once nothing else is (R59)",
        arguments: [
            Situation(
                name: "one request for both",
                wants: [want(100, 200, ahead: 50)],
                parallel: 1,
                actions: [start(100..<250)]
            ),
            Situation(
                name: "up to the end of the body",
                wants: [want(900, 990, ahead: 500)],
                parallel: 1,
                actions: [start(900..<1000)]
            ),
            Situation(
                name: "the range is held: what lies behind it",
                held: [100..<200],
                wants: [want(100, 200, ahead: 50)],
                parallel: 1,
                actions: [start(200..<250, overlap: 10)]
            ),
            Situation(
                name: "some of that is held",
                held: [100..<230],
                wants: [want(100, 200, ahead: 50)],
                parallel: 1,
                actions: [start(230..<250, overlap: 10)]
            ),
            Situation(
                name: "all of that is held",
                held: [100..<250],
                wants: [want(100, 200, ahead: 50)],
                parallel: 1,
                actions: []
            ),
            Situation(
                name: "a fill is at work there",
                claims: [claim(7, 150, 220)],
                wants: [want(150, 200, ahead: 50)],
                parallel: 1,
                actions: []
            ),
            Situation(
                name: "a fill ends at the range: the next one goes on behind it",
                claims: [claim(7, 150, 200)],
                wants: [want(150, 200, ahead: 50)],
                parallel: 1,
                actions: [start(200..<250)]
            ),
            Situation(
                name: "another reader's need comes first",
                held: [100..<200],
                wants: [want(100, 200, ahead: 50), want(700, 800)],
                parallel: 1,
                actions: [start(700..<800)]
            ),
            Situation(
                name: "before what is finished",
                held: [100..<200],
                wants: [want(100, 200, ahead: 50)],
                background: [600..<700],
                parallel: 1,
                mayStart: 1,
                actions: [start(200..<250, overlap: 10)]
            ),
            Situation(
                name: "to the end anyway",
                held: [0..<1000],
                wants: [want(0, nil, ahead: 50)],
                parallel: 1,
                actions: []
            ),
            Situation(
                name: "no overflow",
                held: [100..<200],
                wants: [want(100, 200, ahead: .max)],
                completeLength: nil,
                parallel: 1,
                actions: [start(200..<Int64.max, overlap: 10)]
            ),
        ]
    )
    func ahead(_ situation: Situation) { expect(situation) }

    @Test("By default nothing is split: 1, and pieces of 4 MiB")
    func defaults() {
        #expect(FillPlan() == FillPlan(parallel: 1, leastPiece: 4 << 20))
        #expect(Want(reader: 1, position: 0, end: 10).readAhead == 0)
    }

    private func expect(_ situation: Situation) {
        let plan = FillPlan(
            gapThreshold: 20,
            overlapProbe: 10,
            patienceSeconds: 2,
            parallel: situation.parallel,
            leastPiece: 100
        )
        let actions = plan.actions(
            held: ByteRangeSet(situation.held),
            claims: situation.claims,
            wants: situation.wants,
            background: ByteRangeSet(situation.background),
            completeLength: situation.completeLength,
            mayStart: situation.mayStart
        )
        #expect(actions == situation.actions)
    }
}
