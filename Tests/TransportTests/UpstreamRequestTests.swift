// What an origin is sent, and when a request goes out again (RFC 9112 §3, §6, §9.3.1; R56).

import HTTPSemantics
import NIOCore
import Testing
import Wire

@testable import Transport

@Suite("Upstream: requests (RFC 9112 §3.2.1, §6)", .onOwnThreads)
struct UpstreamRequestTests {
    private static let empty = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

    @Test("a head goes out in origin-form, fields as they are")
    func head() async throws {
        let received = Journal<String>()
        let origin = try ScriptedOrigin { socket in
            received.append(try socket.receiveHead())
            try socket.send(Self.empty)
        }
        try await withClient { client in
            let request = client.request(port: origin.port, fields: [("x-Odd-CASE", "1"), ("X-odd-case", "2")])
            try await client.expectEnd(of: request)
        }
        let expected = "GET /path?query HTTP/1.1\r\nHost: a.example\r\nx-Odd-CASE: 1\r\nX-odd-case: 2\r\n\r\n"
        #expect(received.all == [expected])
    }

    @Test("a body goes out by its framing", arguments: [true, false])
    func body(isLengthKnown: Bool) async throws {
        let received = Journal<String>()
        let framed = isLengthKnown ? "hello world" : "6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n"
        let origin = try ScriptedOrigin { socket in
            received.append(try socket.receiveHead())
            received.append(try socket.receive(exactly: framed.utf8.count))
            try socket.send(Self.empty)
        }
        try await withClient { client in
            let body: UpstreamRequest.Body = isLengthKnown ? .length(11) : .chunked
            let call = try await client.begin(client.request(.post, port: origin.port, body: body))
            // The first bytes are given before there is a connection, or after.
            try await call.with { $0.sendBody(ByteBuffer(string: "hello ")) }
            call.heard.wait(for: .writable)
            try await call.with {
                $0.sendBody(ByteBuffer(string: "world"))
                $0.endBody()
            }
            #expect(call.outcome().last == .ended)
        }
        let field = isLengthKnown ? "Content-Length: 11" : "Transfer-Encoding: chunked"
        #expect(received.all == ["POST /path?query HTTP/1.1\r\nHost: a.example\r\n\(field)\r\n\r\n", framed])
    }

    @Test("a writer is asked to wait while the origin does not read, and told of room")
    func backPressure() async throws {
        let mayRead = Barrier()
        let total = 16 << 20
        let origin = try ScriptedOrigin { socket in
            _ = try socket.receiveHead()
            mayRead.wait()
            _ = try socket.receive(exactly: total)
            try socket.send(Self.empty)
        }
        try await withClient { client in
            let call = try await client.begin(client.request(.put, port: origin.port, body: .length(Int64(total))))
            call.heard.wait(for: .writable)
            let before = call.heard.all.count
            try await call.with { call in
                call.sendBody(ByteBuffer(repeating: 0, count: total))
                call.endBody()
                #expect(!call.isWritable)
            }
            mayRead.open()
            #expect(call.outcome().last == .ended)
            // The end was given with the body, so nobody waits for room.
            #expect(call.heard.all.count == before + 2)
        }
        #expect(await origin.failures() == [])
    }

    @Test("a kept connection carries the next request")
    func kept() async throws {
        let origin = try ScriptedOrigin { socket in
            for _ in 1...3 {
                _ = try socket.receiveHead()
                try socket.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
        }
        try await withClient { client in
            for _ in 1...3 {
                let heard = try await client.outcome(client.request(port: origin.port))
                #expect(heard == [.head(200, .length(2)), .body("ok"), .ended])
            }
        }
        #expect(origin.accepted == 1)
        #expect(await origin.failures() == [])
    }

    struct Unkept: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let response: String
    }

    @Test(
        "a connection is not kept where it is not sound to (R27, RFC 9112 §9.3)",
        arguments: [
            Unkept(testDescription: "Connection: close", response: "HTTP/1.1 200 OK\r\nConnection: close\r\n"),
            Unkept(testDescription: "HTTP/1.0", response: "HTTP/1.0 200 OK\r\n"),
            Unkept(testDescription: "a byte too many", response: "HTTP/1.1 200 OK\r\nX-Extra: "),
        ]
    )
    func notKept(_ given: Unkept) async throws {
        let isExtra = given.response.hasSuffix(": ")
        let script: ScriptedOrigin.Script = { socket in
            _ = try socket.receiveHead()
            let head = given.response + (isExtra ? "1\r\n" : "")
            try socket.send(head + "Content-Length: 2\r\n\r\nok" + (isExtra ? "!" : ""))
            // Open until the client closes it.
            _ = socket.receiveAll()
        }
        let origin = try ScriptedOrigin(script, script)
        try await withClient { client in
            for _ in 1...2 {
                let heard = try await client.outcome(client.request(port: origin.port))
                #expect(heard == [.head(200, .length(2)), .body("ok"), .ended])
            }
            #expect(await origin.failures() == [])
        }
        #expect(origin.accepted == 2)
    }

    @Test("a response before the request body is complete is told, and the connection is closed (R27)")
    func earlyResponse() async throws {
        let ending = Journal<Ending>()
        let origin = try ScriptedOrigin { socket in
            _ = try socket.receiveHead()
            try socket.send("HTTP/1.1 403 no\r\nContent-Length: 2\r\n\r\nno")
            ending.append(socket.receiveAll().ending)
        }
        try await withClient { client in
            let heard = try await client.outcome(client.request(.put, port: origin.port, body: .length(1000)))
            #expect(heard == [.head(403, .length(2)), .body("no"), .ended])
            #expect(ending.wait { !$0.isEmpty } == [.closed])
        }
    }

    @Test("a request on a kept connection that the origin had closed goes out once more (R56, RFC 9112 §9.3.1)")
    func retry() async throws {
        let origin = try ScriptedOrigin(
            { socket in
                _ = try socket.receiveHead()
                try socket.send(Self.empty)
                // The second request arrives, and the connection ends without an answer.
                _ = try socket.receiveHead()
            },
            { socket in
                _ = try socket.receiveHead()
                try socket.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nagain")
            }
        )
        try await withClient { client in
            try await client.expectEnd(of: client.request(port: origin.port))
            let call = try await client.begin(client.request(port: origin.port))
            #expect(call.outcome() == [.head(200, .length(5)), .body("again"), .ended])
            #expect(call.heard.all.filter { $0 == .connected }.count == 2)
        }
        #expect(await origin.failures() == [])
    }

    @Test("a request that may not be repeated never goes out on a kept connection (R56)")
    func noRetry() async throws {
        let answer: ScriptedOrigin.Script = { socket in
            _ = try socket.receiveHead()
            try socket.send(Self.empty)
            _ = socket.receiveAll()
        }
        let origin = try ScriptedOrigin(answer, answer)
        try await withClient { client in
            try await client.expectEnd(of: client.request(port: origin.port))
            try await client.expectEnd(of: client.request(.post, port: origin.port))
            #expect(origin.accepted == 2)
        }
    }

    @Test("a request on a new connection that ends without an answer is not repeated")
    func noRetryOnNew() async throws {
        let origin = try ScriptedOrigin { _ = try $0.receiveHead() }
        try await withClient { client in
            try await client.expect([.failed(.closedBeforeHead)], of: client.request(port: origin.port))
        }
        #expect(origin.accepted == 1)
    }
}
