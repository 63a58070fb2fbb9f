// The connections of one loop to origins: which are kept, how many there may be (R52), and who waits for
// one. It hands calls to connections and never looks into a message.

import HTTPSemantics
import NIOCore

/// Touched on its loop only.
final class UpstreamPool {
    private final class OriginState {
        var idle: [UpstreamConnection] = []
        var waiting: [UpstreamCall] = []
        /// Connections that exist or are being made.
        var open = 0
    }

    let loop: any EventLoop
    let limits: UpstreamLimits
    let deadlines: DeadlineList
    let resolver: NameResolver
    let suspects: SuspectAddresses
    private let connectionsPerOrigin: Int
    private let connections: Int
    private var origins: [Origin: OriginState] = [:]
    private var busy: [ObjectIdentifier: UpstreamConnection] = [:]
    /// Calls for which a connection is being made.
    private var connecting: [ObjectIdentifier: UpstreamCall] = [:]
    private var open = 0
    private var isClosed = false

    /// - Parameter loops: over how many loops the limits are shared out.
    init(
        loop: any EventLoop,
        loops: Int,
        resolver: NameResolver,
        suspects: SuspectAddresses,
        limits: UpstreamLimits
    ) {
        self.loop = loop
        self.suspects = suspects
        self.resolver = resolver
        self.limits = limits
        deadlines = DeadlineList(loop: loop, tickNanoseconds: limits.tickNanoseconds)
        connectionsPerOrigin = max(1, limits.connectionsPerOrigin / loops)
        connections = max(1, limits.connections / loops)
    }

    // MARK: Calls

    func start(_ call: UpstreamCall) {
        guard !isClosed else {
            call.fail(.cancelled)
            return
        }
        let state = state(of: call.origin)
        if serveByKept(call, state) || serveByNew(call, state) { return }
        guard state.waiting.count < limits.queue else {
            call.fail(.tooManyWaiting)
            return
        }
        state.waiting.append(call)
        call.startWaiting(nanoseconds: limits.queueNanoseconds)
    }

    /// R56: the kept connection had been closed by the origin; once more on a new one.
    func retry(_ call: UpstreamCall) {
        call.isOnKeptConnection = false
        guard !isClosed else {
            call.fail(.cancelled)
            return
        }
        let state = state(of: call.origin)
        if serveByNew(call, state) { return }
        state.waiting.insert(call, at: 0)
        call.startWaiting(nanoseconds: limits.queueNanoseconds)
    }

    func callCancelled(_ call: UpstreamCall) {
        if let attempt = call.attempt {
            call.attempt = nil
            connecting[ObjectIdentifier(call)] = nil
            attempt.cancel()
            connectionGone(call.origin)
        } else {
            origins[call.origin]?.waiting.removeAll { $0 === call }
            forgetIfUnused(call.origin)
        }
    }

    func waitedTooLong(_ call: UpstreamCall) {
        origins[call.origin]?.waiting.removeAll { $0 === call }
        forgetIfUnused(call.origin)
        call.fail(.tooManyWaiting)
    }

    private func serveByKept(_ call: UpstreamCall, _ state: OriginState) -> Bool {
        guard call.mayUseKeptConnection else { return false }
        let goal = call.goal
        let now = Clock.monotonicNanoseconds()
        // The address was judged for another client; it is judged again for this one (R62, R63).
        let index = state.idle.lastIndex { kept in
            goal.allowed(kept.resolved) != nil && call.allows(kept)
                && !suspects.areOthersBetter(than: kept.address, of: kept.resolved, port: goal.port, now: now)
        }
        guard let index else { return false }
        let connection = state.idle.remove(at: index)
        call.isOnKeptConnection = true
        busy[ObjectIdentifier(connection)] = connection
        connection.serve(call)
        return true
    }

