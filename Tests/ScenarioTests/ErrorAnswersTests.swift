// What a person sees when something went wrong: which status, a sentence in a short plain body, and Cache-Status on
// every response, errors included (issue: What people see).

import ScriptedPeers
import Testing

@Suite("Error answers", .onOwnThreads)
struct ErrorAnswersTests {
    /// A short plain body with the reason, by which a person can tell what to do.
    private func expectError(
        _ response: ReceivedResponse,
        _ status: Int,
        naming word: String,
        _ location: SourceLocation = #_sourceLocation
    ) {
        #expect(response.status == status, sourceLocation: location)
        #expect(response["Content-Type"]?.hasPrefix("text/plain") == true, sourceLocation: location)
        #expect(response["Cache-Control"] == "no-store", sourceLocation: location)
        // RFC 9211 §2: Cache-Status is for responses of an origin server.
        #expect(response["Cache-Status"] == nil, sourceLocation: location)
        #expect(response["Proxy-Status"]?.hasPrefix("holdfast;") == true, sourceLocation: location)
        #expect(response["Date"] != nil, sourceLocation: location)
        #expect((10..<400).contains(response.body.count), sourceLocation: location)
        #expect(response.text.contains(word), "\(response.text)", sourceLocation: location)
        #expect(response.end == .complete, sourceLocation: location)
    }

    @Test("A name that cannot be resolved: 502, and the sentence names it", arguments: ["GET", "POST"])
    func nameNotResolved(method: String) throws {
        let scene = try ScriptedScene(handler: answering())
        let url = "http://no-such-host.invalid/a"
        let response = try PeerClient.get(url, through: scene.proxy.port, method: method)
        expectError(response, 502, naming: "no-such-host.invalid")
    }

    @Test(
        "An origin that refuses the connection: 502, and the sentence names host and port",
        arguments: ["GET", "POST"]
    )
    func refused(method: String) throws {
        let scene = try ScriptedScene(handler: answering())
        let port = try unusedPort()
        let response = try PeerClient.get("http://127.0.0.1:\(port)/a", through: scene.proxy.port, method: method)
        expectError(response, 502, naming: "\(port)")
    }

    @Test("An origin that does not answer in time: 504 (R47)", arguments: ["GET", "POST"])
    func timeout(method: String) throws {
        let gate = Barrier("the end of the test")
        let scene = try ScriptedScene(settings: ["upstream.first_byte_timeout=\"300ms\""]) { _, connection in
            try connection.waitForPeerToLeave()
            gate.arrive()
        }
        expectError(try scene.get("/a", method: method), 504, naming: "in time")
        try gate.waitForArrivals(1)
    }

    @Test(
        "An origin that closes or resets without an answer: 502, after at most two retries (R56)",
        arguments: [false, true]
    )
    func closedWithoutAnswer(resets: Bool) throws {
        let scene = try ScriptedScene { _, connection in
            if resets { connection.reset() } else { connection.close() }
        }
        expectError(try scene.get("/a"), 502, naming: "connection")
        #expect((1...3).contains(scene.origin.requests.count))
    }

    @Test("A port that may not be reached: 403, and the sentence names the directive (R61)")
    func portDenied() throws {
        let scene = try ScriptedScene(handler: answering())
        let response = try PeerClient.get("http://127.0.0.1:25/a", through: scene.proxy.port)
        expectError(response, 403, naming: "access.http_ports")
    }

    @Test("An error of a HEAD has no body, and the connection goes on")
    func headError() throws {
        let scene = try ScriptedScene(handler: answering("ok"))
        let client = try scene.client()
        try client.request("http://127.0.0.1:25/a", method: "HEAD")
        #expect(try client.response().status == 403)
        try client.request(scene.url("/a"))
        #expect(try client.response().text == "ok")
    }

