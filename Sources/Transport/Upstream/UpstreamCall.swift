// One request on its way to an origin, in the hands of whoever asked: it carries the request body there,
// slows the response down, and can be given up. Which connection serves it is the pool's business.

import HTTPSemantics
package import NIOCore

/// One request and its response. Bound to the loop on which it was sent.
package final class UpstreamCall: DeadlineOwner {
    let request: UpstreamRequest
    /// nil once the last event has been told, or after `cancel`.
    private(set) var receiver: (any UpstreamReceiver)?
    /// Whether it went out on a kept connection, and so may find it closed (R56).
    var isOnKeptConnection = false
    private(set) var isPaused = false
    private(set) var wantsLargeReceiveBuffers = false
    /// Whether the whole request body has been given.
    private(set) var isBodyEnded: Bool
    /// Body bytes that came before there was a connection.
    private var waitingBody: [ByteBuffer] = []
    private weak var connection: UpstreamConnection?
    private weak var pool: UpstreamPool?
    /// The attempt to connect that is made for this call.
    var attempt: ConnectionAttempt?
    private let queueDeadline: Deadline

    init(request: UpstreamRequest, receiver: any UpstreamReceiver, pool: UpstreamPool) {
        self.request = request
        self.receiver = receiver
        self.pool = pool
        isBodyEnded = request.body == .none
        queueDeadline = Deadline(in: pool.deadlines)
    }

    // MARK: For whoever asked

    /// Asks for no more of the response. What has already been read still comes.
    package func pause() {
        isPaused = true
        connection?.pausedChanged()
    }

    package func resume() {
        guard isPaused else { return }
        isPaused = false
        connection?.pausedChanged()
    }

    /// Gives the request up and closes its connection. The receiver hears nothing more.
    package func cancel() {
        guard receiver != nil else { return }
        receiver = nil
        waitingBody = []
        queueDeadline.disarm()
        if let connection {
            connection.callCancelled()
        } else {
            pool?.callCancelled(self)
        }
    }

    /// Sends bytes of the request body.
    package func sendBody(_ bytes: ByteBuffer) {
        guard receiver != nil, !isBodyEnded, bytes.readableBytes > 0 else { return }
        if let connection {
            connection.sendBody(bytes)
        } else {
            waitingBody.append(bytes)
        }
    }

    /// The request body is complete.
    package func endBody() {
        guard receiver != nil, !isBodyEnded else { return }
        isBodyEnded = true
        connection?.endBody()
    }

    /// Whether the origin takes the request body as fast as it is sent. When this is false,
    /// `upstreamWritable` tells of room.
    package var isWritable: Bool { connection?.isWritable ?? false }

    /// For bodies that have turned out large: reads of 256 KiB.
    package func useLargeReceiveBuffers() {
        guard !wantsLargeReceiveBuffers else { return }
        wantsLargeReceiveBuffers = true
        connection?.useLargeReceiveBuffers()
    }

    /// The address of its connection is tried last for a while, where the name has others.
    package func suspectAddress() { connection?.suspectAddress() }

    // MARK: For pool and connection

    var origin: Origin { Origin(host: request.host, port: request.port) }

    /// RFC 9110 §9.2.2: only what may be repeated goes out on a connection that may be closed already (R56).
    var mayUseKeptConnection: Bool { request.head.method.isIdempotent && request.body == .none }

    var goal: ConnectionGoal {
        ConnectionGoal(
            host: request.host,
            port: request.port,
            check: request.check,
            deniedAddressRefusesAll: request.deniedAddressRefusesAll,
            looksUpAnew: request.looksUpAnew
        )
    }

    func isServed(by connection: UpstreamConnection?) {
        self.connection = connection
        queueDeadline.disarm()
    }

    func takeWaitingBody() -> [ByteBuffer] {
        defer { waitingBody = [] }
        return waitingBody
    }

    func startWaiting(nanoseconds: Int64) {
        queueDeadline.arm(after: nanoseconds, owner: self)
    }

    func deadlinePassed(_ deadline: Deadline, now: Int64) {
        pool?.waitedTooLong(self)
    }

    func end() {
        let receiver = takeReceiver()
        receiver?.upstreamEnded()
    }

    func fail(_ kind: UpstreamFailure.Kind) {
        fail(UpstreamFailure(kind, host: request.host, port: request.port))
    }

    func fail(_ failure: UpstreamFailure) {
        let receiver = takeReceiver()
        receiver?.upstreamFailed(failure)
    }

    private func takeReceiver() -> (any UpstreamReceiver)? {
        defer { receiver = nil }
        connection = nil
        waitingBody = []
        queueDeadline.disarm()
        return receiver
    }
}

/// Where requests go.
struct Origin: Hashable {
    let host: String
    let port: UInt16
}