    private func serveByNew(_ call: UpstreamCall, _ state: OriginState) -> Bool {
        if state.open >= connectionsPerOrigin {
            // A kept connection that this call may not use gives way to one that it may.
            guard let unused = state.idle.first else { return false }
            unused.close()
        }
        if open >= connections {
            guard let unused = idlest() else { return false }
            unused.close()
        }
        guard state.open < connectionsPerOrigin, open < connections else { return false }
        // Closing a kept connection may have removed the origin's state from the table.
        origins[call.origin] = state
        state.open += 1
        open += 1
        let attempt = ConnectionAttempt(
            goal: call.goal,
            loop: loop,
            resolver: resolver,
            suspects: suspects,
            limits: limits,
            deadlines: deadlines
        ) { [weak self] result in
            self?.attempted(call, result)
        }
        call.attempt = attempt
        connecting[ObjectIdentifier(call)] = call
        attempt.start()
        return true
    }

    private func attempted(_ call: UpstreamCall, _ result: Result<ConnectedSocket, UpstreamFailure>) {
        call.attempt = nil
        connecting[ObjectIdentifier(call)] = nil
        switch result {
        case .success(let socket):
            let connection = UpstreamConnection(socket: socket, origin: call.origin, pool: self)
            do {
                try socket.channel.pipeline.syncOperations.addHandler(connection)
            } catch {
                // The channel closed in the same turn of the loop.
                connectionGone(call.origin)
                call.fail(.closedBeforeHead)
                return
            }
            busy[ObjectIdentifier(connection)] = connection
            connection.serve(call)
        case .failure(let failure):
            connectionGone(call.origin)
            call.fail(failure)
        }
    }

    // MARK: Connections

    /// The response is complete, and the connection may carry another request.
    func becameIdle(_ connection: UpstreamConnection) {
        busy[ObjectIdentifier(connection)] = nil
        guard !isClosed else {
            connection.close()
            return
        }
        let state = state(of: connection.origin)
        state.idle.append(connection)
        serveWaiting(state)
    }

    /// The connection carries nothing any more. Told once for each.
    func closed(_ connection: UpstreamConnection) {
        busy[ObjectIdentifier(connection)] = nil
        origins[connection.origin]?.idle.removeAll { $0 === connection }
        connectionGone(connection.origin)
    }

    private func connectionGone(_ origin: Origin) {
        open -= 1
        if let state = origins[origin] {
            state.open -= 1
            serveWaiting(state)
            forgetIfUnused(origin)
        }
        // Where the limit over all origins was reached, the room may be another origin's.
        guard open == connections - 1 else { return }
        for state in origins.values where !state.waiting.isEmpty {
            serveWaiting(state)
            if open >= connections { return }
        }
    }

    private func serveWaiting(_ state: OriginState) {
        while let call = state.waiting.first {
            state.waiting.removeFirst()
            if serveByKept(call, state) || serveByNew(call, state) { continue }
            state.waiting.insert(call, at: 0)
            return
        }
    }

    private func idlest() -> UpstreamConnection? {
        var idlest: UpstreamConnection?
        for state in origins.values {
            // Within one origin the first is the one that has been idle for longest.
            if let first = state.idle.first, first.idleSince < idlest?.idleSince ?? .max { idlest = first }
        }
        return idlest
    }

    private func state(of origin: Origin) -> OriginState {
        if let state = origins[origin] { return state }
        let state = OriginState()
        origins[origin] = state
        return state
    }

    private func forgetIfUnused(_ origin: Origin) {
        if let state = origins[origin], state.open == 0, state.waiting.isEmpty { origins[origin] = nil }
    }

    /// Closes everything; calls fail.
    func close() {
        isClosed = true
        let states = origins.values
        for state in states {
            for call in state.waiting { call.fail(.cancelled) }
            state.waiting = []
            for connection in state.idle { connection.close() }
        }
        for call in Array(connecting.values) {
            callCancelled(call)
            call.fail(.cancelled)
        }
        for connection in Array(busy.values) { connection.giveUp() }
    }
}

extension UpstreamCall {
    /// R62: whether this connection's very address is open to whoever asks.
    fileprivate func allows(_ connection: UpstreamConnection) -> Bool {
        request.check(connection.address, request.port)
    }
}
