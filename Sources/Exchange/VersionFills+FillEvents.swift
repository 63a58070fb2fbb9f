// What fills tell their version, and what it tells the readers: a confirmation, bytes, an end, another
// version. Called on the loops of the fills, and for what is written on disk threads.

import Configuration
import HTTPSemantics
import NIOCore
import Resume
import Store
import Synchronization
import Transport

extension VersionFills {
    /// Whether a client still waits for what is asked on behalf of this one.
    func isAwaited(_ requester: Requester) -> Bool {
        state.withLock { state in state.readers.values.contains { $0.requester.isLike(requester) } }
    }

    /// How long a fill may go without gain before it gives up: clients wait for minutes, the finisher for a day.
    var hasReaders: Bool { state.withLock { !$0.readers.isEmpty } }

    /// Whether some reader's head has been sent, so that failing would cut it.
    var hasConfirmedReaders: Bool { state.withLock { $0.readers.values.contains { $0.isConfirmed } } }

    /// How many of its fills have a connection to the origin.
    var openConnections: Int { state.withLock { $0.fills.values.count { $0.machine.hasConnection } } }

    /// What an answer to a fill must agree with.
    var known: KnownVersion? {
        guard let validator = response.validator else { return nil }
        let fields = response.metadata.head.fields
        return KnownVersion(
            validator: validator,
            completeLength: body.completeLength,
            highestHeldEnd: body.held.ranges.last?.upperBound ?? 0,
            contentEncoding: fields.combined(.contentEncoding),
            contentType: fields.combined(.contentType),
            entityTag: fields.combined(.etag),
            lastModified: fields.combined(.lastModified)
        )
    }

    /// Tells a fill's machine of an event; nil where the fill is over.
    func tell<Answer>(_ number: Int, _ event: (inout FillStateMachine) -> Answer) -> Answer? {
        state.withLock { state in
            guard var running = state.fills[number] else { return nil }
            defer { state.fills[number] = running }
            return event(&running.machine)
        }
    }

    /// Bytes have arrived for a fill: what becomes of them.
    func received(_ number: Int, _ count: Int64, _ rate: RateMeter) -> FillBytes {
        state.withLock { state in
            guard var running = state.fills[number] else { return .discard }
            running.bytesPerSecond = rate.bytesPerSecond
            running.isRateSettled = rate.isSettled
            let answer = running.machine.bytesReceived(count, held: body.held)
            if case .write(let range, _) = answer { running.received = range.upperBound }
            state.fills[number] = running
            if state.readers.isEmpty, body.completeLength == nil { state.unreadBytes += count }
            return answer
        }
    }

    /// Whether a body of unknown length that nobody reads has come far enough (resume-rules 6).
    var isUnreadTooLong: Bool {
        state.withLock { state in
            state.readers.isEmpty && body.completeLength == nil
                && !table.abandonPolicy(for: state.requester.uri, response: response.metadata.head)
                    .goesOn(afterBytes: state.unreadBytes)
        }
    }

    /// It is remembered as unfinished, and stops (resume-rules 6).
    func parks() {
        state.withLock { $0.background = .none }
        table.log("\(uri) is parked: \(AbandonReason.unknownLength.sentence)")
        table.parked(response, because: .unknownLength)
        if isResumable { note(.parked) } else { clearUnfinished() }
    }

    /// The origin has answered a range with a part: it can be asked for others.
    func provesRanges() {
        state.withLock { $0.ranges = .proven }
    }

    /// The origin has answered a range with the whole, under the same validator.
    func refusesRanges() {
        state.withLock { $0.ranges = .refused }
    }

    /// The connection of a fill broke; whether the version is still the origin's is open until the next answer.
    func asksAgain(_ number: Int) {
        state.withLock { state in
            state.fills[number]?.isUnconfirmed = true
            state.fills[number]?.isElsewhere = false
        }
    }

    /// Bytes below this offset are on disk. Called from disk threads.
    func written(_ number: Int, upTo offset: Int64) {
        state.withLock { state in
            guard let written = state.fills[number]?.written, written < offset else { return }
            state.fills[number]?.written = offset
        }
        table.digests.written(response)
    }

