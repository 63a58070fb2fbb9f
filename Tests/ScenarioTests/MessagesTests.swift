// Messages on connections: which connection outlives which message, one request at a time, interim and early answers,
// what has no body, and bodies that are passed on while they come.

import Foundation
import ScriptedPeers
import Testing

@Suite("Messages on connections", .onOwnThreads)
struct MessagesTests {
    // MARK: Persistence

    @Test("Both connections are kept for the next request (RFC 9112 §9.3)")
    func keepAlive() throws {
        let scene = try ScriptedScene(handler: answering("x", ["Cache-Control": "no-store"]))
        let client = try scene.client()
        for number in 0..<3 {
            try client.request(scene.url("/\(number)"))
            #expect(try client.response().text == "x")
        }
        #expect(scene.origin.requests.map(\.connection) == [0, 0, 0])
    }

    @Test("Connection: close is honoured from either side (RFC 9112 §9.6)")
    func close() throws {
        let scene = try ScriptedScene { request, connection in
            let closes = request.target == "/closes"
            try connection.respond(fields: closes ? ["Connection": "close"] : [:], text: "x")
            if closes { connection.close() }
        }
        let client = try scene.client()
        try client.request(scene.url("/closes"))
        #expect(try client.response().text == "x")
        try client.request(scene.url("/b"), fields: ["Connection": "close"])
        let last = try client.response()
        #expect(last["Connection"] == "close")
        #expect(try client.rest().bytes.isEmpty)
        #expect(scene.origin.requests.map(\.connection) == [0, 1])
    }

