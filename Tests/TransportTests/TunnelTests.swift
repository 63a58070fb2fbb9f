// CONNECT: bytes both ways, each direction with its own end, and what went before the tunnel stood
// (RFC 9110 §9.3.6, R48, R65).

import HTTPSemantics
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Transport

@Suite("Tunnel (RFC 9110 §9.3.6, R65)", .onOwnThreads)
struct TunnelTests {
    private struct End: Equatable {
        let up: Int64
        let down: Int64
        let failure: UpstreamFailure.Kind?
    }

    /// A proxy that tunnels every CONNECT to a port of loopback.
    private func withProxy(
        to port: Int,
        limits: UpstreamLimits = quickUpstreamLimits,
        check: @escaping @Sendable (IPAddress, UInt16) -> Bool = { _, _ in true },
        _ body: (_ client: RawSocket, _ ends: Journal<End>, _ server: DownstreamServer) async throws -> Void
    ) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let client = UpstreamClient(group: group, limits: limits)
        let ends = Journal<End>()
        let door = TestDoor { _, _, stream in
            Tunnel.open(
                host: "127.0.0.1",
                port: UInt16(port),
                check: check,
                deniedAddressRefusesAll: true,
                on: stream,
                client: client,
                answer: ResponseHead(status: 200, reason: "Connection established")
            ) { end in
                ends.append(End(up: end.bytesUp, down: end.bytesDown, failure: end.failure?.kind))
                if let failure = end.failure { stream.answer(failure.sentence, status: failure.status) }
            }
        }
        let server = try await DownstreamServer.start(
            addresses: [ListenAddress(host: "127.0.0.1", port: 0)],
            group: group,
            door: door,
            limits: quickLimits
        )
        do {
            let socket = try RawSocket.connect(port: try #require(server.boundAddresses.first?.port))
            try await body(socket, ends, server)
        } catch {
            Issue.record(error)
        }
        _ = await server.drain(graceNanoseconds: 0)
        await client.close()
        try await group.shutdownGracefully()
    }

    private let connect = "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n"
    private let established = "HTTP/1.1 200 Connection established\r\n\r\n"

    @Test("bytes pass both ways, and each direction ends by itself")
    func halfClose() async throws {
        let origin = try ScriptedOrigin { socket in
            #expect(try socket.receive(exactly: 4) == "ping")
            try socket.send("pong")
            #expect(socket.receiveAll().text == "last words")
            try socket.send("answer after the end")
        }
        try await withProxy(to: origin.port) { client, ends, _ in
            try client.send(connect)
            #expect(try client.receiveHead() == established)
            try client.send("ping")
            #expect(try client.receive(exactly: 4) == "pong")
            try client.send("last words")
            client.endSending()
            let (text, _, ending) = client.receiveAll()
            #expect(text == "answer after the end")
            #expect(ending == .closed)
            #expect(ends.wait { !$0.isEmpty } == [End(up: 14, down: 24, failure: nil)])
        }
        #expect(await origin.failures() == [])
    }

    @Test("the origin's end is passed on, and the client may still send")
    func originEndsFirst() async throws {
        let origin = try ScriptedOrigin { socket in
            try socket.send("hello")
            socket.endSending()
            #expect(socket.receiveAll().text == "bye")
        }
        try await withProxy(to: origin.port) { client, ends, _ in
            try client.send(connect)
            _ = try client.receiveHead()
            #expect(client.receiveAll().text == "hello")
            try client.send("bye")
            client.endSending()
            #expect(ends.wait { !$0.isEmpty } == [End(up: 3, down: 5, failure: nil)])
        }
        #expect(await origin.failures() == [])
    }

