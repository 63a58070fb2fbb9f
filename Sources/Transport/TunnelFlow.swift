// The two directions of a tunnel. A direction reads only while the other side takes what was read; its end
// is passed on behind its last byte, and the tunnel ends when both directions have, or when one side
// breaks, or when nothing moves for too long (R48).

import NIOCore

/// What both halves share: counts, deadlines, and the end.
final class TunnelFlow: DeadlineOwner {
    private let limits: UpstreamLimits
    private let idleDeadline: Deadline
    private let ageDeadline: Deadline
    private var ended: ((TunnelEnd) -> Void)?
    private var client: TunnelHalf?
    private var origin: TunnelHalf?
    private var count = TunnelEnd()
    private var moved: Int64 = 0
    private var movedAtWindowStart: Int64 = 0

    init(limits: UpstreamLimits, deadlines: DeadlineList, ended: @escaping (TunnelEnd) -> Void) {
        self.limits = limits
        self.ended = ended
        idleDeadline = Deadline(in: deadlines)
        ageDeadline = Deadline(in: deadlines)
    }

    func join(client: TunnelHalf, origin: TunnelHalf) {
        self.client = client
        self.origin = origin
        client.partner = origin
        origin.partner = client
    }

    func start() {
        guard ended != nil else { return }
        idleDeadline.arm(after: limits.tunnelIdleNanoseconds, owner: self)
        ageDeadline.arm(after: limits.tunnelAgeNanoseconds, owner: self)
        client?.readIfWanted()
        origin?.readIfWanted()
    }

    func carried(_ bytes: Int, fromClient: Bool) {
        moved += Int64(bytes)
        if fromClient {
            count.bytesUp += Int64(bytes)
        } else {
            count.bytesDown += Int64(bytes)
        }
    }

    func deadlinePassed(_ deadline: Deadline, now: Int64) {
        // The window is looked at when it ends, so that no clock is read for each piece that moves.
        if deadline === idleDeadline, moved != movedAtWindowStart {
            movedAtWindowStart = moved
            idleDeadline.arm(after: limits.tunnelIdleNanoseconds, owner: self)
        } else {
            end()
        }
    }

    /// One side has taken its last byte, or has gone after its end in peace.
    func outputFinished() {
        if client?.isOutputFinished == true, origin?.isOutputFinished == true { end() }
    }

    /// Both connections end.
    /// - Parameter broken: one side broke off, and the other is to see that this is no ordinary end.
    func end(broken: Bool = false) {
        guard let ended else { return }
        self.ended = nil
        idleDeadline.disarm()
        ageDeadline.disarm()
        client?.close(reset: broken)
        origin?.close(reset: broken)
        client?.partner = nil
        origin?.partner = nil
        client = nil
        origin = nil
        ended(count)
    }
}

/// One side of a tunnel, as the handler of its channel.
final class TunnelHalf: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = IOData

    private let flow: TunnelFlow
    private let isClient: Bool
    weak var partner: TunnelHalf?
    private var context: ChannelHandlerContext?
    private var hasInputEnded = false
    private var hasOutputEnded = false
    /// Whether all that this side was to be sent has been handed over, and its end too.
    private(set) var isOutputFinished = false
    private var isBroken = false
    private var hasLargeReceiveBuffers = false

    init(flow: TunnelFlow, isClient: Bool) {
        self.flow = flow
        self.isClient = isClient
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        flow.carried(bytes.readableBytes, fromClient: isClient)
        if !hasLargeReceiveBuffers, bytes.readableBytes >= 32 * 1024 {
            hasLargeReceiveBuffers = true
            context.channel.useLargeReceiveBuffers()
        }
        partner?.write(bytes)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        partner?.flush()
        readIfWanted()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { partner?.readIfWanted() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard let event = event as? ChannelEvent, event == .inputClosed, !hasInputEnded else { return }
        hasInputEnded = true
        partner?.endOutput()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        isBroken = true
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        guard hasOutputEnded, !isBroken else {
            flow.end(broken: true)
            return
        }
        // NIO closes a channel whose output is shut as soon as its input ends, and tells only of the closing.
        if !hasInputEnded {
            hasInputEnded = true
            partner?.endOutput()
        }
        outputFinished()
    }

    func readIfWanted() {
        if !hasInputEnded, partner?.isWritable == true { context?.read() }
    }

    private var isWritable: Bool { context?.channel.isWritable ?? false }

    private func write(_ bytes: ByteBuffer) {
        context?.write(wrapOutboundOut(.byteBuffer(bytes)), promise: nil)
    }

    private func flush() { context?.flush() }

    /// The other side sends no more: neither does this one, behind what is already written.
    private func endOutput() {
        guard !hasOutputEnded, let context else { return }
        hasOutputEnded = true
        let finished = context.eventLoop.makePromise(of: Void.self)
        finished.futureResult.assumeIsolated().whenSuccess { self.outputFinished() }
        if hasInputEnded {
            // Shutting the output would now close at once and lose what is not yet written.
            context.writeAndFlush(wrapOutboundOut(.byteBuffer(ByteBuffer())), promise: finished)
        } else {
            context.close(mode: .output, promise: finished)
        }
    }

    private func outputFinished() {
        guard !isOutputFinished else { return }
        isOutputFinished = true
        if hasInputEnded { context?.close(promise: nil) }
        flow.outputFinished()
    }

    func close(reset: Bool) {
        guard let channel = context?.channel else { return }
        if reset {
            channel.closeWithReset()
        } else {
            channel.close(promise: nil)
        }
    }
}
