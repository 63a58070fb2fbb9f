// One client connection: heads and bodies are read one request at a time, in order, and the connection
// goes on, or ends politely, after each response. The response itself is written by DownstreamStream.
//
//     waiting ─▶ readingHead ─▶ exchanging ─▶ waiting … or leaving ─▶ closed
//                                   └────────▶ tunnel (another handler takes over)
//
// While an exchange is in progress nothing beyond its request is read (R53), but NIO delivers what the
// kernel holds when the client ends its side or resets, asked or not: that much is bounded here.

import HTTPSemantics
import NIOCore
import Wire

final class DownstreamConnection: ChannelInboundHandler, RemovableChannelHandler, DeadlineOwner {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = IOData

    enum Phase {
        /// No byte of a request has arrived; nothing is owed to the client. Left by a byte, a deadline, a drain.
        case waiting
        /// A head has begun. Left when it is complete or refused, or by its deadline (R41).
        case readingHead
        /// A request is being answered: `stream` is set. Left when the response ends, or the client goes.
        case exchanging
        /// All has been answered; the output is being shut and input is dropped (R27). Left by the client's end.
        case leaving
        /// The connection belongs to another handler.
        case tunnel
        case closed
    }

    /// What is still to come of the request body.
    private enum RequestBody {
        case complete
        case length(Int64)
        case chunked(ChunkedDecoder)
        case failed
    }

    let loop: any EventLoop
    let channel: any Channel
    let clientAddress: IPAddress?
    let localAddress: SocketAddress?
    private let home: DownstreamLoop
    private var limits: DownstreamLimits { home.limits }

    private(set) var phase = Phase.waiting
    /// When the connection last became idle, monotonic nanoseconds.
    private(set) var idleSince: Int64
    private var context: ChannelHandlerContext?
    private var output: DownstreamOutput?
    private var stream: DownstreamStream?
    private var parser: RequestParser
    private var body = RequestBody.complete
    private var bodyBytes: Int64 = 0
    private var isBodyPaused = false
    /// What has been read and not yet understood.
    private var pending = ByteBuffer()
    private var isProcessing = false
    private var isInputClosed = false
    private var hasDroppedInput = false
    private var isDraining = false
    private var requests = 0
    private var lingered = 0

    private let deadline: Deadline
    private let bodyDeadline: Deadline
    private var bodyBytesAtWindowStart: Int64 = 0
    private var writtenAtWindowStart: Int64 = 0
    private var stalledNanoseconds: Int64 = 0

    init(channel: any Channel, home: DownstreamLoop) {
        self.channel = channel
        self.home = home
        loop = channel.eventLoop
        clientAddress = channel.remoteAddress.flatMap(IPAddress.init)
        localAddress = channel.localAddress
        parser = RequestParser(limits: home.limits.wire)
        deadline = Deadline(in: home.deadlines)
        bodyDeadline = Deadline(in: home.deadlines)
        idleSince = Clock.monotonicNanoseconds()
    }

    /// The client's address and port as a log shows them.
    var clientText: String {
        guard let clientAddress, let port = channel.remoteAddress?.port else { return "unknown" }
        return clientAddress.text(withPort: UInt16(truncatingIfNeeded: port))
    }

    /// Whether the response in progress is the last on this connection.
    var mustClose: Bool {
        if isDraining || hasDroppedInput || requests >= limits.requestsPerConnection { return true }
        if case .failed = body { return true }
        return false
    }

    var isBusy: Bool {
        switch phase {
        case .readingHead, .exchanging, .tunnel: true
        case .waiting, .leaving, .closed: false
        }
    }

    /// Nothing is owed to the client, and nothing is on its way.
    var isIdle: Bool { phase == .waiting && output?.unwritten == 0 }

