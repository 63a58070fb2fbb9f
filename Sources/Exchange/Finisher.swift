// Resume's FinishQueue under a lock: who may be completed without a client now, and who is called when a place becomes
// free. It knows nothing of what a download is: only that one asks for a place and gives it back.

import Resume
import Synchronization

/// Places for downloads that go on without a client. May be used from any thread.
package final class Finisher: Sendable {
    private struct State {
        var queue: FinishQueue
        var granted: [Int64: @Sendable () -> Void] = [:]
        var isStopped = false
    }

    private let state: Mutex<State>

    /// - Parameter limitPerOrigin: nil: as many as in all.
    init(limit: Int, limitPerOrigin: Int? = nil) {
        state = Mutex(State(queue: FinishQueue(limit: limit, limitPerOrigin: limitPerOrigin ?? limit)))
    }

    var count: Int { state.withLock { $0.queue.runningCount } }

    /// Asks for a place. True: it is granted at once. Otherwise `granted` is called later, on any thread,
    /// unless `release` is called before.
    ///
    /// - Parameter origin: what is counted together, beside all.
    func request(_ id: Int64, origin: String = "", granted: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            if state.queue.hasPlace(id) { return true }
            guard !state.isStopped else { return false }
            if state.queue.request(id, origin: origin) { return true }
            if state.granted[id] == nil { state.granted[id] = granted }
            return false
        }
    }

    /// Gives a place back, or leaves the queue. Does nothing for one who has neither.
    func release(_ id: Int64) {
        let granted = state.withLock { state -> [@Sendable () -> Void] in
            state.granted[id] = nil
            return state.queue.release(id).compactMap { state.granted.removeValue(forKey: $0) }
        }
        granted.forEach { $0() }
    }

    /// Nothing is started any more.
    func stop() {
        state.withLock { state in
            state.isStopped = true
            state.queue.clear()
            state.granted.removeAll()
        }
    }
}