    @Test("Pipelined requests are answered in order, and the next is taken up when the last is answered (R53)")
    func pipelining() throws {
        let gate = Barrier("the first answer")
        let scene = try ScriptedScene { request, connection in
            if request.target == "/1" { try gate.arriveAndWait() }
            try connection.respond(fields: ["Cache-Control": "no-store"], text: request.target)
        }
        let client = try scene.client()
        let texts = (1...4).map { "GET \(scene.url("/\($0)")) HTTP/1.1\r\nHost: a\r\n\r\n" }
        try client.send(texts.joined())
        try gate.waitForArrivals(1)
        #expect(scene.origin.requests.count == 1)
        gate.open()
        for number in 1...4 { #expect(try client.response().text == "/\(number)") }
        #expect(scene.origin.requests.map(\.target) == ["/1", "/2", "/3", "/4"])
    }

    @Test("An HTTP/1.0 client is answered in a way it understands, and its connection closed (RFC 9112 §9.3)")
    func http10() throws {
        let scene = try ScriptedScene { _, connection in
            try connection.send("HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nTransfer-Encoding: chunked\r\n\r\n")
            try connection.sendChunk(Array("in ".utf8))
            try connection.sendChunk(Array("pieces".utf8))
            try connection.sendLastChunk()
        }
        let client = try scene.client()
        try client.send("GET \(scene.url("/a")) HTTP/1.0\r\n\r\n")
        let response = try client.response()
        #expect(response.head.version == "HTTP/1.1")
        #expect(response["Transfer-Encoding"] == nil)
        #expect(response["Content-Length"] == nil)
        #expect(response.text == "in pieces")
        #expect(response.end == .complete)
    }

    @Test("An HTTP/1.0 client is kept where it asks for it, and told so (RFC 9112 §9.3)")
    func http10KeepAlive() throws {
        let scene = try ScriptedScene(handler: answering("x"))
        let client = try scene.client()
        for number in 0..<2 {
            try client.send("GET \(scene.url("/\(number)")) HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
            let response = try client.response()
            #expect(response.text == "x")
            #expect(response["Connection"]?.lowercased() == "keep-alive")
        }
        try client.send("GET \(scene.url("/last")) HTTP/1.0\r\n\r\n")
        #expect(try client.response().text == "x")
        #expect(try client.rest().bytes.isEmpty)
    }

    @Test("A client that has ended its side is still answered (resume-rules 6)")
    func halfClosedClient() throws {
        let gate = Barrier("the client has ended its side")
        let scene = try ScriptedScene { _, connection in
            try gate.arriveAndWait()
            try connection.respond(text: "late")
        }
        let client = try scene.client()
        try client.request(scene.url("/a"))
        client.shutdownSending()
        try gate.waitForArrivals(1)
        gate.open()
        #expect(try client.response().text == "late")
        #expect(try client.rest().bytes.isEmpty)
    }

    @Test("A connection that says nothing, or nothing more, is closed (R40, R42)", arguments: [false, true])
    func silentClient(hasAsked: Bool) throws {
        let directive = hasAsked ? "keep_alive" : "first_byte_timeout"
        let scene = try ScriptedScene(settings: ["downstream.\(directive)=\"300ms\""], handler: answering("x"))
        let client = try scene.client()
        if hasAsked {
            try client.request(scene.url("/a"))
            #expect(try client.response().text == "x")
        }
        let rest = try client.rest()
        #expect(rest.bytes.isEmpty)
        #expect(rest.end == .complete)
    }

    @Test("A client that stops in the middle of its content is not waited for (R44)")
    func silentContent() throws {
        let scene = try ScriptedScene(settings: ["downstream.body_timeout=\"300ms\""], readsBodies: false) {
            _,
            connection in
            _ = try connection.receiveRest()
        }
        let client = try scene.client()
        try client.request(scene.url("/a"), fields: ["Content-Length": "100"], method: "POST")
        try client.send("begun")
        #expect(try client.response().status == 408)
        #expect(try client.rest().bytes.isEmpty)
        try scene.origin.waitForNoConnections()
    }

    // MARK: Interim answers

    @Test("Expect: 100-continue goes to the origin, its 100 comes back, and then the content goes (RFC 9110 §10.1.1)")
    func expectContinue() throws {
        let scene = try ScriptedScene(readsBodies: false) { request, connection in
            try connection.send("HTTP/1.1 100 Continue\r\n\r\n")
            let body = try connection.readBody(of: request)
            try connection.respond(text: String(decoding: body, as: UTF8.self))
        }
        let client = try scene.client()
        try client.request(scene.url("/a"), fields: ["Expect": "100-Continue", "Content-Length": "5"], method: "POST")
        #expect(try client.anyHead().status == 100)
        try client.send("hello")
        #expect(try client.response().text == "hello")
        #expect(scene.origin.requests.first?["Expect"]?.lowercased() == "100-continue")
    }

    @Test("An origin that declines the content is passed on, and the connection ends with it (R27)")
    func expectDeclined() throws {
        let scene = try ScriptedScene(readsBodies: false) { _, connection in
            try connection.respond(401, "Unauthorized", text: "no")
            connection.close()
        }
        let client = try scene.client()
        try client.request(scene.url("/a"), fields: ["Expect": "100-continue", "Content-Length": "5"], method: "PUT")
        let response = try client.response()
        #expect(response.status == 401)
        #expect(response["Connection"] == "close")
        #expect(try client.rest().bytes.isEmpty)
        #expect(client.interimHeads.isEmpty)
    }

    @Test("Any other expectation is answered with 417 (RFC 9110 §10.1.1)")
    func otherExpectation() throws {
        let scene = try ScriptedScene(handler: answering())
        for value in ["something", "100-continue, other", "100-continued"] {
            let response = try scene.get("/a", ["Expect": value])
            #expect(response.status == 417, "\(value)")
            #expect(response.text.contains("100-continue"))
        }
        #expect(scene.origin.requests.isEmpty)
    }

    @Test("Interim answers are passed on, to HTTP/1.1 clients only (RFC 9110 §15.2)", arguments: ["1.1", "1.0"])
    func earlyHints(version: String) throws {
        let scene = try ScriptedScene { _, connection in
            try connection.send(
                "HTTP/1.1 103 Early Hints\r\nLink: </s.css>; rel=preload\r\nConnection: X-H\r\nX-H: 1\r\n\r\n"
            )
            try connection.send("HTTP/1.1 102 Processing\r\n\r\n")
            try connection.respond(text: "final")
        }
        let client = try scene.client()
        try client.send("GET \(scene.url("/a")) HTTP/\(version)\r\nHost: a\r\n\r\n")
        #expect(try client.response().text == "final")
        #expect(client.interimHeads.map(\.status) == (version == "1.1" ? [103, 102] : []))
        if version == "1.1" {
            #expect(client.interimHeads.first?["Link"] == "</s.css>; rel=preload")
            #expect(client.interimHeads.first?["X-H"] == nil)
        }
    }

    @Test("A final answer before the content has come ends both connections (R27)")
    func earlyFinalAnswer() throws {
        let scene = try ScriptedScene(readsBodies: false) { request, connection in
            if request.method == "POST" {
                try connection.respond(413, "Content Too Large", text: "enough")
                try connection.waitForPeerToLeaveAfterRest()
                connection.close()
            } else {
                try connection.respond(text: "ok")
            }
        }
        let client = try scene.client()
        try client.request(scene.url("/a"), fields: ["Content-Length": "1000000"], method: "POST")
        try client.send("the beginning")
        let response = try client.response()
        #expect(response.status == 413)
        #expect(response.text == "enough")
        #expect(response["Connection"] == "close")
        #expect(try client.rest().bytes.isEmpty)
        #expect(try scene.get("/b").text == "ok")
        #expect(scene.origin.requests.map(\.connection) == [0, 1])
    }

    // MARK: What has no body

    @Test("Answers to HEAD, 204 and 304 have no body, and the next answer follows at once (RFC 9112 §6.3)")
    func withoutBody() throws {
        let scene = try ScriptedScene { request, connection in
            switch (request.method, request.target) {
            case ("HEAD", _): try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n")
            case (_, "/204"): try connection.send("HTTP/1.1 204 No Content\r\n\r\n")
            case (_, "/304"):
                try connection.send("HTTP/1.1 304 Not Modified\r\nETag: \"e\"\r\nContent-Length: 7\r\n\r\n")
            default: try connection.respond(fields: ["Cache-Control": "no-store"], text: "body")
            }
        }
        let client = try scene.client()
        try client.request(scene.url("/head"), method: "HEAD")
        let head = try client.response()
        #expect(head["Content-Length"] == "1234")
        try client.request(scene.url("/204"))
        #expect(try client.response().status == 204)
        try client.request(scene.url("/304"), fields: ["If-None-Match": "\"e\""])
        #expect(try client.response().status == 304)
        try client.request(scene.url("/body"))
        #expect(try client.response().text == "body")
        #expect(scene.origin.requests.map(\.connection) == [0, 0, 0, 0])
    }

    // MARK: Bodies on their way

    @Test("Every piece of a body goes on when it comes; extensions and trailers stay behind (R6, R7)")
    func streamed() throws {
        let gates = [Barrier("the first piece was seen"), Barrier("the second piece was seen")]
        let scene = try ScriptedScene { _, connection in
            try connection.send("HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nTransfer-Encoding: chunked\r\n\r\n")
            try connection.send("3;secret=1\r\none\r\n")
            try gates[0].wait()
            try connection.send("003\r\ntwo\r\n")
            try gates[1].wait()
            try connection.send("0\r\nX-Trailer: t\r\n\r\n")
        }
        let client = try scene.client()
        try client.request(scene.url("/a"))
        #expect(try client.head()["Transfer-Encoding"] == "chunked")
        let first = Array("3\r\none\r\n".utf8)
        #expect(try client.receive(first.count) == first)
        gates[0].open()
        let second = Array("3\r\ntwo\r\n".utf8)
        #expect(try client.receive(second.count) == second)
        gates[1].open()
        let end = Array("0\r\n\r\n".utf8)
        #expect(try client.receive(end.count) == end)
    }

    @Test("A body of unknown length that was stored has its length the next time, for HTTP/1.0 clients too")
    func storedChunks() throws {
        let content = Content(seed: 1, length: 300_000)
        let scene = try ScriptedScene { _, connection in
            try connection.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n")
            for start in stride(from: Int64(0), to: content.length, by: 50_000) {
                try connection.sendChunk(content.bytes(start..<start + 50_000))
            }
            try connection.sendLastChunk()
        }
        #expect(try scene.get("/a").body == content.allBytes)
        for version in ["1.1", "1.0"] {
            let client = try scene.client()
            try client.send("GET \(scene.url("/a")) HTTP/\(version)\r\nHost: a\r\n\r\n")
            let response = try client.response()
            #expect(response["Content-Length"] == "300000", "\(version)")
            #expect(content.firstDifference(response.body, at: 0) == nil, "\(version)")
            #expect(response.body.count == 300_000, "\(version)")
        }
        #expect(scene.origin.requests.count == 1)
    }

    @Test("A body that is passed on and breaks off is seen to break off (resume-rules 3.4)")
    func truncated() throws {
        let scene = try ScriptedScene { request, connection in
            let framing = request.target == "/length" ? "Content-Length: 100" : "Transfer-Encoding: chunked"
            try connection.send("HTTP/1.1 200 OK\r\nCache-Control: no-store\r\n\(framing)\r\n\r\n")
            try connection.send(request.target == "/length" ? "begun" : "5\r\nbegun\r\n")
            connection.close()
        }
        for target in ["/length", "/chunked"] {
            let response = try scene.get(target)
            #expect(response.text == "begun", "\(target)")
            #expect(response.end != .complete, "\(target)")
        }
        // To an HTTP/1.0 client the end of the connection would be the end of the body: only a reset says that it is not.
        let client = try scene.client()
        try client.send("GET \(scene.url("/chunked")) HTTP/1.0\r\n\r\n")
        _ = try client.head()
        #expect(try client.rest().end == .reset)
    }

    // MARK: Connections of the pool

    @Test("A request on a kept connection that the origin has just closed goes out again, if it is idempotent (R56)")
    func retry() throws {
        let scene = try ScriptedScene { request, connection in
            if request.target.hasPrefix("/closed"), connection.number % 2 == 0 { return connection.close() }
            try connection.respond(fields: ["Cache-Control": "no-store"], text: "ok \(connection.number)")
        }
        let client = try scene.client()
        try client.request(scene.url("/a"))
        #expect(try client.response().text == "ok 0")
        try client.request(scene.url("/closed"))
        #expect(try client.response().text == "ok 1")
        #expect(scene.origin.requests.map(\.target) == ["/a", "/closed", "/closed"])
    }

    @Test("A request that is not idempotent is never sent twice (R56)")
    func noRetry() throws {
        let scene = try ScriptedScene { request, connection in
            if request.method == "POST" { return connection.close() }
            try connection.respond(fields: ["Cache-Control": "no-store"], text: "ok")
        }
        let client = try scene.client()
        try client.request(scene.url("/a"))
        #expect(try client.response().text == "ok")
        try client.request(scene.url("/b"), fields: ["Content-Length": "4"], method: "POST")
        try client.send("once")
        let response = try client.response()
        #expect(response.status == 502)
        #expect(scene.origin.requests.map(\.method) == ["GET", "POST"])
    }

    @Test("Bytes after a message end that connection, and reach nobody (R27)")
    func bytesAfterTheMessage() throws {
        let extra = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
        let scene = try ScriptedScene { request, connection in
            let noStore = "Cache-Control: no-store\r\n"
            switch request.target {
            case "/204": try connection.send("HTTP/1.1 204 No Content\r\n\(noStore)\r\n\(extra)")
            case "/304": try connection.send("HTTP/1.1 304 Not Modified\r\n\(noStore)\r\n\(extra)")
            case "/head": try connection.send("HTTP/1.1 200 OK\r\n\(noStore)Content-Length: 5\r\n\r\nhello\(extra)")
            case "/chunked":
                try connection.send(
                    "HTTP/1.1 200 OK\r\n\(noStore)Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n\(extra)"
                )
            default: try connection.send("HTTP/1.1 200 OK\r\n\(noStore)Content-Length: 2\r\n\r\nok\(extra)")
            }
        }
        let client = try scene.client()
        for target in ["/length", "/204", "/304", "/head", "/chunked", "/last"] {
            let fields: PeerFields = target == "/304" ? ["If-None-Match": "\"e\""] : [:]
            try client.request(scene.url(target), fields: fields, method: target == "/head" ? "HEAD" : "GET")
            let response = try client.response()
            #expect(["ok", ""].contains(response.text), "\(target)")
        }
        #expect(scene.origin.requests.map(\.connection) == [0, 1, 2, 3, 4, 5])
    }
}

extension OriginConnection {
    /// Reads whatever still comes until the proxy closes.
    fileprivate func waitForPeerToLeaveAfterRest() throws {
        _ = try receiveRest()
    }
}
