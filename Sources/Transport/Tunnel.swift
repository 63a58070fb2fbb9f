// CONNECT (RFC 9110 §9.3.6): a connection to the target, the answer to the client, and then bytes both
// ways with back-pressure, each direction ended by its sender alone. It knows no bytes by their meaning;
// whether the target may be reached is judged by the check it is given (R65).

package import HTTPSemantics
package import NIOCore

/// A tunnel that has ended, or never came about.
package struct TunnelEnd: Sendable {
    /// Bytes from the client.
    package var bytesUp: Int64 = 0
    /// Bytes to the client.
    package var bytesDown: Int64 = 0
    /// Why there was no connection to the target: the stream then still waits for an answer.
    package var failure: UpstreamFailure?
}

package final class Tunnel: DownstreamConsumer {
    private let stream: DownstreamStream
    private let limits: UpstreamLimits
    private let deadlines: DeadlineList
    private let answer: ResponseHead
    private var attempt: ConnectionAttempt?
    /// nil once it has been called.
    private var ended: ((TunnelEnd) -> Void)?

    private init(
        stream: DownstreamStream,
        pool: UpstreamPool,
        answer: ResponseHead,
        ended: @escaping (TunnelEnd) -> Void
    ) {
        self.stream = stream
        self.answer = answer
        self.ended = ended
        limits = pool.limits
        deadlines = pool.deadlines
    }

    /// Connects to the target, sends the answer, and relays until both sides have ended. Takes the stream over:
    /// it becomes its consumer.
    /// - Parameters:
    ///   - check: R62: whether this address, at this port, may be connected to.
    ///   - answer: the 2xx head.
    ///   - ended: called once, on the stream's loop. With a failure, nothing was sent, and the caller answers.
    package static func open(
        host: String,
        port: UInt16,
        check: @escaping @Sendable (IPAddress, UInt16) -> Bool,
        deniedAddressRefusesAll: Bool,
        on stream: DownstreamStream,
        client: UpstreamClient,
        answer: ResponseHead,
        ended: @escaping (TunnelEnd) -> Void
    ) {
        let pool = client.pool(of: stream.loop)
        let tunnel = Tunnel(stream: stream, pool: pool, answer: answer, ended: ended)
        var goal = ConnectionGoal(
            host: host,
            port: port,
            check: check,
            deniedAddressRefusesAll: deniedAddressRefusesAll
        )
        goal.allowsHalfClosure = true
        let attempt = ConnectionAttempt(
            goal: goal,
            loop: stream.loop,
            resolver: pool.resolver,
            suspects: pool.suspects,
            limits: pool.limits,
            deadlines: pool.deadlines
        ) { tunnel.attempted($0) }
        tunnel.attempt = attempt
        stream.consumer = tunnel
        attempt.start()
    }

    private func attempted(_ result: Result<ConnectedSocket, UpstreamFailure>) {
        attempt = nil
        switch result {
        case .success(let socket): relay(socket.channel)
        case .failure(let failure):
            stream.consumer = nil
            end(TunnelEnd(failure: failure))
        }
    }

    private func relay(_ upstream: any Channel) {
        let flow = TunnelFlow(limits: limits, deadlines: deadlines) { self.end($0) }
        let up = TunnelHalf(flow: flow, isClient: false)
        let down = TunnelHalf(flow: flow, isClient: true)
        flow.join(client: down, origin: up)
        do {
            try upstream.pipeline.syncOperations.addHandler(up)
        } catch {
            upstream.close(promise: nil)
            stream.abort()
            end(TunnelEnd())
            return
        }
        stream.sendHead(answer, body: .none)
        guard stream.becomeTunnel(down) != nil else {
            upstream.close(promise: nil)
            end(TunnelEnd())
            return
        }
        flow.start()
    }

    private func end(_ end: TunnelEnd) {
        guard let ended else { return }
        self.ended = nil
        ended(end)
    }

    // MARK: DownstreamConsumer, until the tunnel stands

    package func requestBody(_ bytes: ByteBuffer) {}
    package func requestBodyEnded() {}
    package func requestBodyFailed(_ failure: RequestBodyFailure) {}
    package func writable() {}

    package func downstreamGone() {
        attempt?.cancel()
        attempt = nil
        end(TunnelEnd())
    }
}
