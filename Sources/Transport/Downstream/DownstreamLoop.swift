// What the client connections of one event loop share: the door, the limits, the deadlines, and the list
// of who is connected. Touched on its loop only. It knows no messages.

import NIOCore
import NIOPosix

final class DownstreamLoop {
    let loop: any EventLoop
    let door: any ExchangeDoor
    let limits: DownstreamLimits
    let deadlines: DeadlineList
    private let ledger: ConnectionLedger
    /// Called when a connection closed and there is room again after there was none.
    private let roomAgain: @Sendable () -> Void
    private var connections: [ObjectIdentifier: DownstreamConnection] = [:]
    private var gates: [AcceptGate] = []
    private var isDraining = false
    private var emptied: EventLoopPromise<Void>?

    init(
        loop: any EventLoop,
        door: any ExchangeDoor,
        limits: DownstreamLimits,
        ledger: ConnectionLedger,
        roomAgain: @escaping @Sendable () -> Void
    ) {
        self.loop = loop
        self.door = door
        self.limits = limits
        self.ledger = ledger
        self.roomAgain = roomAgain
        deadlines = DeadlineList(loop: loop, tickNanoseconds: limits.tickNanoseconds)
    }

    var isCrowded: Bool { ledger.isCrowded }
    var isFull: Bool { ledger.isFull }

    // MARK: Connections

    /// Takes a connection that was just accepted, or closes it.
    func admit(_ channel: any Channel) throws {
        let connection = DownstreamConnection(channel: channel, home: self)
        guard !isDraining, ledger.enter(connection.clientAddress) else {
            channel.close(promise: nil)
            return
        }
        connections[ObjectIdentifier(connection)] = connection
        channel.closeFuture.assumeIsolated().whenComplete { _ in self.closed(connection) }
        try channel.pipeline.syncOperations.addHandler(connection)
    }

    private func closed(_ connection: DownstreamConnection) {
        connections[ObjectIdentifier(connection)] = nil
        if ledger.leave(connection.clientAddress) { roomAgain() }
        if connections.isEmpty { emptied?.succeed() }
    }

    /// R50: closes the connection that has been idle for longest.
    func closeIdlest() {
        var idlest: DownstreamConnection?
        for connection in connections.values where connection.isIdle {
            if connection.idleSince < idlest?.idleSince ?? .max { idlest = connection }
        }
        idlest?.closeIdle()
    }

    // MARK: Listeners

    func add(_ gate: AcceptGate) { gates.append(gate) }

    func reopenGates() {
        for gate in gates { gate.reopen() }
    }

    // MARK: Stopping

    /// Lets go of idle connections, and of busy ones after their response.
    /// - Returns: a future that is fulfilled when none is left.
    func drain() -> EventLoopFuture<Void> {
        isDraining = true
        let promise = emptied ?? loop.makePromise(of: Void.self)
        emptied = promise
        for connection in connections.values { connection.drain() }
        if connections.isEmpty { promise.succeed() }
        return promise.futureResult
    }

    /// Closes what is left.
    /// - Returns: how many connections were cut in the middle of something.
    func cut() -> Int {
        let busy = connections.values.count { $0.isBusy }
        for connection in Array(connections.values) { connection.channel.close(promise: nil) }
        return busy
    }
}
