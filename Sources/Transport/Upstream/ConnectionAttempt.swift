// From a host to a connected socket: look-up, judgement of the addresses (R62, R63), and the addresses
// tried one after another without waiting long for any (Happy Eyeballs, RFC 8305). The address that was
// judged is the one that is connected to. It speaks no protocol over the connection.

import Glibc
import HTTPSemantics
import NIOCore
import NIOPosix

/// A socket that is connected and reads nothing by itself.
struct ConnectedSocket {
    let channel: any Channel
    let address: IPAddress
    /// Every address that the name had, for judging later requests over the same connection (R63).
    let resolved: [IPAddress]
}

/// What is connected to, and on which terms.
struct ConnectionGoal {
    var host: String
    var port: UInt16
    var check: @Sendable (IPAddress, UInt16) -> Bool
    var deniedAddressRefusesAll: Bool
    /// The name is looked up again, whatever is remembered of it.
    var looksUpAnew = false
    /// Whether the connection outlives the other side's end (tunnels).
    var allowsHalfClosure = false

    /// The addresses that may be connected to; nil where the judgement forbids all (R62, R63).
    func allowed(_ addresses: [IPAddress]) -> [IPAddress]? {
        let allowed = addresses.filter { check($0, port) }
        if allowed.isEmpty || (deniedAddressRefusesAll && allowed.count < addresses.count) { return nil }
        return allowed
    }
}

/// One attempt, over all addresses of the host. Bound to its loop.
final class ConnectionAttempt: DeadlineOwner {
    private let loop: any EventLoop
    private let resolver: NameResolver
    private let suspects: SuspectAddresses
    private let limits: UpstreamLimits
    private let goal: ConnectionGoal
    /// nil once the outcome has been told.
    private var completion: ((Result<ConnectedSocket, UpstreamFailure>) -> Void)?
    private let deadline: Deadline
    private var resolved: [IPAddress] = []
    private var untried: [IPAddress] = []
    private var underWay: [ObjectIdentifier: any Channel] = [:]
    private var connecting = 0
    /// The addresses that have said neither yes nor no, in the order in which they were tried.
    private var silent: [IPAddress] = []
    private var nextAttempt: Scheduled<Void>?
    private var lastFailure = UpstreamFailure.Kind.unreachable

    init(
        goal: ConnectionGoal,
        loop: any EventLoop,
        resolver: NameResolver,
        suspects: SuspectAddresses,
        limits: UpstreamLimits,
        deadlines: DeadlineList,
        completion: @escaping (Result<ConnectedSocket, UpstreamFailure>) -> Void
    ) {
        self.goal = goal
        self.loop = loop
        self.resolver = resolver
        self.suspects = suspects
        self.limits = limits
        self.completion = completion
        deadline = Deadline(in: deadlines)
    }

    func start() {
        deadline.arm(after: limits.connectNanoseconds, owner: self)
        resolver.resolve(goal.host, on: loop, anew: goal.looksUpAnew).assumeIsolated().whenComplete { result in
            guard self.completion != nil else { return }
            switch result {
            case .success(let addresses): self.resolved(addresses)
            case .failure(let error):
                let isKnown = error as? ResolutionFailure == .notFound
                self.end(.failure(self.failure(isKnown ? .nameNotResolved : .nameLookUpFailed)))
            }
        }
    }

    /// Gives up; the completion is not called.
    func cancel() {
        completion = nil
        stop()
    }

    func deadlinePassed(_ deadline: Deadline, now: Int64) {
        end(.failure(failure(.connectTimeout)))
    }

    private func resolved(_ addresses: [IPAddress]) {
        resolved = addresses
        guard let allowed = goal.allowed(addresses) else {
            end(.failure(failure(.addressDenied)))
            return
        }
        let now = Clock.monotonicNanoseconds()
        untried = suspects.ordered(Self.interleaved(allowed), port: goal.port, now: now)
        tryNext()
    }

