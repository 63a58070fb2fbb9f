// One fill at work: asks the origin, compares what overlaps, writes what is new, asks again when the
// origin drops. What each event means is the machine's decision (Resume.FillStateMachine, which stands in
// VersionFills under its lock); this file carries the answers out. Bound to one loop.

import Configuration
import HTTPSemantics
import NIOCore
import Resume
import Store
import Transport
import Wire

final class Fill: OriginBodyReceiver, @unchecked Sendable {
    let number: Int
    private let version: VersionFills
    private let loop: any EventLoop
    private var call: OriginCall?
    private var writer: BodyWriter?
    private var retry: RetryPolicy
    private var credentials = FieldSection()
    private var client: IPAddress?
    private var framing = BodyFraming.none
    /// Body bytes of the running answer that are still to come, where its framing tells.
    private var bodyRemaining: Int64?
    /// Bytes that wait for the verdict on a comparison.
    private var backlog: [ByteBuffer] = []
    private var isPaused = false
    private var isComparing = false
    private var isConfirmed = false
    private var isOver = false
    /// The end of the running answer came while a comparison was under way.
    private var pendingEnd: (() -> Void)?
    /// What follows when all is written.
    private var afterLanding: (() -> Void)?
    private var rate = RateMeter()
    private var lastReceived: Int64 = 0
    private var attempts = 0
    private var stallTimer: Scheduled<Void>?

    /// Where the disk cannot keep up, a fill stops reading at so many unwritten bytes (hardening 2.2 item 3).
    private static let unwrittenLimit: Int64 = 4 << 20

    private var table: FillTable { version.table }
    private var body: StoredBody { version.response.body }
    private var isResumable: Bool { version.response.validator != nil }

    init(number: Int, version: VersionFills, loop: any EventLoop) {
        self.number = number
        self.version = version
        self.loop = loop
        let upstream = version.table.configuration.upstream
        retry = RetryPolicy(
            healTimeoutNanoseconds: upstream.healTimeoutNanoseconds,
            startedAt: Clock.monotonicNanoseconds()
        )
    }

    // MARK: Beginning

    /// Asks the origin for the claim. May be called from any thread.
    func start(overlap: Int64, credentials: FieldSection, client: IPAddress?) {
        loop.execute {
            self.credentials = credentials
            self.client = client
            guard let request = self.version.tell(self.number, { $0.slotFree(overlap: overlap) }) ?? nil else {
                return self.end(nil)
            }
            self.ask(request)
        }
    }

    /// The first answer of a new version: its body comes in on this call. On the loop.
    func take(_ call: OriginCall, framing: BodyFraming, from offset: Int64) {
        isConfirmed = true
        readBody(of: call, framing: framing)
    }

    private func readBody(of call: OriginCall, framing: BodyFraming) {
        self.call = call
        self.framing = framing
        bodyRemaining = if case .length(let length) = framing { length } else { nil }
        if bodyRemaining ?? .max > 1 << 20 { call.useLargeReceiveBuffers() }
        lastReceived = Clock.monotonicNanoseconds()
        call.body = self
        watchForStall()
    }

    // MARK: Asking

    private func ask(_ request: FillRequest) {
        guard !isOver, let validator = version.response.validator else { return end(FillStop(.notResumable)) }
        attempts += 1
        var fields = version.requestFields(credentials: credentials)
        let asked = request.asked
        ConditionalRequest.completing(
            &fields,
            range: asked.start..<(asked.end ?? .max),
            openEnd: request.openEnd,
            validator: validator
        )
        let upstream = UpstreamRequest(
            host: version.uri.authority.bareHost,
            port: version.uri.port,
            head: RequestHead(method: .get, target: .absolute(version.uri), version: .http11, fields: fields),
            body: .none,
            check: table.check(
                client: client,
                uri: version.uri,
                knownOrigin: IPAddress.parse(version.response.originAddress)
            ),
            deniedAddressRefusesAll: true
        )
        call = OriginCall.send(upstream, with: table.client, on: loop) { call, event in
            switch event {
            case .head(let answer): self.answered(answer, to: request, by: call)
            case .failed(let failure): self.broke(failure)
            case .interim, .writable: break
            }
        }
    }

