// How names are looked up: once for all who ask, remembered for a while, bounded in time and number (R49).

import HTTPSemantics
import NIOCore
import NIOPosix
import Testing

@testable import Transport

@Suite("Upstream: names (R49)", .onOwnThreads)
struct NameResolverTests {
    /// Runs with a loop and a resolver whose look-ups are counted.
    private func withResolver(
        _ limits: NameResolverLimits,
        lookUp: @escaping NameResolver.LookUp,
        _ body: (NameResolver, any EventLoop) async throws -> Void
    ) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let resolver = NameResolver(limits: limits, lookUp: lookUp)
        try await body(resolver, group.next())
        resolver.close()
        try await group.shutdownGracefully()
    }

    private func expect(
        _ addresses: [IPAddress],
        from future: EventLoopFuture<[IPAddress]>,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let found = try await future.get()
        #expect(found == addresses, sourceLocation: sourceLocation)
    }

    @Test("an IP address is its own answer")
    func literal() async throws {
        try await withResolver(NameResolverLimits(), lookUp: { _ in .failure(.notFound) }) { resolver, loop in
            try await expect([.v4(0x0A01_0203)], from: resolver.resolve("10.1.2.3", on: loop))
            try await expect([.v6(high: 0, low: 1)], from: resolver.resolve("::1", on: loop))
        }
    }

    @Test("a name is looked up once for all who ask, and remembered")
    func joined() async throws {
        let lookUps = Journal<String>()
        let mayAnswer = Barrier()
        let lookUp: NameResolver.LookUp = { name in
            lookUps.append(name)
            mayAnswer.wait()
            return .success([.v4(1)])
        }
        try await withResolver(NameResolverLimits(), lookUp: lookUp) { resolver, loop in
            let first = resolver.resolve("a.example", on: loop)
            let second = resolver.resolve("a.example", on: loop)
            mayAnswer.open()
            try await expect([.v4(1)], from: first)
            try await expect([.v4(1)], from: second)
            try await expect([.v4(1)], from: resolver.resolve("a.example", on: loop))
            #expect(lookUps.all == ["a.example"])
        }
    }

    @Test("an answer is forgotten after its time")
    func expiry() async throws {
        let lookUps = Journal<String>()
        var limits = NameResolverLimits()
        limits.keptNanoseconds = 0
        limits.failureKeptNanoseconds = 0
        let lookUp: NameResolver.LookUp = { name in
            lookUps.append(name)
            return name == "good.example" ? .success([.v4(1)]) : .failure(.notFound)
        }
        try await withResolver(limits, lookUp: lookUp) { resolver, loop in
            for _ in 1...2 {
                try await expect([.v4(1)], from: resolver.resolve("good.example", on: loop))
                await #expect(throws: ResolutionFailure.notFound) {
                    try await resolver.resolve("bad.example", on: loop).get()
                }
            }
            #expect(lookUps.all.count == 4)
        }
    }

    @Test("who looks up anew gets the answer of the moment, and what is remembered where there is none")
    func anew() async throws {
        let lookUps = Journal<String>()
        var limits = NameResolverLimits()
        limits.momentNanoseconds = 0
        let lookUp: NameResolver.LookUp = { name in
            lookUps.append(name)
            return lookUps.all.count < 3 ? .success([.v4(UInt32(lookUps.all.count))]) : .failure(.temporary)
        }
        try await withResolver(limits, lookUp: lookUp) { resolver, loop in
            try await expect([.v4(1)], from: resolver.resolve("a.example", on: loop))
            try await expect([.v4(2)], from: resolver.resolve("a.example", on: loop, anew: true))
            try await expect([.v4(2)], from: resolver.resolve("a.example", on: loop, anew: true))
            try await expect([.v4(2)], from: resolver.resolve("a.example", on: loop))
            #expect(lookUps.all.count == 3)
        }
    }

    @Test("a failure that may pass is not believed for as long as a name that does not exist")
    func temporary() async throws {
        let lookUps = Journal<String>()
        var limits = NameResolverLimits()
        limits.momentNanoseconds = 0
        let lookUp: NameResolver.LookUp = { name in
            lookUps.append(name)
            return .failure(name == "bad.example" ? .notFound : .temporary)
        }
        try await withResolver(limits, lookUp: lookUp) { resolver, loop in
            for name in ["bad.example", "away.example"] {
                for _ in 1...2 { _ = try? await resolver.resolve(name, on: loop).get() }
            }
            #expect(lookUps.all == ["bad.example", "away.example", "away.example"])
        }
    }

    @Test("a look-up that hangs is given up, and one beyond the queue is refused")
    func bounds() async throws {
        var limits = NameResolverLimits()
        limits.threads = 1
        limits.queue = 1
        limits.timeoutNanoseconds = 20_000_000
        let isOver = Barrier()
        let lookUp: NameResolver.LookUp = { _ in
            isOver.wait()
            return .failure(.notFound)
        }
        try await withResolver(limits, lookUp: lookUp) { resolver, loop in
            let hanging = resolver.resolve("one.example", on: loop)
            let queued = resolver.resolve("two.example", on: loop)
            await #expect(throws: ResolutionFailure.tooMany) {
                try await resolver.resolve("three.example", on: loop).get()
            }
            await #expect(throws: ResolutionFailure.timedOut) { try await hanging.get() }
            await #expect(throws: ResolutionFailure.timedOut) { try await queued.get() }
            isOver.open()
            isOver.open()
        }
    }

    @Test("the system knows the name of this machine's loopback")
    func system() throws {
        let addresses = try NameResolver.systemLookUp("localhost").get()
        #expect(addresses.contains { $0.isOnThisMachine })
    }
}
