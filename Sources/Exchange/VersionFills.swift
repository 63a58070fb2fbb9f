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
    let uri: AbsoluteURI
    let table: FillTable
    /// The request that caused the response had credentials: it is never continued without its client (resume-rules 6).
    private let isCredentialed: Bool
    private let state: Mutex<State>

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
    }

    private struct Reader {
        var position: Int64
        let end: Int64?
        let credentials: FieldSection
        let client: IPAddress?
        let loop: any EventLoop
        let notify: @Sendable (ReaderNotice) -> Void
        var isConfirmed: Bool
    }

    private enum Background: Equatable {
        case none, queued, finishing
    }

    private struct State {
        var template: FieldSection
        var fills: [Int: Running] = [:]
        var readers: [Int: Reader] = [:]
        var nextNumber = 1
        /// What readers have asked for, present or gone: what a finisher completes (resume-rules 6).
        var asked = ByteRangeSet()
        var isConfirmed = false
        var hasEnded = false
        /// After a failure nothing is started until somebody asks anew.
        var isHalted = false
        var background = Background.none
        var isNotedUnfinished = false
    }

    /// A fill with its machine. The machine stands here, under the lock, because its claim is everybody's
    /// concern: a cut holds from the moment on in which it is decided.
    private struct Running {
        let fill: Fill
        var machine: FillStateMachine
        /// Bytes below are on disk (and in `held`); those from here to the machine's offset are on their way there.
        var written: Int64
        /// Bytes below were given to the writer.
        var received: Int64
        var bytesPerSecond: Int64 = 0
        /// It waits for an answer that will confirm the version, or not.
        var isUnconfirmed: Bool

        /// What nobody else may fetch: from the first byte that is not held yet.
        func claim(held: ByteRangeSet, mayBeCut: Bool) -> Claim? {
            let offset = min(received, held.runEnd(from: written))
            guard var claim = machine.claim(fill: fill.number, bytesPerSecond: bytesPerSecond, mayBeCut: mayBeCut)
            else {
                // It is over, and what it received is still being written.
                guard offset < received else { return nil }
                return Claim(fill: fill.number, offset: offset, end: received, bytesPerSecond: 0, mayBeCut: false)
            }
            claim.offset = min(claim.offset, offset)
            return claim
        }
    }

    private typealias Work = [@Sendable () -> Void]

    private var body: StoredBody { response.body }
    private var isResumable: Bool { response.validator != nil }

    init(
        response: StoredResponse,
        uri: AbsoluteURI,
        template: FieldSection,
        isCredentialed: Bool = false,
        table: FillTable
    ) {
        self.response = response
        self.uri = uri
        self.table = table
        self.isCredentialed = isCredentialed
        state = Mutex(State(template: template))
    }

    // MARK: Beginning

    /// The first answer's body comes in on this call: its fill has its claim at once, and is confirmed.
    func begin(span: Range<Int64>, with call: OriginCall, framing: BodyFraming, on loop: any EventLoop) {
        let fill = state.withLock { state in
            let number = state.nextNumber
            state.nextNumber += 1
            let fill = Fill(number: number, version: self, loop: loop)
            var machine = FillStateMachine(range: span)
            _ = machine.slotFree()
            _ = machine.began(span)
            state.fills[number] = Running(
                fill: fill,
                machine: machine,
                written: span.lowerBound,
                received: span.lowerBound,
                isUnconfirmed: false
            )
            state.isConfirmed = true
            state.asked.insert(span)
            return fill
        }
        noteUnfinished()
        fill.take(call, framing: framing, from: span.lowerBound)
    }

    /// Takes an unfinished download up again without a reader, as soon as the finisher has a place.
    func finishInBackground(_ wanted: ByteRangeSet) {
        state.withLock { $0.asked.formUnion(wanted) }
        requestPlace()
    }

    // MARK: Readers

    /// Whether a fill that the origin has confirmed is under way.
    var isLive: Bool {
        state.withLock { $0.isConfirmed && !$0.fills.isEmpty && !$0.hasEnded }
    }

    /// Whether a fill under way covers or has covered all of this range that is not held.
    func covers(_ range: Range<Int64>) -> Bool {
        state.withLock { state in
            guard !state.hasEnded, state.isConfirmed, !state.fills.isEmpty else { return false }
            let held = body.held
            let claims = self.claims(state, held: held)
            return held.gaps(in: range.clamped(to: 0..<(body.completeLength ?? .max))).allSatisfy { gap in
                claims.contains { $0.offset <= gap.lowerBound && ($0.end ?? .max) >= gap.upperBound }
            }
        }
    }

    /// A reader arrives.
    ///
    /// - Parameters:
    ///   - range: half-open; `Int64.max` as the upper bound where the complete length is not known.
    ///   - credentials: Authorization and Cookie of its request: used only for fills that it causes.
    ///   - notify: called on `loop`.
    func join(
        range: Range<Int64>,
        need: Need,
        credentials: FieldSection,
        client: IPAddress?,
        loop: any EventLoop,
        notify: @escaping @Sendable (ReaderNotice) -> Void
    ) -> Joined {
        let (joined, work) = state.withLock { state -> (Joined, Work) in
            guard !state.hasEnded else { return (.ended, []) }
            let number = state.nextNumber
            state.nextNumber += 1
            let isConfirmed: Bool =
                switch need {
                case .nothing: true
                case .confirmation: state.isConfirmed && !state.fills.isEmpty
                case .newAnswer: false
                }
            state.readers[number] = Reader(
                position: range.lowerBound,
                end: range.upperBound == .max ? nil : range.upperBound,
                credentials: credentials,
                client: client,
                loop: loop,
                notify: notify,
                isConfirmed: isConfirmed
            )
            let askedBefore = state.asked
            state.asked.insert(range)
            state.isHalted = false
            let work = plan(&state)
            guard isConfirmed || state.fills.values.contains(where: \.isUnconfirmed) else {
                state.readers[number] = nil
                state.asked = askedBefore
                return (.mustValidate, work)
            }
            return (isConfirmed ? .confirmed(number) : .waiting(number), work)
        }
        work.forEach { $0() }
        if joined != .ended { noteUnfinished() }
        return joined
    }

    /// A reader has come to a byte that is not there yet.
    func waits(_ number: Int, at position: Int64) {
        let work = state.withLock { state -> Work in
            guard state.readers[number] != nil else { return [] }
            state.readers[number]?.position = position
            return plan(&state) + dismissUncovered(&state, only: number)
        }
        work.forEach { $0() }
    }

    /// A reader is done, or its client has left.
    func leave(_ number: Int) {
        let work = state.withLock { state -> Work in
            guard state.readers.removeValue(forKey: number) != nil, state.readers.isEmpty, !state.hasEnded else {
                return []
            }
            return abandon(&state)
        }
        work.forEach { $0() }
        forgetIfIdle()
    }

    /// The client that caused the response left before its head came.
    func leaveUnread() {
        let work = state.withLock { state -> Work in
            state.readers.isEmpty && !state.hasEnded ? abandon(&state) : []
        }
        work.forEach { $0() }
        forgetIfIdle()
    }

    // MARK: Planning (under the lock; what it returns is carried out after it)

    private func plan(_ state: inout State) -> Work {
        guard !state.hasEnded, !state.isHalted else { return [] }
        let held = body.held
        let completeLength = body.completeLength
        let resume = table.configuration.resume
        let wants = state.readers.map { number, reader in
            Want(reader: number, position: reader.position, end: reader.end)
        }
        let background = state.background == .finishing ? clip(state.asked, to: completeLength) : ByteRangeSet()
        let actions = FillPlan(gapThreshold: resume.gapThreshold, overlapProbe: resume.overlapProbe).actions(
            held: held,
            claims: claims(state, held: held),
            wants: wants,
            background: background,
            completeLength: completeLength,
            mayStart: isResumable ? max(0, Self.fillsAtOnce - state.fills.count) : 0
        )
        var work: Work = []
        for action in actions {
            switch action {
            case .start(let range, _, let overlap):
                let number = state.nextNumber
                state.nextNumber += 1
                // The reader that comes to this hole next; the finisher has none.
                let cause = state.readers.values
                    .filter { $0.position <= range.lowerBound && range.lowerBound < ($0.end ?? .max) }
                    .max { $0.position < $1.position }
                let fill = Fill(number: number, version: self, loop: cause?.loop ?? table.group.next())
                state.fills[number] = Running(
                    fill: fill,
                    machine: FillStateMachine(range: range),
                    written: range.lowerBound,
                    received: range.lowerBound,
                    isUnconfirmed: true
                )
                let credentials = cause?.credentials ?? FieldSection()
                let client = cause?.client
                work.append { fill.start(overlap: overlap, credentials: credentials, client: client) }
            case .cut(let number, let offset):
                work += cut(&state, number, at: offset)
            }
        }
        return work
    }

    private func cut(_ state: inout State, _ number: Int, at offset: Int64) -> Work {
        guard var running = state.fills[number] else { return [] }
        let cut = running.machine.claimCut(at: offset)
        state.fills[number] = running
        let fill = running.fill
        return cut == .filled ? [{ fill.claimWasCut() }] : []
    }

    private func claims(_ state: State, held: ByteRangeSet) -> [Claim] {
        state.fills.values.compactMap { $0.claim(held: held, mayBeCut: isResumable) }
    }

    /// As many as a download manager opens connections; readers beyond that wait for a fill to come by.
    private static let fillsAtOnce = 16

    private func clip(_ ranges: ByteRangeSet, to completeLength: Int64?) -> ByteRangeSet {
        ranges.intersection(0..<(completeLength ?? .max))
    }

    /// Tells readers that lack a byte which no fill will bring.
    private func dismissUncovered(_ state: inout State, only: Int? = nil, because: FillStop? = nil) -> Work {
        let held = body.held
        let completeLength = body.completeLength ?? .max
        guard because != nil || !isResumable || state.fills.count < Self.fillsAtOnce else { return [] }
        let claims = self.claims(state, held: held)
        var work: Work = []
        for (number, reader) in state.readers where only == nil || only == number {
            let end = min(reader.end ?? .max, completeLength)
            let missing = held.runEnd(from: reader.position)
            guard missing < end else { continue }
            let isCovered = claims.contains { $0.offset <= missing && missing < ($0.end ?? .max) }
            guard !isCovered else { continue }
            let failure = because ?? FillStop(.notResumable)
            let (loop, notify) = (reader.loop, reader.notify)
            work.append { loop.execute { notify(.failed(failure)) } }
        }
        return work
    }

    private func notifyAll(_ state: State, _ notice: ReaderNotice) -> Work {
        state.readers.values.map { reader in
            let (loop, notify) = (reader.loop, reader.notify)
            return { loop.execute { notify(notice) } }
        }
    }

    // MARK: Without readers

    private func abandon(_ state: inout State) -> Work {
        let missing = clip(state.asked, to: body.completeLength)
        let remaining = body.completeLength.map { _ in
            missing.ranges.reduce(Int64(0)) { sum, range in
                sum + body.held.gaps(in: range).reduce(0) { $0 + ($1.upperBound - $1.lowerBound) }
            }
        }
        if state.fills.isEmpty, remaining == 0 { return [] }
        let decision = table.abandonPolicy.decide(
            resumable: isResumable,
            storable: true,
            credentialed: isCredentialed,
            completeLength: body.completeLength,
            held: body.held.byteCount,
            remaining: remaining,
            finishing: table.finisher.count,
            maxFinishing: table.configuration.resume.maxFinishing
        )
        switch decision {
        case .finish:
            // Never widened: what nobody asked for is not fetched (resume-rules 6).
            return cutClaimsToAsked(&state) + [{ self.requestPlace() }]
        case .park:
            state.background = .none
            return abandonAll(state) + [{ self.note(.parked) }]
        case .drop:
            state.background = .none
            return abandonAll(state) + [{ self.clearUnfinished() }]
        }
    }

    private func abandonAll(_ state: State) -> Work {
        state.fills.values.map { running in
            let fill = running.fill
            return { fill.abandon() }
        }
    }

    private func cutClaimsToAsked(_ state: inout State) -> Work {
        var work: Work = []
        for (number, running) in state.fills {
            guard let extent = running.machine.extent else { continue }
            let wantedEnd = max(state.asked.runEnd(from: extent.offset), extent.offset)
            if wantedEnd < extent.end ?? .max { work += cut(&state, number, at: wantedEnd) }
        }
        return work
    }

    /// Asks for a finisher's place; what is under way goes on when it is granted, and stops until then where it is not.
    private func requestPlace() {
        let granted = table.finisher.request(response.id) { [weak self] in self?.placeGranted() }
        if granted {
            placeGranted()
        } else {
            let work = state.withLock { state -> Work in
                guard state.readers.isEmpty else { return [] }
                state.background = .queued
                return abandonAll(state)
            }
            work.forEach { $0() }
            note(.filling)
        }
    }

    private func placeGranted() {
        let work = state.withLock { state -> Work in
            guard !state.hasEnded else { return [] }
            state.background = .finishing
            state.isHalted = false
            return plan(&state)
        }
        work.forEach { $0() }
        forgetIfIdle()
    }

    /// A version that nobody reads and nobody fills leaves the table.
    private func forgetIfIdle() {
        let isIdle = state.withLock { state -> Bool in
            guard state.readers.isEmpty, state.fills.isEmpty, state.background != .queued else { return false }
            state.background = .none
            return true
        }
        guard isIdle else { return }
        table.finisher.release(response.id)
        table.forget(self)
    }

    // MARK: Remembering what is owed

    private func noteUnfinished() {
        guard isResumable, table.configuration.resume.onDisconnect != .drop else { return }
        note(.filling)
    }

    private func note(_ unfinished: UnfinishedState) {
        let (wanted, template, hasEnded) = state.withLock { ($0.asked, $0.template, $0.hasEnded) }
        guard !hasEnded, isResumable else { return }
        let lacks = clip(wanted, to: body.completeLength).ranges.contains { !body.held.contains($0) }
        guard lacks else { return clearUnfinished() }
        state.withLock { $0.isNotedUnfinished = true }
        table.store.setUnfinished(
            response,
            wanted: wanted,
            state: unfinished,
            requestFields: template,
            uri: uri.description
        )
    }

    private func clearUnfinished() {
        let wasNoted = state.withLock { state in
            defer { state.isNotedUnfinished = false }
            return state.isNotedUnfinished
        }
        if wasNoted { table.store.clearUnfinished(response) }
    }

    // MARK: Events of fills

    /// The fields of a request of this version's fills, without Range and If-Range.
    func requestFields(credentials: FieldSection) -> FieldSection {
        var fields = state.withLock { $0.template }
        credentials.forEach { fields.append($0) }
        return fields
    }

    /// How long a fill may go without gain before it gives up: clients wait for minutes, the finisher for a day.
    var hasReaders: Bool { state.withLock { !$0.readers.isEmpty } }

    /// Whether some reader's head has been sent, so that failing would cut it.
    var hasConfirmedReaders: Bool { state.withLock { $0.readers.values.contains { $0.isConfirmed } } }

    /// What an answer to a fill must agree with.
    var known: KnownVersion? {
        guard let validator = response.validator else { return nil }
        let fields = response.metadata.head.fields
        return KnownVersion(
            validator: validator,
            completeLength: body.completeLength,
            highestHeldEnd: body.held.ranges.last?.upperBound ?? 0,
            contentEncoding: fields.combined(.contentEncoding),
            contentType: fields.combined(.contentType)
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
    func received(_ number: Int, _ count: Int64, bytesPerSecond: Int64) -> FillBytes {
        state.withLock { state in
            guard var running = state.fills[number] else { return .discard }
            running.bytesPerSecond = bytesPerSecond
            let answer = running.machine.bytesReceived(count, held: body.held)
            if case .write(let range, _) = answer { running.received = range.upperBound }
            state.fills[number] = running
            return answer
        }
    }

    /// Bytes below this offset are on disk. Called from disk threads.
    func written(_ number: Int, upTo offset: Int64) {
        state.withLock { state in
            guard let written = state.fills[number]?.written, written < offset else { return }
            state.fills[number]?.written = offset
        }
    }

    /// The origin has confirmed the version in its answer to this fill.
    func confirmed(by number: Int) {
        let work = state.withLock { state -> Work in
            state.fills[number]?.isUnconfirmed = false
            state.isConfirmed = true
            var work: Work = []
            for (number, reader) in state.readers where !reader.isConfirmed {
                state.readers[number]?.isConfirmed = true
                let (loop, notify) = (reader.loop, reader.notify)
                work.append { loop.execute { notify(.confirmed) } }
            }
            return work
        }
        work.forEach { $0() }
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
        let work = state.withLock { state in notifyAll(state, .endedUnproven(at: offset)) }
        remove(number, because: nil)
        work.forEach { $0() }
    }

    private func remove(_ number: Int, because failure: FillStop?) {
        let isComplete = body.isComplete
        let (work, isIdle) = state.withLock { state -> (Work, Bool) in
            state.fills[number] = nil
            guard !state.hasEnded else { return ([], false) }
            if let failure {
                state.isHalted = true
                return (dismissUncovered(&state, because: failure) + unconfirmedFailure(&state, failure), state.readers.isEmpty)
            }
            return (plan(&state) + dismissUncovered(&state), state.readers.isEmpty)
        }
        if isComplete { table.completed(response) }
        work.forEach { $0() }
        body.notifyEnd()
        if failure != nil, isIdle {
            note(table.configuration.resume.onDisconnect == .drop ? .filling : .parked)
        } else if isComplete || !lacksAnything {
            clearUnfinished()
        }
        forgetIfIdle()
    }

    private var lacksAnything: Bool {
        let asked = state.withLock { $0.asked }
        return clip(asked, to: body.completeLength).ranges.contains { !body.held.contains($0) }
    }

    /// Readers that wait for a confirmation that no fill will bring now.
    private func unconfirmedFailure(_ state: inout State, _ failure: FillStop) -> Work {
        guard !state.fills.values.contains(where: \.isUnconfirmed) else { return [] }
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

    /// A purge, or an unsafe method.
    func stop() {
        end(.failed(FillStop(.notResumable)))
    }

    private func end(_ notice: ReaderNotice) {
        let work = state.withLock { state -> Work in
            guard !state.hasEnded else { return [] }
            state.hasEnded = true
            state.background = .none
            return abandonAll(state) + notifyAll(state, notice)
        }
        work.forEach { $0() }
        clearUnfinished()
        table.finisher.release(response.id)
        table.forget(self)
    }

    // MARK: Status

    func report() -> FillReport {
        state.withLock { state in
            FillReport(
                uri: uri.description,
                id: response.id,
                completeLength: body.completeLength,
                held: body.held.ranges,
                readers: state.readers.count,
                fills: state.fills.values.compactMap { running in
                    guard let extent = running.machine.extent else { return nil }
                    return FillReport.Fill(
                        state: running.machine.state.name,
                        offset: extent.offset,
                        end: extent.end,
                        bytesPerSecond: running.bytesPerSecond
                    )
                },
                isFinishing: state.background == .finishing,
                isQueued: state.background == .queued
            )
        }
    }
}

extension FillState {
    /// The state's name, as `status` shows it.
    var name: String {
        switch self {
        case .queued: "queued"
        case .asking: "asking"
        case .comparing: "comparing"
        case .receiving: "receiving"
        case .waiting: "waiting"
        case .parked: "parked"
        case .filled: "filled"
        case .failed: "failed"
        }
    }
}