    private func answered(_ answer: OriginCall.Answer, to request: FillRequest, by call: OriginCall) {
        guard !isOver, let known = version.known else { return call.cancel() }
        let length: Int64? = if case .length(let length) = answer.framing { length } else { nil }
        let check = ContinuationCheck.check(
            asked: request.asked,
            known: known,
            response: answer.head,
            contentLength: length,
            receivedAt: answer.responseTime
        )
        switch check {
        case .continues(let span, let completeLength):
            let start = version.tell(number) { $0.continued(span: span, compareUntil: request.missing.lowerBound) }
            guard start == .readBody else {
                call.cancel()
                return end(start == .filled ? nil : FillStop(.answered(status: answer.head.status)))
            }
            table.freshen(version.response, with: answer)
            if let completeLength { body.learn(completeLength: completeLength) }
            readBody(of: call, framing: answer.framing)
            if request.overlap == 0 { confirm() }
        case .newVersion:
            changed(answer, request, call)
        case .transient(let status):
            call.cancel()
            failed(.status(status), FillStop(.unavailable(status: status)), retryAfter: RetryAfter.of(answer.head.fields, now: answer.responseTime))
        case .gone(let status):
            call.cancel()
            _ = version.tell(number) { $0.originGone() }
            end(FillStop(.answered(status: status)))
        case .alreadyComplete:
            // Rule 5 wants a further check before it is believed: a plain request will tell.
            refuse(call, .unexpectedStatus, status: 416)
        case .broken(let reason):
            refuse(call, reason, status: answer.head.status)
        case .unsolicited:
            refuse(call, .unexpectedStatus, status: answer.head.status)
        }
    }

    private func refuse(_ call: OriginCall, _ reason: BrokenReason, status: Int) {
        call.cancel()
        _ = version.tell(number) { $0.rejected(.broken(reason)) }
        table.log("\(version.uri): \(reason.sentence)")
        end(FillStop(.answered(status: status)))
    }

    /// The origin has another version, and this answer begins it (rule 5, rows 3 and 6).
    private func changed(_ answer: OriginCall.Answer, _ request: FillRequest, _ call: OriginCall) {
        _ = version.tell(number) { $0.rejected(.versionChanged) }
        let template = version.requestFields(credentials: FieldSection())
        let question = FillTable.Question(
            request: RequestHead(
                method: .get,
                target: .absolute(version.uri),
                version: .http11,
                fields: version.requestFields(credentials: credentials)
            ),
            uri: version.uri,
            key: version.response.key,
            template: template,
            isCredentialed: false,
            range: request.asked.specifier
        )
        let admission = table.admit(answer, of: call, for: question, until: { _ in nil }, on: loop)
        self.call = nil
        isOver = true
        if case .stored(let new) = admission {
            version.changed(by: number, to: new.response)
        } else {
            call.cancel()
            version.changed(by: number, to: nil)
        }
        land { self.version.ended(self.number) }
    }

    private func confirm() {
        guard !isConfirmed else { return }
        isConfirmed = true
        version.confirmed(by: number)
    }

    // MARK: The body

    func originBody(_ bytes: ByteBuffer) {
        guard !isOver else { return }
        let now = Clock.monotonicNanoseconds()
        lastReceived = now
        rate.add(Int64(bytes.readableBytes), at: now)
        if let remaining = bodyRemaining { bodyRemaining = remaining - Int64(bytes.readableBytes) }
        backlog.append(bytes)
        process()
    }

    private func process() {
        while !isOver, !isComparing, var bytes = backlog.first {
            guard bytes.readableBytes > 0 else {
                backlog.removeFirst()
                continue
            }
            switch version.received(number, Int64(bytes.readableBytes), bytesPerSecond: rate.bytesPerSecond) {
            case .write(let range, let filled):
                write(&bytes, range)
                backlog[0] = bytes
                if filled { return filledUp() }
            case .compare(let range):
                let compared = bytes.readBytes(length: Int(range.upperBound - range.lowerBound)) ?? []
                backlog[0] = bytes
                compare(compared, at: range.lowerBound)
            case .hold:
                return
            case .discard:
                backlog.removeAll()
            }
        }
        pauseOrResume()
    }

    private func write(_ bytes: inout ByteBuffer, _ range: Range<Int64>) {
        if let writer, writer.offset != range.lowerBound { writer.finish() }
        if writer == nil || writer?.offset != range.lowerBound { openWriter(at: range.lowerBound) }
        let count = Int(range.upperBound - range.lowerBound)
        bytes.readWithUnsafeReadableBytes { readable in
            writer?.append(UnsafeRawBufferPointer(rebasing: readable.prefix(count)))
            return count
        }
        retry.gained(Int64(count), at: lastReceived)
    }

    private func openWriter(at offset: Int64) {
        let loop = self.loop
        let version = self.version
        let number = self.number
        writer = body.openWriter(at: offset) { [weak self] progress in
            switch progress {
            case .written(let upTo, _):
                version.written(number, upTo: upTo)
                loop.execute { [weak self] in self?.progressed() }
            case .failed(let error):
                loop.execute { [weak self] in self?.storeFailed(error) }
            }
        }
    }

