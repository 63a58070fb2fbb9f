// How a response is framed for the client, how it is cut, and what the client sees of it (RFC 9112 §6,
// resume-rules 3.4).

import Foundation
import HTTPSemantics
import NIOCore
import Synchronization
import Testing

@testable import Transport

@Suite("Downstream: responses (RFC 9112 §6)", .onOwnThreads)
struct DownstreamResponseTests {
    private func respond(
        to request: String,
        _ answer: @escaping @Sendable (DownstreamStream) -> Void
    ) async throws -> (text: String, bytes: Int, ending: Ending) {
        var result: (text: String, bytes: Int, ending: Ending)?
        try await withServer(door: TestDoor { _, _, stream in answer(stream) }) { port, _ in
            let client = try RawSocket.connect(port: port)
            try client.send(request)
            result = client.receiveAll()
        }
        return try #require(result)
    }

    private let request11 = "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n"
    private let request10 = "GET http://a.example/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"

    @Test("a body of unknown length is chunked for HTTP/1.1 (RFC 9112 §7.1)")
    func chunked() async throws {
        let (text, _, ending) = try await respond(to: request11) { stream in
            stream.sendHead(ResponseHead(status: 200), body: .unknownLength)
            stream.send(ByteBuffer(string: "0123456789abcdef"))
            stream.send(ByteBuffer(string: "xyz"))
            stream.finish()
        }
        #expect(
            text == "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                + "10\r\n0123456789abcdef\r\n3\r\nxyz\r\n0\r\n\r\n"
        )
        #expect(ending == .closed)
    }

    @Test("a body of unknown length ends with the connection for HTTP/1.0 (RFC 9112 §6.3)")
    func untilClose() async throws {
        let (text, _, ending) = try await respond(to: request10) { stream in
            stream.sendHead(ResponseHead(status: 200), body: .unknownLength)
            stream.send(ByteBuffer(string: "xyz"))
            stream.finish()
        }
        #expect(text == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nxyz")
        #expect(ending == .closed)
    }

    @Test("no body: a Content-Length stays as it is, and framing fields of others go")
    func noBody() async throws {
        let (text, _, _) = try await respond(to: request11) { stream in
            var head = ResponseHead(status: 200)
            head.fields.append(.contentLength, "12345")
            head.fields.append(name: "Keep-Alive", value: "timeout=5")
            head.fields.append(name: "x-LAST", value: "1")
            stream.sendHead(head, body: .none)
            stream.finish()
        }
        #expect(text == "HTTP/1.1 200 OK\r\nContent-Length: 12345\r\nx-LAST: 1\r\nConnection: close\r\n\r\n")
    }

    @Test(
        "a status that has no body gets none, whatever is said of it (RFC 9110 §15.3.5, §15.4.5)",
        arguments: [204, 304]
    )
    func bodiless(status: Int) async throws {
        let (text, _, _) = try await respond(to: request11) { stream in
            stream.sendHead(ResponseHead(status: status, reason: "x"), body: .unknownLength)
            stream.finish()
        }
        #expect(text == "HTTP/1.1 \(status) x\r\nConnection: close\r\n\r\n")
    }

    @Test("interim responses go to HTTP/1.1 clients only (RFC 9110 §15.2)", arguments: [true, false])
    func interim(isHTTP11: Bool) async throws {
        let (text, _, _) = try await respond(to: isHTTP11 ? request11 : "GET http://a.example/ HTTP/1.0\r\n\r\n") {
            var hints = ResponseHead(status: 103, reason: "Early Hints")
            hints.fields.append(name: "Link", value: "</a>")
            $0.sendInterim(hints)
            $0.sendContinue()
            $0.answer("ok")
        }
        let interim = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
        let final = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
        #expect(text == (isHTTP11 ? interim : "") + final)
    }

    @Test("a body shorter than announced ends short, however it is ended (resume-rules 3.4)", arguments: [true, false])
    func shortLength(finishes: Bool) async throws {
        let (text, _, ending) = try await respond(to: request11) { stream in
            stream.sendHead(ResponseHead(status: 200), body: .length(10))
            stream.send(ByteBuffer(string: "abc"))
            if finishes { stream.finish() } else { stream.abort() }
        }
        #expect(text.hasSuffix("\r\n\r\nabc"))
        #expect(ending == .closed)
    }

    @Test("a chunked body that is cut has no last chunk (resume-rules 3.4)")
    func abortedChunked() async throws {
        let (text, _, ending) = try await respond(to: request11) { stream in
            stream.sendHead(ResponseHead(status: 200), body: .unknownLength)
            stream.send(ByteBuffer(string: "abc"))
            stream.abort()
        }
        #expect(text.hasSuffix("\r\n\r\n3\r\nabc\r\n"))
        #expect(ending == .closed)
    }

    @Test("a close-delimited body that is cut is reset: the only signal there is (resume-rules 3.4)")
    func abortedUntilClose() async throws {
        let sent = Barrier()
        let held = Mutex<NIOLoopBound<DownstreamStream>?>(nil)
        let door = TestDoor { _, _, stream in
            stream.consumer = TestConsumer()
            stream.sendHead(ResponseHead(status: 200), body: .unknownLength)
            stream.send(ByteBuffer(string: "abc"))
            stream.flush()
            held.withLock { $0 = NIOLoopBound(stream, eventLoop: stream.loop) }
            sent.open()
        }
        try await withServer(door: door) { port, _ in
            let client = try RawSocket.connect(port: port)
            try client.send(request10)
            sent.wait()
            #expect(try client.receiveHead().contains("200 OK"))
            #expect(try client.receive(exactly: 3) == "abc")
            let stream = try #require(held.withLock { $0 })
            try await stream.eventLoop.submit { stream.value.abort() }.get()
            #expect(client.receiveAll().ending == .reset)
        }
    }

    @Test("a client that breaks the connection is noticed without a write")
    func reset() async throws {
        let seen = Journal<String>()
        let door = TestDoor { _, _, stream in
            let consumer = TestConsumer()
            consumer.gone = { seen.append("gone") }
            stream.consumer = consumer
            seen.append("asked")
        }
        try await withServer(door: door) { port, _ in
            let client = try RawSocket.connect(port: port)
            try client.send(request11)
            seen.wait(for: "asked")
            client.reset()
            #expect(seen.wait(for: "gone") == ["asked", "gone"])
        }
    }

    @Test("a client that has closed is noticed by the writes that fail, once")
    func closedClient() async throws {
        let seen = Journal<String>()
        let door = TestDoor { _, _, stream in
            let consumer = TestConsumer()
            consumer.gone = { seen.append("gone") }
            stream.consumer = consumer
            stream.sendHead(ResponseHead(status: 200), body: .unknownLength)
            seen.append("asked")
            // Writes for as long as there is a client.
            func writeMore() {
                guard stream.consumer != nil else { return }
                stream.send(ByteBuffer(string: "more"))
                stream.flush()
                stream.loop.assumeIsolated().execute { writeMore() }
            }
            writeMore()
        }
        try await withServer(door: door) { port, _ in
            do {
                let client = try RawSocket.connect(port: port)
                try client.send(request11)
                seen.wait(for: "asked")
            }
            #expect(seen.wait(for: "gone") == ["asked", "gone"])
        }
    }

    @Test("a span of a file is sent, and its descriptor stays open", arguments: [true, false])
    func file(isLengthKnown: Bool) async throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        // Three and a bit of the pieces that a file is sent in.
        let content = Data((0..<3_500_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) })
        try content.write(to: path)
        defer { try? FileManager.default.removeItem(at: path) }
        let handle = try FileHandle(forReadingFrom: path)
        let descriptor = handle.fileDescriptor
        let done = Barrier()
        let range: Range<Int64> = 1000..<3_400_123
        let door = TestDoor { _, _, stream in
            stream.sendHead(
                ResponseHead(status: 200),
                body: isLengthKnown ? .length(range.upperBound - range.lowerBound + 3) : .unknownLength
            )
            stream.sendFile(descriptor: descriptor, range: range, keepAlive: stream, done: { done.open() })
            // What is sent behind a file waits for it.
            stream.send(ByteBuffer(string: "end"))
            stream.finish()
        }
        try await withServer(door: door) { port, _ in
            let client = try RawSocket.connect(port: port)
            try client.send(request11)
            _ = try client.receiveHead()
            var body: [UInt8] = []
            if !isLengthKnown { #expect(try client.receive(until: "\r\n") == "33ddd3\r\n") }
            while case let bytes = try client.receive(), !bytes.isEmpty { body += bytes }
            let span = [UInt8](content[1000..<3_400_123])
            #expect(body.prefix(span.count) == span[...])
            let rest = String(decoding: body.dropFirst(span.count), as: UTF8.self)
            #expect(rest == (isLengthKnown ? "end" : "\r\n3\r\nend\r\n0\r\n\r\n"))
            #expect(done.wait())
        }
        try handle.seek(toOffset: 0)
        #expect(try handle.read(upToCount: 4) == content.prefix(4))
    }

    @Test("a writer is asked to wait while the client does not read, and told of room")
    func backPressure() async throws {
        let seen = Journal<String>()
        let door = TestDoor { _, _, stream in
            let consumer = TestConsumer()
            stream.consumer = consumer
            stream.sendHead(ResponseHead(status: 200), body: .unknownLength)
            let piece = ByteBuffer(repeating: 0x61, count: 65_536)
            var pieces = 0
            while stream.isWritable, pieces < 1000 {
                stream.send(piece)
                stream.flush()
                pieces += 1
            }
            consumer.room = {
                seen.append("room")
                stream.finish()
            }
            seen.append(pieces < 1000 ? "full" : "never full")
        }
        try await withServer(door: door) { port, _ in
            let client = try RawSocket.connect(port: port)
            try client.send(request11)
            #expect(seen.wait(for: "full") == ["full"])
            #expect(client.receiveAll().text.hasSuffix("\r\n0\r\n\r\n"))
            #expect(seen.all == ["full", "room"])
        }
    }
}
