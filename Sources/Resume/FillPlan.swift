// What is asked of the origin: from what is held, what running fills have claimed and what readers wait
// for, to the fills that start and the claims that end early (architecture, "Fills: every byte once").
// A pure function, asked again after every change. It knows neither sockets nor the store, and it sees
// one version of one representation at a time. Invariant 6 is kept here: at most one fill over any byte.

/// The bytes that a running fill is to bring. No other fill may bring them.
package struct Claim: Equatable, Sendable {
    package let fill: Int
    /// The next byte to be received.
    package var offset: Int64
    /// Exclusive; nil means until the body ends.
    package var end: Int64?
    /// 0 where it is not known.
    package var bytesPerSecond: Int64
    /// Whether what is cut off can be asked for again: a strong validator, and ranges not refused.
    package var mayBeCut: Bool

    package init(fill: Int, offset: Int64, end: Int64?, bytesPerSecond: Int64, mayBeCut: Bool) {
        self.fill = fill
        self.offset = offset
        self.end = end
        self.bytesPerSecond = bytesPerSecond
        self.mayBeCut = mayBeCut
    }
}

/// What a reader still wants: from its position on, to `end`.
package struct Want: Equatable, Sendable {
    package let reader: Int
    package var position: Int64
    /// Exclusive; nil means to the end of the body.
    package var end: Int64?
    /// So many bytes behind `end` are fetched too, where nothing that is waited for needs the fill (`ReadAhead`). They
    /// count as asked for: what cuts claims to what was asked for has to know of them.
    package var readAhead: Int64

    package init(reader: Int, position: Int64, end: Int64?, readAhead: Int64 = 0) {
        self.reader = reader
        self.position = position
        self.end = end
        self.readAhead = readAhead
    }

    /// Exclusive end of what is wanted and read ahead, in a body of this length.
    func reach(_ length: Int64) -> Int64 {
        guard let end, end < length else { return length }
        return min(length, end + min(max(0, readAhead), Int64.max - end))
    }
}

package enum FillAction: Equatable, Sendable {
    /// Start a fill that claims this range, and ask the origin from `overlap` bytes before it: those are
    /// held, and compared. `openEnd`: the end is not known, ask `bytes=a-`; the upper bound is `Int64.max`.
    case start(Range<Int64>, openEnd: Bool, overlap: Int64)
    /// The fill's claim ends here (exclusive) from now on.
    case cut(fill: Int, at: Int64)
}

