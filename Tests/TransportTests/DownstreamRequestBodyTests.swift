// Request bodies: taken apart, slowed down, and refused where they are unsound, cut short or too slow
// (RFC 9112 §7.1, R15, R27, R44).

import Foundation
import HTTPSemantics
import NIOCore
import Synchronization
import Testing
import Wire

@testable import Transport

@Suite("Downstream: request bodies (RFC 9112 §6, §7.1)", .onOwnThreads)
struct DownstreamRequestBodyTests {
    /// Answers with what it was sent, or with the failure's status and sentence.
    private let echo = TestDoor { _, framing, stream in
        let consumer = TestConsumer()
        stream.consumer = consumer
        var body = ByteBuffer()
        if framing == .none { stream.answer("none") }
        consumer.body = { body.writeImmutableBuffer($0) }
        consumer.ended = { stream.answer(String(buffer: body)) }
        consumer.failed = { stream.answer($0.sentence, status: $0.status) }
    }

    private func post(_ rest: String, limits: DownstreamLimits = quickLimits, endSending: Bool = false) async throws
        -> String
    {
        var text = ""
        try await withServer(limits: limits, door: echo) { port, _ in
            let client = try RawSocket.connect(port: port)
            try client.send("POST http://a.example/ HTTP/1.1\r\nHost: a.example\r\n" + rest)
            if endSending { client.endSending() }
            text = client.receiveAll().text
        }
        return text
    }

    @Test(
        "a body arrives whole, and the next request after it",
        arguments: [
            "Content-Length: 5\r\n\r\nhello",
            "Transfer-Encoding: chunked\r\n\r\n2;ext=1\r\nhe\r\n03\r\nllo\r\n0\r\nTrailer: x\r\n\r\n",
        ]
    )
    func whole(body: String) async throws {
        let next =
            "POST http://a.example/ HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        let text = try await post(body + next)
        #expect(
            text == "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
                + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
    }

    @Test("a body that comes byte by byte arrives whole")
    func byteByByte() async throws {
        try await withServer(door: echo) { port, _ in
            let client = try RawSocket.connect(port: port)
            let request =
                "POST http://a.example/ HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
            for byte in request.utf8 { try client.send(bytes: [byte]) }
            _ = try client.receiveHead()
            #expect(try client.receive(exactly: 5) == "hello")
        }
    }

    @Test("an unsound chunk is answered and ends the connection (R27)")
    func malformed() async throws {
        let text = try await post("Transfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n")
        #expect(text.hasPrefix("HTTP/1.1 400 "))
        #expect(text.contains("Connection: close\r\n"))
    }

    @Test("a body that ends with the client's side is answered with 400 (R27)")
    func cutShort() async throws {
        let text = try await post("Content-Length: 10\r\n\r\nhello", endSending: true)
        #expect(text.hasPrefix("HTTP/1.1 400 "))
        #expect(text.hasSuffix(RequestBodyFailure.cutShort.sentence))
    }

    @Test("a body that comes too slowly is answered with 408 (R44)")
    func tooSlow() async throws {
        var limits = quickLimits
        limits.bodyWindowNanoseconds = 50_000_000
        let text = try await post("Content-Length: 10\r\n\r\nhello", limits: limits)
        #expect(text.hasPrefix("HTTP/1.1 408 "))
    }

    @Test(
        "a body above the operator's limit is answered with 413 (R15)",
        arguments: [
            "Content-Length: 11\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n",
        ]
    )
    func tooLarge(body: String) async throws {
        var limits = quickLimits
        limits.requestBodyBytes = 10
        #expect(try await post(body, limits: limits).hasPrefix("HTTP/1.1 413 "))
    }

    @Test("a final answer before the body is complete reaches the client, though the body goes on (R27)")
    func earlyAnswer() async throws {
        let door = TestDoor { _, _, stream in
            stream.consumer = TestConsumer()
            stream.answer("enough", status: 403)
        }
        try await withServer(door: door) { port, _ in
            let client = try RawSocket.connect(port: port)
            try client.send("PUT http://a.example/ HTTP/1.1\r\nHost: a.example\r\nContent-Length: 200000\r\n\r\n")
            try client.send(String(repeating: "x", count: 200_000))
            let (text, _, ending) = client.receiveAll()
            #expect(text.hasPrefix("HTTP/1.1 403 "))
            #expect(text.contains("Connection: close\r\n"))
            #expect(text.hasSuffix("enough"))
            #expect(ending == .closed)
        }
    }

    @Test("Expect: 100-continue is answered when the exchange wants the body (RFC 9110 §10.1.1)")
    func expectContinue() async throws {
        let door = TestDoor { _, framing, stream in
            let consumer = TestConsumer()
            stream.consumer = consumer
            var count = 0
            consumer.body = { count += $0.readableBytes }
            consumer.ended = { stream.answer("\(count)") }
            stream.sendContinue()
        }
        try await withServer(door: door) { port, _ in
            let client = try RawSocket.connect(port: port)
            try client.send(
                "PUT http://a.example/ HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
            )
            #expect(try client.receiveHead() == "HTTP/1.1 100 Continue\r\n\r\n")
            try client.send("abc")
            _ = try client.receiveHead()
            #expect(try client.receive(exactly: 1) == "3")
        }
    }

    @Test("a paused body is not read on, and comes whole after the pause")
    func pause() async throws {
        let total = 20 << 20
        let counted = Journal<Int>()
        let held = Mutex<NIOLoopBound<DownstreamStream>?>(nil)
        let door = TestDoor { _, _, stream in
            let consumer = TestConsumer()
            stream.consumer = consumer
            var count = 0
            consumer.body = { bytes in
                if count == 0 {
                    stream.pauseRequestBody()
                    held.withLock { $0 = NIOLoopBound(stream, eventLoop: stream.loop) }
                }
                count += bytes.readableBytes
                counted.append(count)
            }
            consumer.ended = { stream.answer("whole") }
        }
        try await withServer(door: door) { port, _ in
            let client = try RawSocket.connect(port: port)
            try client.send("PUT http://a.example/ HTTP/1.1\r\nHost: a.example\r\nContent-Length: \(total)\r\n\r\n")
            let sent = Journal<String>()
            Thread.detachNewThread {
                let isSent = (try? client.send(bytes: [UInt8](repeating: 0x78, count: total))) != nil
                sent.append(isSent ? "sent" : "failed")
            }
            counted.wait { !$0.isEmpty }
            let stream = try #require(held.withLock { $0 })
            try await stream.eventLoop.submit {}.get()
            #expect(counted.all.count == 1)
            try await stream.eventLoop.submit { stream.value.resumeRequestBody() }.get()
            #expect(sent.wait { !$0.isEmpty } == ["sent"])
            _ = try client.receiveHead()
            #expect(try client.receive(exactly: 5) == "whole")
            #expect(counted.all.last == total)
        }
    }
}
