// The world of FillPlan's property test: an origin that fails, fills of different speed, readers that come and leave,
// and beside all that a model of the body, byte for byte. It carries the plan's actions out as they are said, and says
// at once what is wrong with them.

import Resume

struct FillPlanWorld {
    var held = ByteRangeSet()
    var claims: [Claim] = []
    var wants: [Want] = []
    var background = ByteRangeSet()
    var isCalm = false
    var fault: String?
    private(set) var started = 0
    private(set) var openStarts = 0
    private(set) var cuts = 0
    /// Claims that were shared among two fills for speed.
    private(set) var splits = 0
    /// Fills that were started for nothing but bytes behind the end of a want.
    private(set) var aheads = 0
    /// Bytes that came and were missing.
    private(set) var brought: Int64 = 0
    /// Bytes that came and were held.
    private(set) var compared: Int64 = 0
    /// Those of them that lie behind a hole, under a rule.
    private(set) var proofs = 0

    private var random: SeededRandom
    private let plan: FillPlan
    private let length: Int64
    private(set) var model: NaiveBody
    /// Steps lived so far.
    private(set) var steps = 0
    private var knownLength: Int64?
    private var names = 0
    private(set) var heldBefore: Int64 = 0

    init(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        plan = FillPlan(
            gapThreshold: random.number(0..<12),
            overlapProbe: random.number(0..<9),
            patienceSeconds: random.number(0..<3),
            validatorIsByRule: random.chance(oneIn: 2),
            leastProbeByRule: random.number(1..<9),
            parallel: Int(random.number(1..<6)),
            leastPiece: random.number(1..<60)
        )
        length = random.chance(oneIn: 4) ? random.number(300..<1500) : random.number(30..<300)
        model = NaiveBody(length: length)
        knownLength = random.chance(oneIn: 3) ? nil : length
        // Some of it was stored before, in runs of every size.
        for _ in 0..<random.number(0..<20) {
            let start = random.number(0..<length)
            let run = start..<min(length, start + random.number(1..<20))
            held.insert(run)
            model.holdBefore(run)
        }
        heldBefore = held.byteCount
        self.random = random
    }

    var isUnserved: Bool {
        wants.contains { held.runEnd(from: $0.position) < min($0.end ?? length, length) }
            || background.intersection(0..<length).ranges.contains { !held.contains($0) }
    }

    /// Every byte that a reader waits for, or that is to be finished, is there with the origin's value.
    var isServedByModel: Bool {
        wants.allSatisfy { model.isServed($0.position..<max($0.position, min($0.end ?? length, length))) }
            && background.intersection(0..<length).ranges.allSatisfy { model.isServed($0) }
    }

    mutating func live() {
        steps += 1
        if !isCalm { disturb() }
        let mayStart = isCalm ? 4 : Int(random.number(0..<4))
        let actions = plan.actions(
            held: held,
            claims: claims.shuffled(using: &random),
            wants: wants.shuffled(using: &random),
            background: background,
            completeLength: knownLength,
            mayStart: mayStart
        )
        carryOut(actions, mayStart: mayStart)
        if fault == nil { fault = overlappingClaims }
        if fault == nil { receive() }
        // The walk over all cells is dear; what a wrong step does stays wrong.
        if fault == nil, steps % 8 == 0, held.ranges != model.runs {
            fault = "held \(held.ranges), the model \(model.runs)"
        }
    }

    /// Invariant 6, pair by pair.
    private var overlappingClaims: String? {
        // One that has brought its last byte has nothing left to overlap with.
        let claims = claims.filter { $0.offset < $0.end ?? Int64.max }
        for (index, one) in claims.enumerated() {
            for other in claims[(index + 1)...]
            where one.offset < other.end ?? Int64.max && other.offset < one.end ?? Int64.max {
                return "\(one) and \(other) overlap"
            }
        }
        return nil
    }

    // MARK: What happens by itself

    private mutating func disturb() {
        if random.chance(oneIn: 5) {
            let range = random.range(below: length + 10)
            names += 1
            wants.append(
                Want(
                    reader: names,
                    position: range.lowerBound,
                    end: random.chance(oneIn: 3) ? nil : range.upperBound,
                    readAhead: random.chance(oneIn: 2) ? random.number(0..<60) : 0
                )
            )
        }
        if random.chance(oneIn: 10), let index = wants.indices.randomElement(using: &random) {
            // A reader leaves; what it asked for is finished, as far as it goes.
            let want = wants.remove(at: index)
            let end = want.end ?? Int64.max
            if want.position < end { background.insert(want.position..<end) }
        }
        if random.chance(oneIn: 15), let index = claims.indices.randomElement(using: &random) {
            // The origin fails, and the claim is given up.
            claims.remove(at: index)
        }
        for index in claims.indices where random.chance(oneIn: 4) {
            claims[index].bytesPerSecond = random.number(0..<12)
        }
    }

    /// One fill brings some bytes, one by one.
    private mutating func receive() {
        guard let index = claims.indices.randomElement(using: &random) else { return }
        for _ in 0..<random.number(1..<20) {
            let claim = claims[index]
            if claim.offset >= min(claim.end ?? length, length) {
                if claim.end == nil { knownLength = length }
                claims.remove(at: index)
                return
            }
            if let run = held.run(at: claim.offset) {
                compared += 1
                // Under a rule it reads on as far as is to be compared (resume-rules 11).
                let isProof = plan.validatorIsByRule && (claim.end ?? length) - claim.offset <= plan.probeBehind
                if isProof { proofs += 1 }
                if claim.mayBeCut, run.upperBound - claim.offset > plan.gapThreshold, !isProof {
                    fault = "fill \(claim.fill) reads on over \(run)"
                    return
                }
            } else {
                brought += 1
            }
            let wasHeld = model.isHeld(claim.offset)
            guard wasHeld == held.contains(claim.offset) else {
                return fault = "byte \(claim.offset) is held or not: the set and the model differ"
            }
            guard model.arrived(model.sent(claim.offset), at: claim.offset) else {
                return fault = "byte \(claim.offset) differs from what is stored"
            }
            held.insert(claim.offset..<(claim.offset + 1))
            claims[index].offset += 1
        }
    }