    /// RFC 8305 §4: the families take turns, the first one that of the first address.
    static func interleaved(_ addresses: [IPAddress]) -> [IPAddress] {
        func isIPv6(_ address: IPAddress) -> Bool { if case .v6 = address { true } else { false } }
        guard let first = addresses.first else { return [] }
        var one = addresses.filter { isIPv6($0) == isIPv6(first) }[...]
        var other = addresses.filter { isIPv6($0) != isIPv6(first) }[...]
        var order: [IPAddress] = []
        while !one.isEmpty || !other.isEmpty {
            if let address = one.popFirst() { order.append(address) }
            if let address = other.popFirst() { order.append(address) }
        }
        return order
    }

    private func tryNext() {
        nextAttempt?.cancel()
        nextAttempt = nil
        guard completion != nil else { return }
        guard !untried.isEmpty else {
            if connecting == 0 { end(.failure(failure(lastFailure))) }
            return
        }
        connect(untried.removeFirst())
        guard !untried.isEmpty else { return }
        nextAttempt = loop.assumeIsolated().scheduleTask(in: .nanoseconds(limits.attemptNanoseconds)) {
            self.tryNext()
        }
    }

    private func connect(_ address: IPAddress) {
        connecting += 1
        silent.append(address)
        let bound = NIOLoopBound(self, eventLoop: loop)
        let bootstrap = ClientBootstrap(group: loop)
            .channelOption(.autoRead, value: false)
            .channelOption(.allowRemoteHalfClosure, value: goal.allowsHalfClosure)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelOption(.writeBufferWaterMark, value: SocketTuning.waterMark)
            .connectTimeout(.nanoseconds(limits.connectNanoseconds))
            .channelInitializer { channel in
                bound.value.underWay[ObjectIdentifier(channel)] = channel
                return channel.eventLoop.makeSucceededVoidFuture()
            }
        let connected: EventLoopFuture<any Channel>
        do {
            connected = bootstrap.connect(to: try address.socketAddress(port: goal.port))
        } catch {
            connected = loop.makeFailedFuture(error)
        }
        connected.assumeIsolated().whenComplete { result in
            self.connecting -= 1
            switch result {
            case .success(let channel):
                self.underWay[ObjectIdentifier(channel)] = nil
                guard self.completion != nil else {
                    channel.close(promise: nil)
                    return
                }
                // RFC 8305 §9.2: those that were overtaken are not waited for a second time.
                let now = Clock.monotonicNanoseconds()
                for overtaken in self.silent.prefix(while: { $0 != address }) {
                    self.suspects.add(overtaken, port: self.goal.port, now: now)
                }
                let socket = ConnectedSocket(channel: channel, address: address, resolved: self.resolved)
                self.end(.success(socket))
            case .failure(let error):
                guard self.completion != nil else { return }
                self.silent.removeAll { $0 == address }
                self.suspects.add(address, port: self.goal.port, now: Clock.monotonicNanoseconds())
                self.lastFailure = Self.kind(of: error)
                self.tryNext()
            }
        }
    }

    private static func kind(of error: any Error) -> UpstreamFailure.Kind {
        if let error = error as? IOError {
            switch error.errnoCode {
            case ECONNREFUSED: return .refused
            case ETIMEDOUT: return .connectTimeout
            default: return .unreachable
            }
        }
        if case .connectTimeout = error as? ChannelError { return .connectTimeout }
        return .unreachable
    }

    private func failure(_ kind: UpstreamFailure.Kind) -> UpstreamFailure {
        UpstreamFailure(kind, host: goal.host, port: goal.port)
    }

    private func end(_ result: Result<ConnectedSocket, UpstreamFailure>) {
        guard let completion else { return }
        self.completion = nil
        stop()
        completion(result)
    }

    private func stop() {
        deadline.disarm()
        nextAttempt?.cancel()
        nextAttempt = nil
        untried = []
        let losers = underWay.values
        underWay = [:]
        for channel in losers { channel.close(promise: nil) }
    }
}
