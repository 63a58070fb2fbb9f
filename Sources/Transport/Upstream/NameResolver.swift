// Names to addresses (R49). `getaddrinfo` blocks, so it runs on threads of its own, with a bounded queue,
// a time limit and a short memory; NIO's own resolver is one serial queue a loop, where one hanging name
// stalls all others. It judges no address.

import Glibc
package import HTTPSemantics
package import NIOCore
import NIOPosix
import Synchronization

/// The bounds of name look-up (R49). Durations are nanoseconds.
package struct NameResolverLimits: Sendable {
    package var threads = 16
    package var queue = 256
    package var timeoutNanoseconds: Int64 = .seconds(5)
    /// How long an answer is kept: getaddrinfo tells no TTL.
    package var keptNanoseconds: Int64 = .seconds(30)
    package var failureKeptNanoseconds: Int64 = .seconds(5)
    /// What may pass in a moment is not believed for longer; nor is anything by whoever looks up anew.
    package var momentNanoseconds: Int64 = .milliseconds(400)
    /// Names remembered.
    package var entries = 4096

    package init() {}
}

/// Why a name has no addresses.
package enum ResolutionFailure: Error, Hashable, Sendable {
    /// The name does not exist, or has no addresses.
    case notFound
    /// The name server failed, or could not be reached: it may answer in a moment.
    case temporary
    case timedOut
    /// The queue is full.
    case tooMany
}

package final class NameResolver: Sendable {
    /// A blocking look-up.
    package typealias LookUp = @Sendable (_ name: String) -> Result<[IPAddress], ResolutionFailure>

    private struct Answer {
        let result: Result<[IPAddress], ResolutionFailure>
        /// Monotonic nanoseconds.
        let since: Int64
        let expires: Int64
    }

    private struct State {
        var answers: [String: Answer] = [:]
        /// Those who wait for a look-up under way, so that a name is looked up once.
        var waiting: [String: [EventLoopPromise<[IPAddress]>]] = [:]
    }

    private let limits: NameResolverLimits
    private let lookUp: LookUp
    private let pool: NIOThreadPool
    private let state = Mutex(State())

    package init(
        limits: NameResolverLimits = NameResolverLimits(),
        lookUp: @escaping LookUp = NameResolver.systemLookUp
    ) {
        self.limits = limits
        self.lookUp = lookUp
        pool = NIOThreadPool(numberOfThreads: limits.threads)
        pool.start()
    }

    deinit {
        pool.shutdownGracefully { _ in }
    }

    /// The addresses of a name in the order in which they are to be tried; an IP address is its own answer.
    ///
    /// - Parameter anew: only an answer of this moment will do; where there is none, what is remembered does.
    package func resolve(
        _ host: String,
        on loop: any EventLoop,
        anew: Bool = false
    ) -> EventLoopFuture<[IPAddress]> {
        if let address = IPAddress.parse(host) { return loop.makeSucceededFuture([address]) }
        let promise = loop.makePromise(of: [IPAddress].self)
        enum Step { case answered(Result<[IPAddress], ResolutionFailure>), started, joined, refused }
        let now = Clock.monotonicNanoseconds()
        let step: Step = state.withLock { state in
            if let answer = state.answers[host] {
                if answer.expires <= now {
                    state.answers[host] = nil
                } else if !anew || now - answer.since < limits.momentNanoseconds {
                    return .answered(answer.result)
                }
            }
            if state.waiting[host] != nil {
                state.waiting[host]?.append(promise)
                return .joined
            }
            guard state.waiting.count < limits.threads + limits.queue else { return .refused }
            state.waiting[host] = [promise]
            return .started
        }
        switch step {
        case .answered(let result):
            promise.completeWith(result.mapError { $0 as any Error })
            return promise.futureResult
        case .refused:
            promise.fail(ResolutionFailure.tooMany)
            return promise.futureResult
        case .started:
            // The work runs although nobody may wait for it any more: its answer is kept.
            pool.submit { state in
                if case .active = state {
                    self.looked(up: host, self.lookUp(host))
                } else {
                    self.looked(up: host, .failure(.notFound))
                }
            }
        case .joined: break
        }
        return withTimeout(promise.futureResult, on: loop)
    }

    /// Ends the threads; those that hang in a look-up end when it does.
    package func close() {
        pool.shutdownGracefully { _ in }
        let waiting = state.withLock { state in
            defer { state.waiting.removeAll() }
            return state.waiting
        }
        for promise in waiting.values.joined() { promise.fail(ResolutionFailure.notFound) }
    }

    private func looked(up host: String, _ result: Result<[IPAddress], ResolutionFailure>) {
        let kept: Int64
        switch result {
        case .success: kept = limits.keptNanoseconds
        case .failure(.notFound): kept = limits.failureKeptNanoseconds
        case .failure: kept = min(limits.momentNanoseconds, limits.failureKeptNanoseconds)
        }
        let now = Clock.monotonicNanoseconds()
        let (waiting, result) = state.withLock { state in
            // A look-up that failed takes nothing away from what is known for a while yet.
            if case .failure = result, let known = state.answers[host], known.expires > now,
                case .success = known.result
            {
                return (state.waiting.removeValue(forKey: host) ?? [], known.result)
            }
            if state.answers.count >= limits.entries {
                state.answers = state.answers.filter { $0.value.expires > now }
                if state.answers.count >= limits.entries { state.answers.removeAll() }
            }
            state.answers[host] = Answer(result: result, since: now, expires: now + kept)
            return (state.waiting.removeValue(forKey: host) ?? [], result)
        }
        for promise in waiting { promise.completeWith(result.mapError { $0 as any Error }) }
    }

    private func withTimeout(
        _ future: EventLoopFuture<[IPAddress]>,
        on loop: any EventLoop
    ) -> EventLoopFuture<[IPAddress]> {
        let limited = loop.makePromise(of: [IPAddress].self)
        let timeout = loop.scheduleTask(in: .nanoseconds(limits.timeoutNanoseconds)) {
            limited.fail(ResolutionFailure.timedOut)
        }
        future.whenComplete { result in
            timeout.cancel()
            limited.completeWith(result)
        }
        return limited.futureResult
    }

    /// What the system's resolver says: /etc/hosts, then DNS, in the order of RFC 6724.
    package static let systemLookUp: LookUp = { name in
        var hints = addrinfo()
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        switch getaddrinfo(name, nil, &hints, &list) {
        case 0: break
        case EAI_AGAIN, EAI_SYSTEM, EAI_MEMORY: return .failure(.temporary)
        default: return .failure(.notFound)
        }
        defer { freeaddrinfo(list) }
        var addresses: [IPAddress] = []
        var next = list
        while let entry = next?.pointee {
            if let address = IPAddress(entry), !addresses.contains(address) { addresses.append(address) }
            next = entry.ai_next
        }
        return addresses.isEmpty ? .failure(.notFound) : .success(addresses)
    }
}

extension IPAddress {
    fileprivate init?(_ entry: addrinfo) {
        guard let pointer = entry.ai_addr else { return nil }
        self.init(
            family: entry.ai_family,
            socketAddress: UnsafeRawBufferPointer(start: pointer, count: Int(entry.ai_addrlen))
        )
    }
}
