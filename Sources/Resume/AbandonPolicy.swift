// The last reader left: is the fill finished, parked or dropped? Resume-rules 6 as a pure function of what the operator
// wrote and what is known of the body. Stored bytes stay stored whatever comes out; the only question is whether to go
// on. It must not know who left, nor how; how many finish at once is FinishQueue's matter.

package import HTTPSemantics

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

/// How surely a version is told from the next one, the least first.
package enum ValidatorStrength: Int, Sendable, Comparable, CaseIterable {
    case none
    case weak
    /// A strong date, or an operator's rule in place of a validator.
    case date
    case entityTag

    /// - Parameter hasOther: there is an ETag or a Last-Modified, though not a strong one.
    package init(_ validator: StrongValidator?, hasOther: Bool) {
        switch validator {
        case .etag: self = .entityTag
        case .lastModified, .immutable: self = .date
        case nil: self = hasOther ? .weak : .none
        }
    }

    package static func < (one: ValidatorStrength, other: ValidatorStrength) -> Bool { one.rawValue < other.rawValue }
}

/// What is known of a fill at the moment in which its last reader leaves.
package struct AbandonedFill: Sendable, Equatable {
    /// A strong validator, and ranges not known to be refused (R32).
    package var resumable: Bool
    /// What comes may be stored and can be.
    package var storable: Bool
    /// The request had credentials, or the response is `private`.
    package var credentialed: Bool
    package var validator: ValidatorStrength
    /// Bytes; nil where it is not known.
    package var completeLength: Int64?
    /// How many bytes of the body are stored.
    package var held: Int64
    /// How many bytes of what readers asked for are missing; nil where it is not known.
    package var remaining: Int64?
    /// The rate at which it came; 0 where it is not known.
    package var bytesPerSecond: Int64
    /// How many bytes the disk takes beyond the room that is kept free (R57); nil where it is not known.
    package var room: Int64?

    package init(
        resumable: Bool,
        storable: Bool,
        credentialed: Bool,
        validator: ValidatorStrength = .entityTag,
        completeLength: Int64?,
        held: Int64,
        remaining: Int64?,
        bytesPerSecond: Int64 = 0,
        room: Int64? = nil
    ) {
        self.resumable = resumable
        self.storable = storable
        self.credentialed = credentialed
        self.validator = validator
        self.completeLength = completeLength
        self.held = held
        self.remaining = remaining
        self.bytesPerSecond = bytesPerSecond
        self.room = room
    }
}

/// What is done, and the rule that decided it: both stand in the log (resume-rules 10).
package struct AbandonVerdict: Sendable, Equatable {
    package let decision: AbandonDecision
    package let reason: AbandonReason
    /// Parked only until the finish window opens, so many minutes from now; nil: until somebody asks.
    package let takeUpAfterMinutes: Int?

    package init(_ decision: AbandonDecision, _ reason: AbandonReason, takeUpAfterMinutes: Int? = nil) {
        self.decision = decision
        self.reason = reason
        self.takeUpAfterMinutes = takeUpAfterMinutes
    }
}