    // MARK: What the plan says

    private mutating func carryOut(_ actions: [FillAction], mayStart: Int) {
        var starts = 0
        for action in actions {
            switch action {
            case .cut(let fill, let cut):
                guard starts == 0 else { return fault = "a cut after a start: \(actions)" }
                guard let index = claims.firstIndex(where: { $0.fill == fill }) else {
                    return fault = "cut of the unknown fill \(fill)"
                }
                guard cut > claims[index].offset, cut < claims[index].end ?? Int64.max else {
                    return fault = "cut at \(cut) of \(claims[index])"
                }
                if claims[index].mayBeCut, shares(claims[index], at: cut, actions) { splits += 1 }
                claims[index].end = cut
                cuts += 1
            case .start(let range, let openEnd, let overlap):
                starts += 1
                begin(range, openEnd: openEnd, overlap: overlap)
            }
            if fault != nil { return }
        }
        if starts > mayStart { return fault = "\(starts) starts of \(mayStart)" }
        // Whoever lacks a byte is served by a claim now, unless the slots were used up.
        guard starts < mayStart else { return }
        for want in wants {
            let first = held.runEnd(from: want.position)
            guard first < min(want.end ?? Int64.max, knownLength ?? Int64.max), first < length else { continue }
            if !claims.contains(where: { $0.offset <= first && first < $0.end ?? Int64.max }) {
                return fault = "\(want) lacks \(first) and nobody brings it: \(actions)"
            }
        }
    }

    /// What is wanted, and what is read ahead of it.
    private func reach(of want: Want) -> Int64 {
        guard let end = want.end else { return Int64.max }
        return end + want.readAhead
    }

    /// Whether the cut is for speed: another fill starts inside, and no reader waits at its first byte.
    private func shares(_ claim: Claim, at cut: Int64, _ actions: [FillAction]) -> Bool {
        for case .start(let range, _, _) in actions
        where range.lowerBound >= cut && range.lowerBound < claim.end ?? Int64.max {
            return !wants.contains { held.runEnd(from: $0.position) == range.lowerBound }
        }
        return false
    }

    /// The end of the last hole of a claim.
    private func lastMissing(of range: Range<Int64>) -> Int64 {
        held.gaps(in: range).last?.upperBound ?? range.lowerBound
    }

    /// Where a claim with these holes has to end: behind the last of them, and under a rule behind as many held bytes
    /// as are to be compared and nobody else claims.
    private func end(of range: Range<Int64>) -> Int64 {
        let hole = lastMissing(of: range)
        guard plan.validatorIsByRule else { return hole }
        let claimed = claims.map(\.offset).filter { $0 >= hole }.min() ?? Int64.max
        return hole + min(plan.probe, min(held.runEnd(from: hole), claimed) - hole)
    }

    private mutating func begin(_ range: Range<Int64>, openEnd: Bool, overlap: Int64) {
        started += 1
        if openEnd { openStarts += 1 }
        guard !range.isEmpty, openEnd == (range.upperBound == Int64.max) else {
            return fault = "start \(range), open: \(openEnd)"
        }
        if let knownLength, range.upperBound > knownLength { return fault = "start \(range) of \(knownLength)" }
        if model.isHeld(range.lowerBound) { return fault = "start at the held byte \(range.lowerBound)" }
        if !model.isHeld((range.lowerBound - overlap)..<range.lowerBound) {
            return fault = "the overlap \(overlap) before \(range.lowerBound) is not held"
        }
        if !openEnd, range.upperBound != end(of: range) { return fault = "the end of \(range), held \(held.ranges)" }
        if overlap != held.heldBefore(range.lowerBound, limit: plan.probe) {
            return fault = "overlap \(overlap) at \(range)"
        }
        let holes = range.lowerBound..<lastMissing(of: range)
        for run in held.intersection(holes).ranges where run.upperBound - run.lowerBound > plan.gapThreshold {
            return fault = "start \(range) over \(run)"
        }
        let isWanted =
            wants.contains { $0.position <= range.lowerBound && range.lowerBound < reach(of: $0) }
            || background.contains(range.lowerBound)
        guard isWanted else { return fault = "nobody wants \(range)" }
        let isWaitedFor = wants.contains { $0.position <= range.lowerBound && range.lowerBound < $0.end ?? Int64.max }
        if !isWaitedFor, !background.contains(range.lowerBound) { aheads += 1 }
        for claim in claims
        where max(claim.offset, range.lowerBound) < min(claim.end ?? Int64.max, range.upperBound) {
            return fault = "start \(range) over \(claim)"
        }
        // The overlap is compared before the first byte counts.
        compared += overlap
        guard range.lowerBound < length else {
            // 416: the origin tells its length.
            knownLength = length
            return
        }
        names += 1
        claims.append(
            Claim(
                fill: names,
                offset: range.lowerBound,
                end: openEnd ? nil : range.upperBound,
                bytesPerSecond: 0,
                mayBeCut: !random.chance(oneIn: 5)
            )
        )
    }
}
