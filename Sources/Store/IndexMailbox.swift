// What the other threads hand to the index thread, and when it is to be taken out: claims some 40 ms after the
// first change or at once after 1 MiB, so that with the 40 ms that bytes may wait in a buffer a SIGKILL costs
// less than 100 ms (hardening 2.2 item 3). It holds and counts; what is done with it is IndexWriter's work.

import HTTPSemantics
import Resume
import Synchronization

/// A row that is to be deleted, and its file with it.
struct Deletion: Sendable {
    let id: Int64
    let key: CacheKey
    /// The body where it is loaded: its file is unlinked after the jobs that it has, and its readers stay.
    let body: StoredBody?
}

/// Work for the index thread.
final class IndexMailbox: Sendable {
    struct Round: Sendable {
        var buffered: [WriterCore] = []
        var changed: [StoredResponse] = []
        var removed: [Deletion] = []
        var condemned: [StoredResponse] = []
        var purged: [CacheKey] = []
        var guards: [(key: CacheKey, record: GuardRecord)] = []
        var queue: [QueueChange] = []
        var origins: [RememberedOrigin] = []
        var outcomes: [FlushOutcome] = []
        var rooms: [RoomRequest] = []
        var barriers: [Barrier] = []
        var isStopped = false
    }

    struct RoomRequest: Sendable {
        let bytes: Int64
        let answer: Monitor<Bool?>
    }

    struct Barrier: Sendable {
        /// Everything is to be flushed too.
        let isHard: Bool
        let answer: Monitor<Bool>
    }

    fileprivate struct State {
        var round = Round()
        var changedIDs: Set<Int64> = []
        var changedBytes: Int64 = 0
        var claimDue: Int64?
        var bufferDue: Int64?
        /// After a failed transaction nothing is claimed before this instant.
        var notBefore: Int64 = 0
        var isUrgent = false
        var isStopped = false
    }

    private let state = Monitor(State())

    static let tick: Int64 = 40_000_000
    static let claimBytes: Int64 = 1 << 20

    // MARK: Handing in

    /// The response, or its body, has something new for the index.
    func changed(_ response: StoredResponse, bytes: Int64) {
        let now = monotonicNanoseconds()
        let wakes = state.withLock { state in
            guard !state.isStopped else { return false }
            if state.changedIDs.insert(response.id).inserted { state.round.changed.append(response) }
            state.changedBytes += bytes
            return state.claim(by: state.changedBytes >= Self.claimBytes ? now : now + Self.tick)
        }
        if wakes { state.wake() }
    }

    func removed(_ deletion: Deletion) { soon { $0.removed.append(deletion) } }
    func condemned(_ response: StoredResponse) { soon { $0.condemned.append(response) } }
    func purged(_ key: CacheKey) { soon { $0.purged.append(key) } }
    func recorded(_ record: GuardRecord, key: CacheKey) { soon { $0.guards.append((key, record)) } }
    func queueChanged(_ change: QueueChange) { soon { $0.queue.append(change) } }
    func learnt(_ origin: RememberedOrigin) { soon { $0.origins.append(origin) } }
    func flushed(_ outcome: FlushOutcome) { urgently { $0.outcomes.append(outcome) } }

    func buffered(_ writer: WriterCore) {
        let due = monotonicNanoseconds() + Self.tick
        let wakes = state.withLock { state in
            guard !state.isStopped else { return false }
            state.round.buffered.append(writer)
            guard state.bufferDue == nil else { return false }
            state.bufferDue = due
            return true
        }
        if wakes { state.wake() }
    }

    /// Blocking, on a disk thread: whether so many bytes may come; older ones go for them where they have to.
    func makeRoom(for bytes: Int64, in quota: Quota) -> Bool {
        guard quota.excessOnDisk(for: bytes) > 0 else { return true }
        let answer = Monitor<Bool?>(nil)
        let isTaken = urgently { $0.rooms.append(RoomRequest(bytes: bytes, answer: answer)) }
        guard isTaken else { return false }
        return answer.waiting { $0.map { .go($0) } ?? .wait(until: nil) }
    }

    /// Blocking: all that was handed in before is committed, and flushed where that is asked for.
    func settle(hard isHard: Bool) {
        let answer = Monitor(false)
        let isTaken = urgently { $0.barriers.append(Barrier(isHard: isHard, answer: answer)) }
        if isTaken { answer.waiting { $0 ? .go(()) : .wait(until: nil) } }
    }

    /// The thread does what is there, and ends.
    func stop() {
        state.change { state in
            state.isStopped = true
            state.round.isStopped = true
            state.isUrgent = true
        }
    }

    /// What a failed transaction left undone comes back, to be tried after a pause.
    func putBack(_ round: Round, notBefore: Int64) {
        state.withLock { state in
            for response in round.changed where state.changedIDs.insert(response.id).inserted {
                state.round.changed.append(response)
            }
            state.round.removed.insert(contentsOf: round.removed, at: 0)
            state.round.purged.insert(contentsOf: round.purged, at: 0)
            state.round.guards.insert(contentsOf: round.guards, at: 0)
            state.round.queue.insert(contentsOf: round.queue, at: 0)
            state.round.origins.insert(contentsOf: round.origins, at: 0)
            state.notBefore = notBefore
            _ = state.claim(by: notBefore)
        }
    }

    @discardableResult
    private func urgently(_ body: (inout Round) -> Void) -> Bool {
        let isTaken = state.withLock { state in
            guard !state.isStopped else { return false }
            body(&state.round)
            state.isUrgent = true
            return true
        }
        if isTaken { state.wake() }
        return isTaken
    }

    private func soon(_ body: (inout Round) -> Void) {
        let due = monotonicNanoseconds() + Self.tick
        let wakes = state.withLock { state in
            guard !state.isStopped else { return false }
            body(&state.round)
            return state.claim(by: due)
        }
        if wakes { state.wake() }
    }

    // MARK: Taking out

    /// On the index thread: waits until something is due, or until this instant, and takes it.
    func next(until deadline: Int64?) -> Round {
        state.waiting { state in
            let now = monotonicNanoseconds()
            let claimDue = state.claimDue.map { max($0, state.notBefore) }
            if state.isUrgent || (claimDue ?? .max) <= now { return .go(state.takeAll()) }
            if let due = state.bufferDue, due <= now {
                defer { state.round.buffered = [] }
                state.bufferDue = nil
                return .go(Round(buffered: state.round.buffered))
            }
            if let deadline, deadline <= now { return .go(Round()) }
            return .wait(until: [claimDue, state.bufferDue, deadline].compactMap { $0 }.min())
        }
    }
}

extension IndexMailbox.State {
    /// true where the thread has to wake up earlier than it knew.
    fileprivate mutating func claim(by instant: Int64) -> Bool {
        guard instant < claimDue ?? .max else { return false }
        claimDue = instant
        return true
    }

    fileprivate mutating func takeAll() -> IndexMailbox.Round {
        defer {
            round = IndexMailbox.Round(isStopped: isStopped)
            changedIDs = []
            changedBytes = 0
            claimDue = nil
            bufferDue = nil
            isUrgent = false
        }
        return round
    }
}
