// The threads that compute digests: at most two, and none while there is nothing to do. Below everything else in
// priority, so that a digest takes time from no delivery while the processor is busy.

import Glibc
import Synchronization

/// Runs pieces of work in the order in which they come.
final class DigestThreads: Sendable {
    private struct State {
        var work: [@Sendable () -> Void] = []
        var threads = 0
    }

    private let state = Mutex(State())
    private static let most = 2
    private static let niceness: Int32 = 5

    func submit(_ work: @escaping @Sendable () -> Void) {
        let isNeeded = state.withLock { state in
            state.work.append(work)
            guard state.threads < Self.most else { return false }
            state.threads += 1
            return true
        }
        guard isNeeded, !ControlThread.start({ self.run() }) else { return }
        // Without a further thread the one that runs does it, or, where none does, the next one that can be had.
        state.withLock { $0.threads -= 1 }
    }

    private func run() {
        // On Linux: of this thread alone.
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, Self.niceness)
        while let next = next() { next() }
    }

    /// nil where there is nothing to do: then the thread ends.
    private func next() -> (@Sendable () -> Void)? {
        state.withLock { state in
            guard !state.work.isEmpty else {
                state.threads -= 1
                return nil
            }
            return state.work.removeFirst()
        }
    }
}
