// When a client's connection goes on, and when it ends (RFC 9112 §9.3, R27, R42, R53).

import HTTPSemantics
import NIOCore
import Synchronization
import Testing

@testable import Transport

@Suite("Downstream: persistence (RFC 9112 §9.3)", .onOwnThreads)
struct DownstreamPersistenceTests {
    private let echoPath = TestDoor { head, _, stream in stream.answer(head.path) }

    @Test("two requests follow one another on one connection")
    func keepAlive() async throws {
        try await withServer(door: echoPath) { port, _ in
            let client = try RawSocket.connect(port: port)
            for path in ["/one", "/two"] {
                try client.send("GET http://a.example\(path) HTTP/1.1\r\nHost: a.example\r\n\r\n")
                #expect(try client.receiveHead() == "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
                #expect(try client.receive(exactly: 4) == path)
            }
        }
    }

    @Test("Connection: close is obeyed, said, and followed by the end")
    func connectionClose() async throws {
        try await withServer(door: echoPath) { port, _ in
            let client = try RawSocket.connect(port: port)
            try client.send("GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nConnection: Foo, CLOSE\r\n\r\n")
            let (text, _, ending) = client.receiveAll()
            #expect(text == "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n/")
            #expect(ending == .closed)
        }
    }

    @Test("an HTTP/1.0 connection ends after the response")
    func http10() async throws {
        try await withServer(door: echoPath) { port, _ in
            let client = try RawSocket.connect(port: port)
            try client.send("GET http://a.example/ HTTP/1.0\r\n\r\n")
            #expect(client.receiveAll().text.hasSuffix("Connection: close\r\n\r\n/"))
        }
    }

