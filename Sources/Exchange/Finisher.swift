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

    init(limit: Int, limitPerOrigin: Int) {
        state = Mutex(State(queue: FinishQueue(limit: limit, limitPerOrigin: limitPerOrigin)))
    }

    /// How many have a place, and how many wait for one.
    var counts: (finishing: Int, waiting: Int) {
        state.withLock { ($0.queue.runningCount, $0.queue.waitingCount) }
    }

    /// Asks for a place. True: it is granted at once. Otherwise `granted` is called later, on any thread,
    /// unless `release` is called before.
    ///
    /// - Parameters:
    ///   - origin: what is counted together, beside all.
    ///   - aborts: how many clients in turn left it before it was whole.
    func request(_ id: Int64, origin: String, aborts: Int = 0, granted: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            if state.queue.hasPlace(id) { return true }
            guard !state.isStopped else { return false }
            if state.queue.request(id, origin: origin, aborts: aborts) { return true }
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
