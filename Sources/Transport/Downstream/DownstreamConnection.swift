// One client connection: heads and bodies are read one request at a time, in order, and the connection
// goes on, or ends politely, after each response. This file has the states, the events and the end;
// DownstreamConnection+Reading takes requests apart, DownstreamConnection+Deadlines keeps the times, and
// DownstreamStream writes the response.
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
    enum RequestBody {
        case complete
        case length(Int64)
        case chunked(ChunkedDecoder)
        case failed
    }

    // The three files of this type share its state; nobody else touches it.
    let loop: any EventLoop
    let channel: any Channel
    let clientAddress: IPAddress?
    let localAddress: SocketAddress?
    let home: DownstreamLoop
    var limits: DownstreamLimits { home.limits }

    var phase = Phase.waiting
    /// When the connection last became idle, monotonic nanoseconds.
    private(set) var idleSince: Int64
    var context: ChannelHandlerContext?
    var output: DownstreamOutput?
    var stream: DownstreamStream?
    var parser: RequestParser
    var body = RequestBody.complete
    var bodyBytes: Int64 = 0
    var isBodyPaused = false
    /// What has been read and not yet understood.
    var pending = ByteBuffer()
    var isProcessing = false
    var isInputClosed = false
    var hasDroppedInput = false
    private var isDraining = false
    var requests = 0
    private var lingered = 0

    let deadline: Deadline
    let bodyDeadline: Deadline
    var bodyBytesAtWindowStart: Int64 = 0
    var writtenAtWindowStart: Int64 = 0
    var stalledNanoseconds: Int64 = 0

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
    private(set) lazy var clientText: String = {
        guard let clientAddress, let port = channel.remoteAddress?.port else { return "unknown" }
        return clientAddress.text(withPort: UInt16(truncatingIfNeeded: port))
    }()

    /// Whether the response in progress is the last on this connection.
    var mustClose: Bool {
        if isDraining || hasDroppedInput || requests >= limits.requestsPerConnection { return true }
        // R27: after an early final answer the rest of the body cannot be told from the next request.
        if case .complete = body { return false }
        return true
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
    func inputClosed(_ context: ChannelHandlerContext) {
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

    // MARK: The end of a response

    /// The response has been given to the channel as a whole.
    func responseEnded(mayPersist: Bool) {
        guard phase == .exchanging else { return }
        stream = nil
        guard mayPersist, !mustClose else {
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
    func leave() {
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
}
