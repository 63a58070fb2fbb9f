// The fill machine in random lives: bytes come in pieces of any size, verdicts come late, claims are cut,
// the origin fails and is asked again, under a validator of the origin or under a rule. Checked is what each
// answer makes of the stored bytes.

import Resume
import Testing

@Suite("FillStateMachine: properties in random lives")
struct FillStateMachinePropertyTests {
    @Test("No held byte is written, no missing one compared, none outside the claim counts", arguments: [1, 2, 3, 4])
    func lives(block: UInt64) {
        var filled = 0
        var proofs = 0
        for seed in (block * 1000)..<(block * 1000 + 500) {
            var life = Life(seed: seed)
            life.run()
            if let fault = life.fault {
                Issue.record("seed \(seed): \(fault)")
                return
            }
            if life.isFilled { filled += 1 }
            proofs += life.proofs
        }
        #expect(proofs > 100, "lives in which no hole is closed under a rule would prove nothing")
        #expect(filled > 100, "lives that all fail would prove nothing")
    }
}

private struct Life {
    var fault: String?
    var isFilled = false
    /// How many holes were closed after what lies behind them was found equal.
    private(set) var proofs = 0

    private var random: SeededRandom
    private var machine: FillStateMachine
    private var held = ByteRangeSet()
    private let length: Int64
    private let first: Int64
    /// The next byte that the origin sends, and the end of its body.
    private var sent: Range<Int64> = 0..<0
    /// Bytes that came and were held back.
    private var kept: Int64 = 0
    /// 0: a validator of the origin.
    private let probeBehind: Int64
    private var setAside: Range<Int64>?
    /// Bytes found equal since the last one was set aside.
    private var equalSince: Int64 = 0
    private var wasCut = false

    init(seed: UInt64) {
        random = SeededRandom(seed: seed)
        length = random.number(20..<300)
        for _ in 0..<random.number(0..<6) {
            let start = random.number(0..<length)
            held.insert(start..<min(length, start + random.number(1..<12)))
        }
        let gaps = held.gaps(in: 0..<length)
        let gap = gaps.randomElement(using: &random) ?? 0..<length
        if gaps.isEmpty { held.remove(gap) }
        first = gap.lowerBound
        let end = random.number((first + 1)..<(length + 1))
        probeBehind = random.chance(oneIn: 2) ? 0 : random.number(1..<9)
        machine = FillStateMachine(
            range: first..<(random.chance(oneIn: 3) ? Int64.max : end),
            probeBehind: probeBehind
        )
    }

    mutating func run() {
        ask(machine.slotFree(overlap: overlap(at: first)))
        for _ in 0..<2000 where fault == nil {
            switch machine.state {
            case .filled(let range):
                isFilled = true
                if !held.contains(range) { fault = "filled \(range) of \(held.ranges)" }
                if range.lowerBound != first { fault = "filled \(range), begun at \(first)" }
                return
            case .failed:
                return
            case .waiting(let extent, _):
                if sent.isEmpty || random.chance(oneIn: 2) {
                    ask(machine.retryDue(overlap: overlap(at: extent.offset)))
                }
            case .comparing, .receiving:
                receive()
            case .queued, .asking, .parked:
                fault = "stuck in \(machine.state)"
            }
            if random.chance(oneIn: 40), let extent = machine.extent {
                let before = extent.end ?? Int64.max
                wasCut = true
                _ = machine.claimCut(at: random.number(extent.offset..<(length + 1)))
                if let after = machine.extent, after.end ?? Int64.max > before { fault = "a claim grew" }
            }
        }
        if fault == nil { fault = "never ended: \(machine.state)" }
    }

    private mutating func overlap(at offset: Int64) -> Int64 {
        held.heldBefore(offset, limit: random.number(0..<9))
    }

