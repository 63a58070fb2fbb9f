// The set of held bytes: tables for the edges, and a plain array of Bools as the model for everything else.

import Resume
import Testing

@Suite("ByteRangeSet: what is held, what is missing")
struct ByteRangeSetTests {
    struct Change: Sendable, CustomTestStringConvertible {
        let before: [Range<Int64>]
        let range: Range<Int64>
        let after: [Range<Int64>]
        var testDescription: String { "\(before) and \(range)" }
    }

    @Test(
        "An inserted range merges with every run that it overlaps or touches",
        arguments: [
            Change(before: [], range: 3..<5, after: [3..<5]),
            Change(before: [], range: 3..<3, after: []),
            Change(before: [10..<20], range: 0..<9, after: [0..<9, 10..<20]),
            Change(before: [10..<20], range: 0..<10, after: [0..<20]),
            Change(before: [10..<20], range: 20..<21, after: [10..<21]),
            Change(before: [10..<20], range: 21..<22, after: [10..<20, 21..<22]),
            Change(before: [10..<20], range: 12..<15, after: [10..<20]),
            Change(before: [10..<20, 30..<40], range: 20..<30, after: [10..<40]),
            Change(before: [10..<20, 30..<40], range: 15..<35, after: [10..<40]),
            Change(before: [10..<20, 30..<40, 50..<60], range: 0..<100, after: [0..<100]),
            Change(before: [10..<20, 30..<40, 50..<60], range: 25..<45, after: [10..<20, 25..<45, 50..<60]),
            Change(before: [0..<1], range: -5 ..< -1, after: [0..<1]),
            Change(before: [], range: -5..<5, after: [0..<5]),
            Change(before: [], range: 5..<Int64.max, after: [5..<Int64.max]),
            Change(before: [0..<5], range: 5..<Int64.max, after: [0..<Int64.max]),
        ]
    )
    func inserting(_ change: Change) {
        var set = ByteRangeSet(change.before)
        set.insert(change.range)
        #expect(set.ranges == change.after)
    }

    @Test(
        "A removed range leaves what lies before and behind it",
        arguments: [
            Change(before: [], range: 3..<5, after: []),
            Change(before: [10..<20], range: 12..<12, after: [10..<20]),
            Change(before: [10..<20], range: 0..<10, after: [10..<20]),
            Change(before: [10..<20], range: 20..<30, after: [10..<20]),
            Change(before: [10..<20], range: 10..<20, after: []),
            Change(before: [10..<20], range: 12..<15, after: [10..<12, 15..<20]),
            Change(before: [10..<20], range: 0..<11, after: [11..<20]),
            Change(before: [10..<20], range: 19..<30, after: [10..<19]),
            Change(before: [10..<20, 30..<40, 50..<60], range: 15..<55, after: [10..<15, 55..<60]),
            Change(before: [10..<20, 30..<40, 50..<60], range: 20..<50, after: [10..<20, 50..<60]),
            Change(before: [0..<Int64.max], range: 7..<8, after: [0..<7, 8..<Int64.max]),
        ]
    )
    func removing(_ change: Change) {
        var set = ByteRangeSet(change.before)
        set.remove(change.range)
        #expect(set.ranges == change.after)
    }

    @Test("Ranges in any order become sorted, disjoint runs that do not touch")
    func building() {
        let set = ByteRangeSet([30..<40, 5..<5, 0..<10, 10..<12, 35..<50, 60..<61, -3 ..< -1])
        #expect(set.ranges == [0..<12, 30..<50, 60..<61])
        #expect(set.byteCount == 33)
        #expect(!set.isEmpty)
        #expect(ByteRangeSet().isEmpty)
        #expect(ByteRangeSet([0..<Int64.max]).byteCount == Int64.max)
    }

    @Test("Questions about offsets are answered at the edges of runs")
    func asking() {
        let set = ByteRangeSet([10..<20, 30..<40])
        #expect(!set.contains(9) && set.contains(10) && set.contains(19) && !set.contains(20))
        #expect(set.contains(10..<20) && !set.contains(10..<21) && !set.contains(9..<12) && set.contains(25..<25))
        #expect(set.run(at: 19) == 10..<20)
        #expect(set.run(at: 20) == nil)
        #expect(set.runEnd(from: 10) == 20)
        #expect(set.runEnd(from: 20) == 20)
        #expect(set.runEnd(from: 100) == 100)
        #expect(set.next(atOrAfter: 0) == 10..<20)
        #expect(set.next(atOrAfter: 19) == 10..<20)
        #expect(set.next(atOrAfter: 20) == 30..<40)
        #expect(set.next(atOrAfter: 40) == nil)
        #expect(set.firstGap(in: 0..<50) == 0..<10)
        #expect(set.firstGap(in: 10..<50) == 20..<30)
        #expect(set.firstGap(in: 10..<25) == 20..<25)
        #expect(set.firstGap(in: 10..<20) == nil)
        #expect(set.firstGap(in: 35..<Int64.max) == 40..<Int64.max)
        #expect(set.gaps(in: 0..<50) == [0..<10, 20..<30, 40..<50])
        #expect(set.gaps(in: 12..<18) == [])
        #expect(set.intersection(15..<35).ranges == [15..<20, 30..<35])
        #expect(set.intersection(20..<30).isEmpty)
        #expect(set.heldBefore(20, limit: 100) == 10)
        #expect(set.heldBefore(20, limit: 4) == 4)
        #expect(set.heldBefore(15, limit: 100) == 5)
        #expect(set.heldBefore(10, limit: 100) == 0)
        #expect(set.heldBefore(21, limit: 100) == 0)
        #expect(set.heldBefore(0, limit: 100) == 0)
        #expect(set.heldBefore(20, limit: -1) == 0)
    }