    /// The origin has confirmed the version in its answer to this fill.
    func confirmed(by number: Int) {
        let work = state.withLock { state -> Work in
            state.fills[number]?.isUnconfirmed = false
            // What the origin has just accepted is accepted for longest: a signature may run out.
            if let requester = state.fills[number]?.fill.requester {
                state.requester = requester.anonymous
                // Without credentials it is the same: nobody's are needed.
                if requester.credentials.isEmpty { state.hasCredentials = false }
            }
            var work: Work = []
            for (reader, waiting) in state.readers where !waiting.isConfirmed {
                // Whoever waits for another fill's bytes waits for its answer, too.
                guard !isAwaitingAnother(state, reader: waiting, than: number) else { continue }
                state.readers[reader]?.isConfirmed = true
                let (loop, notify) = (waiting.loop, waiting.notify)
                work.append { loop.execute { notify(.confirmed) } }
            }
            return work
        }
        work.forEach { $0() }
    }

    /// Whether the first byte that a reader lacks is to come by another fill, which has no answer yet.
    private func isAwaitingAnother(_ state: State, reader: Reader, than number: Int) -> Bool {
        let held = body.held
        let missing = held.runEnd(from: reader.position)
        return state.fills.contains { other, running in
            guard other != number, running.isUnconfirmed, let claim = running.claim(held: held, mayBeCut: false) else {
                return false
            }
            return claim.offset <= missing && missing < (claim.end ?? .max)
        }
    }

    /// The fill is over, and all that it received is written.
    func ended(_ number: Int) {
        remove(number, because: nil)
    }

    /// The fill is over and did not bring what it claimed.
    func failed(_ number: Int, _ failure: FillStop) {
        table.log("fill of \(uri) ended at its failure: \(failure.sentence)")
        remove(number, because: failure)
    }

    /// The body ended with the connection: nobody knows whether it is whole (resume-rules 8).
    func endedUnproven(_ number: Int, at offset: Int64) {
        let work = state.withLock { state in
            state.unprovenEnd = offset
            return notifyAll(state, .endedUnproven(at: offset))
        }
        work.forEach { $0() }
        table.supersedeUnproven(before: response)
        remove(number, because: nil)
    }

    func remove(_ number: Int, because failure: FillStop?) {
        let isComplete = body.isComplete
        let (work, isIdle, failure) = state.withLock { state -> (Work, Bool, FillStop?) in
            let running = state.fills.removeValue(forKey: number)
            guard !state.hasEnded else { return ([], false, failure) }
            // What may not be kept is not fetched behind its client's back either.
            if case .notKept? = failure?.kind, let running {
                state.asked.remove(running.start..<Int64.max)
            }
            var failure = failure
            // An end that brought nothing, again and again, is no progress: the origin is not asked for ever.
            let isFruitless = running.map { $0.received <= $0.start && !$0.isGivenBack } ?? false
            state.fruitlessEnds = isFruitless ? state.fruitlessEnds + 1 : 0
            if failure == nil, state.fruitlessEnds >= Self.fruitlessEndsAtMost {
                failure = FillStop(.answered(status: 206))
            }
            if let failure, let requester = running?.fill.requester, failure.isOfOneRequest,
                state.fruitlessEnds < Self.fruitlessEndsAtMost,
                state.readers.values.contains(where: { !$0.requester.isLike(requester) && !$0.isRefused })
            {
                // The others' requests may well be answered. What nobody waits for is not asked for again.
                state.background = .none
                return (
                    refuse(&state, requester, because: failure) + plan(&state) + dismissUncovered(&state), false, nil
                )
            }
            if let failure {
                state.isHalted = true
                state.isRefused = failure.isRefusal
                return (
                    dismissUncovered(&state, because: failure) + unconfirmedFailure(&state, failure),
                    state.readers.isEmpty, failure
                )
            }
            state.isHalted = false
            return (
                plan(&state) + dismissUncovered(&state) + releaseUnanswered(state), state.readers.isEmpty, nil
            )
        }
        if isComplete { table.completed(response) }
        work.forEach { $0() }
        leaveParts()
        body.notifyEnd()
        if failure != nil, isIdle {
            // Nobody waits for it, and asking again was given up: a reader or a person may take it up.
            table.parked(response, because: nil)
            if isResumable, table.configuration.resume.onDisconnect != .drop {
                note(.parked)
            } else {
                clearUnfinished()
            }
        } else if isComplete || !lacksAnything {
            clearUnfinished()
        }
        // Under no strong validator a part is of no further use (resume-rules 1): what it replaced may still be. A part
        // that came as such, and wholly, may be used while it is fresh (RFC 9111 §3.3).
        let mayGoOn = response.isResumable && !table.isDoubted(response.key)
        if !mayGoOn, !isComplete, failure != nil || isIdle, !hasUnprovenEnd, !isWholePart {
            table.store.remove(response)
        }
        forgetIfIdle()
    }