    @Test("bytes sent with CONNECT, and an end sent with them, go into the tunnel (R65)")
    func earlyBytes() async throws {
        let origin = try ScriptedOrigin { socket in
            #expect(socket.receiveAll().text == "early bytes")
            try socket.send("seen")
        }
        try await withProxy(to: origin.port) { client, ends, _ in
            try client.send(connect + "early bytes")
            client.endSending()
            #expect(client.receiveAll().text == established + "seen")
            #expect(ends.wait { !$0.isEmpty } == [End(up: 11, down: 4, failure: nil)])
        }
        #expect(await origin.failures() == [])
    }

    @Test("a large transfer to a slow reader arrives whole, though the sender has long ended")
    func backPressure() async throws {
        let total = 24 << 20
        let origin = try ScriptedOrigin { socket in
            try socket.send(bytes: [UInt8](repeating: 0x78, count: total))
        }
        try await withProxy(to: origin.port) { client, ends, _ in
            try client.send(connect)
            _ = try client.receiveHead()
            client.endSending()
            var count = 0
            while case let bytes = try client.receive(upTo: 20_000), !bytes.isEmpty { count += bytes.count }
            #expect(count == total)
            #expect(ends.wait { !$0.isEmpty } == [End(up: 0, down: Int64(total), failure: nil)])
        }
    }

    @Test("a reset on one side is a reset on the other")
    func reset() async throws {
        let established = Barrier()
        let origin = try ScriptedOrigin { socket in
            established.wait()
            socket.reset()
        }
        try await withProxy(to: origin.port) { client, ends, _ in
            try client.send(connect)
            _ = try client.receiveHead()
            established.open()
            #expect(client.receiveAll().ending == .reset)
            #expect(ends.wait { !$0.isEmpty } == [End(up: 0, down: 0, failure: nil)])
        }
    }

    @Test("a target that refuses is answered by the caller, and the connection goes on")
    func refused() async throws {
        let (listener, port) = try RawSocket.listen()
        listener.close()
        try await withProxy(to: port) { client, ends, _ in
            for _ in 1...2 {
                try client.send(connect)
                #expect(try client.receiveHead().hasPrefix("HTTP/1.1 502 "))
                _ = try client.receive(until: ".1 refused the connection to port \(port).")
            }
            #expect(ends.all == Array(repeating: End(up: 0, down: 0, failure: .refused), count: 2))
        }
    }

    @Test("a target that may not be reached is not connected to (R65)")
    func denied() async throws {
        let (listener, port) = try RawSocket.listen()
        defer { listener.close() }
        try await withProxy(to: port, check: { _, _ in false }) { client, ends, _ in
            try client.send(connect)
            #expect(try client.receiveHead().hasPrefix("HTTP/1.1 403 "))
            #expect(ends.all == [End(up: 0, down: 0, failure: .addressDenied)])
        }
    }

    @Test("a tunnel in which nothing moves, or that is too old, is ended (R48)", arguments: [true, false])
    func idle(isIdle: Bool) async throws {
        let origin = try ScriptedOrigin { socket in _ = socket.receiveAll() }
        var limits = quickUpstreamLimits
        limits.tunnelIdleNanoseconds = isIdle ? 40_000_000 : .max
        limits.tunnelAgeNanoseconds = isIdle ? .max : 40_000_000
        try await withProxy(to: origin.port, limits: limits) { client, ends, _ in
            try client.send(connect)
            _ = try client.receiveHead()
            #expect(client.receiveAll().ending == .closed)
            #expect(ends.wait { !$0.isEmpty } == [End(up: 0, down: 0, failure: nil)])
        }
    }

    @Test("a tunnel is busy: it is cut when the grace of a stop is over (R103)")
    func drain() async throws {
        let origin = try ScriptedOrigin { socket in _ = socket.receiveAll() }
        try await withProxy(to: origin.port) { client, ends, server in
            try client.send(connect)
            _ = try client.receiveHead()
            #expect(await server.drain(graceNanoseconds: 20_000_000) == 1)
            #expect(ends.wait { !$0.isEmpty }.count == 1)
        }
    }
}
