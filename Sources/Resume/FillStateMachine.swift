// What state is a fill in? One method per event, named after what happened, each with its own small answer;
// the answer is carried out before the next event (invariant 9). The machine knows offsets, and no bytes, no
// socket, no clock, no store: comparing, writing and waiting are done by whoever asks it. It never lets a
// byte count that lies outside its claim (invariant 6), nor write one that is held (invariant 1).

package struct FillStateMachine: Equatable, Sendable {
    package private(set) var state: FillState
    /// How many held bytes behind a hole are compared before the hole is closed; 0 under a validator of the origin.
    private let probeBehind: Int64
    /// The byte before a held run that is set aside until the run is found equal: no reader comes to the run before.
    private var setAside: Int64?
    /// Where the running answer ends, exclusive; `Int64.max` where that is not known.
    private var answerEnd: Int64 = 0

    /// A fill that `FillAction.start` asks for; its upper bound is `Int64.max` where the end is not known.
    ///
    /// - Parameter probeBehind: `FillPlan.probeBehind`: how many bytes of each held run that the claim reaches are
    ///   compared before the hole in front of it is closed.
    package init(range: Range<Int64>, probeBehind: Int64 = 0) {
        self.probeBehind = probeBehind
        state = .queued(
            FillExtent(
                start: range.lowerBound,
                offset: range.lowerBound,
                end: range.upperBound == Int64.max ? nil : range.upperBound
            ),
            attempt: 0
        )
    }

    /// A fill that was remembered as unfinished.
    package init(parked range: Range<Int64>, probeBehind: Int64 = 0) {
        self.init(range: range, probeBehind: probeBehind)
        if case .queued(let extent, let attempt) = state { state = .parked(extent, attempt: attempt) }
    }

    // MARK: Asking

    /// A connection may be used. The answer is what to ask; nil where nothing is to be asked now.
    ///
    /// - Parameter overlap: how many held bytes before the first missing one are to be compared.
    package mutating func slotFree(overlap: Int64 = 0) -> FillRequest? {
        guard case .queued(let extent, let attempt) = state else { return nil }
        return ask(extent, attempt: attempt + 1, overlap: overlap)
    }

    /// The instant that the retry policy named has come.
    package mutating func retryDue(overlap: Int64 = 0) -> FillRequest? {
        guard case .waiting(let extent, let attempt) = state else { return nil }
        return ask(extent, attempt: attempt + 1, overlap: overlap)
    }

    private mutating func ask(_ extent: FillExtent, attempt: Int, overlap: Int64) -> FillRequest? {
        setAside = nil
        state = .asking(extent, attempt: attempt)
        return FillRequest(
            missing: extent.offset..<max(extent.offset, extent.end ?? Int64.max),
            overlap: min(max(0, overlap), extent.offset),
            attempt: attempt
        )
    }

    // MARK: Answers of the origin

    /// A first answer, which continues nothing, brings this span: of a 206 what it says, of a 200 everything
    /// (upper bound `Int64.max` where its length is not known). The span becomes the claim, but for what was
    /// cut off while the origin was asked.
    package mutating func began(_ span: Range<Int64>) -> FillStart {
        guard case .asking(let asked, let attempt) = state else { return .unusable }
        answerEnd = span.upperBound
        let end = min(span.upperBound, asked.cut ?? Int64.max)
        let extent = FillExtent(
            start: span.lowerBound,
            offset: span.lowerBound,
            end: end == Int64.max ? nil : end,
            cut: asked.cut
        )
        if extent.isFilled {
            state = .filled(extent.stored)
            return .filled
        }
        state = .receiving(extent, attempt: attempt)
        return .readBody
    }

    /// A 206 that `ContinuationCheck` found to continue this claim brings this span; what lies before
    /// `compareUntil`, and in any case before the first missing byte, is held and is compared.
    package mutating func continued(span: Range<Int64>, compareUntil: Int64) -> FillStart {
        guard case .asking(var extent, let attempt) = state else { return .unusable }
        // A span that begins behind the first missing byte would leave a hole that this fill calls stored.
        guard span.lowerBound <= extent.offset, !span.isEmpty else { return .unusable }
        // R30: the origin may bring less than was asked; the hole is left to the plan.
        extent.end = min(extent.end ?? Int64.max, span.upperBound)
        answerEnd = span.upperBound
        let until = min(max(compareUntil, extent.offset), span.upperBound)
        if span.lowerBound < until {
            state = .comparing(extent, next: span.lowerBound, until: until, pending: nil, attempt: attempt)
        } else if extent.isFilled {
            state = .filled(extent.stored)
            return .filled
        } else {
            state = .receiving(extent, attempt: attempt)
        }
        return .readBody
    }

    /// 416 with the complete length, believed by `ContinuationCheck`: nothing is missing at the end.
    package mutating func foundComplete(at completeLength: Int64) -> FillEnd {
        guard case .asking(let extent, _) = state else { return .nothing }
        state = .filled(extent.stored)
        return .filled(completeLength: completeLength)
    }

    /// The answer is of another version, broken, or refuses: this fill brings nothing more.
    package mutating func rejected(_ failure: FillFailure) -> FillEnd {
        guard isActive else { return .nothing }
        state = .failed(failure)
        return .failed(failure)
    }

    /// 401, 403, 404, 407, 410 and the like in answer to a resume: what is held is kept, and parked.
    package mutating func originGone() -> FillLeave {
        leave(.park)
    }

    // MARK: The body

    /// Body bytes arrived. Handed in again with the rest of them until none is left, held back or discarded.
    ///
    /// - Parameters:
    ///   - count: how many bytes there are.
    ///   - held: what is stored of the version; where the claim reads through a short held run, it is compared.
    package mutating func bytesReceived(_ count: Int64, held: ByteRangeSet = ByteRangeSet()) -> FillBytes {
        guard count > 0 else { return .discard }
        switch state {
        case .comparing(let extent, let next, let until, let pending, let attempt):
            guard pending == nil else { return .hold }
            let compared = next..<(next + min(count, until - next))
            state = .comparing(extent, next: next, until: until, pending: compared, attempt: attempt)
            return .compare(compared)
        case .receiving(var extent, let attempt):
            let offset = extent.offset
            let end = extent.end ?? Int64.max
            let run = held.next(atOrAfter: offset)
            if let run, run.lowerBound <= offset {
                let until = min(run.upperBound, end)
                let compared = offset..<(offset + min(count, until - offset))
                state = .comparing(extent, next: offset, until: until, pending: compared, attempt: attempt)
                return .compare(compared)
            }
            var limit = min(end, run?.lowerBound ?? Int64.max)
            if let run, let until = proofEnd(in: run, claimEnd: end) {
                limit = run.lowerBound - 1
                if offset == limit {
                    setAside = offset
                    state = .comparing(extent, next: run.lowerBound, until: until, pending: nil, attempt: attempt)
                    return .setAside(offset..<run.lowerBound)
                }
            }
            let written = offset..<(offset + min(count, limit - offset))
            guard !written.isEmpty else { return .discard }
            extent.offset = written.upperBound
            let filled = extent.isFilled
            state = filled ? .filled(extent.stored) : .receiving(extent, attempt: attempt)
            return .write(written, filled: filled)
        case .queued, .asking, .waiting, .parked, .filled, .failed:
            return .discard
        }
    }

    /// The verdict on the bytes that were to be compared.
    package mutating func compared(equal: Bool) -> FillVerdict {
        guard case .comparing(var extent, _, let until, let pending?, let attempt) = state else { return .nothing }
        guard equal else {
            state = .failed(.overlapDiffers)
            return .rejected
        }
        if pending.upperBound < until {
            // What is set aside is not stored: after a failure it is asked for again.
            if setAside == nil { extent.offset = max(extent.offset, pending.upperBound) }
            state = .comparing(extent, next: pending.upperBound, until: until, pending: nil, attempt: attempt)
            return .goOn
        }
        // Invariant 6: what was cut off while the verdict was awaited may be another fill's.
        let offset = extent.isFilled ? nil : setAside
        if setAside == nil || offset != nil { extent.offset = max(extent.offset, pending.upperBound) }
        setAside = nil
        let filled = extent.isFilled
        state = filled ? .filled(extent.stored) : .receiving(extent, attempt: attempt)
        if let offset { return .writeSetAside(offset..<(offset + 1), filled: filled) }
        return filled ? .filled : .goOn
    }

    /// What another source of the same bytes has sent differs from what is held: that source has something else, and the
    /// version is what it was.
    package mutating func sourceRejected() -> FillEnd {
        guard case .comparing(let extent, _, _, _?, let attempt) = state else { return .nothing }
        setAside = nil
        state = .waiting(extent, attempt: attempt)
        return .wait(attempt: attempt)
    }

    /// How far a held run is compared before the hole in front of it is closed (resume-rules 11); nil where it is not.
    /// Where the claim ends at the run, nothing of the run comes that could be compared.
    private func proofEnd(in run: Range<Int64>, claimEnd: Int64) -> Int64? {
        let end = min(run.upperBound, claimEnd)
        guard probeBehind > 0, end > run.lowerBound else { return nil }
        return run.lowerBound + min(probeBehind, end - run.lowerBound)
    }

    /// The body ended. `complete`: its framing says so (its length reached, the last chunk); false where it was
    /// cut. `resumable`: what is missing can be asked for (R32).
    package mutating func bodyEnded(complete: Bool, resumable: Bool) -> FillEnd {
        switch state {
        case .receiving(let extent, _) where complete && extent.end == nil:
            // The end of a body of unknown length tells its complete length.
            state = .filled(extent.stored)
            return .filled(completeLength: extent.offset)
        case .receiving, .comparing, .asking:
            // Ended before the span that it announced: counts as cut (R30); the bytes that came are kept.
            return originFailed(complete ? .cutShort : .closed, resumable: resumable)
        case .queued, .waiting, .parked, .filled, .failed:
            return .nothing
        }
    }

    /// The body ended by the closing of the connection, as its framing foresaw: all that came is stored, but
    /// nothing proves that it was all. The stored response stays incomplete (resume-rules 8).
    package mutating func bodyEndedByClose(resumable: Bool) -> FillEnd {
        switch state {
        case .receiving(let extent, _) where extent.end == nil:
            state = .filled(extent.stored)
            return .filled(completeLength: nil)
        case .receiving, .comparing, .asking, .queued, .waiting, .parked, .filled, .failed:
            return bodyEnded(complete: false, resumable: resumable)
        }
    }

    // MARK: Failures

    /// The origin failed. `resumable`: what is missing can be asked for again.
    package mutating func originFailed(_ failure: OriginFailure, resumable: Bool) -> FillEnd {
        switch state {
        case .comparing(_, _, _, .some, _):
            // A difference outranks a failure: it rejects the version.
            return .afterVerdict
        case .asking(let extent, let attempt), .receiving(let extent, let attempt),
            .comparing(let extent, _, _, nil, let attempt):
            if extent.isFilled {
                // Only the comparison of held bytes was cut short; nothing of the claim is missing.
                state = .filled(extent.stored)
                return .filled(completeLength: nil)
            }
            guard resumable else {
                state = .failed(.origin(failure))
                return .failed(.origin(failure))
            }
            state = .waiting(extent, attempt: attempt)
            return .wait(attempt: attempt)
        case .queued, .waiting, .parked, .filled, .failed:
            return .nothing
        }
    }

    /// The retry policy gave up.
    package mutating func gaveUp(after failure: OriginFailure) -> FillEnd {
        guard case .waiting = state else { return .nothing }
        state = .failed(.gaveUp(failure))
        return .failed(.gaveUp(failure))
    }

    /// What came could not be stored: the fill ends, and its readers go on by themselves (hardening 2.2 item 6).
    package mutating func storeFailed() -> FillEnd {
        guard isActive else { return .nothing }
        state = .failed(.store)
        return .failed(.store)
    }

    // MARK: The plan and the readers

    /// The claim ends here (exclusive) from now on; bytes beyond it do not count any more.
    package mutating func claimCut(at cut: Int64) -> FillCut {
        func shortened(_ extent: FillExtent) -> FillExtent {
            let end = min(extent.end ?? Int64.max, cut)
            return FillExtent(start: extent.start, offset: extent.offset, end: end, cut: end)
        }
        switch state {
        case .queued(let extent, let attempt): state = .queued(shortened(extent), attempt: attempt)
        case .asking(let extent, let attempt): state = .asking(shortened(extent), attempt: attempt)
        case .receiving(let extent, let attempt): state = .receiving(shortened(extent), attempt: attempt)
        case .waiting(let extent, let attempt): state = .waiting(shortened(extent), attempt: attempt)
        case .parked(let extent, let attempt): state = .parked(shortened(extent), attempt: attempt)
        case .comparing(let before, let next, let until, let pending, let attempt):
            let extent = shortened(before)
            guard let pending else {
                let stop = max(next, min(until, cut))
                state = .comparing(extent, next: next, until: stop, pending: nil, attempt: attempt)
                break
            }
            // The verdict on bytes that are under comparison is still waited for: it may reject the version.
            let stop = extent.isFilled ? pending.upperBound : max(pending.upperBound, min(until, cut))
            state = .comparing(extent, next: next, until: stop, pending: pending, attempt: attempt)
            return .goOn
        case .filled, .failed: return .nothing
        }
        guard let extent, extent.isFilled else { return .goOn }
        state = .filled(extent.stored)
        return .filled
    }

    /// What was cut off for another fill is this one's again, up to `end` (exclusive): the other was refused, and nothing of
    /// it has come. Only while its answer, which was asked for when the claim was longer, still comes.
    ///
    /// - Returns: whether it is.
    package mutating func claimReturned(upTo end: Int64?) -> Bool {
        func longer(_ extent: FillExtent) -> FillExtent {
            FillExtent(start: extent.start, offset: extent.offset, end: end)
        }
        // One that has asked anew since was asked for no more than was left to it.
        guard (end ?? Int64.max) <= answerEnd else { return false }
        switch state {
        case .receiving(let extent, let attempt) where extent.cut != nil:
            state = .receiving(longer(extent), attempt: attempt)
            return true
        case .comparing(let extent, let next, let until, let pending, let attempt) where extent.cut != nil:
            state = .comparing(longer(extent), next: next, until: until, pending: pending, attempt: attempt)
            return true
        case .queued, .asking, .receiving, .comparing, .waiting, .parked, .filled, .failed:
            return false
        }
    }

    /// Nobody waits for this fill any more; the abandon policy decided.
    package mutating func lastReaderLeft(_ decision: AbandonDecision) -> FillLeave {
        leave(decision)
    }

    private mutating func leave(_ decision: AbandonDecision) -> FillLeave {
        switch state {
        case .queued(let extent, let attempt), .asking(let extent, let attempt), .receiving(let extent, let attempt),
            .waiting(let extent, let attempt), .comparing(let extent, _, _, _, let attempt):
            switch decision {
            case .finish:
                return .goOn
            case .park:
                state = .parked(extent, attempt: attempt)
                return .park
            case .drop:
                state = .failed(.dropped)
                return .drop
            }
        case .parked, .filled, .failed:
            return .nothing
        }
    }

    /// A reader came, or the finisher or a person took it up.
    package mutating func readerJoined() -> FillJoin {
        switch state {
        case .queued, .asking, .comparing, .receiving, .waiting:
            return .joined
        case .parked(let extent, let attempt):
            state = .queued(extent, attempt: attempt)
            return .queued
        case .filled, .failed:
            return .ended
        }
    }
}
