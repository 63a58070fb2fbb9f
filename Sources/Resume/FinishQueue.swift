// How many downloads are finished without a client at once, in all and of one origin, and who is next (resume-rules 6).
// A value: whoever asks keeps it under a lock. It knows nothing of what a download is.

package struct FinishQueue: Sendable, Equatable {
    private struct Waiting: Sendable, Equatable {
        let id: Int64
        let origin: String
        /// When it came, in grants and requests before it.
        let since: Int
        /// How often its priority is halved.
        let halvings: Int
    }

    /// So many aborts of the same URL in turn halve its priority.
    package static let abortsToHalve = 3

    private let limit: Int
    private let limitPerOrigin: Int
    /// The origin of each download that has a place.
    private var running: [Int64: String] = [:]
    private var waiting: [Waiting] = []
    private var time = 0

    package init(limit: Int, limitPerOrigin: Int) {
        self.limit = limit
        self.limitPerOrigin = limitPerOrigin
    }

    package var runningCount: Int { running.count }
    package var waitingCount: Int { waiting.count }

    package func hasPlace(_ id: Int64) -> Bool { running[id] != nil }

    /// Asks for a place. True: it has one. False: it waits until `release` of another names it.
    ///
    /// - Parameter aborts: how many clients in turn left this URL before it was whole.
    package mutating func request(_ id: Int64, origin: String, aborts: Int = 0) -> Bool {
        if hasPlace(id) { return true }
        guard !waiting.contains(where: { $0.id == id }) else { return false }
        time += 1
        let one = Waiting(id: id, origin: origin, since: time, halvings: max(0, aborts) / Self.abortsToHalve)
        // Whoever waits for another origin's places does not stand in its way; whoever waits for a place at all would
        // have been given this one.
        guard isFree(origin) else {
            waiting.append(one)
            return false
        }
        running[id] = origin
        return true
    }

    /// Gives a place back, or leaves the queue. The answer: who has a place now.
    package mutating func release(_ id: Int64) -> [Int64] {
        waiting.removeAll { $0.id == id }
        running[id] = nil
        var granted: [Int64] = []
        while let index = next() {
            let one = waiting.remove(at: index)
            time += 1
            running[one.id] = one.origin
            granted.append(one.id)
        }
        return granted
    }

    /// Nobody waits any more.
    package mutating func clear() { waiting.removeAll() }

    private func isFree(_ origin: String) -> Bool {
        running.count < limit && running.values.count { $0 == origin } < limitPerOrigin
    }

    /// Whoever has waited longest comes first, where each halving counts half of the wait; so that nobody waits forever.
    private func next() -> Int? {
        var best: (index: Int, wait: Double)?
        for (index, one) in waiting.enumerated() where isFree(one.origin) {
            var wait = Double(time - one.since + 1)
            for _ in 0..<min(one.halvings, 16) { wait /= 2 }
            if wait > best?.wait ?? 0 { best = (index, wait) }
        }
        return best?.index
    }
}
