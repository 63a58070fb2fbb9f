// What is asked of the origin: one situation, one list of actions. The numbers are small; the defaults are
// looked at once.

import Resume
import Testing

@Suite("FillPlan: every byte once")
struct FillPlanTests {
    struct Situation: Sendable, CustomTestStringConvertible {
        var name: String
        var held: [Range<Int64>] = []
        var claims: [Claim] = []
        var wants: [Want] = []
        var background: [Range<Int64>] = []
        var completeLength: Int64? = 1000
        var mayStart = 16
        var actions: [FillAction]
        var testDescription: String { name }
    }

    /// Runs up to 20 bytes are read through, 10 bytes of overlap, 2 s of patience.
    private static let plan = FillPlan(gapThreshold: 20, overlapProbe: 10, patienceSeconds: 2)

    private static func claim(
        _ fill: Int,
        _ offset: Int64,
        _ end: Int64?,
        rate: Int64 = 0,
        mayBeCut: Bool = true
    ) -> Claim {
        Claim(fill: fill, offset: offset, end: end, bytesPerSecond: rate, mayBeCut: mayBeCut)
    }

    private static func want(_ position: Int64, _ end: Int64?) -> Want {
        Want(reader: 1, position: position, end: end)
    }

    private static func start(_ range: Range<Int64>, overlap: Int64 = 0) -> FillAction {
        .start(range, openEnd: range.upperBound == Int64.max, overlap: overlap)
    }

    @Test("The defaults are those of the architecture: 16 KiB, 16 KiB, 2 s")
    func defaults() {
        #expect(FillPlan() == FillPlan(gapThreshold: 16 << 10, overlapProbe: 16 << 10, patienceSeconds: 2))
    }

    @Test(
        "A want that nobody brings is started, with an exact end wherever it is known (resume-rules 4)",
        arguments: [
            Situation(name: "nothing wanted, nothing done", actions: []),
            Situation(name: "cold, whole", wants: [want(0, nil)], actions: [start(0..<1000)]),
            Situation(
                name: "cold, length unknown: open end",
                wants: [want(0, nil)],
                completeLength: nil,
                actions: [start(0..<Int64.max)]
            ),
            Situation(name: "cold range", wants: [want(100, 200)], actions: [start(100..<200)]),
            Situation(
                name: "cold range, length unknown: exact end of the range",
                wants: [want(100, 200)],
                completeLength: nil,
                actions: [start(100..<200)]
            ),
            Situation(name: "range beyond the end is clamped", wants: [want(900, 5000)], actions: [start(900..<1000)]),
            Situation(name: "wants behind the end need nothing", wants: [want(1000, 5000)], actions: []),
            Situation(name: "held wholly", held: [0..<1000], wants: [want(0, nil)], actions: []),
            Situation(name: "held as far as wanted", held: [0..<200], wants: [want(0, 200)], actions: []),
            Situation(
                name: "held prefix: from the first missing byte, with an overlap",
                held: [0..<300],
                wants: [want(0, nil)],
                actions: [start(300..<1000, overlap: 10)]
            ),
            Situation(
                name: "short prefix: the overlap is what is held",
                held: [0..<4],
                wants: [want(0, nil)],
                actions: [start(4..<1000, overlap: 4)]
            ),
            Situation(
                name: "held prefix, length unknown",
                held: [0..<300],
                wants: [want(0, nil)],
                completeLength: nil,
                actions: [start(300..<Int64.max, overlap: 10)]
            ),
            Situation(
                name: "the overlap does not reach over a gap",
                held: [0..<100, 195..<200],
                wants: [want(195, nil)],
                actions: [start(200..<1000, overlap: 5)]
            ),
            Situation(
                name: "a long held run ends it, the next hole is asked for anew",
                held: [300..<321],
                wants: [want(0, nil)],
                actions: [start(0..<300)]
            ),
            Situation(
                name: "a short held run is read through",
                held: [300..<320],
                wants: [want(0, nil)],
                actions: [start(0..<1000)]
            ),
            Situation(
                name: "held bytes at the end of the want are never asked for",
                held: [990..<1000],
                wants: [want(0, nil)],
                actions: [start(0..<990)]
            ),
            Situation(
                name: "held tail, length unknown: the long run bounds it",
                held: [900..<1000],
                wants: [want(0, nil)],
                completeLength: nil,
                actions: [start(0..<900)]
            ),
            Situation(
                name: "up to the next claim",
                claims: [claim(7, 400, 1000)],
                wants: [want(0, nil)],
                actions: [start(0..<400)]
            ),
            Situation(
                name: "up to the held bytes right before the next claim",
                held: [390..<400],
                claims: [claim(7, 400, 1000)],
                wants: [want(0, nil)],
                actions: [start(0..<390)]
            ),
            Situation(name: "no slot, nothing done", wants: [want(0, nil)], mayStart: 0, actions: []),
            Situation(
                name: "two readers on the same first missing byte: one request for both",
                held: [0..<50],
                wants: [want(0, 100), want(20, 700)],
                actions: [start(50..<700, overlap: 10)]
            ),
            Situation(
                name: "four disjoint ranges: four requests, in order, as slots allow",
                wants: [want(750, 1000), want(0, 250), want(500, 750), want(250, 500)],
                mayStart: 3,
                actions: [start(0..<250), start(250..<500), start(500..<750)]
            ),
            Situation(
                name: "a reader inside what another's request brings waits for it",
                wants: [want(0, 500), want(300, 400)],
                actions: [start(0..<500)]
            ),
        ]
    )
    func starting(_ situation: Situation) { expect(situation) }