/// The directives of one download: those of all, with those of its host and its rule laid over them.
package struct AbandonPolicy: Sendable, Equatable {
    package var onDisconnect: OnDisconnect
    /// Finish where at most so many bytes are missing; nil: not a condition.
    package var finishBelow: Int64?
    /// Finish where at least this share (0 to 1) of the body is held; nil: not a condition.
    package var finishShare: Double?
    /// Finish where at most so many seconds are missing at the rate at which it came; nil: not a condition.
    package var finishETASeconds: Int64?
    /// The share from which a body that cannot be resumed is finished, since parking it would lose it.
    package var finishShareUnresumable: Double
    /// What is told from its next version less surely than this is not finished.
    package var leastValidator: ValidatorStrength
    /// Bytes (R16). A larger body is not finished.
    package var maxObjectSize: Int64
    /// How many bytes more are fetched of a body of unknown length where `finishBelow` is not set.
    package var unknownLengthLimit: Int64
    /// The hours of the day in which is finished; nil: all.
    package var window: FinishWindow?
    /// So many seconds after its last reader left it stops; nil: no bound.
    package var maxSeconds: Int64?

    package init(
        onDisconnect: OnDisconnect = .finish,
        finishBelow: Int64? = nil,
        finishShare: Double? = nil,
        finishETASeconds: Int64? = nil,
        finishShareUnresumable: Double = 0.5,
        leastValidator: ValidatorStrength = .none,
        maxObjectSize: Int64 = 64 << 30,
        unknownLengthLimit: Int64 = 64 << 20,
        window: FinishWindow? = nil,
        maxSeconds: Int64? = nil
    ) {
        self.onDisconnect = onDisconnect
        self.finishBelow = finishBelow
        self.finishShare = finishShare
        self.finishETASeconds = finishETASeconds
        self.finishShareUnresumable = finishShareUnresumable
        self.leastValidator = leastValidator
        self.maxObjectSize = maxObjectSize
        self.unknownLengthLimit = unknownLengthLimit
        self.window = window
        self.maxSeconds = maxSeconds
    }

    /// What happens to a fill that no reader waits for any more.
    ///
    /// - Parameter minuteOfDay: local time, 0 to 1,439: when the window is open.
    package func decide(_ fill: AbandonedFill, minuteOfDay: Int) -> AbandonVerdict {
        guard fill.storable else { return AbandonVerdict(.drop, .notStorable) }
        // What cannot be resumed cannot be taken up again either: to park it would promise too much.
        let stop: AbandonDecision = fill.resumable ? .park : .drop
        switch onDisconnect {
        case .drop:
            return AbandonVerdict(.drop, .directive)
        case .park:
            return AbandonVerdict(stop, .directive)
        case .finish:
            if let reason = obstacle(fill) { return AbandonVerdict(stop, reason) }
            let wish = wish(fill)
            guard wish.decision == .finish, wish.reason != .nothingMissing, let window else { return wish }
            let minutes = window.minutesUntilOpen(at: minuteOfDay)
            guard minutes > 0 else { return wish }
            return AbandonVerdict(stop, .outsideWindow, takeUpAfterMinutes: fill.resumable ? minutes : nil)
        }
    }

    /// What forbids to finish, whatever is missing.
    private func obstacle(_ fill: AbandonedFill) -> AbandonReason? {
        if fill.credentialed { return .credentials }
        if max(fill.completeLength ?? 0, fill.held) > maxObjectSize { return .tooLarge }
        if fill.validator < leastValidator { return .validatorTooWeak }
        if let room = fill.room, room < (missing(of: fill) ?? 1) { return .noRoom }
        return nil
    }

    private func missing(of fill: AbandonedFill) -> Int64? {
        fill.remaining ?? fill.completeLength.map { max(0, $0 - fill.held) }
    }

    private func wish(_ fill: AbandonedFill) -> AbandonVerdict {
        guard let completeLength = fill.completeLength, let missing = missing(of: fill) else {
            // Bounded by `goesOn(afterBytes:)` while it runs.
            return AbandonVerdict(.finish, .unknownLength)
        }
        if missing <= 0 { return AbandonVerdict(.finish, .nothingMissing) }
        let share = completeLength > 0 ? Double(fill.held) / Double(completeLength) : 1
        guard fill.resumable else {
            return AbandonVerdict(share >= finishShareUnresumable ? .finish : .drop, .unresumableShare)
        }
        // Conditions that are set are alternatives; where none is, everything is finished.
        if finishBelow == nil, finishShare == nil, finishETASeconds == nil {
            return AbandonVerdict(.finish, .noCondition)
        }
        if let finishBelow, missing <= finishBelow { return AbandonVerdict(.finish, .finishBelow) }
        if let finishShare, share >= finishShare { return AbandonVerdict(.finish, .finishShare) }
        if let finishETASeconds, fill.bytesPerSecond > 0, missing / fill.bytesPerSecond <= finishETASeconds {
            return AbandonVerdict(.finish, .finishETA)
        }
        return AbandonVerdict(.park, .noConditionMet)
    }

    // MARK: While it is being finished

    /// Whether a body of unknown length that is being finished goes on, `afterBytes` bytes after its last
    /// reader left. Where not, it is parked if it can be resumed, else dropped.
    package func goesOn(afterBytes received: Int64) -> Bool {
        received < finishBelow ?? unknownLengthLimit
    }

    /// Whether what is being finished goes on at this minute of the day, so many seconds after its last reader left. One
    /// that cannot be resumed is not stopped by the window: it would be lost.
    package func goesOn(afterSeconds seconds: Int64, minuteOfDay: Int, resumable: Bool) -> Bool {
        if let maxSeconds, seconds >= maxSeconds { return false }
        guard resumable, let window else { return true }
        return window.contains(minuteOfDay: minuteOfDay)
    }

    /// Whether a download that is owed is given up, so many seconds after its last byte came (resume-rules 6: 24 h).
    package static func isGivenUp(secondsWithoutProgress: Int64, after limit: Int64 = 86_400) -> Bool {
        secondsWithoutProgress >= limit
    }
}
