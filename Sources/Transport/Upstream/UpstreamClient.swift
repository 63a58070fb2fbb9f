// The way to origins, for all loops: one pool of connections a loop, one resolver for all.

package import NIOCore
package import NIOPosix

package final class UpstreamClient: Sendable {
    package let resolver: Resolver
    package let limits: UpstreamLimits
    private let pools: [ObjectIdentifier: NIOLoopBoundBox<UpstreamPool>]

    /// - Parameter group: the loops on which `send` will be called.
    package init(
        group: MultiThreadedEventLoopGroup,
        resolver: Resolver = Resolver(),
        limits: UpstreamLimits = .standard
    ) {
        self.resolver = resolver
        self.limits = limits
        let loops = Array(group.makeIterator())
        var pools: [ObjectIdentifier: NIOLoopBoundBox<UpstreamPool>] = [:]
        for loop in loops {
            pools[ObjectIdentifier(loop)] = NIOLoopBoundBox.makeBoxSendingValue(
                UpstreamPool(loop: loop, loops: loops.count, resolver: resolver, limits: limits),
                eventLoop: loop
            )
        }
        self.pools = pools
    }

    /// Sends a request. To be called on `loop`, one of the client's; the receiver hears the first event in a
    /// later turn of the loop.
    package func send(
        _ request: UpstreamRequest,
        on loop: any EventLoop,
        receiver: any UpstreamReceiver
    ) -> UpstreamCall {
        let pool = pool(of: loop)
        let call = UpstreamCall(request: request, receiver: receiver, pool: pool)
        loop.assumeIsolated().execute {
            if call.receiver != nil { pool.start(call) }
        }
        return call
    }

    /// Closes every connection; what is under way fails.
    package func close() async {
        for pool in pools.values {
            try? await pool.eventLoop.submit { pool.value.close() }.get()
        }
        resolver.close()
    }

    /// The pool of one of our loops. Another loop's is a fault of ours, and not of any peer.
    func pool(of loop: any EventLoop) -> UpstreamPool {
        guard let pool = pools[ObjectIdentifier(loop)] else {
            preconditionFailure("The loop is not one of this client's.")
        }
        return pool.value
    }
}