    @Test(
        "A reader waits for a fill that will come by within the patience, and else takes its claim over there",
        arguments: [
            Situation(
                name: "at the fill's head",
                claims: [claim(7, 300, 1000, rate: 1)],
                wants: [want(300, nil)],
                actions: []
            ),
            Situation(
                name: "exactly two seconds ahead",
                claims: [claim(7, 100, 1000, rate: 100)],
                wants: [want(300, nil)],
                actions: []
            ),
            Situation(
                name: "more than two seconds ahead",
                claims: [claim(7, 100, 1000, rate: 100)],
                wants: [want(301, nil)],
                actions: [.cut(fill: 7, at: 301), start(301..<1000)]
            ),
            Situation(
                name: "the rest of the claim is taken over, though the reader wants less of it",
                claims: [claim(7, 0, 1000, rate: 1)],
                wants: [want(500, 510)],
                actions: [.cut(fill: 7, at: 500), start(500..<1000)]
            ),
            Situation(
                name: "open claim, length unknown",
                claims: [claim(7, 0, nil, rate: 1)],
                wants: [want(500, nil)],
                completeLength: nil,
                actions: [.cut(fill: 7, at: 500), start(500..<Int64.max)]
            ),
            Situation(
                name: "open claim, length known since",
                claims: [claim(7, 0, nil, rate: 1)],
                wants: [want(500, nil)],
                actions: [.cut(fill: 7, at: 500), start(500..<1000)]
            ),
            Situation(
                name: "the old fill ends before the held bytes in front of the reader's byte",
                held: [490..<500],
                claims: [claim(7, 0, 1000, rate: 1)],
                wants: [want(490, nil)],
                actions: [.cut(fill: 7, at: 490), start(500..<1000, overlap: 10)]
            ),
            Situation(
                name: "a fill that only compares held bytes before the reader's byte is waited for",
                held: [490..<500],
                claims: [claim(7, 490, 1000, rate: 1)],
                wants: [want(500, nil)],
                actions: []
            ),
            Situation(
                name: "rate unknown",
                claims: [claim(7, 0, 1000)],
                wants: [want(900, nil)],
                actions: []
            ),
            Situation(
                name: "not to be cut",
                claims: [claim(7, 0, 1000, rate: 1, mayBeCut: false)],
                wants: [want(900, nil)],
                actions: []
            ),
            Situation(
                name: "no slot: a cut without a start would lose the bytes",
                claims: [claim(7, 0, 1000, rate: 1)],
                wants: [want(900, nil)],
                mayStart: 0,
                actions: []
            ),
            Situation(
                name: "a rate so large that the reach overflows",
                claims: [claim(7, 0, nil, rate: Int64.max)],
                wants: [want(900, nil)],
                actions: []
            ),
            Situation(
                name: "two readers far ahead: one cut, the second waits for the new fill",
                claims: [claim(7, 0, 1000, rate: 1)],
                wants: [want(800, nil), want(500, nil)],
                actions: [.cut(fill: 7, at: 500), start(500..<1000)]
            ),
            Situation(
                name: "behind a claim's end nobody comes by",
                claims: [claim(7, 0, 500, rate: 100_000)],
                wants: [want(500, nil)],
                actions: [start(500..<1000)]
            ),
        ]
    )
    func waiting(_ situation: Situation) { expect(situation) }

