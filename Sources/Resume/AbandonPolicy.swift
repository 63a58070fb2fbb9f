// The last reader left: is the fill finished, parked or dropped? Resume-rules 6 as a pure function of what
// the operator wrote and what is known of the body. Stored bytes stay stored whatever comes out; the only
// question is whether to go on. It must not know who left, nor how.

/// The directive `on_disconnect`.
package enum OnDisconnect: String, Sendable, CaseIterable {
    /// Complete what readers asked for.
    case finish
    /// Stop, and remember it as unfinished.
    case park
    /// Stop, and do not remember it.
    case drop
}

package enum AbandonDecision: Equatable, Sendable {
    case finish
    case park
    case drop
}

package struct AbandonPolicy: Sendable, Equatable {
    package var onDisconnect: OnDisconnect
    /// Finish where at most so many bytes are missing; nil: not a condition.
    package var finishBelow: Int64?
    /// Finish where at least this share (0 to 1) of the body is held; nil: not a condition.
    package var finishShare: Double?
    /// The share from which a body that cannot be resumed is finished, since parking it would lose it.
    package var finishShareUnresumable: Double
    /// Bytes (R16). A larger body is not finished.
    package var maxObjectSize: Int64
    /// How many bytes more are fetched of a body of unknown length where `finishBelow` is not set.
    package var unknownLengthLimit: Int64

    package init(
        onDisconnect: OnDisconnect = .finish,
        finishBelow: Int64? = nil,
        finishShare: Double? = nil,
        finishShareUnresumable: Double = 0.5,
        maxObjectSize: Int64 = 64 << 30,
        unknownLengthLimit: Int64 = 64 << 20
    ) {
        self.onDisconnect = onDisconnect
        self.finishBelow = finishBelow
        self.finishShare = finishShare
        self.finishShareUnresumable = finishShareUnresumable
        self.maxObjectSize = maxObjectSize
        self.unknownLengthLimit = unknownLengthLimit
    }

    /// What happens to a fill that no reader waits for any more.
    ///
    /// - Parameters:
    ///   - resumable: a strong validator, and ranges not known to be refused (R32).
    ///   - storable: what comes may be stored and can be.
    ///   - credentialed: the request had credentials, or the response is `private`.
    ///   - completeLength: bytes; nil where it is not known.
    ///   - held: how many bytes of the body are stored.
    ///   - remaining: how many bytes of what readers asked for are missing; nil where it is not known.
    ///   - finishing: how many fills are being finished without a reader now.
    package func decide(
        resumable: Bool,
        storable: Bool,
        credentialed: Bool,
        completeLength: Int64?,
        held: Int64,
        remaining: Int64?,
        finishing: Int,
        maxFinishing: Int
    ) -> AbandonDecision {
        guard storable else { return .drop }
        // What cannot be resumed cannot be taken up again either: to park it would promise too much.
        let stop: AbandonDecision = resumable ? .park : .drop
        switch onDisconnect {
        case .drop:
            return .drop
        case .park:
            return stop
        case .finish:
            guard !credentialed, finishing < maxFinishing, max(completeLength ?? 0, held) <= maxObjectSize else {
                return stop
            }
            guard let completeLength else {
                // Bounded by `goesOn(afterBytes:)` while it runs.
                return .finish
            }
            let missing = remaining ?? max(0, completeLength - held)
            if missing <= 0 { return .finish }
            let share = completeLength > 0 ? Double(held) / Double(completeLength) : 1
            guard resumable else { return share >= finishShareUnresumable ? .finish : .drop }
            return meetsConditions(missing: missing, share: share) ? .finish : .park
        }
    }

    /// Whether a body of unknown length that is being finished goes on, `afterBytes` bytes after its last
    /// reader left. Where not, it is parked if it can be resumed, else dropped.
    package func goesOn(afterBytes received: Int64) -> Bool {
        received < finishBelow ?? unknownLengthLimit
    }

    /// Conditions that are set are alternatives; where none is, everything is finished.
    private func meetsConditions(missing: Int64, share: Double) -> Bool {
        if finishBelow == nil, finishShare == nil { return true }
        if let finishBelow, missing <= finishBelow { return true }
        if let finishShare, share >= finishShare { return true }
        return false
    }
}