    private func compare(_ bytes: [UInt8], at offset: Int64) {
        isComparing = true
        let loop = self.loop
        body.matches(bytes, at: offset) { equal in
            loop.execute { self.compared(equal) }
        }
    }

    private func compared(_ equal: Bool) {
        isComparing = false
        guard !isOver else { return }
        switch version.tell(number, { $0.compared(equal: equal) }) ?? .nothing {
        case .goOn:
            if case .receiving? = version.tell(number, { $0.state }) { confirm() }
            process()
            if !isComparing, let end = pendingEnd {
                pendingEnd = nil
                end()
            }
        case .filled:
            confirm()
            filledUp()
        case .rejected:
            table.log("\(version.uri): the overlap differs from what is held: another version")
            closeCall()
            isOver = true
            version.changed(by: number, to: nil)
            land { self.version.ended(self.number) }
        case .nothing: break
        }
    }

    private func pauseOrResume() {
        let isBehind = (writer?.unwritten ?? 0) > Self.unwrittenLimit || isComparing
        guard isBehind != isPaused, call != nil else { return }
        isPaused = isBehind
        if isBehind {
            call?.pause()
        } else {
            lastReceived = Clock.monotonicNanoseconds()
            call?.resume()
        }
    }

    private func progressed() {
        if let afterLanding {
            if writer?.unwritten ?? 0 == 0 {
                self.afterLanding = nil
                afterLanding()
            }
            return
        }
        if !isOver { pauseOrResume() }
    }

    // MARK: The end of an answer

    func originEnded() {
        guard !isOver else { return }
        afterComparing {
            self.call = nil
            let resumable = self.isResumable
            let isCloseDelimited = self.framing == .untilClose
            let end = self.version.tell(self.number) { machine in
                isCloseDelimited
                    ? machine.bodyEndedByClose(resumable: resumable) : machine.bodyEnded(complete: true, resumable: resumable)
            }
            self.carryOut(end ?? .nothing, FillStop(.notResumable), unproven: isCloseDelimited)
        }
    }

    func originFailed(_ failure: UpstreamFailure) {
        guard !isOver else { return }
        afterComparing { self.broke(failure) }
    }

    func originWritable() {}

    private func afterComparing(_ body: @escaping () -> Void) {
        if isComparing { pendingEnd = body } else { body() }
    }

    /// The connection broke, before the head or in the body.
    private func broke(_ failure: UpstreamFailure) {
        call = nil
        failed(failure.kind.asOriginFailure, FillStop(.upstream(failure)), retryAfter: nil)
    }

    private func failed(_ failure: OriginFailure, _ stop: FillStop, retryAfter: Int64?) {
        guard !isOver else { return }
        let resumable = isResumable
        let end = version.tell(number) { $0.originFailed(failure, resumable: resumable) }
        carryOut(end ?? .nothing, stop, retryAfter: retryAfter, failure: failure)
    }

    private func carryOut(
        _ end: FillEnd,
        _ stop: FillStop,
        retryAfter: Int64? = nil,
        failure: OriginFailure = .cutShort,
        unproven: Bool = false
    ) {
        switch end {
        case .filled(let completeLength):
            if let completeLength { body.learn(completeLength: completeLength) }
            if unproven { return landUnproven() }
            filledUp()
        case .wait:
            scheduleRetry(stop, retryAfter: retryAfter, failure)
        case .failed:
            self.end(stop)
        case .afterVerdict, .nothing:
            if unproven { landUnproven() }
        }
    }

    private func landUnproven() {
        isOver = true
        let offset = writer?.offset ?? 0
        land { self.version.endedUnproven(self.number, at: offset) }
    }

    private func scheduleRetry(_ stop: FillStop, retryAfter: Int64?, _ failure: OriginFailure) {
        writer?.flush()
        backlog.removeAll()
        isPaused = false
        // R56: while nothing was sent to any reader, three attempts are enough; a background fill has a day.
        let hasReaders = version.hasReaders
        if hasReaders, !version.hasConfirmedReaders, attempts >= 3 { return giveUp(stop, failure) }
        let configuration = table.configuration
        retry.healTimeoutNanoseconds =
            hasReaders
            ? configuration.upstream.healTimeoutNanoseconds : configuration.resume.giveUpAfterSeconds * 1_000_000_000
        retry.maxDelayNanoseconds = hasReaders ? 8_000_000_000 : 60_000_000_000
        let decision = retry.failed(
            at: Clock.monotonicNanoseconds(),
            retryAfterNanoseconds: retryAfter.map { $0 * 1_000_000_000 },
            random: Double.random(in: 0..<1)
        )
        switch decision {
        case .at(let instant):
            table.log("\(version.uri): \(stop.sentence) Asking again for the rest.")
            let delay = max(0, instant - Clock.monotonicNanoseconds())
            loop.scheduleTask(in: .nanoseconds(delay)) { self.retryIsDue() }
        case .giveUp:
            giveUp(stop, failure)
        }
    }

