// What comes from origins, counted as it comes: for clients, and for nobody. The estimate and the rate of background work
// that follow from it are Resume's; this keeps them where all loops reach them.

import Resume
import Synchronization
import Transport

/// Counts what the link carries. May be used from any thread.
final class LinkMeter: Sendable {
    private struct State {
        var link: LinkEstimate
        /// nil: background work is as fast as any other.
        var background: BackgroundBudget?
        /// When the counters were last read, monotonic nanoseconds.
        var readAt: Int64
    }

    private let foreground = Atomic<Int64>(0)
    private let background = Atomic<Int64>(0)
    private let state: Mutex<State>
    let limitsBackground: Bool

    /// - Parameter pace: nil: no limit.
    init(_ pace: BackgroundRate?, startedAt now: Int64) {
        limitsBackground = pace != nil
        state = Mutex(
            State(link: LinkEstimate(startedAt: now), background: pace.map { BackgroundBudget($0) }, readAt: now)
        )
    }

    /// - Parameter isForeground: a client waits for them.
    func carried(_ bytes: Int64, isForeground: Bool) {
        if isForeground {
            foreground.add(bytes, ordering: .relaxed)
        } else {
            background.add(bytes, ordering: .relaxed)
        }
    }

    /// Bytes came that no client waits for: from which instant on more may come.
    func reserve(_ bytes: Int64, at now: Int64) -> Int64 {
        state.withLock { state in
            read(&state, at: now)
            return state.background?.reserve(bytes, on: state.link, at: now) ?? now
        }
    }

    /// Closes the second that is over. To be called about every second.
    func roll(at now: Int64) { state.withLock { read(&$0, at: now) } }

    struct Report: Sendable {
        /// Bytes per second: the most that was seen, and what clients took in the last second.
        let capacity: Int64
        let foreground: Int64
        /// Bytes per second that background work may take now; nil: no limit.
        let backgroundRate: Int64?
    }

    func report(at now: Int64) -> Report {
        state.withLock { state in
            read(&state, at: now)
            state.background?.follow(state.link, at: now)
            return Report(
                capacity: state.link.capacity,
                foreground: state.link.foreground,
                backgroundRate: state.background?.rate
            )
        }
    }

    private func read(_ state: inout State, at now: Int64) {
        // They came since the last look, and belong to the second that began before it.
        state.link.carried(foreground.exchange(0, ordering: .relaxed), isForeground: true, at: state.readAt)
        state.link.carried(background.exchange(0, ordering: .relaxed), isForeground: false, at: state.readAt)
        state.readAt = max(now, state.readAt)
        state.link.roll(to: state.readAt)
    }
}
