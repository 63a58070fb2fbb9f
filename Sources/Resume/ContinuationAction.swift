// The last column of the table of resume-rules 5: what is done with an answer that ContinuationCheck has judged, and what
// it says of the origin. Rows are counted as they stand there, from 1. Values only: acting is the fill's part.

package enum ContinuationAction: Equatable, Sendable {
    /// Row 1, 2: append the span, once the overlap is found equal; update the head; freshness is renewed.
    case append(Range<Int64>, completeLength: Int64?)
    /// Row 3, 6: this answer begins a new version. Who has no byte yet gets it; who has bytes of the old one is cut.
    case beginNewVersion
    /// Row 5: compare the body from byte 0 with what is held (`VerifiedRestart`); where that is not done, discard it.
    case compareWhole
    /// Row 4, 8, 9, 10: discard the body, and ask plainly.
    case askPlainly
    /// Row 7: nothing is missing, once a HEAD or a conditional request has confirmed it (`TruncationSentinel`).
    case confirmEnd(Int64)
    /// Row 11: keep what is held, for a client that comes with other credentials or another URL; surface the status.
    /// `invalidates`: it is not fresh any longer.
    case park(status: Int, invalidates: Bool)
    /// Row 12: ask again later, by `RetryPolicy`.
    case askAgainLater(status: Int)
}

/// One row: what is done, and what is learnt.
package struct ContinuationStep: Equatable, Sendable {
    package let action: ContinuationAction
    /// For `OriginCapabilities`; nil where the answer says nothing of the origin as such.
    package let event: OriginEvent?

    package init(_ action: ContinuationAction, learning event: OriginEvent? = nil) {
        self.action = action
        self.event = event
    }
}

extension ContinuationAnswer {
    /// What follows from the answer.
    ///
    /// - Parameters:
    ///   - status: of the answer.
    ///   - condition: what it was asked under.
    ///   - isWhole: `KnownVersion.isWhole`: a 200 under the validator and the length that are known.
    ///   - namesOther: the answer has a strong validator, and it is another one: only then were two versions told apart.
    ///   - openConnections: how many fills had a connection to this origin, this one included.
    package func step(
        status: Int,
        condition: ResumeCondition,
        isWhole: Bool,
        openConnections: Int = 1,
        namesOther: Bool = true
    ) -> ContinuationStep {
        switch self {
        case .continues(let span, let completeLength):
            // The overlap may still differ: then `overlapDiffered` follows.
            return ContinuationStep(.append(span, completeLength: completeLength), learning: .answered206(condition))
        case .newVersion where status == 206:
            // Without a condition there was none to ignore.
            return ContinuationStep(
                .beginNewVersion,
                learning: condition == .checkedAfterwards ? .answered206(condition) : .ifRangeIgnored(condition)
            )
        case .newVersion where isWhole:
            return ContinuationStep(.compareWhole, learning: .ignoredRange(condition))
        case .newVersion:
            return ContinuationStep(.beginNewVersion, learning: namesOther ? .answeredNewVersion(condition) : nil)
        case .broken(let reason):
            return ContinuationStep(.askPlainly, learning: Self.event(of: reason))
        case .alreadyComplete(let length):
            return ContinuationStep(.confirmEnd(length))
        case .unsolicited:
            let hasChanged = status == 412 && condition == .ifMatch
            return ContinuationStep(.askPlainly, learning: hasChanged ? .preconditionFailed : nil)
        case .gone(let status):
            // A redirect counts as changed (resume-rules 4); what is gone is not fresh.
            let invalidates = (300..<400).contains(status) || status == 404 || status == 410
            return ContinuationStep(.park(status: status, invalidates: invalidates))
        case .transient(let status):
            let isCrowded = openConnections > 1 && (status == 429 || status == 503)
            return ContinuationStep(
                .askAgainLater(status: status),
                learning: isCrowded ? .tooManyConnections(openConnections) : nil
            )
        }
    }

    private static func event(of reason: BrokenReason) -> OriginEvent? {
        switch reason {
        case .multipart, .contentRangeMissing, .contentRangeInvalid, .wrongStart, .beyondAsked, .longerThanSpan,
            .unexpectedStatus:
            .brokeRange(reason)
        case .contentEncodingChanged, .contentTypeChanged:
            // The ranges may be sound; the validator does not tell versions apart.
            .overlapDiffered
        case .encodedWithoutEntityTag, .unsatisfiedRangeContradicts, .completeLengthContradicts:
            // The first is our own rule; the others may just be a change.
            nil
        }
    }
}
