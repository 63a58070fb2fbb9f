// The words of the fill machine: its states, and what each event is answered with (architecture, "States of
// a fill"). Values only; FillStateMachine has the transitions.

/// The bytes that a fill is to bring, and how far it came: `start..<offset` are stored under one validator.
package struct FillExtent: Equatable, Sendable {
    /// The first byte of the claim.
    package var start: Int64
    /// The first byte that is not stored by this fill.
    package var offset: Int64
    /// Exclusive; nil means until the body ends.
    package var end: Int64?
    /// Where the plan cut the claim: whatever the origin brings, it ends there at the latest.
    package var cut: Int64?

    package init(start: Int64, offset: Int64, end: Int64?, cut: Int64? = nil) {
        self.start = start
        self.offset = offset
        self.end = end
        self.cut = cut
    }

    package var isFilled: Bool {
        if let end { offset >= end } else { false }
    }

    /// What is stored of the claim.
    package var stored: Range<Int64> { start..<max(start, offset) }
}

package enum FillState: Equatable, Sendable {
    /// Nothing is open: the slots of the origin or of the finisher are taken. Left by a free slot, or by the
    /// last reader. `attempt` counts the requests made so far.
    case queued(FillExtent, attempt: Int)
    /// Nothing of this attempt is stored. Left by a head, or by a failure of the origin.
    case asking(FillExtent, attempt: Int)
    /// What arrives must equal what is stored; nothing is written. `next` is the next byte to arrive, `until`
    /// the first that is not compared. While a verdict is pending nothing further is taken.
    case comparing(FillExtent, next: Int64, until: Int64, pending: Range<Int64>?, attempt: Int)
    /// Bytes below the extent's offset are stored under one validator; the next one arrives there.
    case receiving(FillExtent, attempt: Int)
    /// As receiving, but no connection is open; a retry is due.
    case waiting(FillExtent, attempt: Int)
    /// Nobody works on it; the index knows it as unfinished.
    case parked(FillExtent, attempt: Int)
    /// Every byte asked for is stored, which does not make the response complete.
    case filled(Range<Int64>)
    /// Nothing new is stored; readers are told.
    case failed(FillFailure)
}

/// Why a fill failed: its side, its kind, and whether trying again makes sense (invariant 10).
package enum FillFailure: Error, Equatable, Sendable {
    /// The origin failed, and what is missing cannot be asked for again.
    case origin(OriginFailure)
    /// The origin failed and was asked again until the client was held long enough (R47).
    case gaveUp(OriginFailure)
    /// The origin has another version now.
    case versionChanged
    /// The bytes of the overlap differ: same validator, another version (resume-rules 11).
    case overlapDiffers
    /// The answer was of no use; a plain GET follows.
    case broken(BrokenReason)
    /// The origin answered with a status that ends this fill and leaves nothing to take up again.
    case refused(status: Int)
    /// What came could not be stored.
    case store
    /// The last reader left, and the policy said drop.
    case dropped

    package enum Side: Equatable, Sendable {
        case downstream
        case upstream
        case store
    }

    package var side: Side {
        switch self {
        case .origin, .gaveUp, .versionChanged, .overlapDiffers, .broken, .refused: .upstream
        case .store: .store
        case .dropped: .downstream
        }
    }

    /// Whether the same question, asked again later, may succeed.
    package var mayBeRetried: Bool {
        switch self {
        case .gaveUp, .dropped: true
        case .origin, .versionChanged, .overlapDiffers, .broken, .refused, .store: false
        }
    }
}

/// How an origin failed while it was asked or while its body came.
package enum OriginFailure: Hashable, Sendable {
    case nameNotResolved
    case unreachable
    case timeout
    /// The connection broke, before the head or in the body.
    case closed
    /// The body ended, soundly framed, before the span that its head announced.
    case cutShort
    case malformed
    /// 408, 425, 429, 5xx.
    case status(Int)
}

/// What is asked of the origin.
package struct FillRequest: Equatable, Sendable {
    /// What is missing; the upper bound is `Int64.max` where the end is not known.
    package let missing: Range<Int64>
    /// Held bytes before it that are asked for too, and compared.
    package let overlap: Int64
    /// 1 for the first request.
    package let attempt: Int

    package init(missing: Range<Int64>, overlap: Int64, attempt: Int) {
        self.missing = missing
        self.overlap = overlap
        self.attempt = attempt
    }

    package var openEnd: Bool { missing.upperBound == Int64.max }

    /// The same with another overlap, in bytes.
    package func comparing(_ overlap: Int64) -> FillRequest {
        FillRequest(missing: missing, overlap: min(max(0, overlap), missing.lowerBound), attempt: attempt)
    }

    /// What Range names.
    package var asked: AskedSpan {
        AskedSpan(start: missing.lowerBound - overlap, end: openEnd ? nil : missing.upperBound, overlap: overlap)
    }
}

/// Whether the fill goes on after an answer of the origin.
package enum FillStart: Equatable, Sendable {
    /// Read the body.
    case readBody
    /// Nothing of the body is needed: close the connection.
    case filled
    /// The span does not continue this claim, or nothing was asked: close the connection.
    case unusable
}

/// What becomes of bytes that arrived. The count of a range says how many of them, from the front, are meant.
package enum FillBytes: Equatable, Sendable {
    /// Write them at this range. Where the fill is filled by them, what arrived beyond them is not taken, and
    /// the connection is closed unless its body ended there. Otherwise the rest is handed in again.
    case write(Range<Int64>, filled: Bool)
    /// Compare them with what is stored, tell the verdict by `compared`, and hand in the rest after that.
    case compare(Range<Int64>)
    /// A verdict is pending: keep them, and hand them in after it.
    case hold
    /// Under a rule: set these aside, and hand in the rest. They are the last ones before bytes that are held; only
    /// once those are found equal does a verdict say to write them. Forget them when the origin is asked anew.
    case setAside(Range<Int64>)
    /// None of them counts.
    case discard
}

package enum FillVerdict: Equatable, Sendable {
    /// Hand in what was held back.
    case goOn
    /// Write what was set aside at this range; after that as `filled`, or else as `goOn`.
    case writeSetAside(Range<Int64>, filled: Bool)
    /// Every byte of the claim is stored: close the connection.
    case filled
    /// The version is rejected: close the connection; nothing of this answer is stored.
    case rejected
    /// No verdict was awaited.
    case nothing
}

/// What follows when the body ended, or the origin failed.
package enum FillEnd: Equatable, Sendable {
    /// Every byte of the claim is stored. `completeLength`: the body ended soundly and told its length.
    case filled(completeLength: Int64?)
    /// A retry is to be scheduled by the retry policy; then `retryDue` or `gaveUp`.
    case wait(attempt: Int)
    case failed(FillFailure)
    /// A verdict is pending: tell the same event again after it.
    case afterVerdict
    case nothing
}

package enum FillCut: Equatable, Sendable {
    /// The fill goes on to its new end.
    case goOn
    /// Nothing is left to do: close the connection.
    case filled
    case nothing
}

package enum FillLeave: Equatable, Sendable {
    /// The fill goes on without a reader.
    case goOn
    /// Close the connection; the index remembers the rest as unfinished.
    case park
    /// Close the connection; the rest is not remembered.
    case drop
    case nothing
}

package enum FillJoin: Equatable, Sendable {
    /// The fill is at work, and will come by.
    case joined
    /// It was parked, and is queued now: give it a slot.
    case queued
    /// It brings nothing any more.
    case ended
}