    @Test(
        "A running fill ends early where the bytes ahead of it are held or claimed (invariant 6)",
        arguments: [
            Situation(
                name: "long held run ahead",
                held: [600..<700],
                claims: [claim(7, 100, 1000)],
                actions: [.cut(fill: 7, at: 600)]
            ),
            Situation(
                name: "long held run ahead, and a reader behind it",
                held: [600..<700],
                claims: [claim(7, 100, 1000)],
                wants: [want(650, nil)],
                actions: [.cut(fill: 7, at: 600), start(700..<1000, overlap: 10)]
            ),
            Situation(
                name: "held tail, open claim, length unknown",
                held: [600..<1000],
                claims: [claim(7, 100, nil)],
                completeLength: nil,
                actions: [.cut(fill: 7, at: 600)]
            ),
            Situation(
                name: "short held run ahead: read through",
                held: [600..<620],
                claims: [claim(7, 100, 1000)],
                actions: []
            ),
            Situation(
                name: "inside a long held run: it is comparing its overlap",
                held: [0..<300],
                claims: [claim(7, 290, 1000)],
                actions: []
            ),
            Situation(
                name: "what cannot be asked for again is not cut for a held run",
                held: [600..<700],
                claims: [claim(7, 100, 1000, mayBeCut: false)],
                actions: []
            ),
            Situation(
                name: "another claim ahead ends even that",
                claims: [claim(8, 600, 700), claim(7, 100, nil, mayBeCut: false)],
                actions: [.cut(fill: 7, at: 600)]
            ),
            Situation(
                name: "another claim ahead, held bytes right before it",
                held: [595..<600],
                claims: [claim(7, 100, 1000), claim(8, 600, 1000)],
                actions: [.cut(fill: 7, at: 595)]
            ),
            Situation(
                name: "claims that touch are left alone",
                claims: [claim(7, 100, 600), claim(8, 600, 1000)],
                actions: []
            ),
            Situation(name: "an open claim ends with the length by itself", claims: [claim(7, 100, nil)], actions: []),
            Situation(
                name: "a claim cut for a held run and taken over before it is cut once",
                held: [600..<700],
                claims: [claim(7, 100, 1000, rate: 1)],
                wants: [want(300, nil)],
                actions: [.cut(fill: 7, at: 300), start(300..<600)]
            ),
        ]
    )
    func ending(_ situation: Situation) { expect(situation) }

    @Test(
        "What readers that left had asked for is finished where no reader needs a start (resume-rules 6)",
        arguments: [
            Situation(
                name: "first hole",
                held: [0..<100],
                background: [0..<1000],
                actions: [start(100..<1000, overlap: 10)]
            ),
            Situation(
                name: "never widened beyond what was asked for",
                background: [200..<300, 500..<600],
                actions: [start(200..<300)]
            ),
            Situation(
                name: "the next one when the first is held",
                held: [200..<300],
                background: [200..<300, 500..<600],
                actions: [start(500..<600)]
            ),
            Situation(
                name: "one hole at a time",
                claims: [claim(7, 250, 300)],
                background: [200..<300, 500..<600],
                actions: []
            ),
            Situation(
                name: "a fill elsewhere does not hold it up",
                claims: [claim(7, 700, 800)],
                background: [200..<300],
                actions: [start(200..<300)]
            ),
            Situation(
                name: "a reader that waits for a fill does not hold it up",
                claims: [claim(7, 700, 800)],
                wants: [want(700, 800)],
                background: [200..<300],
                actions: [start(200..<300)]
            ),
            Situation(
                name: "readers first",
                wants: [want(700, 800)],
                background: [200..<300],
                actions: [start(700..<800)]
            ),
            Situation(
                name: "readers first, also where they got no slot",
                wants: [want(0, 100), want(700, 800)],
                background: [200..<300],
                mayStart: 1,
                actions: [start(0..<100)]
            ),
            Situation(name: "no slot", background: [200..<300], mayStart: 0, actions: []),
            Situation(
                name: "to the end of a body of unknown length",
                held: [0..<100],
                background: [0..<Int64.max],
                completeLength: nil,
                actions: [start(100..<Int64.max, overlap: 10)]
            ),
            Situation(
                name: "to the end of a body whose length is known since",
                held: [0..<100],
                background: [0..<Int64.max],
                actions: [start(100..<1000, overlap: 10)]
            ),
            Situation(name: "all held", held: [0..<1000], background: [0..<Int64.max], actions: []),
        ]
    )
    func finishing(_ situation: Situation) { expect(situation) }

    private func expect(_ situation: Situation) {
        let actions = Self.plan.actions(
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