    @Test("After an error that has nothing to do with framing the connection goes on")
    func connectionSurvives() throws {
        let scene = try ScriptedScene(handler: answering("ok"))
        let client = try scene.client()
        try client.request("http://127.0.0.1:\(try unusedPort())/a")
        #expect(try client.response().status == 502)
        try client.request(scene.url("/a"), method: "TRACE")
        #expect(try client.response().status == 405)
        try client.request(scene.url("/a"))
        #expect(try client.response().text == "ok")
    }

    @Test("A content that is longer than the limit: 413 (R15)", arguments: [false, true])
    func contentTooLarge(chunked: Bool) throws {
        let scene = try ScriptedScene(settings: ["downstream.max_request_body=\"10 KiB\""], handler: answering())
        let client = try scene.client()
        if chunked {
            try client.request(scene.url("/a"), fields: ["Transfer-Encoding": "chunked"], method: "POST")
            try client.send("3000\r\n" + String(repeating: "x", count: 0x3000) + "\r\n")
        } else {
            try client.request(scene.url("/a"), fields: ["Content-Length": "10241"], method: "POST")
        }
        let response = try client.response()
        expectError(response, 413, naming: "larger than")
        #expect(response["Connection"] == "close")
        #expect(try client.rest().bytes.isEmpty)
    }

    @Test("Every response of an origin says in Cache-Status what the cache did (RFC 9211)")
    func cacheStatusEverywhere() throws {
        let scene = try ScriptedScene { request, connection in
            switch request.target {
            case "/stored": try connection.respond(fields: ["Cache-Control": "max-age=60", "ETag": "\"e\""], text: "x")
            case "/error": try connection.respond(500, "Broken", text: "x")
            case "/own": try connection.respond(fields: ["Cache-Status": "origin; hit"], text: "x")
            default:
                // An answer to HEAD has no body; a byte of one would stand before the next answer.
                let text = request.method == "HEAD" ? "" : "x"
                try connection.respond(fields: ["Cache-Control": "no-store"], text: text)
            }
        }
        let client = try scene.client()
        func ask(_ target: String, _ fields: PeerFields = [:], method: String = "GET") throws -> [String] {
            try client.request(scene.url(target), fields: fields, method: method)
            return try client.response().head.fields.values("Cache-Status")
        }
        #expect(try ask("/stored") == ["holdfast; fwd=uri-miss; fwd-status=200; stored"])
        let hit = try #require(try ask("/stored").first)
        #expect(hit.hasPrefix("holdfast; hit; ttl="))
        #expect(try ask("/stored", ["If-None-Match": "\"e\""]).first?.hasPrefix("holdfast; hit") == true)
        #expect(try ask("/stored", ["Range": "bytes=9-"]).first?.hasPrefix("holdfast; hit") == true)
        #expect(try ask("/stored", ["Cache-Control": "no-cache"]).first?.hasPrefix("holdfast; fwd=request") == true)
        #expect(try ask("/none").first?.hasPrefix("holdfast; fwd=uri-miss; fwd-status=200") == true)
        #expect(try ask("/none", method: "HEAD").first?.contains("fwd=") == true)
        #expect(try ask("/error").first?.contains("fwd-status=500") == true)
        #expect(try ask("/own").first == "origin; hit")
        #expect(try ask("/own").count == 2)
        let post = try ask("/post", ["Content-Length": "0"], method: "POST")
        #expect(post == ["holdfast; fwd=method; fwd-status=200"])
    }

    @Test("A tunnel says so too; a refusal of our own does not (RFC 9211 §2)")
    func cacheStatusOfConnect() throws {
        let scene = try ScriptedScene(settings: ["access.connect_ports=[\"1-65535\"]"], handler: answering())
        let client = try scene.client()
        try client.send("CONNECT \(scene.origin.authority) HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.head(method: "CONNECT")["Cache-Status"] == "holdfast; fwd=method")
        let other = try scene.client()
        try other.send("CONNECT 127.0.0.1:\(try unusedPort()) HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try other.response(method: "CONNECT")["Cache-Status"] == nil)
    }
}