    @Test("an HTTP/1.0 connection goes on where the client asks for it")
    func http10KeepAlive() async throws {
        try await withServer(door: echoPath) { port, _ in
            let client = try RawSocket.connect(port: port)
            for _ in 1...2 {
                try client.send("GET http://a.example/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                #expect(try client.receiveHead().contains("Connection: keep-alive\r\n"))
                #expect(try client.receive(exactly: 1) == "/")
            }
        }
    }

    @Test("pipelined requests are taken up one at a time, in order (R53)")
    func pipelining() async throws {
        let seen = Journal<String>()
        let firstStream = Mutex<NIOLoopBound<DownstreamStream>?>(nil)
        let door = TestDoor { head, _, stream in
            if head.path == "/1" {
                stream.consumer = TestConsumer()
                firstStream.withLock { $0 = NIOLoopBound(stream, eventLoop: stream.loop) }
            }
            seen.append(head.path)
            if head.path != "/1" { stream.answer(head.path) }
        }
        try await withServer(door: door) { port, _ in
            let client = try RawSocket.connect(port: port)
            let requests = (1...3).map { "GET http://a.example/\($0) HTTP/1.1\r\nHost: a.example\r\n\r\n" }
            try client.send(requests.joined())
            seen.wait(for: "/1")
            let first = try #require(firstStream.withLock { $0 })
            // A turn of the loop after the first request, nothing else has been taken up.
            try await first.eventLoop.submit {}.get()
            #expect(seen.all == ["/1"])
            try await first.eventLoop.submit { first.value.answer("/1") }.get()
            for path in ["/1", "/2", "/3"] {
                _ = try client.receiveHead()
                #expect(try client.receive(exactly: 2) == path)
            }
            #expect(seen.all == ["/1", "/2", "/3"])
        }
    }

    @Test("the last request that the limit allows closes the connection (R42)")
    func requestLimit() async throws {
        var limits = quickLimits
        limits.requestsPerConnection = 2
        try await withServer(limits: limits, door: echoPath) { port, _ in
            let client = try RawSocket.connect(port: port)
            try client.send(
                String(repeating: "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", count: 3)
            )
            let text = client.receiveAll().text
            #expect(text.components(of: "HTTP/1.1 200 OK") == 2)
            #expect(text.components(of: "Connection: close") == 1)
        }
    }

    @Test("bytes that are no request are answered once, and the connection ends (R27)")
    func refusal() async throws {
        try await withServer(door: echoPath) { port, _ in
            let client = try RawSocket.connect(port: port)
            let good = "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n"
            try client.send(good + "GET http://a.example/ HTTP/1.1\r\nHost : a\r\n\r\n" + good)
            let (text, _, ending) = client.receiveAll()
            #expect(text.components(of: "HTTP/1.1 200 OK") == 1)
            #expect(text.hasSuffix("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
            #expect(ending == .closed)
        }
    }

    @Test("a client that ends its sending side after its requests gets all answers (resume-rules 6)")
    func halfClose() async throws {
        try await withServer(door: echoPath) { port, _ in
            let client = try RawSocket.connect(port: port)
            try client.send(
                String(repeating: "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", count: 2)
            )
            client.endSending()
            let (text, _, ending) = client.receiveAll()
            #expect(text.components(of: "HTTP/1.1 200 OK") == 2)
            #expect(ending == .closed)
        }
    }

    @Test("a client that has ended its sending side is waited for while its answer is being made")
    func halfCloseBeforeAnswer() async throws {
        let held = Mutex<NIOLoopBound<DownstreamStream>?>(nil)
        let seen = Journal<String>()
        let door = TestDoor { _, _, stream in
            let consumer = TestConsumer()
            consumer.gone = { seen.append("gone") }
            stream.consumer = consumer
            held.withLock { $0 = NIOLoopBound(stream, eventLoop: stream.loop) }
            seen.append("asked")
        }
        try await withServer(door: door) { port, _ in
            let client = try RawSocket.connect(port: port)
            try client.send("GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n")
            seen.wait(for: "asked")
            client.endSending()
            let stream = try #require(held.withLock { $0 })
            // Large, so that most of it is still to be written when the connection is about to close.
            let text = String(repeating: "x", count: 4 << 20)
            try await stream.eventLoop.submit { stream.value.answer(text) }.get()
            let (_, bytes, ending) = client.receiveAll()
            #expect(bytes > text.utf8.count)
            #expect(ending == .closed)
            #expect(seen.all == ["asked"])
        }
    }

    @Test("more than the window of read-ahead ends the connection after the response (R53)")
    func readAheadBound() async throws {
        var limits = quickLimits
        limits.readAheadBytes = 1024
        let seen = Journal<String>()
        let held = Mutex<NIOLoopBound<DownstreamStream>?>(nil)
        let door = TestDoor { head, _, stream in
            stream.consumer = TestConsumer()
            held.withLock { $0 = NIOLoopBound(stream, eventLoop: stream.loop) }
            seen.append(head.path)
        }
        try await withServer(limits: limits, door: door) { port, _ in
            let client = try RawSocket.connect(port: port)
            try client.send("GET http://a.example/1 HTTP/1.1\r\nHost: a.example\r\n\r\n")
            seen.wait(for: "/1")
            // Ending the sending side has the kernel hand over everything that was not asked for.
            let more = "GET http://a.example/2 HTTP/1.1\r\nHost: a.example\r\nX: "
            try client.send(more + String(repeating: "y", count: 10_000) + "\r\n\r\n")
            client.endSending()
            let stream = try #require(held.withLock { $0 })
            while try await stream.eventLoop.submit({ !stream.value.isLastOnConnection }).get() {}
            try await stream.eventLoop.submit { stream.value.answer("/1") }.get()
            #expect(client.receiveAll().text.components(of: "HTTP/1.1 200 OK") == 1)
            #expect(seen.all == ["/1"])
        }
    }
}

extension String {
    /// How often the other text occurs.
    func components(of other: String) -> Int {
        var count = 0
        var rest = self[...]
        while let found = rest.range(of: other) {
            count += 1
            rest = rest[found.upperBound...]
        }
        return count
    }

}

extension Substring {
    fileprivate func range(of other: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(other) { return start..<index(start, offsetBy: other.count) }
            formIndex(after: &start)
        }
        return nil
    }
}
