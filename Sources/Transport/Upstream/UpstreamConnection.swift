// One connection to an origin: writes one request at a time, reads its response strictly, and decides
// whether the connection may carry another (RFC 9112 §9.3, R27). Who is served next is the pool's business.
//
//     idle ─▶ head awaited ─▶ body ─▶ idle … or closed
//
// The connection is closed and never reused after: framing in doubt, a response that came before the
// request body was complete, bytes after a message, a body delimited by closing, Connection: close.
// UpstreamConnection+Request writes what is asked.

import HTTPSemantics
import NIOCore
import Wire

final class UpstreamConnection: ChannelInboundHandler, DeadlineOwner {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = IOData

    enum Reading {
        /// No request is out: whatever the origin sends ends the connection.
        case idle
        /// A request is out. Left by a final head, a failure, or the origin's end.
        case headAwaited
        /// Left by the end of the body, a failure, or the origin's end.
        case length(Int64)
        case chunked(ChunkedDecoder)
        case untilClose
        case closed
    }

    let channel: any Channel
    let origin: Origin
    let address: IPAddress
    let resolved: [IPAddress]
    private(set) var idleSince: Int64 = 0
    private unowned let pool: UpstreamPool
    private var limits: UpstreamLimits { pool.limits }
    var context: ChannelHandlerContext?

    var reading = Reading.idle
    private var call: UpstreamCall?
    private var parser: ResponseParser
    private var pending = ByteBuffer()
    private var isProcessing = false
    /// Whether any byte of the response has come: then nothing is asked again (R56).
    private var hasResponseBegun = false
    private var interimResponses = 0
    private var mayPersist = false
    /// Bytes that the request body still owes; nil where it is chunked.
    var bodyOwed: Int64? = 0
    var isRequestEnded = true
    private var hasLargeReceiveBuffers = false
    private var closingError: UpstreamFailure.Kind?
    private let deadline: Deadline

    init(socket: ConnectedSocket, origin: Origin, pool: UpstreamPool) {
        channel = socket.channel
        address = socket.address
        resolved = socket.resolved
        self.origin = origin
        self.pool = pool
        parser = ResponseParser(limits: pool.limits.wire)
        deadline = Deadline(in: pool.deadlines)
    }

    // MARK: The request

    /// Writes the request of this call and reads its response.
    func serve(_ call: UpstreamCall) {
        self.call = call
        call.isServed(by: self)
        reading = .headAwaited
        hasResponseBegun = false
        interimResponses = 0
        mayPersist = false
        isRequestEnded = call.request.body == .none
        call.receiver?.upstreamConnected(address: address)
        guard self.call === call, let context else { return }
        if call.wantsLargeReceiveBuffers { useLargeReceiveBuffers() }
        writeHead(call.request, context)
        for bytes in call.takeWaitingBody() { sendBody(bytes) }
        if call.isBodyEnded { endBody() }
        context.flush()
        armHeadDeadline()
        readIfWanted()
        if !isRequestEnded, channel.isWritable { call.receiver?.upstreamWritable() }
    }