    // MARK: Events of the channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        output = DownstreamOutput(context: context)
        deadline.arm(after: limits.firstByteNanoseconds, owner: self)
        if context.channel.isActive { context.read() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline.disarm()
        bodyDeadline.disarm()
        self.context = nil
        output = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        switch phase {
        case .waiting, .readingHead, .exchanging:
            accept(bytes)
            process()
        case .leaving:
            lingered += bytes.readableBytes
            if lingered > limits.lingerBytes { context.close(promise: nil) }
        case .tunnel: context.fireChannelRead(data)
        case .closed: break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if phase == .tunnel {
            context.fireChannelReadComplete()
        } else {
            readIfWanted()
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if phase == .tunnel {
            context.fireChannelWritabilityChanged()
        } else if let stream, stream.isWritable {
            stream.consumer?.writable()
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if phase == .tunnel {
            context.fireUserInboundEventTriggered(event)
        } else if let event = event as? ChannelEvent, event == .inputClosed {
            inputClosed(context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A reset, or a write that failed: NIO closes the channel, and channelInactive tells the stream.
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        guard phase != .tunnel else {
            context.fireChannelInactive()
            return
        }
        phase = .closed
        deadline.disarm()
        bodyDeadline.disarm()
        output?.close()
        pending = ByteBuffer()
        let stream = self.stream
        self.stream = nil
        stream?.downstreamGone()
    }

    /// The client has ended its sending side. That alone is no abort (resume-rules 6): what it asked for before
    /// is still answered.
    private func inputClosed(_ context: ChannelHandlerContext) {
        isInputClosed = true
        switch phase {
        case .waiting, .readingHead:
            // A head that was cut short is owed no answer, but an earlier response may not be written yet.
            leave()
        case .exchanging:
            switch body {
            case .length, .chunked: if !isBodyPaused { requestBodyFailed(.cutShort) }
            case .complete, .failed: break
            }
        case .leaving:
            // Pending output keeps the channel open until it is shut; see `leave`.
            if output?.unwritten == 0 { context.close(promise: nil) }
        case .tunnel, .closed: break
        }
    }

    // MARK: Reading

    private var wantsInput: Bool {
        guard !isInputClosed else { return false }
        switch phase {
        case .waiting, .readingHead, .leaving: return true
        case .exchanging:
            switch body {
            case .length, .chunked: return !isBodyPaused
            case .complete, .failed: return false
            }
        case .tunnel, .closed: return false
        }
    }

    private func readIfWanted() {
        if wantsInput { context?.read() }
    }

    /// Keeps what has been read, within bounds.
    private func accept(_ bytes: ByteBuffer) {
        guard !hasDroppedInput else { return }
        if phase == .exchanging {
            let bound: Int
            switch body {
            case .length, .chunked: bound = limits.pausedBodyBytes
            case .complete: bound = limits.readAheadBytes
            case .failed: bound = 0
            }
            guard pending.readableBytes + bytes.readableBytes <= bound else {
                // R27: what follows cannot be understood any more, so the connection ends with this response.
                hasDroppedInput = true
                pending = ByteBuffer()
                switch body {
                case .length, .chunked: requestBodyFailed(.tooLarge)
                case .complete, .failed: break
                }
                return
            }
        }
        if pending.readableBytes == 0 {
            pending = bytes
        } else {
            pending.writeImmutableBuffer(bytes)
        }
    }

    /// Works through what is pending. An exchange may end inside; then the next request is taken up here.
    private func process() {
        guard !isProcessing else { return }
        isProcessing = true
        defer { isProcessing = false }
        while true {
            let goesOn: Bool
            switch phase {
            case .waiting, .readingHead: goesOn = readHead()
            case .exchanging: goesOn = readBody()
            case .leaving, .tunnel, .closed: goesOn = false
            }
            guard goesOn else { break }
        }
        // The client ended its side, and all that it had asked for is answered.
        if isInputClosed, phase == .waiting || phase == .readingHead { leave() }
        // Letting go of the receive buffer before the next read lets NIO use it again.
        if pending.readableBytes == 0 { pending = ByteBuffer() }
    }

    private func readHead() -> Bool {
        guard pending.readableBytes > 0 else { return false }
        switch pending.withUnsafeReadableBytes({ parser.parse($0) }) {
        case .needMore:
            if phase == .waiting {
                phase = .readingHead
                deadline.arm(after: limits.headNanoseconds, owner: self)
            }
            return false
        case .head(let head, let consumed):
            pending.moveReaderIndex(forwardBy: consumed)
            switch BodyFraming.request(head) {
            case .success(let framing): begin(head, framing)
            case .failure(let refusal): refuse(refusal)
            }
            return true
        case .refusal(let refusal):
            refuse(refusal)
            return true
        }
    }

    private func begin(_ head: RequestHead, _ framing: BodyFraming) {
        body =
            switch framing {
            case .none, .untilClose: .complete
            case .length(let length): .length(length)
            case .chunked: .chunked(ChunkedDecoder(limits: limits.wire))
            }
        bodyBytes = 0
        isBodyPaused = false
        let kept = Persistence.isKept(version: head.version, fields: head.fields)
        guard let stream = beginStream(version: head.version, mayPersist: kept) else { return }
        if case .complete = body {} else { armBodyDeadline() }
        home.door.receive(head, framing: framing, on: stream)
        guard self.stream === stream, let most = limits.requestBodyBytes else { return }
        if case .length(let length) = body, length > most { requestBodyFailed(.tooLarge) }
    }

    /// R27: the bytes mean nothing, so nothing that follows does.
    private func refuse(_ refusal: WireRefusal) {
        body = .failed
        pending = ByteBuffer()
        hasDroppedInput = true
        guard let stream = beginStream(version: .http11, mayPersist: false) else { return }
        home.door.refused(refusal, on: stream)
    }

    private func beginStream(version: HTTPVersion, mayPersist: Bool) -> DownstreamStream? {
        guard let output else { return nil }
        requests += 1
        phase = .exchanging
        let stream = DownstreamStream(
            connection: self,
            output: output,
            requestVersion: version,
            mayPersist: mayPersist
        )
        self.stream = stream
        startWriteWindow()
        return stream
    }

    // MARK: The request body

    private func readBody() -> Bool {
        guard !isBodyPaused, let stream else { return false }
        switch body {
        case .complete, .failed:
            return false
        case .length(let remaining):
            let available = min(Int64(pending.readableBytes), remaining)
            guard available > 0 || remaining == 0 else { return false }
            let bytes = pending.readSlice(length: Int(available)) ?? ByteBuffer()
            body = .length(remaining - available)
            deliver(bytes, to: stream)
            if case .length(0) = body, self.stream === stream { requestBodyEnded(stream) }
            return true
        case .chunked(var decoder):
            let step = pending.withUnsafeReadableBytes { decoder.decode($0) }
            body = .chunked(decoder)
            switch step {
            case .body(let span, let consumed):
                let bytes = pending.getSlice(at: pending.readerIndex + span.lowerBound, length: span.count)
                pending.moveReaderIndex(forwardBy: consumed)
                deliver(bytes ?? ByteBuffer(), to: stream)
                return true
            case .framing(let consumed):
                pending.moveReaderIndex(forwardBy: consumed)
                return consumed > 0
            case .needMore(let consumed):
                pending.moveReaderIndex(forwardBy: consumed)
                return false
            case .finished(let consumed):
                pending.moveReaderIndex(forwardBy: consumed)
                requestBodyEnded(stream)
                return true
            case .refusal(let refusal):
                requestBodyFailed(.malformed(refusal))
                return false
            }
        }
    }

    private func deliver(_ bytes: ByteBuffer, to stream: DownstreamStream) {
        guard bytes.readableBytes > 0 else { return }
        bodyBytes += Int64(bytes.readableBytes)
        if let most = limits.requestBodyBytes, bodyBytes > most {
            requestBodyFailed(.tooLarge)
        } else {
            stream.consumer?.requestBody(bytes)
        }
    }

    private func requestBodyEnded(_ stream: DownstreamStream) {
        body = .complete
        bodyDeadline.disarm()
        stream.consumer?.requestBodyEnded()
    }

    private func requestBodyFailed(_ failure: RequestBodyFailure) {
        body = .failed
        hasDroppedInput = true
        pending = ByteBuffer()
        bodyDeadline.disarm()
        stream?.consumer?.requestBodyFailed(failure)
    }

    func pauseRequestBody() {
        isBodyPaused = true
        bodyDeadline.disarm()
    }

    func resumeRequestBody() {
        guard isBodyPaused else { return }
        isBodyPaused = false
        guard phase == .exchanging else { return }
        if case .complete = body {} else { armBodyDeadline() }
        process()
        if isInputClosed, let context { inputClosed(context) }
        readIfWanted()
    }

    // MARK: The end of a response

    /// The response has been given to the channel as a whole.
    func responseEnded(mayPersist: Bool) {
        guard phase == .exchanging else { return }
        stream = nil
        // R27: the rest of an unread request body cannot be told from the next request.
        guard mayPersist, !mustClose, case .complete = body else {
            leave()
            return
        }
        phase = .waiting
        idleSince = Clock.monotonicNanoseconds()
        deadline.arm(after: limits.idleNanoseconds, owner: self)
        process()
        readIfWanted()
    }

    func responseAborted(reset: Bool) {
        guard phase == .exchanging else { return }
        stream = nil
        if reset {
            output?.close()
            phase = .closed
            channel.closeWithReset()
        } else {
            output?.discardWaiting()
            leave()
        }
    }

    /// Ends the connection politely: the output is shut once it is written, and input is read and dropped for a
    /// while, because closing with unread input resets the connection, and a reset may overtake the response.
    private func leave() {
        guard let context, phase != .closed, phase != .leaving else { return }
        phase = .leaving
        stream = nil
        pending = ByteBuffer()
        bodyDeadline.disarm()
        startWriteWindow()
        output?.flush()
        let shut = loop.makePromise(of: Void.self)
        if isInputClosed {
            // Shutting the output would now close at once and lose what is not yet written.
            context.writeAndFlush(wrapOutboundOut(.byteBuffer(ByteBuffer())), promise: shut)
            shut.futureResult.assumeIsolated().whenComplete { _ in self.channel.close(promise: nil) }
        } else {
            context.close(mode: .output, promise: shut)
            shut.futureResult.assumeIsolated().whenComplete { _ in
                guard self.phase == .leaving else { return }
                if self.isInputClosed {
                    self.channel.close(promise: nil)
                } else {
                    self.deadline.arm(after: self.limits.lingerNanoseconds, owner: self)
                }
            }
        }
        readIfWanted()
    }

    /// The other handler is added behind this one, is given what is pending, and then stays alone.
    func becomeTunnel(_ handler: any ChannelHandler) -> (any Channel)? {
        guard phase == .exchanging, let context else { return nil }
        stream = nil
        phase = .tunnel
        deadline.disarm()
        bodyDeadline.disarm()
        do {
            try context.pipeline.syncOperations.addHandler(handler)
        } catch {
            channel.close(promise: nil)
            return nil
        }
        if pending.readableBytes > 0 {
            // R65: bytes sent with CONNECT go into the tunnel.
            context.fireChannelRead(wrapInboundOut(pending))
            context.fireChannelReadComplete()
            pending = ByteBuffer()
        }
        if isInputClosed { context.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
        return channel
    }

    // MARK: From the server

    /// The server is stopping: an idle connection ends now, a busy one after its response.
    func drain() {
        isDraining = true
        if phase == .waiting { leave() }
    }

    /// Makes room for another connection (R50).
    func closeIdle() {
        if isIdle { channel.close(promise: nil) }
    }

    // MARK: Deadlines

    func deadlinePassed(_ deadline: Deadline, now: Int64) {
        if deadline === bodyDeadline {
            bodyWindowEnded()
            return
        }
        switch phase {
        case .waiting:
            // R40, R42: nothing was asked, so nothing is answered.
            leave()
        case .readingHead:
            answerTimeout()
        case .exchanging:
            writeWindowEnded()
        case .leaving:
            if let output, output.unwritten > 0 { writeWindowEnded() } else { channel.close(promise: nil) }
        case .tunnel, .closed: break
        }
    }

    /// R41: the head did not become complete (RFC 9110 §15.5.9).
    private func answerTimeout() {
        hasDroppedInput = true
        guard let stream = beginStream(version: .http11, mayPersist: false) else { return }
        stream.sendHead(ResponseHead(status: 408), body: .length(0))
        stream.finish()
    }

    private func armBodyDeadline() {
        bodyBytesAtWindowStart = bodyBytes
        bodyDeadline.arm(after: limits.bodyWindowNanoseconds, owner: self)
    }

    /// R44
    private func bodyWindowEnded() {
        guard phase == .exchanging, !isBodyPaused else { return }
        let expected = limits.bodyBytesPerSecond * (limits.bodyWindowNanoseconds / .seconds(1))
        if bodyBytes - bodyBytesAtWindowStart < max(1, expected) {
            requestBodyFailed(.tooSlow)
        } else {
            armBodyDeadline()
        }
    }

    private var writeWindow: Int64 { min(limits.writeStallNanoseconds, limits.crowdedWindowNanoseconds) }

    private func startWriteWindow() {
        writtenAtWindowStart = output?.written ?? 0
        stalledNanoseconds = 0
        deadline.arm(after: writeWindow, owner: self)
    }

    /// R45: a client that reads nothing, or next to nothing while connections are scarce, is cut.
    private func writeWindowEnded() {
        guard let output else { return }
        let written = output.written
        let gain = written - writtenAtWindowStart
        writtenAtWindowStart = written
        let owes = output.unwritten > 0
        stalledNanoseconds = owes && gain == 0 ? stalledNanoseconds + writeWindow : 0
        let least = limits.crowdedBytesPerSecond * (writeWindow / .seconds(1))
        if stalledNanoseconds >= limits.writeStallNanoseconds || (owes && gain < least && home.isCrowded) {
            channel.close(promise: nil)
        } else {
            deadline.arm(after: writeWindow, owner: self)
        }
    }
}
