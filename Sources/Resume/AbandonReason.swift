// Which rule decided what became of a download that its last client left (resume-rules 6), and how a host's or a rule's
// directives are laid over those of all. Words and values only.

package enum AbandonReason: Equatable, Sendable, CaseIterable {
    case directive
    case notStorable
    case credentials
    case tooLarge
    case validatorTooWeak
    case noRoom
    case outsideWindow
    case tooLong
    case unknownLength
    case nothingMissing
    case noCondition
    case finishBelow
    case finishShare
    case finishETA
    case noConditionMet
    case unresumableShare

    /// For the log: behind the decision.
    package var sentence: String {
        switch self {
        case .directive: "on_disconnect says so."
        case .notStorable: "It cannot be stored."
        case .credentials: "It belongs to a client's credentials."
        case .tooLarge: "It is larger than finish_max_size."
        case .validatorTooWeak: "Its validator is weaker than finish_validator demands."
        case .noRoom: "The disk has no room for the rest."
        case .outsideWindow: "It is outside finish_between."
        case .tooLong: "It went on without a client for finish_max_time."
        case .unknownLength: "Its length is not known."
        case .nothingMissing: "Nothing that was asked for is missing."
        case .noCondition: "No condition is set."
        case .finishBelow: "No more than finish_below is missing."
        case .finishShare: "The share of finish_share is held."
        case .finishETA: "The rest comes within finish_eta."
        case .noConditionMet: "None of finish_below, finish_share and finish_eta is met."
        case .unresumableShare: "It cannot be resumed: finish_share_unresumable decides."
        }
    }
}

/// Directives of one host or one rule; nil: as it stands for all.
package struct AbandonOverride: Sendable, Equatable {
    package var onDisconnect: OnDisconnect?
    package var finishBelow: Int64?
    package var finishShare: Double?
    package var finishETASeconds: Int64?
    package var finishShareUnresumable: Double?
    package var leastValidator: ValidatorStrength?
    package var maxObjectSize: Int64?
    package var window: FinishWindow?
    package var maxSeconds: Int64?

    package init() {}
}

extension AbandonPolicy {
    /// The same policy with what one host or one rule says laid over it. The most particular comes last.
    package func applying(_ override: AbandonOverride) -> AbandonPolicy {
        var policy = self
        if let value = override.onDisconnect { policy.onDisconnect = value }
        // The conditions are alternatives, so one that is set alone would not narrow those of all: they are replaced
        // together.
        if override.finishBelow != nil || override.finishShare != nil || override.finishETASeconds != nil {
            policy.finishBelow = override.finishBelow
            policy.finishShare = override.finishShare
            policy.finishETASeconds = override.finishETASeconds
        }
        if let value = override.finishShareUnresumable { policy.finishShareUnresumable = value }
        if let value = override.leastValidator { policy.leastValidator = value }
        if let value = override.maxObjectSize { policy.maxObjectSize = value }
        if let value = override.window { policy.window = value }
        if let value = override.maxSeconds { policy.maxSeconds = value }
        return policy
    }
}
