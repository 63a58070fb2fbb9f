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
    let version: VersionFills
    /// On whose behalf it asks.
    let requester: VersionFills.Requester
    let loop: any EventLoop
    var call: OriginCall?
    var writer: BodyWriter?
    var retry: RetryPolicy
    var framing = BodyFraming.none
    /// Body bytes of the running answer that are still to come, where its framing tells.
    var bodyRemaining: Int64?
    /// Bytes that wait for the verdict on a comparison.
    var backlog: [ByteBuffer] = []
    /// Under a rule: the last bytes before held ones, which are written once those are found equal.
    var setAside: [UInt8] = []
    var isPaused = false
    var isComparing = false
    var isConfirmed = false
    var isOver = false
    /// The end of the running answer came while a comparison was under way.
    var pendingEnd: (() -> Void)?
    /// What follows when all is written.
    var afterLanding: (() -> Void)?
    var rate = RateMeter()
    /// nil where no rate is set.
    let pace: UpstreamPace?
    var lastReceived: Int64 = 0
    var attempts = 0
    /// What the running answer says of the complete length: believed when held bytes were found equal, and not before. A
    /// body that is held to that length would count as whole.
    var lengthToLearn: Int64?
    /// Bytes that verified restarts have fetched once more.
    var fetchedAgain: Int64 = 0
    /// The first missing byte when the last one began, and how many in turn have not come beyond it.
    var restartedAt: Int64?
    var fruitlessRestarts = 0
    /// The running request asks for the whole.
    var asksForWhole = false
    /// The condition of the running request, or of the next one.
    var condition = ResumeCondition.checkedAfterwards
    /// The origin leaves its validator out of a part: held bytes have to be compared, whatever else it honours.
    var insistsOnOverlap = false
    /// The origin, and its mirrors.
    let sources: [AbsoluteURI]
    var order: SourceOrder
    /// Bytes of the running answer, which is a mirror's, were written.
    var wroteFromMirror = false
    /// The running answer continues under the validator; false: a whole that is compared from byte 0 on.
    var isContinuation = false
    /// Asks whether a body that has ended is whole.
    var confirmation: EndConfirmation?
    /// nil where `upstream.min_rate` is not set.
    var rateWatch: RateWatch?
    let waiting: Waiting
    var stallTimer: Scheduled<Void>?
    var retryTimer: Scheduled<Void>?

    /// Where the disk cannot keep up, a fill stops reading at so many unwritten bytes (hardening 2.2 item 3).
    static let unwrittenLimit: Int64 = 4 << 20

    var table: FillTable { version.table }
    var body: StoredBody { version.response.body }
    var isResumable: Bool { version.isResumable }

    init(number: Int, version: VersionFills, requester: VersionFills.Requester, loop: any EventLoop) {
        self.number = number
        self.version = version
        self.requester = requester
        self.loop = loop
        sources = Self.sources(of: requester, in: version)
        order = SourceOrder(count: sources.count)
        let rates = version.table.rates
        pace =
            rates.limitsUpstream ? UpstreamPace(rates, origin: requester.uri.hostField, loop: loop) : nil
        let upstream = version.table.configuration.upstream
        retry = RetryPolicy(
            healTimeoutNanoseconds: upstream.healTimeoutNanoseconds,
            startedAt: Clock.monotonicNanoseconds()
        )
        rateWatch = upstream.rateWatch(at: Clock.monotonicNanoseconds())
        waiting = Waiting(requester.uri, in: version.table)
        pace?.onTurn = { [weak self] in self?.pauseOrResume() }
    }

    // MARK: Beginning

    /// Asks the origin for the claim. May be called from any thread.
    func start(overlap: Int64) {
        loop.execute {
            let overlap = self.overlap(usual: overlap)
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

    func readBody(of call: OriginCall, framing: BodyFraming) {
        self.call = call
        self.framing = framing
        bodyRemaining = if case .length(let length) = framing { length } else { nil }
        // Under a limit, large reads would be paid for by long pauses.
        if bodyRemaining ?? .max > 1 << 20, table.rates.upstream == nil { call.useLargeReceiveBuffers() }
        lastReceived = Clock.monotonicNanoseconds()
        rateWatch?.restart(at: lastReceived)
        call.body = self
        isPaused = false
        counts(0, at: lastReceived)
        pauseOrResume()
        watchForStall()
    }

    // MARK: The body

    func originBody(_ bytes: ByteBuffer) {
        guard !isOver else { return }
        let now = Clock.monotonicNanoseconds()
        lastReceived = now
        rate.add(Int64(bytes.readableBytes), at: now)
        rateWatch?.received(Int64(bytes.readableBytes))
        counts(Int64(bytes.readableBytes), at: now)
        if let remaining = bodyRemaining { bodyRemaining = remaining - Int64(bytes.readableBytes) }
        backlog.append(bytes)
        process()
    }

    func process() {
        while !isOver, !isComparing, var bytes = backlog.first {
            guard bytes.readableBytes > 0 else {
                backlog.removeFirst()
                continue
            }
            switch version.received(number, Int64(bytes.readableBytes), rate) {
            case .write(let range, let filled):
                write(&bytes, range)
                backlog[0] = bytes
                if filled { return filledUp() }
            case .compare(let range):
                let compared = bytes.readBytes(length: Int(range.upperBound - range.lowerBound)) ?? []
                backlog[0] = bytes
                compare(compared, at: range.lowerBound)
            case .setAside(let range):
                setAside += bytes.readBytes(length: Int(range.upperBound - range.lowerBound)) ?? []
                backlog[0] = bytes
            case .hold:
                return
            case .discard:
                backlog.removeAll()
            }
        }
        if version.isUnreadTooLong {
            version.parks()
            return abandonNow()
        }
        pauseOrResume()
    }

    func write(_ bytes: inout ByteBuffer, _ range: Range<Int64>) {
        if let writer, writer.offset != range.lowerBound { writer.finish() }
        if writer == nil || writer?.offset != range.lowerBound { openWriter(for: range) }
        let count = Int(range.upperBound - range.lowerBound)
        bytes.readWithUnsafeReadableBytes { readable in
            writer?.append(UnsafeRawBufferPointer(rebasing: readable.prefix(count)))
            return count
        }
        retry.gained(Int64(count), at: lastReceived)
        order.gained()
        if !order.isOrigin { wroteFromMirror = true }
        waiting.wentOn()
        // R56 counts those that brought nothing.
        if retry.history.hasJustGained { attempts = 0 }
    }

    func openWriter(for range: Range<Int64>) {
        // Where the machine has no extent any more, these are the last bytes of the claim.
        let extent = version.tell(number) { $0.extent } ?? nil
        let end = extent == nil ? range.upperBound : extent?.end
        let loop = self.loop
        let version = self.version
        let number = self.number
        writer = body.openWriter(at: range.lowerBound, before: end) { [weak self] progress in
            switch progress {
            case .written(let upTo, _):
                version.written(number, upTo: upTo)
                loop.execute { [weak self] in self?.progressed() }
            case .failed(let error):
                loop.execute { [weak self] in self?.storeFailed(error) }
            }
        }
    }

    func compare(_ bytes: [UInt8], at offset: Int64) {
        isComparing = true
        let loop = self.loop
        body.matches(bytes, at: offset) { comparison in
            loop.execute { self.compared(comparison) }
        }
    }

    func compared(_ comparison: Comparison) {
        isComparing = false
        guard !isOver else { return }
        guard comparison != .notHeld else {
            // Not another version: what we held of this one is damaged or gone.
            _ = version.tell(number) { $0.storeFailed() }
            return end(FillStop(.store(StoreError(.gone, "What was to be compared is not held any more."))))
        }
        if comparison == .different, !order.isOrigin { return mirrorDiffers() }
        switch version.tell(number, { $0.compared(equal: comparison == .equal) }) ?? .nothing {
        case .goOn:
            if case .receiving? = version.tell(number, { $0.state }) { confirm() }
            process()
            if !isComparing, let end = pendingEnd {
                pendingEnd = nil
                end()
            }
        case .writeSetAside(let range, let filled):
            confirm()
            var bytes = ByteBuffer(bytes: setAside)
            setAside = []
            write(&bytes, range)
            if filled { return filledUp() }
            process()
            if !isComparing, let end = pendingEnd {
                pendingEnd = nil
                end()
            }
        case .filled:
            confirm()
            filledUp()
        case .rejected:
            table.doubts(version.response.key)
            // A mirror's bytes do not speak against the origin.
            if isContinuation, !version.hasMirrorBytes { learn(.overlapDiffered) }
            table.log("\(requester.uri): the overlap differs from what is held: another version")
            closeCall()
            stopWork()
            version.changed(by: number, to: nil)
            land { self.version.ended(self.number) }
        case .nothing: break
        }
    }

    func pauseOrResume() {
        guard !isOver, call != nil else { return }
        let isBehind =
            (writer?.unwritten ?? 0) > Self.unwrittenLimit || isComparing || pace?.isHeldBack == true
        guard isBehind != isPaused else { return }
        isPaused = isBehind
        if isBehind {
            call?.pause()
        } else {
            lastReceived = Clock.monotonicNanoseconds()
            rateWatch?.restart(at: lastReceived)
            call?.resume()
        }
    }

    func progressed() {
        if let afterLanding {
            if writer?.unwritten ?? 0 == 0 {
                self.afterLanding = nil
                afterLanding()
            }
            return
        }
        if !isOver { pauseOrResume() }
    }

    // MARK: The end of the fill

    /// Everything that was claimed has arrived.
    func filledUp() {
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
        loop.execute { self.abandonNow() }
    }

    func abandonNow() {
        guard !isOver else { return }
        _ = version.tell(number) { $0.lastReaderLeft(.park) }
        end(nil)
    }

    func storeFailed(_ error: StoreError) {
        writer = nil
        guard !isOver else {
            // What was received last is lost: nobody may believe that it is on its way, or came.
            guard afterLanding != nil else { return }
            afterLanding = nil
            return version.failed(number, FillStop(.store(error)))
        }
        afterLanding = nil
        _ = version.tell(number) { $0.storeFailed() }
        if error.kind == .full { table.didNotFit(version.response.key) }
        end(FillStop(.store(error)))
    }

    /// Whatever was received is written, then the version is told.
    func end(_ stop: FillStop?) {
        guard !isOver else { return }
        stopWork()
        closeCall()
        let (version, number) = (self.version, self.number)
        land {
            if let stop { version.failed(number, stop) } else { version.ended(number) }
        }
    }

    /// Nothing more is asked, awaited or shown of it.
    func stopWork() {
        isOver = true
        pendingEnd = nil
        stallTimer?.cancel()
        retryTimer?.cancel()
        (stallTimer, retryTimer) = (nil, nil)
        confirmation?.cancel()
        confirmation = nil
        waiting.ends()
        pace?.close()
    }

    /// An answer that has been read to its end leaves its connection for others; any other is closed.
    func closeCall() {
        stallTimer?.cancel()
        stallTimer = nil
        backlog.removeAll()
        setAside = []
        if bodyRemaining == 0, let call, !isPaused {
            call.body = DiscardedBody()
        } else {
            call?.cancel()
        }
        call = nil
    }

    func land(_ then: @escaping () -> Void) {
        guard let writer else { return then() }
        writer.finish()
        if writer.unwritten == 0 { then() } else { afterLanding = then }
    }
}
