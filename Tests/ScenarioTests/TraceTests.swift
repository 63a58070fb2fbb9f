// TRACE, where the operator allows it, and Max-Forwards: how far a request may go, and what its last recipient answers
// (RFC 9110 §7.6.2, §9.3.8; issue: Messages).

import ScriptedPeers
import Testing

@Suite("TRACE and Max-Forwards", .onOwnThreads)
struct TraceTests {
    private static let allowed = ["forward.trace=true"]

    @Test("TRACE is forwarded with Max-Forwards counted down, and answered by the origin, where it is allowed")
    func forwarded() throws {
        let scene = try ScriptedScene(settings: Self.allowed) { request, connection in
            let fields: PeerFields = ["Content-Type": "message/http", "Cache-Control": "max-age=60"]
            try connection.respond(fields: fields, text: request.headText)
        }
        for (sent, received) in [("5", "4"), ("1", "0"), ("010", "9"), (nil, nil)] as [(String?, String?)] {
            let fields: PeerFields = sent.map { ["Max-Forwards": $0] } ?? [:]
            let response = try scene.get("/a", fields, method: "TRACE")
            #expect(response.status == 200)
            #expect(response["Cache-Status"] == "holdfast; fwd=method; fwd-status=200")
            let request = try #require(scene.origin.requests.last)
            #expect(request.method == "TRACE")
            #expect(request["Max-Forwards"] == received)
            #expect(response.text == request.headText)
        }
        // It is not stored (RFC 9110 §9.3.8).
        #expect(scene.origin.requests.count == 4)
    }

    @Test("At 0 the answer is the request as it came, as message/http, without its secrets (§9.3.8)")
    func reflected() throws {
        let scene = try ScriptedScene(settings: Self.allowed, handler: answering())
        let client = try scene.client()
        let visible = "Host: a\r\nX-Case: One\r\nMAX-forwards: 0\r\nx-case: two \u{E9}\r\nVia: 1.0 fred\r\n"
        let secrets = "Cookie: secret=1\r\nauthorization: Basic secret\r\nProxy-Authorization: Basic secret\r\n"
        for version in ["1.1", "1.0"] {
            let line = "TRACE \(scene.url("/a?b=%20")) HTTP/\(version)\r\n"
            let keep = version == "1.0" ? "Connection: keep-alive\r\n" : ""
            try client.send("\(line)\(visible)\(secrets)\(keep)\r\n")
            let response = try client.response(method: "TRACE")
            #expect(response.status == 200)
            #expect(response["Content-Type"] == "message/http")
            #expect(response["Date"] != nil)
            #expect(response["Cache-Status"] == nil)
            #expect(response.text == "\(line)\(visible)\(keep)\r\n")
        }
        #expect(scene.origin.requests.isEmpty)
    }

    @Test("A TRACE with content is refused: a client must not send any (§9.3.8)")
    func content() throws {
        let scene = try ScriptedScene(settings: Self.allowed, handler: answering())
        let request = "TRACE \(scene.url("/a")) HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
        let (response, rest) = try scene.raw(request, method: "TRACE")
        #expect(response.status == 400)
        #expect(response["Connection"] == "close")
        #expect(rest.isEmpty)
        #expect(scene.origin.requests.isEmpty)
    }

    @Test("By default TRACE is 405 with Allow, whatever its Max-Forwards (R28)", arguments: ["0", "1"])
    func refused(hops: String) throws {
        let scene = try ScriptedScene(handler: answering())
        let response = try scene.get("/a", ["Max-Forwards": hops], method: "TRACE")
        #expect(response.status == 405)
        #expect(response["Allow"] == "GET, HEAD, POST, PUT, DELETE, OPTIONS, CONNECT")
        #expect(scene.origin.requests.isEmpty)
    }

    @Test("An OPTIONS at 0 is answered here with what may be asked (§7.6.2, §9.3.7)", arguments: [false, true])
    func options(allowsTrace: Bool) throws {
        let scene = try ScriptedScene(settings: allowsTrace ? Self.allowed : [], handler: answering())
        let client = try scene.client()
        try client.request(scene.url("/a"), fields: ["Max-Forwards": "00"], method: "OPTIONS")
        let response = try client.response()
        #expect(response.status == 200)
        #expect(response["Allow"]?.hasSuffix("TRACE") == allowsTrace)
        #expect(response["Content-Length"] == "0")
        #expect(response["Date"] != nil)
        #expect(response["Cache-Status"] == nil)
        #expect(scene.origin.requests.isEmpty)
        try client.request(scene.url("/a"))
        #expect(try client.response().status == 200)
    }

    @Test("Content that came with an OPTIONS at 0 ends the connection (R27)")
    func optionsWithContent() throws {
        let scene = try ScriptedScene(handler: answering())
        let request =
            "OPTIONS \(scene.url("/a")) HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\nContent-Length: 5\r\n\r\nhello"
        let (response, rest) = try scene.raw(request, method: "OPTIONS")
        #expect(response.status == 200)
        #expect(response["Connection"] == "close")
        #expect(rest.isEmpty)
        #expect(scene.origin.requests.isEmpty)
    }

    @Test("A Max-Forwards that is no number says nothing, and goes on as it came (§7.6.2)")
    func malformed() throws {
        let scene = try ScriptedScene(settings: Self.allowed, handler: answering())
        for value in ["-1", "+0", "0x0", "0, 0", "", "1.0", "zero"] {
            for method in ["OPTIONS", "TRACE"] {
                #expect(try scene.get("/a", ["Max-Forwards": value], method: method).status == 200)
                #expect(scene.origin.requests.last?["Max-Forwards"] == value)
            }
        }
        #expect(scene.origin.requests.count == 14)
        // A number beyond all counting is counted down like any other.
        let large = "99999999999999999999999999"
        _ = try scene.get("/a", ["Max-Forwards": large], method: "OPTIONS")
        #expect(scene.origin.requests.last?["Max-Forwards"] == "9223372036854775806")
    }

    @Test("On other methods it means nothing (§7.6.2)", arguments: ["GET", "HEAD", "POST", "PUT", "PROPFIND"])
    func otherMethods(method: String) throws {
        let scene = try ScriptedScene(settings: Self.allowed) { _, connection in
            try connection.send("HTTP/1.1 204 No Content\r\n\r\n")
        }
        for value in ["0", "7"] {
            #expect(try scene.get("/\(value)", ["Max-Forwards": value], method: method).status == 204)
            #expect(scene.origin.requests.last?["Max-Forwards"] == value)
        }
    }
}
