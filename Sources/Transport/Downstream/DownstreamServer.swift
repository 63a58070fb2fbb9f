// The listening side: one listener a loop on every address, so that an accepted connection stays on the
// loop that accepted it. Starting, stopping to accept, draining. It knows no requests.

import Glibc
package import NIOCore
package import NIOPosix
import Synchronization

/// Where to listen. Port 0 asks for a free port.
package struct ListenAddress: Hashable, Sendable {
    /// An IP address (an IPv6 address without brackets), or a name.
    package var host: String
    package var port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }
}

package final class DownstreamServer: Sendable {
    private let homes: [NIOLoopBoundBox<DownstreamLoop>]
    private let gates: GateList
    private let listeners: [any Channel]
    /// The addresses that are listened on, with the ports that were found where port 0 was asked for.
    package let boundAddresses: [SocketAddress]

    private init(
        homes: [NIOLoopBoundBox<DownstreamLoop>],
        gates: GateList,
        listeners: [any Channel],
        boundAddresses: [SocketAddress]
    ) {
        self.homes = homes
        self.gates = gates
        self.listeners = listeners
        self.boundAddresses = boundAddresses
    }

    /// Listens on all of the addresses, or on none and throws.
    package static func start(
        addresses: [ListenAddress],
        group: MultiThreadedEventLoopGroup,
        door: any ExchangeDoor,
        limits: DownstreamLimits = DownstreamLimits()
    ) async throws -> DownstreamServer {
        let ledger = ConnectionLedger(limit: limits.connections, limitPerAddress: limits.connectionsPerAddress)
        let gates = GateList()
        let homes = Array(group.makeIterator()).map { loop in
            NIOLoopBoundBox.makeBoxSendingValue(
                DownstreamLoop(
                    loop: loop,
                    door: door,
                    limits: limits,
                    ledger: ledger,
                    roomAgain: { gates.reopenAll() }
                ),
                eventLoop: loop
            )
        }
        gates.fill(homes)
        var listeners: [any Channel] = []
        var bound: [SocketAddress] = []
        do {
            for address in addresses {
                var socketAddress = try SocketAddress.makeAddressResolvingHost(address.host, port: Int(address.port))
                if address.port != 0 { try ListeningPort.requireFree(socketAddress) }
                for (index, home) in homes.enumerated() {
                    let listener = try await bind(socketAddress, home).get()
                    listeners.append(listener)
                    if index == 0, let local = listener.localAddress {
                        // Port 0: the other loops' listeners go where the first one went.
                        socketAddress = local
                        bound.append(local)
                    }
                }
            }
        } catch {
            for listener in listeners { try? await listener.close() }
            gates.fill([])
            throw error
        }
        return DownstreamServer(homes: homes, gates: gates, listeners: listeners, boundAddresses: bound)
    }

    private static func bind(
        _ address: SocketAddress,
        _ home: NIOLoopBoundBox<DownstreamLoop>
    ) -> EventLoopFuture<any Channel> {
        let isIPv6 = address.protocol == .inet6
        let bootstrap = ServerBootstrap(group: home.eventLoop, childGroup: home.eventLoop)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.socketOption(SocketTuning.reusePort), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if isIPv6 {
                        // Without this, [::] would take IPv4's clients as well, and 0.0.0.0 could not be bound beside.
                        try channel.syncOptions?.setOption(SocketTuning.ipv6Only, value: 1)
                    }
                    try channel.pipeline.syncOperations.addHandler(AcceptGate(home: home.value))
                }
            }
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            .childChannelOption(.writeBufferWaterMark, value: SocketTuning.waterMark)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try home.value.admit(channel) }
            }
        return bootstrap.bind(to: address)
    }

    /// Closes the listeners. Connections go on.
    package func stopAccepting() async {
        for listener in listeners { try? await listener.close() }
    }

    /// Stops accepting, lets idle connections go at once and busy ones after their response, and closes what
    /// is left when the time is over (R103).
    /// - Returns: how many connections were cut in the middle of a request or a tunnel.
    package func drain(graceNanoseconds: Int64) async -> Int {
        await stopAccepting()
        let end = NIODeadline.now() + .nanoseconds(graceNanoseconds)
        let drains = homes.map { home in
            let emptied = home.eventLoop.flatSubmit { home.value.drain() }
            let over = home.eventLoop.scheduleTask(deadline: end) { home.value.cut() }
            emptied.whenComplete { _ in over.cancel() }
            return (emptied, over)
        }
        var cut = 0
        for (emptied, over) in drains {
            // A cancelled task means that nothing was left to cut.
            cut += (try? await over.futureResult.get()) ?? 0
            try? await emptied.get()
        }
        gates.fill([])
        return cut
    }
}

/// All loops, for waking their listeners; filled once, after they were made.
private final class GateList: Sendable {
    private let homes = Mutex<[NIOLoopBoundBox<DownstreamLoop>]>([])

    func fill(_ homes: [NIOLoopBoundBox<DownstreamLoop>]) {
        self.homes.withLock { $0 = homes }
    }

    func reopenAll() {
        for home in homes.withLock({ $0 }) {
            home.eventLoop.execute { home.value.reopenGates() }
        }
    }
}

/// SO_REUSEPORT lets a second process of the same user bind our port and take half of our clients, without
/// an error on either side. So a port is tried without it first.
private enum ListeningPort {
    static func requireFree(_ address: SocketAddress) throws {
        let descriptor = socket(
            address.protocol == .inet6 ? AF_INET6 : AF_INET,
            CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue),
            0
        )
        guard descriptor >= 0 else { throw IOError(errnoCode: errno, reason: "socket") }
        defer { close(descriptor) }
        var yes: CInt = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<CInt>.size))
        setsockopt(descriptor, CInt(IPPROTO_IPV6), IPV6_V6ONLY, &yes, socklen_t(MemoryLayout<CInt>.size))
        let result = address.withSockAddr { bind(descriptor, $0, socklen_t($1)) }
        guard result == 0 else { throw IOError(errnoCode: errno, reason: "bind") }
    }
}