    @Test("Offsets beyond 4 GiB are kept exactly")
    func largeOffsets() {
        let base: Int64 = 5 << 30
        var set = ByteRangeSet([base..<(base + 1)])
        set.insert((base + 1)..<(base + 2))
        #expect(set.ranges == [base..<(base + 2)])
        #expect(set.firstGap(in: 0..<(base + 5)) == 0..<base)
    }

    @Test(
        "Random steps agree with an array of Bools (a million: `make property`)",
        arguments: 1...8 as ClosedRange<UInt64>
    )
    func agreesWithModel(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let size: Int64 = 97
        var set = ByteRangeSet()
        var model = [Bool](repeating: false, count: Int(size))
        for step in 0..<PropertySteps.share(of: 8) {
            let range = random.range(below: size)
            switch random.number(0..<9) {
            case 0..<4:
                // Short ranges most of the time, so that there are many runs.
                let short = range.lowerBound..<min(range.upperBound, range.lowerBound + 4)
                set.insert(short)
                for offset in short { model[Int(offset)] = true }
            case 4..<7:
                let short = range.lowerBound..<min(range.upperBound, range.lowerBound + 6)
                set.remove(short)
                for offset in short { model[Int(offset)] = false }
            case 7:
                let others = (0..<random.number(0..<5)).map { _ in random.range(below: size) }
                let narrowed = others.map { $0.lowerBound..<min($0.upperBound, $0.lowerBound + 5) }
                set.formUnion(ByteRangeSet(narrowed))
                for offset in narrowed.joined() { model[Int(offset)] = true }
            default:
                let others = (0..<random.number(0..<5)).map { _ in random.range(below: size) }
                set.subtract(ByteRangeSet(others))
                for offset in others.joined() { model[Int(offset)] = false }
            }
            // A set that went wrong stays wrong: the walk over all answers need not follow every step.
            if step % 8 == 0, let difference = Self.difference(set, model, probe: random.range(below: size), size: size)
            {
                Issue.record("seed \(seed), step \(step): \(difference)")
                return
            }
        }
    }

    /// What is wrong with the set, compared with the model; every answer is worked out offset by offset.
    private static func difference(
        _ set: ByteRangeSet,
        _ model: [Bool],
        probe: Range<Int64>,
        size: Int64
    ) -> String? {
        func isHeld(_ offset: Int64) -> Bool { offset >= 0 && offset < size && model[Int(offset)] }
        func runs(_ inside: Range<Int64>, _ wanted: Bool) -> [Range<Int64>] {
            var runs: [Range<Int64>] = []
            for offset in inside where isHeld(offset) == wanted {
                if let last = runs.last, last.upperBound == offset {
                    runs[runs.count - 1] = last.lowerBound..<(offset + 1)
                } else {
                    runs.append(offset..<(offset + 1))
                }
            }
            return runs
        }
        let all = runs(0..<size, true)
        if set.ranges != all { return "runs \(set.ranges), model \(all)" }
        if set != ByteRangeSet(all) { return "equal sets are not equal" }
        if set.byteCount != Int64(model.filter { $0 }.count) { return "byteCount" }
        if set.isEmpty != !model.contains(true) { return "isEmpty" }
        if set.contains(probe) != probe.allSatisfy(isHeld) { return "contains \(probe)" }
        if set.gaps(in: probe) != runs(probe, false) { return "gaps \(probe)" }
        if set.firstGap(in: probe) != runs(probe, false).first { return "firstGap \(probe)" }
        if set.intersection(probe).ranges != runs(probe, true) { return "intersection \(probe)" }
        let offset = probe.lowerBound
        if set.contains(offset) != isHeld(offset) { return "contains \(offset)" }
        if set.run(at: offset) != all.first(where: { $0.contains(offset) }) { return "run \(offset)" }
        if set.runEnd(from: offset) != (offset...size).first(where: { !isHeld($0) }) { return "runEnd \(offset)" }
        if set.next(atOrAfter: offset) != all.first(where: { $0.upperBound > offset }) { return "next \(offset)" }
        let before = stride(from: offset - 1, through: 0, by: -1).prefix(while: isHeld).count
        if set.heldBefore(offset, limit: 7) != min(7, Int64(before)) { return "heldBefore \(offset)" }
        return nil
    }
}
