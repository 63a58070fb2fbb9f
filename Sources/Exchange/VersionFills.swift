// The fills of one version of one stored response, and those who read it: every byte is claimed by one
// fill at the most (invariant 6), whoever asks and from wherever. What is started, what waits and what is
// cut short is Resume's decision (FillPlan); what happens when the last reader leaves, too (AbandonPolicy).

import Configuration
import HTTPSemantics
import NIOCore
import Resume
import Store
import Synchronization
import Transport
import Wire

/// One version's fills and readers. May be used from any thread; notices come on the reader's loop.
final class VersionFills: Sendable {
    let response: StoredResponse
    /// What was asked for first, or since the last confirmation by the origin: under a rule's key others may ask for other
    /// URIs.
    var uri: AbsoluteURI { state.withLock { $0.requester.uri } }
    let table: FillTable
    /// The request that caused the response had credentials: it is never continued without its client (resume-rules 6).
    let isCredentialed: Bool
    /// Under no strong validator: the span that came as a part of it, half-open. nil where the whole was sent.
    let part: Range<Int64>?
    let state: Mutex<State>
    /// How many readers are clients; changed under the lock.
    let clientCount = Atomic<Int>(0)

    /// What a reader needs before its head may be sent (invariant 4).
    enum Need: Equatable {
        /// It was validated for this very request.
        case nothing
        /// The response is fresh: any fill that the origin has confirmed will do.
        case confirmation
        /// The response must be validated: an answer that is still to come.
        case newAnswer
    }

    enum Joined: Equatable {
        /// The head may be sent. The number is for `leave` and `waits`.
        case confirmed(Int)
        /// A notice will come.
        case waiting(Int)
        /// No answer will come that could confirm it: the caller validates by a request of its own.
        case mustValidate
        /// This version has come to its end: look again.
        case ended
        /// Nothing will bring it soon: the caller asks the origin by itself, as its client asked.
        case alone
    }

    var body: StoredBody { response.body }
    /// Whether more of this version can be asked for (resume-rules 1 and 8, and what the origin has shown).
    var isResumable: Bool { response.isResumable && state.withLock { $0.ranges != .refused } }

    init(
        response: StoredResponse,
        uri: AbsoluteURI,
        template: FieldSection,
        isCredentialed: Bool = false,
        isNotedUnfinished: Bool = false,
        hasProvenRanges: Bool = false,
        refusesRanges: Bool = false,
        part: Range<Int64>? = nil,
        table: FillTable
    ) {
        self.response = response
        self.table = table
        self.isCredentialed = isCredentialed
        self.part = part
        let proven = hasProvenRanges || response.metadata.head.fields.acceptsByteRanges
        state = Mutex(
            State(
                requester: Requester(uri: uri, template: template),
                ranges: refusesRanges ? .refused : proven ? .proven : .unknown,
                isNotedUnfinished: isNotedUnfinished
            )
        )
    }

    var hasProvenRanges: Bool { response.isResumable && state.withLock { $0.ranges == .proven } }

    // MARK: Beginning

    /// The first answer's body comes in on this call: its fill has its claim at once, and is confirmed.
    ///
    /// - Parameter requester: of the request that was answered.
    func begin(
        span: Range<Int64>,
        with call: OriginCall,
        framing: BodyFraming,
        for requester: Requester,
        on loop: any EventLoop
    ) {
        let fill = state.withLock { state -> Fill? in
            let number = state.nextNumber
            state.nextNumber += 1
            if !requester.credentials.isEmpty { state.hasCredentials = true }
            let fill = Fill(number: number, version: self, requester: requester, loop: loop)
            var machine = FillStateMachine(range: span)
            _ = machine.slotFree()
            guard machine.began(span) == .readBody else { return nil }
            state.fills[number] = Running(
                fill: fill,
                machine: machine,
                start: span.lowerBound,
                written: span.lowerBound,
                received: span.lowerBound,
                isUnconfirmed: false
            )
            return fill
        }
        guard let fill else {
            // Nothing follows the head.
            call.body = DiscardedBody()
            table.completed(response)
            return
        }
        fill.take(call, framing: framing, from: span.lowerBound)
    }