    private func giveUp(_ stop: FillStop, _ failure: OriginFailure) {
        _ = version.tell(number) { $0.gaveUp(after: failure) }
        end(stop)
    }

    private func retryIsDue() {
        guard !isOver else { return }
        let overlapProbe = table.configuration.resume.overlapProbe
        let held = body.held
        // What was received before is compared first, as far as it is written (resume-rules 4 and 11).
        let request = version.tell(number) { machine -> FillRequest? in
            let offset = machine.extent?.offset ?? 0
            return machine.retryDue(overlap: held.heldBefore(offset, limit: overlapProbe))
        }
        guard let request = request ?? nil else { return end(nil) }
        ask(request)
    }

    // MARK: Stalls

    /// R55: a resumable fill that receives nothing for `stall_timeout` is asked for anew.
    private func watchForStall() {
        stallTimer?.cancel()
        guard isResumable, !isOver else { return }
        let timeout = table.configuration.upstream.stallTimeoutNanoseconds
        let due = max(0, lastReceived + timeout - Clock.monotonicNanoseconds())
        stallTimer = loop.scheduleTask(in: .nanoseconds(due + 1_000_000)) { [weak self] in self?.checkStall(timeout) }
    }

    private func checkStall(_ timeout: Int64) {
        guard !isOver, call != nil else { return }
        let isIdle = Clock.monotonicNanoseconds() - lastReceived >= timeout
        if isIdle, !isPaused, !isComparing {
            closeCall()
            let seconds = timeout / 1_000_000_000
            table.log("\(version.uri): nothing came for \(seconds) s")
            return failed(.timeout, FillStop(.upstream(UpstreamFailure(.bodyTimeout, host: version.uri.authority.bareHost, port: version.uri.port))), retryAfter: nil)
        }
        if isPaused || isComparing { lastReceived = Clock.monotonicNanoseconds() }
        watchForStall()
    }

    // MARK: The end of the fill

    /// Everything that was claimed has arrived.
    private func filledUp() {
        guard !isOver else { return }
        confirm()
        end(nil)
    }

    /// The claim was cut to what has been received already. May be called from any thread.
    func claimWasCut() {
        loop.execute { if !self.isOver { self.end(nil) } }
    }

    /// Nobody wants it any more. May be called from any thread.
    func abandon() {
        loop.execute {
            guard !self.isOver else { return }
            _ = self.version.tell(self.number) { $0.lastReaderLeft(.park) }
            self.end(nil)
        }
    }

    private func storeFailed(_ error: StoreError) {
        writer = nil
        guard !isOver else {
            // What was received last is lost: nobody may believe that it is on its way.
            let then = afterLanding
            afterLanding = nil
            then?()
            return
        }
        _ = version.tell(number) { $0.storeFailed() }
        end(FillStop(.store(error)))
    }

    /// Whatever was received is written, then the version is told.
    private func end(_ stop: FillStop?) {
        guard !isOver else { return }
        isOver = true
        closeCall()
        let (version, number) = (self.version, self.number)
        land {
            if let stop { version.failed(number, stop) } else { version.ended(number) }
        }
    }

    /// An answer that has been read to its end leaves its connection for others; any other is closed.
    private func closeCall() {
        stallTimer?.cancel()
        stallTimer = nil
        backlog.removeAll()
        if bodyRemaining == 0, let call, !isPaused {
            call.body = DiscardedBody()
        } else {
            call?.cancel()
        }
        call = nil
    }

    private func land(_ then: @escaping () -> Void) {
        guard let writer else { return then() }
        writer.finish()
        if writer.unwritten == 0 { then() } else { afterLanding = then }
    }
}

/// How many bytes a second arrive, over the last second or so.
struct RateMeter {
    private(set) var bytesPerSecond: Int64 = 0
    private var windowStart: Int64 = 0
    private var windowBytes: Int64 = 0

    /// - Parameter now: monotonic nanoseconds.
    mutating func add(_ bytes: Int64, at now: Int64) {
        if windowStart == 0 { windowStart = now }
        windowBytes += bytes
        let elapsed = now - windowStart
        guard elapsed >= 250_000_000 else { return }
        let measured = Int64(Double(windowBytes) / (Double(elapsed) / 1_000_000_000))
        bytesPerSecond = bytesPerSecond == 0 ? measured : (bytesPerSecond + measured) / 2
        windowStart = now
        windowBytes = 0
    }
}