    // MARK: Events of the channel

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline.disarm()
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        switch reading {
        case .idle: close()
        case .closed: break
        case .headAwaited, .length, .chunked, .untilClose:
            hasResponseBegun = true
            if pending.readableBytes == 0 {
                pending = bytes
            } else {
                pending.writeImmutableBuffer(bytes)
            }
            process()
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        switch reading {
        case .length, .chunked, .untilClose: armBodyDeadline()
        case .idle, .headAwaited, .closed: break
        }
        readIfWanted()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if channel.isWritable, !isRequestEnded { call?.receiver?.upstreamWritable() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if closingError == nil { closingError = .reset }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        switch reading {
        case .closed:
            return
        case .idle:
            close()
        case .untilClose where closingError == nil:
            // FIN is how this body ends (RFC 9112 §6.3); a reset is not.
            complete()
        case .headAwaited where !hasResponseBegun:
            if let call, call.isOnKeptConnection {
                detach()
                close()
                pool.retry(call)
            } else {
                fail(closingError ?? .closedBeforeHead)
            }
        case .headAwaited:
            // R29: EOF inside a head.
            fail(closingError ?? .closedBeforeHead)
        case .length, .chunked, .untilClose:
            fail(closingError ?? .closedInBody)
        }
    }

    // MARK: The response

    private func process() {
        guard !isProcessing else { return }
        isProcessing = true
        defer { isProcessing = false }
        while step() {}
        // Letting go of the receive buffer before the next read lets NIO use it again.
        if pending.readableBytes == 0 { pending = ByteBuffer() }
    }

    /// Takes the next part of what is pending.
    /// - Returns: whether there may be another.
    private func step() -> Bool {
        guard let call, pending.readableBytes > 0 else { return false }
        switch reading {
        case .idle, .closed:
            return false
        case .headAwaited:
            switch pending.withUnsafeReadableBytes({ parser.parse($0) }) {
            case .needMore: return false
            case .refusal(let refusal):
                fail(.malformed(refusal))
                return false
            case .head(let head, let consumed):
                pending.moveReaderIndex(forwardBy: consumed)
                return (100...199).contains(head.status) ? interim(head, call) : final(head, call)
            }
        case .length(let remaining):
            let count = min(Int64(pending.readableBytes), remaining)
            reading = .length(remaining - count)
            deliver(pending.readSlice(length: Int(count)), to: call)
            if case .length(0) = reading, self.call === call { complete() }
            return true
        case .chunked(var decoder):
            let step = pending.withUnsafeReadableBytes { decoder.decode($0) }
            reading = .chunked(decoder)
            switch step {
            case .body(let span, let consumed):
                let bytes = pending.getSlice(at: pending.readerIndex + span.lowerBound, length: span.count)
                pending.moveReaderIndex(forwardBy: consumed)
                deliver(bytes, to: call)
                return true
            case .framing(let consumed):
                pending.moveReaderIndex(forwardBy: consumed)
                return consumed > 0
            case .needMore(let consumed):
                pending.moveReaderIndex(forwardBy: consumed)
                return false
            case .finished(let consumed):
                pending.moveReaderIndex(forwardBy: consumed)
                complete()
                return true
            case .refusal(let refusal):
                fail(.malformed(refusal))
                return false
            }
        case .untilClose:
            deliver(pending.readSlice(length: pending.readableBytes), to: call)
            return false
        }
    }

    private func interim(_ head: ResponseHead, _ call: UpstreamCall) -> Bool {
        // R9
        guard head.status != 101 else {
            fail(.switchedProtocols)
            return false
        }
        interimResponses += 1
        guard interimResponses <= limits.interimResponses else {
            fail(.tooManyInterim)
            return false
        }
        // RFC 9110 §15.2.1: a 100 that nobody waits for means nothing.
        if head.status != 100 || call.request.head.fields.contains(.expect) {
            call.receiver?.upstreamInterim(head)
        }
        return true
    }

    private func final(_ head: ResponseHead, _ call: UpstreamCall) -> Bool {
        let framing: BodyFraming
        switch BodyFraming.response(head, to: call.request.head.method) {
        case .success(let found): framing = found
        case .failure(let refusal):
            fail(.malformed(refusal))
            return false
        }
        mayPersist = Persistence.isKept(version: head.version, fields: head.fields) && framing != .untilClose
        switch framing {
        case .none, .length(0): reading = .length(0)
        case .length(let length): reading = .length(length)
        case .chunked: reading = .chunked(ChunkedDecoder(limits: limits.wire))
        case .untilClose: reading = .untilClose
        }
        armBodyDeadline()
        call.receiver?.upstreamHead(head, framing: framing)
        guard self.call === call else { return false }
        if case .length(0) = reading { complete() }
        return true
    }

    private func deliver(_ bytes: ByteBuffer?, to call: UpstreamCall) {
        if let bytes, bytes.readableBytes > 0 { call.receiver?.upstreamBody(bytes) }
    }

    /// The response is complete. The connection is disposed of first, so that a receiver that asks again at once
    /// may be served by it.
    private func complete() {
        guard let call else { return }
        pool.suspects.remove(address, port: origin.port)
        detach()
        // R27
        if mayPersist, isRequestEnded, pending.readableBytes == 0, channel.isActive {
            reading = .idle
            idleSince = Clock.monotonicNanoseconds()
            restoreReceiveBuffers()
            deadline.arm(after: limits.idleNanoseconds, owner: self)
            readIfWanted()
            pool.becameIdle(self)
        } else {
            close()
        }
        call.end()
    }

    func fail(_ kind: UpstreamFailure.Kind) {
        guard let call else { return }
        switch kind {
        case .headTimeout, .bodyTimeout, .closedBeforeHead, .closedInBody, .reset: suspectAddress()
        default: break
        }
        detach()
        close()
        call.fail(kind)
    }

    func suspectAddress() {
        pool.suspects.add(address, port: origin.port, now: Clock.monotonicNanoseconds())
    }

    private func detach() {
        call?.isServed(by: nil)
        call = nil
        deadline.disarm()
    }

    // MARK: From call and pool

    func callCancelled() {
        detach()
        close()
    }

    /// Ends the connection and the call on it.
    func giveUp() {
        if call == nil { close() } else { fail(.cancelled) }
    }

    /// Closes the connection, which carries no call.
    func close() {
        guard !isClosed else { return }
        reading = .closed
        pending = ByteBuffer()
        deadline.disarm()
        channel.close(promise: nil)
        pool.closed(self)
    }

    private var isClosed: Bool { if case .closed = reading { true } else { false } }

    func pausedChanged() {
        guard let call else { return }
        if call.isPaused {
            deadline.disarm()
        } else {
            switch reading {
            case .headAwaited: armHeadDeadline()
            case .length, .chunked, .untilClose: armBodyDeadline()
            case .idle, .closed: break
            }
            readIfWanted()
        }
    }

    func useLargeReceiveBuffers() {
        hasLargeReceiveBuffers = true
        channel.useLargeReceiveBuffers()
    }

    private func restoreReceiveBuffers() {
        guard hasLargeReceiveBuffers else { return }
        hasLargeReceiveBuffers = false
        channel.useOrdinaryReceiveBuffers()
    }

    private func readIfWanted() {
        switch reading {
        case .closed: break
        // An idle connection reads to notice that the origin has closed it.
        case .idle: context?.read()
        case .headAwaited, .length, .chunked, .untilClose:
            if call?.isPaused == false { context?.read() }
        }
    }

    // MARK: Deadlines

    func armHeadDeadline() {
        if call?.isPaused == false { deadline.arm(after: limits.headNanoseconds, owner: self) }
    }

    private func armBodyDeadline() {
        if call?.isPaused == false { deadline.arm(after: limits.bodyNanoseconds, owner: self) }
    }

    func deadlinePassed(_ deadline: Deadline, now: Int64) {
        switch reading {
        case .idle: close()
        case .headAwaited: fail(.headTimeout)
        case .length, .chunked, .untilClose: fail(.bodyTimeout)
        case .closed: break
        }
    }
}
