// What is made of an origin's bytes, and which failure stands for which misbehaviour (RFC 9112 §6.3,
// R3 to R9, R27, R29, R47).

import HTTPSemantics
import NIOCore
import Testing
import Wire

@testable import Transport

@Suite("Upstream: responses (RFC 9112 §6.3)", .onOwnThreads)
struct UpstreamResponseTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let bytes: String
        let heard: [Heard]
        var method = Method.get
    }

    private static let head = "HTTP/1.1 200 OK\r\n"

    static let whole: [Case] = [
        Case(
            testDescription: "a length",
            bytes: head + "Content-Length: 5\r\n\r\nhello",
            heard: [.head(200, .length(5)), .body("hello"), .ended]
        ),
        Case(
            testDescription: "a length of 0",
            bytes: head + "Content-Length: 0\r\n\r\n",
            heard: [.head(200, .length(0)), .ended]
        ),
        Case(
            testDescription: "chunks and a trailer, which is dropped",
            bytes: head + "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\nX: y\r\n\r\n",
            heard: [.head(200, .chunked), .body("hello"), .ended]
        ),
        Case(
            testDescription: "up to the closing of the connection",
            bytes: head + "\r\nhello",
            heard: [.head(200, .untilClose), .body("hello"), .ended]
        ),
        Case(testDescription: "204", bytes: "HTTP/1.1 204 \r\n\r\n", heard: [.head(204, .none), .ended]),
        Case(
            testDescription: "304 with a length that describes another body",
            bytes: "HTTP/1.1 304 x\r\nContent-Length: 9\r\n\r\n",
            heard: [.head(304, .none), .ended]
        ),
        Case(
            testDescription: "an answer to HEAD",
            bytes: head + "Content-Length: 9\r\n\r\n",
            heard: [.head(200, .none), .ended],
            method: .head
        ),
        Case(
            testDescription: "16 interim responses (R9)",
            bytes: String(repeating: "HTTP/1.1 103 Hints\r\n\r\n", count: 16) + head + "Content-Length: 0\r\n\r\n",
            heard: Array(repeating: .interim(103), count: 16) + [.head(200, .length(0)), .ended]
        ),
        Case(
            testDescription: "a 100 that nobody waits for is swallowed (RFC 9110 §15.2.1)",
            bytes: "HTTP/1.1 100 Continue\r\n\r\n" + head + "Content-Length: 0\r\n\r\n",
            heard: [.head(200, .length(0)), .ended]
        ),
    ]

    static let broken: [Case] = [
        Case(testDescription: "nothing at all", bytes: "", heard: [.failed(.closedBeforeHead)]),
        Case(testDescription: "the end inside a head (R29)", bytes: head + "Cont", heard: [.failed(.closedBeforeHead)]),
        Case(
            testDescription: "the end inside a length",
            bytes: head + "Content-Length: 9\r\n\r\nhello",
            heard: [.head(200, .length(9)), .body("hello"), .failed(.closedInBody)]
        ),
        Case(
            testDescription: "the end before the last chunk",
            bytes: head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            heard: [.head(200, .chunked), .body("hello"), .failed(.closedInBody)]
        ),
        Case(
            testDescription: "17 interim responses (R9)",
            bytes: String(repeating: "HTTP/1.1 103 Hints\r\n\r\n", count: 17) + head + "\r\n",
            heard: Array(repeating: .interim(103), count: 16) + [.failed(.tooManyInterim)]
        ),
        Case(
            testDescription: "101 (R9)",
            bytes: "HTTP/1.1 101 Switching\r\n\r\n",
            heard: [.failed(.switchedProtocols)]
        ),
        Case(
            testDescription: "a status line of another protocol (R29)",
            bytes: "ICY 200 OK\r\n\r\n",
            heard: [.failed(.malformed(.malformedStatusLine))]
        ),
        Case(
            testDescription: "Content-Length with Transfer-Encoding (R20)",
            bytes: head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            heard: [.failed(.malformed(.transferEncodingWithContentLength))]
        ),
        Case(
            testDescription: "a chunk size that is no number (R7)",
            bytes: head + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
            heard: [.head(200, .chunked), .failed(.malformed(.chunkSizeInvalid))]
        ),
    ]

    @Test("a complete response is told in order, however it is delimited", arguments: whole)
    func complete(_ given: Case) async throws {
        let origin = try ScriptedOrigin { socket in
            _ = try socket.receiveHead()
            try socket.send(given.bytes)
            socket.endSending()
        }
        try await withClient { client in
            try await client.expect(given.heard, of: client.request(given.method, port: origin.port))
        }
        #expect(await origin.failures() == [])
    }

    @Test("a complete response that comes byte by byte is the same", arguments: whole)
    func byteByByte(_ given: Case) async throws {
        let origin = try ScriptedOrigin { socket in
            _ = try socket.receiveHead()
            for byte in given.bytes.utf8 { try socket.send(bytes: [byte]) }
            socket.endSending()
        }
        try await withClient { client in
            try await client.expect(given.heard, of: client.request(given.method, port: origin.port))
        }
    }

    @Test("an unsound or unfinished response fails by its reason", arguments: broken)
    func failing(_ given: Case) async throws {
        let origin = try ScriptedOrigin { socket in
            _ = try socket.receiveHead()
            try socket.send(given.bytes)
            socket.endSending()
        }
        try await withClient { client in
            try await client.expect(given.heard, of: client.request(given.method, port: origin.port))
        }
    }

    @Test("a reset is not the end of a body that the closing of the connection delimits")
    func resetUntilClose() async throws {
        let received = Barrier()
        let origin = try ScriptedOrigin { socket in
            _ = try socket.receiveHead()
            try socket.send(Self.head + "\r\nhello")
            received.wait()
            socket.reset()
        }
        try await withClient { client in
            let call = try await client.begin(client.request(port: origin.port))
            call.heard.wait { TestCall.joined($0).contains(.body("hello")) }
            received.open()
            #expect(call.outcome() == [.head(200, .untilClose), .body("hello"), .failed(.reset)])
        }
    }

    @Test("an origin that does not answer, or stops in the body, is given up (R47)", arguments: [true, false])
    func timeout(answers: Bool) async throws {
        let isOver = Barrier()
        let origin = try ScriptedOrigin { socket in
            _ = try socket.receiveHead()
            if answers { try socket.send(Self.head + "Content-Length: 9\r\n\r\nhello") }
            isOver.wait()
        }
        var limits = quickUpstreamLimits
        limits.headNanoseconds = answers ? .max : 30_000_000
        limits.bodyNanoseconds = answers ? 30_000_000 : .max
        try await withClient(limits: limits) { client in
            let heard = try await client.outcome(client.request(port: origin.port))
            #expect(heard.last == .failed(answers ? .bodyTimeout : .headTimeout))
        }
        isOver.open()
    }

    @Test("a paused response is not read on, is not timed out, and comes whole after the pause")
    func pause() async throws {
        let total = 20 << 20
        let sent = Journal<String>()
        let origin = try ScriptedOrigin { socket in
            _ = try socket.receiveHead()
            try socket.send(Self.head + "Content-Length: \(total)\r\n\r\n")
            try socket.send(bytes: [UInt8](repeating: 0x78, count: total))
            sent.append("all")
        }
        var limits = quickUpstreamLimits
        limits.bodyNanoseconds = 1_000_000_000
        try await withClient(limits: limits) { client in
            let call = try await client.begin(client.request(port: origin.port)) { call in
                call.now {
                    $0.pause()
                    $0.useLargeReceiveBuffers()
                }
            }
            call.heard.wait(for: .head(200, .length(Int64(total))))
            // Some turns of the loop later, no more than one receive buffer has come, and the origin is stuck.
            for _ in 1...100 { try await client.loop.submit {}.get() }
            let early = call.heard.all.reduce(0) { if case .body(let text) = $1 { $0 + text.utf8.count } else { $0 } }
            #expect(early <= 65_536)
            #expect(sent.all == [])
            try await call.with { $0.resume() }
            #expect(call.outcome().last == .ended)
            let all = call.heard.all.reduce(0) { if case .body(let text) = $1 { $0 + text.utf8.count } else { $0 } }
            #expect(all == total)
        }
        #expect(await origin.failures() == [])
    }

    @Test("a cancelled call hears nothing more, and its connection is closed")
    func cancel() async throws {
        let ending = Journal<String>()
        let origin = try ScriptedOrigin { socket in
            _ = try socket.receiveHead()
            try socket.send(Self.head + "Content-Length: 9\r\n\r\n")
            ending.append(socket.receiveAll().bytes == 0 ? "closed" : "more")
        }
        try await withClient { client in
            let call = try await client.begin(client.request(port: origin.port)) { $0.now { $0.cancel() } }
            #expect(ending.wait { !$0.isEmpty } == ["closed"])
            try await client.loop.submit {}.get()
            #expect(call.heard.all == [.connected, .head(200, .length(9))])
        }
    }
}
