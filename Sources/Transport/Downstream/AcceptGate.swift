// Stands before a listening socket and decides when the next connection is accepted: not while the limit
// is reached (R50), and not for a moment after descriptors ran out (R102).

import Glibc
import NIOCore

final class AcceptGate: ChannelDuplexHandler {
    typealias InboundIn = any Channel
    typealias OutboundIn = Never

    private let home: DownstreamLoop
    private var context: ChannelHandlerContext?
    private var isReadHeld = false
    private var isPaused = false

    init(home: DownstreamLoop) { self.home = home }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        home.add(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func read(context: ChannelHandlerContext) {
        if home.isFull {
            isReadHeld = true
            home.closeIdlest()
        } else if isPaused {
            isReadHeld = true
        } else {
            context.read()
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let failure = error as? IOError, Self.isExhaustion(failure.errnoCode) else {
            context.fireErrorCaught(error)
            return
        }
        guard !isPaused else { return }
        isPaused = true
        home.closeIdlest()
        context.eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(home.limits.acceptPauseNanoseconds)) {
            self.isPaused = false
            self.reopen()
        }
    }

    /// There may be room again.
    func reopen() {
        guard isReadHeld, !isPaused, let context else { return }
        isReadHeld = false
        read(context: context)
    }

    private static func isExhaustion(_ code: CInt) -> Bool {
        code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM
    }
}