package struct FillPlan: Sendable, Equatable {
    /// A body has at most so many extents; what would add to them is not stored (hardening 2.2 item 2).
    package static let extentLimit = 4096

    /// A held run of at most so many bytes is read through and compared: cheaper than a new request.
    package var gapThreshold: Int64
    /// How many held bytes before a hole are asked for again and compared (resume-rules 11).
    package var overlapProbe: Int64
    /// A reader that is further ahead of a fill than this does not wait for it to come by.
    package var patienceSeconds: Int64
    /// An operator's rule stands for the validator (resume-rules 11): what is held on either side of a hole is
    /// compared. A claim then ends as far behind its hole as there are bytes to compare; what lies on neither side
    /// (nothing is held there, or another fill brings it at the same time) has the complete length alone for proof.
    package var validatorIsByRule: Bool
    /// The least number of bytes to compare under a rule, whatever `overlapProbe` says.
    package var leastProbeByRule: Int64
    /// At most so many fills share one large body among them (`ParallelFills`); 1: none is split for speed.
    package var parallel: Int
    /// No claim is split into pieces smaller than this.
    package var leastPiece: Int64

    package init(
        gapThreshold: Int64 = 16384,
        overlapProbe: Int64 = 16384,
        patienceSeconds: Int64 = 2,
        validatorIsByRule: Bool = false,
        leastProbeByRule: Int64 = 16384,
        parallel: Int = 1,
        leastPiece: Int64 = 4 << 20
    ) {
        self.gapThreshold = gapThreshold
        self.overlapProbe = overlapProbe
        self.patienceSeconds = patienceSeconds
        self.validatorIsByRule = validatorIsByRule
        self.leastProbeByRule = leastProbeByRule
        self.parallel = parallel
        self.leastPiece = leastPiece
    }

    /// How many held bytes before a hole are compared, as far as there are so many; a retry asks for the same.
    package var probe: Int64 { validatorIsByRule ? max(overlapProbe, leastProbeByRule) : overlapProbe }

    /// How many held bytes behind a hole are compared before the hole is closed: what `FillStateMachine` is told.
    package var probeBehind: Int64 { validatorIsByRule ? max(0, probe) : 0 }

    /// What has to be done now. Cuts come first: carried out in order, no two claims ever overlap.
    ///
    /// - Parameters:
    ///   - claims: the claims of running fills, disjoint.
    ///   - wants: what connected readers wait for; each looks only at its first missing byte, because holes
    ///     are fetched in read order (resume-rules 3.3).
    ///   - background: what readers that left had asked for and `finish` completes. Served only where no
    ///     want needs a start, and one hole at a time. What is read ahead comes before it, and a body is shared among
    ///     several fills after it.
    ///   - mayStart: how many fills may be started.
    package func actions(
        held: ByteRangeSet,
        claims: [Claim],
        wants: [Want],
        background: ByteRangeSet,
        completeLength: Int64?,
        mayStart: Int
    ) -> [FillAction] {
        var planning = Planning(plan: self, held: held, length: completeLength ?? Int64.max, slots: mayStart)
        planning.take(claims)
        let wantsNeedStarts = planning.serve(wants)
        if !wantsNeedStarts {
            planning.readAhead(wants)
            planning.complete(background)
            planning.share(wants, background)
        }
        return planning.actions
    }
}

/// The state of one planning: the claims as they will be once the actions are carried out.
private struct Planning {
    let plan: FillPlan
    let held: ByteRangeSet
    /// The complete length, or `Int64.max` where it is not known.
    let length: Int64
    var slots: Int

    private var spans: [Span] = []
    private var starts: [FillAction] = []

    /// A claim with its end resolved.
    private struct Span {
        /// nil for a fill that this planning starts.
        let fill: Int?
        let offset: Int64
        /// Exclusive; `Int64.max` where it is open.
        var end: Int64
        let bytesPerSecond: Int64
        let mayBeCut: Bool
        var isCut = false
        /// Its other half was given to a fill that this planning starts.
        var isShared = false

        func contains(_ position: Int64) -> Bool { offset <= position && position < end }
    }

    init(plan: FillPlan, held: ByteRangeSet, length: Int64, slots: Int) {
        self.plan = plan
        self.held = held
        self.length = length
        self.slots = slots
    }

    var actions: [FillAction] {
        var cuts: [FillAction] = []
        for span in spans where span.isCut {
            if let fill = span.fill { cuts.append(.cut(fill: fill, at: span.end)) }
        }
        return cuts + starts
    }

    // MARK: Running fills

    /// Takes the claims over; a fill ends early where the bytes ahead of it are held or claimed.
    mutating func take(_ claims: [Claim]) {
        spans = claims.sorted { $0.offset < $1.offset }.compactMap { claim in
            let end = min(claim.end ?? Int64.max, length)
            guard claim.offset < end else { return nil }
            return Span(
                fill: claim.fill,
                offset: claim.offset,
                end: end,
                bytesPerSecond: claim.bytesPerSecond,
                mayBeCut: claim.mayBeCut
            )
        }
        for index in spans.indices {
            let span = spans[index]
            var stop = span.end
            // Invariant 6 outranks `mayBeCut`: what another fill has claimed is not brought twice.
            if index + 1 < spans.count, spans[index + 1].offset < stop {
                let limit = spans[index + 1].offset
                stop = endOfClaim(at: startOfHeld(before: limit, notBefore: span.offset), limit: limit)
            }
            if span.mayBeCut, let run = longRun(after: span.offset, before: stop) {
                stop = endOfClaim(at: run.lowerBound, limit: stop)
            }
            if stop < span.end {
                spans[index].end = stop
                spans[index].isCut = true
            }
        }
    }