    /// A part whose digest is awaited, and of which no fill brings the rest: there will be no verdict on it.
    private func leaveParts() {
        let parts = table.digests.partWatches(of: response)
        guard !parts.isEmpty else { return }
        let held = body.held
        let claimed = state.withLock {
            ByteRangeSet(claims($0, held: held).map { $0.offset..<max($0.offset, $0.end ?? .max) })
        }
        for watch in parts {
            guard let part = watch.part else { continue }
            if !held.gaps(in: part).allSatisfy({ claimed.contains($0) }) { watch.leave() }
        }
    }

    /// What was asked on behalf of this client is refused: those like it are told, and nothing more is asked for them.
    private func refuse(_ state: inout State, _ requester: Requester, because failure: FillStop) -> Work {
        let held = body.held
        let completeLength = body.completeLength ?? .max
        let claims = self.claims(state, held: held)
        var work: Work = []
        for (number, reader) in state.readers where reader.requester.isLike(requester) && !reader.isRefused {
            let missing = held.runEnd(from: reader.position)
            guard missing < min(reader.end ?? .max, completeLength) || !reader.isConfirmed else { continue }
            // Another client's fill brings it.
            guard !claims.contains(where: { $0.offset <= missing && missing < ($0.end ?? .max) }) else { continue }
            state.readers[number]?.isRefused = true
            let (loop, notify) = (reader.loop, reader.notify)
            work.append { loop.execute { notify(.failed(failure)) } }
        }
        return work
    }

    /// It came as a part, and all of that part is held.
    var isWholePart: Bool { part.map { body.held.contains($0) } ?? false }

    /// So many fills may end in turn without having brought a byte.
    static let fruitlessEndsAtMost = 3

    /// The body ended with its connection: it may well be whole, and is kept.
    var hasUnprovenEnd: Bool { state.withLock { $0.unprovenEnd != nil } }

    var lacksAnything: Bool {
        let (asked, unprovenEnd) = state.withLock { ($0.asked, $0.unprovenEnd) }
        return clip(asked, to: body.completeLength ?? unprovenEnd).ranges.contains { !body.held.contains($0) }
    }

    /// Readers that wait for a confirmation that no fill will bring now.
    func unconfirmedFailure(_ state: inout State, _ failure: FillStop) -> Work {
        guard !state.awaitsAnswer else { return [] }
        return state.readers.values.filter { !$0.isConfirmed }.map { reader in
            let (loop, notify) = (reader.loop, reader.notify)
            return { loop.execute { notify(.failed(failure)) } }
        }
    }

    /// The origin has another version. Nothing is fetched for this one any more; those who read it go on
    /// with what is held of it, and never with a byte of the other.
    func changed(by number: Int, to new: StoredResponse?) {
        end(.versionChanged(new: new))
        if new == nil || !body.isComplete { table.store.supersede(response) }
        table.log("the origin has another version of \(uri)")
    }

    /// Bytes that came are not what the origin names; who was given some of them is told.
    func distrusted(_ part: Range<Int64>, _ expected: ExpectedDigest) {
        let work = state.withLock { notifyAll($0, .distrusted(part, expected)) }
        work.forEach { $0() }
    }

    /// Whether this is the first that learns of another version; its caller calls `changed` then.
    func beginsChange() -> Bool {
        state.withLock { state in
            if state.hasEnded || state.hasChanged { return false }
            state.hasChanged = true
            return true
        }
    }

    /// A purge: whoever reads it keeps what is held, and nothing more comes.
    func stop() {
        end(.failed(FillStop(.purged)))
    }

    /// An unsafe method has succeeded: present readers are served to their end, and nobody joins them.
    func close() {
        let work = state.withLock { state -> Work in
            state.isClosed = true
            state.background = .none
            return state.readers.isEmpty ? abandonAll(state) : []
        }
        // Whoever comes from now on begins anew.
        if !body.isComplete { table.store.supersede(response) }
        table.finisher.release(response.id)
        table.hide(self)
        work.forEach { $0() }
        clearUnfinished()
        forgetIfIdle()
    }

    func end(_ notice: ReaderNotice) {
        let work = state.withLock { state -> Work in
            guard !state.hasEnded else { return [] }
            state.hasEnded = true
            state.background = .none
            return abandonAll(state) + notifyAll(state, notice)
        }
        table.finisher.release(response.id)
        table.forget(self)
        work.forEach { $0() }
        clearUnfinished()
    }
}
