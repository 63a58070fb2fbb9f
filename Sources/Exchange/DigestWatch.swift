// The digest of one stored body, or of a part of it, while it comes in: the run of bytes from the first one on is hashed
// as it grows, so that the verdict is there as soon as the last byte is. It reads through the store, so that what is hashed is what would be
// delivered. What follows from the verdict is the desk's business.

import Digests
import HTTPSemantics
import Resume
import Store
import Synchronization

/// One body and the digest that it must have. May be used from any thread.
final class DigestWatch: Sendable {
    enum Verdict: Equatable, Sendable {
        case matches
        case differs(DigestValue)
        /// It could not be found out: what was held could not be read, or is held no longer, or nobody waits any more.
        case unknown
    }

    let response: StoredResponse
    let expected: ExpectedDigest
    /// nil: the whole, whatever its length turns out to be.
    let part: Range<Int64>?
    private let threads: DigestThreads
    private let onVerdict: @Sendable (DigestWatch, Verdict) -> Void
    private let state: Mutex<State>

    private struct State {
        /// nil while a thread has it.
        var running: RunningDigest?
        /// The offset of the next byte.
        var position: Int64
        var isConcluding = false
        var verdict: Verdict?
        var waiting: [@Sendable (Verdict) -> Void] = []
    }

    /// Bytes that are worth the work while more is to come.
    private static let worthwhile: Int64 = 1 << 20
    /// Bytes after which another body has its turn.
    private static let turn: Int64 = 16 << 20

    /// - Parameters:
    ///   - verdict: where it is known already.
    ///   - onVerdict: called once, before those who wait are told; on any thread.
    init(
        _ response: StoredResponse,
        _ expected: ExpectedDigest,
        part: Range<Int64>? = nil,
        on threads: DigestThreads,
        verdict: Verdict? = nil,
        onVerdict: @escaping @Sendable (DigestWatch, Verdict) -> Void
    ) {
        self.response = response
        self.expected = expected
        self.part = part
        self.threads = threads
        self.onVerdict = onVerdict
        state = Mutex(
            State(
                running: RunningDigest(expected.value.algorithm),
                position: part?.lowerBound ?? 0,
                isConcluding: verdict != nil,
                verdict: verdict
            )
        )
    }

    /// Calls `then` with the verdict: now, where it is known, else on any thread.
    func whenKnown(_ then: @escaping @Sendable (Verdict) -> Void) {
        let known = state.withLock { state -> Verdict? in
            if state.verdict == nil { state.waiting.append(then) }
            return state.verdict
        }
        if let known { then(known) }
    }

    /// More may be held now.
    func advance() {
        let held = response.body.held
        let isAllHeld = self.isAllHeld
        let running = state.withLock { state -> RunningDigest? in
            guard !state.isConcluding, let running = state.running else { return nil }
            guard isAllHeld || held.runEnd(from: state.position) - state.position >= Self.worthwhile else { return nil }
            state.running = nil
            return running
        }
        guard let running else { return }
        threads.submit { self.work(running) }
    }

    /// Whether all that is hashed is held.
    private var isAllHeld: Bool { part.map { response.body.held.contains($0) } ?? response.body.isComplete }

    /// Nobody fills it any more: without all of it there will be no verdict.
    func leave() {
        if isAllHeld { advance() } else { conclude(.unknown) }
    }

    private func work(_ running: RunningDigest) {
        var running = running
        let first = part?.lowerBound ?? 0
        let start = first + running.count
        let last = part?.upperBound ?? .max
        let end = min(response.body.held.runEnd(from: start), start + Self.turn, last)
        do throws(StoreError) {
            try StoredContent.read(response, from: start, to: end) { bytes in
                running.update(bytes)
                return true
            }
        } catch {
            return conclude(.unknown)
        }
        let reached = first + running.count
        if isAllHeld, reached >= min(last, response.body.completeLength ?? .max) {
            guard let found = DigestValue(expected.value.algorithm, running.bytes) else { return conclude(.unknown) }
            return conclude(found == expected.value ? .matches : .differs(found))
        }
        state.withLock { state in
            state.position = reached
            state.running = running
        }
        // What came meanwhile found it at work.
        advance()
    }

    private func conclude(_ verdict: Verdict) {
        let isFirst = state.withLock { state in
            defer { state.isConcluding = true }
            return !state.isConcluding
        }
        guard isFirst else { return }
        onVerdict(self, verdict)
        let waiting = state.withLock { state -> [@Sendable (Verdict) -> Void] in
            state.verdict = verdict
            defer { state.waiting = [] }
            return state.waiting
        }
        for then in waiting { then(verdict) }
    }
}