    // MARK: Readers

    /// Serves the readers in the order of their first missing bytes. True where one of them needs a start
    /// of its own, whether a slot was left for it or not.
    mutating func serve(_ wants: [Want]) -> Bool {
        var lacks: [(first: Int64, end: Int64)] = []
        for want in wants {
            let end = min(want.end ?? Int64.max, length)
            let first = held.runEnd(from: max(0, want.position))
            // One request for what is waited for and what is read ahead.
            if first < end { lacks.append((first, want.reach(length))) }
        }
        // Of readers that lack the same byte, the one that wants most comes first: one request for both.
        lacks.sort { $0.first == $1.first ? $0.end > $1.end : $0.first < $1.first }
        var needed = false
        for lack in lacks {
            if let index = spans.firstIndex(where: { $0.contains(lack.first) }) {
                if willBeLate(spans[index], at: lack.first), slots > 0 {
                    needed = true
                    takeOver(from: index, at: lack.first)
                }
            } else {
                needed = true
                if slots > 0 { start(at: lack.first, upTo: lack.end) }
            }
        }
        return needed
    }

    /// Whether the fill needs more than the patience to come to this missing byte of its claim. A fill of
    /// unknown rate is waited for: the plan is asked again when the rate is known.
    private func willBeLate(_ span: Span, at position: Int64) -> Bool {
        guard span.fill != nil, span.mayBeCut, span.bytesPerSecond > 0 else { return false }
        // The byte is the very next that this fill brings: another fill could not bring it earlier.
        guard held.runEnd(from: span.offset) < position else { return false }
        let (reach, overflow) = span.bytesPerSecond.multipliedReportingOverflow(by: plan.patienceSeconds)
        return !overflow && position - span.offset > reach
    }

    /// Cuts the claim at the reader's byte; a new fill takes the rest of it over.
    private mutating func takeOver(from index: Int, at position: Int64) {
        let end = spans[index].end
        // What is held right before the reader's byte would only be compared: the old fill ends before it.
        let stop = startOfHeld(before: position, notBefore: spans[index].offset)
        spans[index].end = endOfClaim(at: stop, limit: position)
        spans[index].isCut = true
        start(at: position, upTo: end)
    }

    /// Starts the first hole behind the end of a want, as far as it is read ahead, unless a fill is at work there.
    mutating func readAhead(_ wants: [Want]) {
        for want in wants.sorted(by: { $0.position < $1.position }) where slots > 0 && want.readAhead > 0 {
            guard let end = want.end, end < length else { continue }
            let ahead = max(0, want.position, end)..<max(0, want.position, want.reach(length))
            guard !spans.contains(where: { $0.offset < ahead.upperBound && ahead.lowerBound < $0.end }) else {
                continue
            }
            let first = held.runEnd(from: ahead.lowerBound)
            if first < ahead.upperBound { start(at: first, upTo: ahead.upperBound) }
        }
    }

    // MARK: Faster than one connection

    /// Splits the largest claims, each in its middle, until as many fills run as may. Only what somebody waits for or
    /// finishes is split, and only what can be asked for again. No claim is split twice at once: the plan is asked again
    /// when the new fills are there, and then halves of halves come out, not ever smaller rests.
    mutating func share(_ wants: [Want], _ background: ByteRangeSet) {
        while slots > 0, spans.count < plan.parallel, let (index, middle) = largestShare(wants, background) {
            takeOver(from: index, at: middle)
            spans[index].isShared = true
        }
    }