    /// Takes an unfinished download up again without a reader, as soon as the finisher has a place.
    func finishInBackground(_ wanted: ByteRangeSet) {
        state.withLock { state in
            state.asked.formUnion(wanted)
            state.finishingSince = Clock.monotonicNanoseconds()
        }
        requestPlace()
    }

    // MARK: Readers

    /// Whether a fill that the origin has confirmed is under way.
    var isLive: Bool {
        state.withLock { $0.isConfirmed && !$0.isClosed && !$0.hasEnded }
    }

    /// Whether fills under way cover or have covered all of these ranges that is not held.
    func covers(_ ranges: [Range<Int64>]) -> Bool {
        state.withLock { state in
            guard !state.hasEnded, !state.isClosed, state.isConfirmed else { return false }
            let held = body.held
            let claims = self.claims(state, held: held)
            let whole = 0..<(body.completeLength ?? .max)
            return ranges.flatMap { held.gaps(in: $0.clamped(to: whole)) }.allSatisfy { gap in
                claims.contains { $0.offset <= gap.lowerBound && ($0.end ?? .max) >= gap.upperBound }
            }
        }
    }

    /// Whether the first byte from `position` on that is not held comes by a fill that the origin has confirmed. One that
    /// is under way elsewhere in the body says nothing of the version that a further request will find.
    private func isConfirmed(_ state: State, byteAt position: Int64) -> Bool {
        let held = body.held
        let missing = held.runEnd(from: position)
        if let completeLength = body.completeLength, missing >= completeLength { return true }
        return state.fills.values.contains { running in
            guard !running.isUnconfirmed, !running.isElsewhere,
                let claim = running.claim(held: held, mayBeCut: false)
            else { return false }
            return claim.offset <= missing && missing < (claim.end ?? .max)
        }
    }

    /// A reader arrives.
    ///
    /// - Parameters:
    ///   - range: half-open; `Int64.max` as the upper bound where the complete length is not known.
    ///   - further: what it will want beside that range.
    ///   - requester: of its request: used only for fills that it causes.
    ///   - readAhead: so many bytes behind the range are fetched, too.
    ///   - isClient: somebody waits for the bytes.
    ///   - mayAskAlone: where no fill comes by soon, the caller can ask the origin for its range by itself.
    ///   - notify: called on `loop`.
    func join(
        range: Range<Int64>,
        further: [Range<Int64>] = [],
        need: Need,
        requester: Requester,
        readAhead: Int64 = 0,
        isClient: Bool = true,
        mayAskAlone: Bool = false,
        loop: any EventLoop,
        notify: @escaping @Sendable (ReaderNotice) -> Void
    ) -> Joined {
        let (joined, work) = state.withLock { state -> (Joined, Work) in
            guard !state.hasEnded, !state.isClosed else { return (.ended, []) }
            if let end = state.unprovenEnd, state.fills.isEmpty, range.upperBound > end {
                // Its readers were told of that end; whoever comes now is told nothing before the origin is asked again.
                guard response.isResumable, state.ranges != .refused else { return (.ended, []) }
                state.unprovenEnd = nil
            }
            if mayAskAlone, isFar(state, from: range.lowerBound) {
                state.isAskedBeside = true
                return (.alone, [])
            }
            if !requester.credentials.isEmpty { state.hasCredentials = true }
            let number = state.nextNumber
            state.nextNumber += 1
            state.readers[number] = Reader(
                position: range.lowerBound,
                end: range.upperBound == .max ? nil : range.upperBound,
                requester: requester,
                loop: loop,
                notify: notify,
                isConfirmed: false,
                readAhead: readAhead,
                isClient: isClient
            )
            defer { countClients(state) }
            let askedBefore = state.asked
            state.asked.insert(range)
            if readAhead > 0, range.upperBound < Int64.max - readAhead {
                // Rule 6 completes what was asked for: what is read ahead is.
                state.asked.insert(range.upperBound..<range.upperBound + readAhead)
            }
            for range in further { state.asked.insert(range) }
            state.isHalted = false
            state.fruitlessEnds = 0
            state.unreadBytes = 0
            // Whoever comes first does not wait as long as a fill that nobody waits for.
            let woken = state.readers.count == 1 ? state.fills.values.filter(\.machine.isWaiting).map(\.fill) : []
            let work = plan(&state) + (isClient ? hurry(state) : []) + woken.map { fill in { fill.readerCame() } }
            // Only now is it known which fill is to bring its first byte.
            let isConfirmed: Bool =
                switch need {
                case .nothing: true
                case .confirmation: state.isConfirmed && isConfirmed(state, byteAt: range.lowerBound)
                case .newAnswer: false
                }
            state.readers[number]?.isConfirmed = isConfirmed
            guard isConfirmed || state.awaitsAnswer else {
                state.readers[number] = nil
                state.asked = askedBefore
                return (.mustValidate, work)
            }
            return (isConfirmed ? .confirmed(number) : .waiting(number), work)
        }
        work.forEach { $0() }
        if joined != .ended, joined != .alone { noteUnfinished() }
        return joined
    }