    private mutating func ask(_ request: FillRequest?) {
        guard let request else { return fault = "nothing to ask in \(machine.state)" }
        kept = 0
        setAside = nil
        let asked = request.asked
        let end = min(asked.end ?? length, length)
        guard asked.start < end else {
            _ = machine.foundComplete(at: length)
            return
        }
        // The origin may answer with a shorter span.
        sent = asked.start..<(random.chance(oneIn: 5) ? random.number((asked.start + 1)..<(end + 1)) : end)
        if machine.continued(span: sent, compareUntil: request.missing.lowerBound) == .unusable {
            fault = "\(sent) does not continue \(request)"
        }
    }

    private mutating func receive() {
        let arrived = min(random.number(0..<40), sent.upperBound - sent.lowerBound)
        sent = (sent.lowerBound + arrived)..<sent.upperBound
        var rest = kept + arrived
        kept = 0
        while rest > 0, fault == nil {
            switch machine.bytesReceived(rest, held: held) {
            case .write(let range, let filled):
                take(range, rest: &rest, position: sent.lowerBound)
                if !held.intersection(range).isEmpty { fault = "wrote the held bytes of \(range)" }
                if probeBehind > 0, !filled, held.contains(range.upperBound) { fault = "joined \(range) unproved" }
                held.insert(range)
                if filled { return }
            case .setAside(let range):
                take(range, rest: &rest, position: sent.lowerBound)
                if probeBehind == 0 { fault = "set \(range) aside under a validator of the origin" }
                if !held.intersection(range).isEmpty || !held.contains(range.upperBound) {
                    fault = "set \(range) aside, held \(held.ranges)"
                }
                setAside = range
                equalSince = 0
                wasCut = false
            case .compare(let range):
                take(range, rest: &rest, position: sent.lowerBound)
                if !held.contains(range) { fault = "compared the missing bytes of \(range)" }
                if random.chance(oneIn: 2) {
                    // The verdict is late; meanwhile more may come.
                    let extra = min(3, sent.upperBound - sent.lowerBound)
                    sent = (sent.lowerBound + extra)..<sent.upperBound
                    rest += extra
                    if rest > 0, machine.bytesReceived(rest, held: held) != .hold {
                        fault = "took bytes before the verdict"
                    }
                }
                equalSince += range.upperBound - range.lowerBound
                switch machine.compared(equal: !random.chance(oneIn: 60)) {
                case .goOn: break
                case .writeSetAside(let range, let filled):
                    proved(range)
                    if filled { return }
                case .filled, .rejected, .nothing: return
                }
            case .hold:
                fault = "held back though no verdict is pending"
            case .discard:
                if machine.isActive { fault = "discarded in \(machine.state)" }
                return
            }
        }
        if fault == nil, machine.hasConnection, sent.isEmpty || random.chance(oneIn: 25) {
            _ = machine.bodyEnded(complete: sent.isEmpty, resumable: !random.chance(oneIn: 20))
            sent = 0..<0
        }
    }

    /// What was set aside is written: as much behind it has been compared as there is to compare.
    private mutating func proved(_ range: Range<Int64>) {
        if setAside != range { fault = "wrote \(range), set aside was \(String(describing: setAside))" }
        if !held.intersection(range).isEmpty { fault = "wrote the held bytes of \(range)" }
        let behind = held.runEnd(from: range.upperBound)
        let end = machine.extent.map { $0.end ?? Int64.max } ?? range.upperBound + equalSince
        if !wasCut, equalSince < min(probeBehind, min(behind, end) - range.upperBound) {
            fault = "closed the hole at \(range) after \(equalSince) equal bytes"
        }
        setAside = nil
        held.insert(range)
        proofs += 1
    }

    /// The machine takes bytes from the front: they must be the next ones of the origin's body.
    private mutating func take(_ range: Range<Int64>, rest: inout Int64, position: Int64) {
        if range.lowerBound != position - rest { fault = "\(range) taken, but the next byte is \(position - rest)" }
        if let end = machine.extent?.end, range.upperBound > max(end, first), !held.contains(range) {
            fault = "\(range) beyond the claim's end \(end)"
        }
        rest -= range.upperBound - range.lowerBound
        if rest < 0 { fault = "more taken than there was" }
    }
}
