// What the laboratory remembers of its URLs: how often each was asked for, how many of its requests are being
// answered, whether its content has changed. Counts are kept by the whole URL; a restart begins them anew, while
// versions that come with time go on (they are counted from the laboratory's epoch).

import Synchronization

/// One request that is being answered; counted until it leaves, once.
///
/// Confined to the thread of its connection.
final class Presence {
    private var leaving: (() -> Void)?

    init(_ counts: FileCounts, _ file: LabFile, client: String) {
        leaving = { counts.ended(file, client: client) }
    }

    func leave() {
        leaving?()
        leaving = nil
    }
}

/// The counts of all URLs, and of all client addresses.
package final class FileCounts: Sendable {
    private struct State {
        var files: [String: Counts] = [:]
        var clients: [String: Int] = [:]
    }

    private struct Counts {
        var requests = 0
        var running = 0
        var touched = 0
        var hasChanged = false
    }

    private let state = Mutex(State())
    private let epoch: Double

    /// - Parameter epoch: in seconds since 1970.
    package init(epoch: Double) {
        self.epoch = epoch
    }

    /// A request begins.
    package func began(_ file: LabFile, client: String) -> Moment {
        let now = secondsSince1970()
        return state.withLock { state in
            var counts = state.files[file.key] ?? Counts()
            counts.requests += 1
            counts.running += 1
            state.files[file.key] = counts
            state.clients[client, default: 0] += 1
            var moment = Moment()
            moment.requestNumber = counts.requests
            moment.elapsed = now - epoch
            moment.now = Int64(now)
            moment.version = version(file, counts, requestNumber: counts.requests, elapsed: now - epoch)
            moment.runningHere = counts.running
            moment.runningOfClient = state.clients[client, default: 0]
            return moment
        }
    }

    /// A request has been answered, as far as it will be.
    package func ended(_ file: LabFile, client: String) {
        state.withLock { state in
            state.files[file.key]?.running -= 1
            let left = (state.clients[client] ?? 1) - 1
            state.clients[client] = left == 0 ? nil : left
        }
    }

    /// The version that the next request gets.
    package func presentVersion(_ file: LabFile) -> Int64 {
        let elapsed = secondsSince1970() - epoch
        return state.withLock { state in
            let counts = state.files[file.key] ?? Counts()
            return version(file, counts, requestNumber: counts.requests + 1, elapsed: elapsed)
        }
    }

    /// The byte at which the file changes is about to be sent; true for the first one.
    package func reachedChange(_ file: LabFile) -> Bool {
        state.withLock { state in
            if state.files[file.key]?.hasChanged ?? true { return false }
            state.files[file.key]?.hasChanged = true
            return true
        }
    }

    /// Whether a response that would be disturbed may be, by `times`; counts it.
    package func mayTouch(_ file: LabFile) -> Bool {
        guard let times = file.faults.times else { return true }
        return state.withLock { state in
            guard let touched = state.files[file.key]?.touched, touched < times else { return false }
            state.files[file.key]?.touched += 1
            return true
        }
    }

    private func version(_ file: LabFile, _ counts: Counts, requestNumber: Int, elapsed: Double) -> Int64 {
        let base = file.faults.version
        switch file.faults.change {
        case nil: return base
        case .every(let seconds): return base + Int64(max(0, elapsed) / seconds)
        case .after(let requests): return base + Int64((requestNumber - 1) / requests)
        case .mid, .inPlace: return base + (counts.hasChanged ? 1 : 0)
        }
    }
}
