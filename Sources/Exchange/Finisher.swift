// How many downloads may be completed without a client at once, and who is next. It knows nothing of
// what a download is: only that one asks for a place and gives it back.

import Synchronization

/// Places for downloads that go on without a client. May be used from any thread.
package final class Finisher: Sendable {
    private struct State {
        var running: Set<Int64> = []
        var queue: [(id: Int64, granted: @Sendable () -> Void)] = []
        var isStopped = false
    }

    private let limit: Int
    private let state = Mutex(State())

    init(limit: Int) { self.limit = limit }

    var count: Int { state.withLock { $0.running.count } }

    /// Asks for a place. True: it is granted at once. Otherwise `granted` is called later, on any thread,
    /// unless `release` is called before.
    func request(_ id: Int64, granted: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            if state.running.contains(id) { return true }
            guard !state.isStopped else { return false }
            if state.running.count < limit {
                state.running.insert(id)
                return true
            }
            if !state.queue.contains(where: { $0.id == id }) { state.queue.append((id, granted)) }
            return false
        }
    }

    /// Gives a place back, or leaves the queue. Does nothing for one who has neither.
    func release(_ id: Int64) {
        let next = state.withLock { state -> (@Sendable () -> Void)? in
            state.queue.removeAll { $0.id == id }
            guard state.running.remove(id) != nil, !state.isStopped, !state.queue.isEmpty else { return nil }
            let next = state.queue.removeFirst()
            state.running.insert(next.id)
            return next.granted
        }
        next?()
    }

    /// Nothing is started any more.
    func stop() {
        state.withLock { state in
            state.isStopped = true
            state.queue.removeAll()
        }
    }
}
