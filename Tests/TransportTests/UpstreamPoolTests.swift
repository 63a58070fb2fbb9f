// How origins are reached: the addresses of a name, the judgement of each, and the bounds on connections
// (R43, R46, R52, R62, R63).

import HTTPSemantics
import NIOCore
import NIOPosix
import Testing

@testable import Transport

@Suite("Upstream: ways to an origin (R43 to R63)", .onOwnThreads)
struct UpstreamPoolTests {
    private static let loopback = IPAddress.v4(0x7F00_0001)
    /// On loopback, and nobody listens there on the ports of these tests.
    private static let otherLoopback = IPAddress.v4(0x7F00_0002)
    private static let answer: ScriptedOrigin.Script = { socket in
        _ = try socket.receiveHead()
        try socket.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        _ = socket.receiveAll()
    }

    @Test("a name that has no address fails by that reason (R49)")
    func unresolved() async throws {
        try await withClient { client in
            let heard = try await client.outcome(client.request(port: 80, host: "nowhere.example"))
            #expect(heard == [.failed(.nameNotResolved)])
        }
    }

    @Test("a port on which nobody listens is a refused connection")
    func refused() async throws {
        let (listener, port) = try RawSocket.listen()
        listener.close()
        try await withClient { client in
            try await client.expect([.failed(.refused)], of: client.request(port: port))
        }
    }

    @Test("the next address is tried where one refuses (R46)")
    func nextAddress() async throws {
        let origin = try ScriptedOrigin(Self.answer)
        try await withClient(lookUp: { _ in .success([Self.otherLoopback, Self.loopback]) }) { client in
            let heard = try await client.outcome(client.request(port: origin.port, host: "two.example"))
            #expect(heard.last == .ended)
        }
    }

    @Test("the next address is tried while one does not answer (RFC 8305, R46)")
    func silentAddress() async throws {
        // A queue of nobody's: TEST-NET-1 is not routed, or refused at once; either way the second address serves.
        let origin = try ScriptedOrigin(Self.answer)
        var limits = quickUpstreamLimits
        limits.attemptNanoseconds = 10_000_000
        try await withClient(limits: limits, lookUp: { _ in .success([.v4(0xC000_0201), Self.loopback]) }) { client in
            let heard = try await client.outcome(client.request(port: origin.port, host: "two.example"))
            #expect(heard.last == .ended)
            // From now on the one that answered comes first (RFC 8305 §9.2).
            let order = client.client.suspects.ordered(
                [.v4(0xC000_0201), Self.loopback],
                port: UInt16(origin.port),
                now: Clock.monotonicNanoseconds()
            )
            #expect(order == [Self.loopback, .v4(0xC000_0201)])
        }
    }

    @Test("the families of addresses take turns (RFC 8305 §4)")
    func interleaved() {
        let four = (1...3).map { IPAddress.v4(UInt32($0)) }
        let six = (1...2).map { IPAddress.v6(high: 1, low: UInt64($0)) }
        #expect(ConnectionAttempt.interleaved(six + four) == [six[0], four[0], six[1], four[1], four[2]])
        #expect(ConnectionAttempt.interleaved([four[0], six[0]]) == [four[0], six[0]])
        #expect(ConnectionAttempt.interleaved([]) == [])
    }

    @Test("no connection in time fails by that reason (R46)")
    func connectTimeout() async throws {
        var limits = quickUpstreamLimits
        limits.connectNanoseconds = 30_000_000
        let isOver = Barrier()
        let lookUp: NameResolver.LookUp = { _ in
            isOver.wait()
            return .failure(.notFound)
        }
        try await withClient(limits: limits, lookUp: lookUp) { client in
            let heard = try await client.outcome(client.request(port: 80, host: "slow.example"))
            #expect(heard == [.failed(.connectTimeout)])
            isOver.open()
        }
    }

    @Test("an address that is denied is not connected to (R62), and denies the whole name where R63 says so")
    func denied() async throws {
        let origin = try ScriptedOrigin(Self.answer, Self.answer)
        try await withClient(lookUp: { _ in .success([Self.otherLoopback, Self.loopback]) }) { client in
            let judged = Journal<String>()
            let denyOther: @Sendable (IPAddress, UInt16) -> Bool = { address, port in
                judged.append(address.text(withPort: port))
                return address != Self.otherLoopback
            }
            let all = client.request(port: origin.port, host: "two.example", check: { _, _ in false })
            try await client.expect([.failed(.addressDenied)], of: all)
            let strict = client.request(port: origin.port, host: "two.example", check: denyOther)
            try await client.expect([.failed(.addressDenied)], of: strict)
            #expect(judged.all == ["127.0.0.2:\(origin.port)", "127.0.0.1:\(origin.port)"])
            let lax = client.request(
                port: origin.port,
                host: "two.example",
                check: denyOther,
                deniedAddressRefusesAll: false
            )
            try await client.expectEnd(of: lax)
            // The kept connection is judged again: this client may not use it.
            try await client.expect([.failed(.addressDenied)], of: strict)
        }
        #expect(origin.accepted == 1)
    }

    @Test("requests beyond the connections of an origin wait, and those beyond the queue are refused (R52)")
    func queue() async throws {
        let mayAnswer = Barrier()
        let origin = try ScriptedOrigin { socket in
            for _ in 1...2 {
                _ = try socket.receiveHead()
                mayAnswer.wait()
                try socket.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
        }
        var limits = quickUpstreamLimits
        limits.connectionsPerOrigin = 1
        limits.queue = 1
        try await withClient(limits: limits) { client in
            let first = try await client.begin(client.request(port: origin.port))
            let second = try await client.begin(client.request(port: origin.port))
            try await client.expect([.failed(.tooManyWaiting)], of: client.request(port: origin.port))
            mayAnswer.open()
            #expect(first.outcome().last == .ended)
            mayAnswer.open()
            #expect(second.outcome().last == .ended)
        }
        #expect(origin.accepted == 1)
    }

    @Test("a kept connection gives way to another origin at the limit over all origins (R52)")
    func totalLimit() async throws {
        let one = try ScriptedOrigin(Self.answer)
        let other = try ScriptedOrigin(Self.answer)
        var limits = quickUpstreamLimits
        limits.connections = 1
        try await withClient(limits: limits) { client in
            try await client.expectEnd(of: client.request(port: one.port))
            try await client.expectEnd(of: client.request(port: other.port))
            // The first origin's connection was closed, so its script has come to its end.
            #expect(await one.failures() == [])
        }
    }

    @Test("a kept connection that stays idle is closed (R43)")
    func idle() async throws {
        let origin = try ScriptedOrigin(Self.answer)
        var limits = quickUpstreamLimits
        limits.idleNanoseconds = 20_000_000
        try await withClient(limits: limits) { client in
            try await client.expectEnd(of: client.request(port: origin.port))
            #expect(await origin.failures() == [])
        }
    }

    @Test("what is under way when the client is closed fails")
    func close() async throws {
        let origin = try ScriptedOrigin { socket in
            _ = try socket.receiveHead()
            _ = socket.receiveAll()
        }
        try await withClient { client in
            let call = try await client.begin(client.request(port: origin.port))
            call.heard.wait(for: .connected)
            await client.client.close()
            #expect(call.outcome() == [.failed(.cancelled)])
        }
    }

    @Test("a call on a loop that is not the client's fails, and ends nothing else")
    func foreignLoop() async throws {
        let other = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        try await withClient { client in
            let foreign = TestClient(client: client.client, loop: other.next())
            try await foreign.expect([.failed(.cancelled)], of: foreign.request(port: 80))
        }
        try await other.shutdownGracefully()
    }
}
