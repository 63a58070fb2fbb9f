// The way to origins, for all loops: one pool of connections a loop, one resolver for all.

package import NIOCore
package import NIOPosix

package final class UpstreamClient: Sendable {
    package let resolver: NameResolver
    package let limits: UpstreamLimits
    let suspects = SuspectAddresses()
    private let pools: [ObjectIdentifier: NIOLoopBoundBox<UpstreamPool>]

    /// - Parameter group: the loops on which `send` will be called.
    package init(
        group: MultiThreadedEventLoopGroup,
        resolver: NameResolver = NameResolver(),
        limits: UpstreamLimits = .standard
    ) {
        self.resolver = resolver
        self.limits = limits
        let loops = Array(group.makeIterator())
        var pools: [ObjectIdentifier: NIOLoopBoundBox<UpstreamPool>] = [:]
        for loop in loops {
            pools[ObjectIdentifier(loop)] = NIOLoopBoundBox.makeBoxSendingValue(
                UpstreamPool(
                    loop: loop,
                    loops: loops.count,
                    resolver: resolver,
                    suspects: suspects,
                    limits: limits
                ),
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

    /// The pool of one of our loops. On any other loop there is a pool that is closed, where every call fails.
    func pool(of loop: any EventLoop) -> UpstreamPool {
        if let pool = pools[ObjectIdentifier(loop)] { return pool.value }
        let closed = UpstreamPool(loop: loop, loops: 1, resolver: resolver, suspects: suspects, limits: limits)
        closed.close()
        return closed
    }
}
