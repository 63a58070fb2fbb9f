// What a client may take: times, connections, and the end of the server (R40 to R42, R45, R50, R103).

import HTTPSemantics
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Transport

@Suite("Downstream: limits (R40 to R51)", .onOwnThreads)
struct DownstreamLimitTests {
    private let ok = TestDoor { _, _, stream in stream.answer("ok") }
    private let request = "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n"

    @Test("a connection on which nothing is asked is closed without an answer (R40)")
    func firstByte() async throws {
        var limits = quickLimits
        limits.firstByteNanoseconds = 30_000_000
        try await withServer(limits: limits, door: ok) { port, _ in
            let (text, _, ending) = try RawSocket.connect(port: port).receiveAll()
            #expect(text.isEmpty)
            #expect(ending == .closed)
        }
    }

    @Test("a head that does not become complete is answered with 408, however steadily it comes (R41)")
    func slowHead() async throws {
        var limits = quickLimits
        limits.headNanoseconds = 60_000_000
        try await withServer(limits: limits, door: ok) { port, _ in
            let client = try RawSocket.connect(port: port)
            try client.send("GET http://a.example/ HTTP/1.1\r\nHost: a.exa")
            let (text, _, ending) = client.receiveAll()
            #expect(text == "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            #expect(ending == .closed)
        }
    }

    @Test("a kept connection that stays idle is closed (R42)")
    func idle() async throws {
        var limits = quickLimits
        limits.idleNanoseconds = 30_000_000
        try await withServer(limits: limits, door: ok) { port, _ in
            let client = try RawSocket.connect(port: port)
            try client.send(request)
            #expect(client.receiveAll().text == "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        }
    }

    @Test("a client that reads nothing is cut (R45)")
    func writeStall() async throws {
        var limits = quickLimits
        limits.writeStallNanoseconds = 50_000_000
        let seen = Journal<String>()
        let door = TestDoor { _, _, stream in
            let consumer = TestConsumer()
            consumer.gone = { seen.append("gone") }
            stream.consumer = consumer
            stream.sendHead(ResponseHead(status: 200), body: .unknownLength)
            stream.send(ByteBuffer(repeating: 0, count: 32 << 20))
            stream.flush()
        }
        try await withServer(limits: limits, door: door) { port, _ in
            let client = try RawSocket.connect(port: port, receiveBuffer: 8192)
            try client.send(request)
            #expect(seen.wait(for: "gone") == ["gone"])
        }
    }

    @Test("a client whose answer is not ready is not taken for one that does not read (R45)")
    func waitingIsNoStall() async throws {
        var limits = quickLimits
        limits.writeStallNanoseconds = 20_000_000
        let door = TestDoor { _, _, stream in
            stream.consumer = TestConsumer()
            stream.loop.assumeIsolated().scheduleTask(in: .milliseconds(150)) { stream.answer("late") }
        }
        try await withServer(limits: limits, door: door) { port, _ in
            let client = try RawSocket.connect(port: port)
            try client.send(request)
            _ = try client.receiveHead()
            #expect(try client.receive(exactly: 4) == "late")
        }
    }

    @Test("at the limit of connections the one idle for longest gives way (R50)")
    func connectionLimit() async throws {
        var limits = quickLimits
        limits.connections = 2
        try await withServer(limits: limits, door: ok) { port, _ in
            var clients: [RawSocket] = []
            for _ in 1...3 {
                let client = try RawSocket.connect(port: port)
                try client.send(request)
                _ = try client.receiveHead()
                #expect(try client.receive(exactly: 2) == "ok")
                clients.append(client)
            }
            let first = try #require(clients.first)
            #expect(first.receiveAll().bytes == 0)
        }
    }

    @Test("connections are counted by address, and this machine is exempt (R51)")
    func ledger() throws {
        let ledger = ConnectionLedger(limit: 10, limitPerAddress: 1)
        #expect(ledger.enter(.v4(0x0A00_0001)))
        #expect(!ledger.enter(.v4(0x0A00_0001)))
        #expect(ledger.enter(.v4(0x0A00_0002)))
        #expect(ledger.enter(.v6(high: 1, low: 1)))
        #expect(!ledger.enter(.v6(high: 1, low: 2)))
        #expect(ledger.enter(.v6(high: 2, low: 1)))
        #expect(ledger.enter(.v4(0x7F00_0001)))
        #expect(ledger.enter(.v4(0x7F00_0001)))
        #expect(!ledger.leave(.v4(0x0A00_0001)))
        #expect(ledger.enter(.v4(0x0A00_0001)))
        #expect(!ledger.isFull)
    }

    @Test("draining closes what is idle at once and what is busy after its response (R103)")
    func drain() async throws {
        let seen = Journal<String>()
        let held = Mutex<NIOLoopBound<DownstreamStream>?>(nil)
        let door = TestDoor { head, _, stream in
            guard head.path == "/slow" else {
                stream.answer("ok")
                return
            }
            stream.consumer = TestConsumer()
            held.withLock { $0 = NIOLoopBound(stream, eventLoop: stream.loop) }
            seen.append("asked")
        }
        try await withServer(door: door) { port, server in
            let idle = try RawSocket.connect(port: port)
            try idle.send(request)
            _ = try idle.receiveHead()
            _ = try idle.receive(exactly: 2)
            let busy = try RawSocket.connect(port: port)
            try busy.send("GET http://a.example/slow HTTP/1.1\r\nHost: a.example\r\n\r\n")
            seen.wait(for: "asked")
            let stream = try #require(held.withLock { $0 })
            async let cut = server.drain(graceNanoseconds: 20_000_000_000)
            let text = try await onThread {
                #expect(idle.receiveAll().ending == .closed)
                #expect((try? RawSocket.connect(port: port)) == nil)
                idle.close()
                stream.eventLoop.execute { stream.value.answer("slow") }
                let text = busy.receiveAll().text
                busy.close()
                return text
            }
            #expect(text.contains("Connection: close\r\n"))
            #expect(text.hasSuffix("slow"))
            #expect(await cut == 0)
        }
    }

    @Test("what is still busy when the grace is over is cut and counted (R103)")
    func drainCuts() async throws {
        let seen = Journal<String>()
        let door = TestDoor { _, _, stream in
            let consumer = TestConsumer()
            consumer.gone = { seen.append("gone") }
            stream.consumer = consumer
            seen.append("asked")
        }
        try await withServer(door: door) { port, server in
            let client = try RawSocket.connect(port: port)
            try client.send(request)
            seen.wait(for: "asked")
            #expect(await server.drain(graceNanoseconds: 20_000_000) == 1)
            #expect(seen.all == ["asked", "gone"])
        }
    }

    @Test("a port that another listens on is refused, though the listeners of several loops share one")
    func portTaken() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 3)
        let address = ListenAddress(host: "127.0.0.1", port: 0)
        let server = try await DownstreamServer.start(addresses: [address], group: group, door: ok)
        #expect(server.boundAddresses.count == 1)
        let port = UInt16(try #require(server.boundAddresses.first?.port))
        await #expect(throws: IOError.self) {
            _ = try await DownstreamServer.start(
                addresses: [ListenAddress(host: "127.0.0.1", port: port)],
                group: group,
                door: ok
            )
        }
        #expect(await server.drain(graceNanoseconds: 0) == 0)
        try await group.shutdownGracefully()
    }
}