    /// A reader has come to a byte that is not there yet.
    func waits(_ number: Int, at position: Int64) {
        let work = state.withLock { state -> Work in
            // Where it has ended, the notice that says why is on its way.
            guard state.readers[number] != nil, !state.hasEnded else { return [] }
            state.readers[number]?.position = position
            return plan(&state) + dismissUncovered(&state, only: number)
        }
        work.forEach { $0() }
    }

    /// A reader goes on with another range.
    func moves(_ number: Int, to range: Range<Int64>) {
        let work = state.withLock { state -> Work in
            guard state.readers[number] != nil, !state.hasEnded else { return [] }
            state.readers[number]?.position = range.lowerBound
            state.readers[number]?.end = range.upperBound
            state.asked.insert(range)
            return plan(&state) + dismissUncovered(&state, only: number)
        }
        work.forEach { $0() }
    }

    /// A reader is done, or its client has left.
    func leave(_ number: Int) {
        let work = state.withLock { state -> Work in
            defer { countClients(state) }
            guard state.readers.removeValue(forKey: number) != nil, state.readers.isEmpty, !state.hasEnded else {
                return []
            }
            return abandon(&state)
        }
        work.forEach { $0() }
        forgetIfIdle()
    }

    /// A reader has stopped it: where nobody else reads, it is parked and not handed to the finisher, whatever
    /// `on_disconnect` says.
    func leaveParked(_ number: Int) {
        let (work, isLast) = state.withLock { state -> (Work, Bool) in
            defer { countClients(state) }
            guard state.readers.removeValue(forKey: number) != nil, state.readers.isEmpty, !state.hasEnded else {
                return ([], false)
            }
            state.background = .none
            return (abandonAll(state), true)
        }
        if isLast {
            table.finisher.release(response.id)
            table.parked(response, because: nil)
            if isResumable { note(.parked) } else { clearUnfinished() }
        }
        work.forEach { $0() }
        forgetIfIdle()
    }

    /// The client that caused the response left before its head came.
    ///
    /// - Parameter wanted: what it had asked for, half-open.
    func leaveUnread(_ wanted: [Range<Int64>]) {
        let work = state.withLock { state -> Work in
            for range in wanted { state.asked.insert(range) }
            return state.readers.isEmpty && !state.hasEnded ? abandon(&state) : []
        }
        work.forEach { $0() }
        forgetIfIdle()
    }
}