    private func largestShare(_ wants: [Want], _ background: ByteRangeSet) -> (index: Int, middle: Int64)? {
        var largest: (index: Int, middle: Int64, size: Int64)?
        for (index, span) in spans.enumerated() {
            guard span.fill != nil, span.mayBeCut, !span.isShared, span.end < Int64.max else { continue }
            let first = held.runEnd(from: span.offset)
            let size = span.end - first
            guard first < span.end, size / 2 >= max(1, plan.leastPiece), size > largest?.size ?? 0 else { continue }
            // What is held in the middle is not asked for.
            let middle = held.runEnd(from: first + size / 2)
            guard span.end - middle >= plan.leastPiece, middle < span.end else { continue }
            let isWanted =
                wants.contains { $0.position <= middle && middle < $0.reach(length) } || background.contains(middle)
            if isWanted { largest = (index, middle, size) }
        }
        return largest.map { ($0.index, $0.middle) }
    }

    // MARK: Readers that left

    /// Starts the first hole of what is to be finished, unless a fill is already at work on it.
    mutating func complete(_ background: ByteRangeSet) {
        guard slots > 0, !background.isEmpty else { return }
        guard !spans.contains(where: { !background.intersection($0.offset..<$0.end).isEmpty }) else { return }
        for run in background.ranges {
            // An upper bound of Int64.max means "to the end of the body".
            let end = min(run.upperBound, length)
            let first = held.runEnd(from: run.lowerBound)
            if first < end {
                start(at: first, upTo: end)
                return
            }
        }
    }

    // MARK: Starting

    /// Starts a fill at a missing, unclaimed byte: up to `limit`, the next claim, or the next long held run.
    private mutating func start(at first: Int64, upTo limit: Int64) {
        var claimed = Int64.max
        for span in spans where span.offset > first { claimed = min(claimed, span.offset) }
        var stop = min(limit, claimed)
        if let run = longRun(after: first, before: stop) { stop = run.lowerBound }
        // Held bytes at the end of a claim are not worth asking for, however few they are, unless a rule is all
        // that says that they belong to what comes.
        if stop < Int64.max { stop = startOfHeld(before: stop, notBefore: first) }
        stop = endOfClaim(at: stop, limit: claimed)
        slots -= 1
        starts.append(
            .start(
                first..<stop,
                openEnd: stop == Int64.max,
                overlap: held.heldBefore(first, limit: plan.probe)
            )
        )
        spans.append(Span(fill: nil, offset: first, end: stop, bytesPerSecond: 0, mayBeCut: false))
    }

    // MARK: Held runs

    /// The first held run above the gap threshold that begins after `position` and before `limit`. The run
    /// that contains `position` is not meant: a fill inside it is comparing its overlap.
    private func longRun(after position: Int64, before limit: Int64) -> Range<Int64>? {
        var run = held.next(atOrAfter: held.runEnd(from: position))
        while let candidate = run, candidate.lowerBound < limit {
            if candidate.upperBound - candidate.lowerBound > plan.gapThreshold { return candidate }
            run = held.next(atOrAfter: candidate.upperBound)
        }
        return nil
    }

    /// Where a claim ends whose last hole ends at `stop`: there, but under a rule so far into what is held behind it
    /// as is to be compared (resume-rules 11). Never beyond `limit`, from where on another fill claims.
    private func endOfClaim(at stop: Int64, limit: Int64) -> Int64 {
        guard plan.probeBehind > 0, stop < limit, let run = held.run(at: stop) else { return stop }
        return stop + min(plan.probeBehind, min(run.upperBound, limit) - stop)
    }

    /// The start of the held bytes that end at `position`, but not before `floor`; `position` where the byte
    /// before it is missing.
    private func startOfHeld(before position: Int64, notBefore floor: Int64) -> Int64 {
        position - held.heldBefore(position, limit: position - floor)
    }
}
