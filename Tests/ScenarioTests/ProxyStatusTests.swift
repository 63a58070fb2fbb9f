// Proxy-Status (RFC 9209): every answer that Holdfast makes itself because something went wrong names the error; a
// response that was cut short has it in the log alone, since a trailer would make it a complete one (issue: Proxy-Status).

import Foundation
import ScriptedPeers
import Testing

@Suite("Proxy-Status", .onOwnThreads)
struct ProxyStatusTests {
    /// Compares the whole field but for `details`, which has to be there and is for people.
    private func expect(
        _ response: ReceivedResponse,
        _ status: Int,
        _ value: String,
        _ location: SourceLocation = #_sourceLocation
    ) {
        #expect(response.status == status, sourceLocation: location)
        let values = response.head.fields.values("Proxy-Status")
        #expect(values.count == 1, sourceLocation: location)
        let text = values.first ?? ""
        let parts = text.components(separatedBy: "; details=\"")
        #expect(parts.first == value, "\(text)", sourceLocation: location)
        #expect(parts.count == 2 && parts[1].count > 5 && text.hasSuffix("\""), "\(text)", sourceLocation: location)
        #expect(text.utf8.count < 400, sourceLocation: location)
    }

    // MARK: The next hop (§2.3)

    @Test("A name that cannot be resolved is a dns_error (RFC 9209 §2.3.2)", arguments: ["GET", "POST"])
    func nameNotResolved(method: String) throws {
        let scene = try ScriptedScene(handler: answering())
        let url = "http://no-such-host.invalid/a"
        let response = try PeerClient.get(url, through: scene.proxy.port, method: method)
        expect(response, 502, "holdfast; error=dns_error; next-hop=no-such-host.invalid")
    }

    @Test("A refused connection is connection_refused, and an address is a string (§2.1.2, §2.3.7)")
    func refused() throws {
        let scene = try ScriptedScene(settings: ["access.connect_ports=[\"1-65535\"]"], handler: answering())
        let value = "holdfast; error=connection_refused; next-hop=\"127.0.0.1\""
        let port = try unusedPort()
        for method in ["GET", "HEAD", "DELETE"] {
            let url = "http://127.0.0.1:\(port)/a"
            expect(try PeerClient.get(url, through: scene.proxy.port, method: method), 502, value)
        }
        let client = try scene.client()
        try client.send("CONNECT 127.0.0.1:\(port) HTTP/1.1\r\nHost: a\r\n\r\n")
        expect(try client.response(method: "CONNECT"), 502, value)
    }

    @Test("An origin that does not answer in time is a connection_read_timeout (§2.3.10)", arguments: ["GET", "POST"])
    func timeout(method: String) throws {
        let scene = try ScriptedScene(settings: ["upstream.first_byte_timeout=\"300ms\""]) { _, connection in
            try connection.waitForPeerToLeave()
        }
        let value = "holdfast; error=connection_read_timeout; next-hop=\"127.0.0.1\""
        expect(try scene.get("/a", method: method), 504, value)
    }

    @Test("An origin that closes or resets without an answer is connection_terminated (§2.3.8)")
    func terminated() throws {
        let scene = try ScriptedScene { request, connection in
            if request.target == "/reset" { connection.reset() } else { connection.close() }
        }
        let value = "holdfast; error=connection_terminated; next-hop=\"127.0.0.1\""
        for target in ["/close", "/reset"] {
            for method in ["GET", "POST"] { expect(try scene.get(target, method: method), 502, value) }
        }
    }

    @Test(
        "An answer that is no sound message says what is wrong with it (§2.3.19, §2.3.20, §2.3.24, §2.3.28)",
        arguments: [
            ("HTTP/2 200 OK\r\n\r\n", "http_protocol_error"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello", "http_protocol_error"),
            ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "http_protocol_error"),
            (String(repeating: "HTTP/1.1 102 Processing\r\n\r\n", count: 17), "http_protocol_error"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "http_response_transfer_coding"),
            ("HTTP/1.1 200 OK\r\nX: \(String(repeating: "x", count: 33_000))\r\n\r\n", "http_response_header_size"),
            (
                "HTTP/1.1 200 OK\r\n" + String(repeating: "X: 1\r\n", count: 300) + "\r\n",
                "http_response_header_section_size"
            ),
        ]
    )
    func malformed(answer: String, error: String) throws {
        let scene = try ScriptedScene(handler: sending(answer))
        for method in ["GET", "POST"] {
            expect(try scene.get("/a", method: method), 502, "holdfast; error=\(error); next-hop=\"127.0.0.1\"")
        }
    }

    @Test("An address that may not be reached is destination_ip_prohibited (§2.3.5, R64)")
    func prohibited() throws {
        let scene = try ScriptedScene(handler: answering())
        let response = try PeerClient.get("http://127.0.0.1:\(scene.proxy.port)/a", through: scene.proxy.port)
        expect(response, 403, "holdfast; error=destination_ip_prohibited; next-hop=\"127.0.0.1\"")
    }

    @Test("A part that nobody asked for is an http_protocol_error, with the status received (§2.1.4, R30)")
    func unaskedPart() throws {
        let scene = try ScriptedScene { _, connection in
            try connection.respond(206, "Partial Content", fields: ["Content-Range": "bytes 0-4/10"], text: "hello")
        }
        expect(try scene.get("/a"), 502, "holdfast; error=http_protocol_error; received-status=206")
    }

    // MARK: The request, and this proxy

    @Test("What the client did wrong is http_request_error (§2.3.16)")
    func requestError() throws {
        let scene = try ScriptedScene(
            settings: ["downstream.max_request_body=\"1 KiB\""],
            handler: answering()
        )
        let value = "holdfast; error=http_request_error"
        expect(try scene.raw("BROKEN\r\n\r\n").response, 400, value)
        expect(try scene.raw("GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").response, 400, value)
        expect(try scene.raw("CONNECT a:443 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n").response, 400, value)
        expect(try scene.get("/a", ["Expect": String(repeating: "x", count: 5_000)]), 417, value)
        expect(try scene.get("/a", ["Expect": "a \"quote\" \\"]), 417, value)
        let large = "X: \(String(repeating: "x", count: 33_000))\r\n"
        expect(try scene.raw("GET \(scene.url("/a")) HTTP/1.1\r\nHost: a\r\n\(large)\r\n").response, 431, value)
        let post = "POST \(scene.url("/a")) HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n"
        expect(try scene.raw(post).response, 413, value)
        #expect(scene.origin.requests.allSatisfy { $0.method == "POST" })
    }

    @Test("What the configuration forbids is http_request_denied (§2.3.17)")
    func denied() throws {
        let scene = try ScriptedScene(handler: answering())
        let value = "holdfast; error=http_request_denied"
        expect(try PeerClient.get("http://127.0.0.1:25/a", through: scene.proxy.port), 403, value)
        expect(try scene.get("/a", method: "TRACE"), 405, value)
        let client = try scene.client()
        try client.send("CONNECT 127.0.0.1:25 HTTP/1.1\r\nHost: a\r\n\r\n")
        expect(try client.response(method: "CONNECT"), 403, value)
    }

    @Test("A request that came back is proxy_loop_detected (§2.3.32)")
    func loop() throws {
        let scene = try ScriptedScene(handler: answering())
        #expect(try scene.get("/a").status == 200)
        let via = try #require(scene.origin.requests.first?["Via"])
        expect(try scene.get("/b", ["Via": via]), 508, "holdfast; error=proxy_loop_detected")
    }

    @Test("What is answered without anybody being asked is proxy_internal_response (§2.3.29)")
    func ownAnswer() throws {
        let scene = try ScriptedScene(handler: answering())
        let value = "holdfast; error=proxy_internal_response"
        expect(try scene.get("/a", ["Cache-Control": "only-if-cached"]), 504, value)
        expect(try PeerClient.get("ftp://127.0.0.1/a", through: scene.proxy.port), 501, value)
        #expect(scene.origin.requests.isEmpty)
    }

    @Test("What may not be used without an origin that is gone says why it is gone (RFC 9111 §5.2.2.2)")
    func mustRevalidate() throws {
        let scene = try ScriptedScene { request, connection in
            if request["If-None-Match"] != nil { return connection.close() }
            let fields: PeerFields = ["Cache-Control": "max-age=0, must-revalidate", "ETag": "\"e\""]
            try connection.respond(fields: fields, text: "x")
        }
        #expect(try scene.get("/a").status == 200)
        expect(try scene.get("/a"), 504, "holdfast; error=connection_terminated; next-hop=\"127.0.0.1\"")
    }

    // MARK: Where it does not stand

    @Test("Answers of the origin have none from us, errors included, and keep those of others (§2)")
    func foreign() throws {
        let scene = try ScriptedScene { request, connection in
            let theirs: PeerFields = ["Cache-Control": "max-age=60", "Proxy-Status": "r34; error=dns_error"]
            if request.target == "/theirs" {
                return try connection.respond(502, "Bad Gateway", fields: theirs, text: "x")
            }
            let status = request.target == "/502" ? 502 : 200
            try connection.respond(status, "R", fields: ["Cache-Control": "max-age=60"], text: "x")
        }
        for target in ["/a", "/a", "/502"] { #expect(try scene.get(target)["Proxy-Status"] == nil, "\(target)") }
        for _ in 0..<2 {
            #expect(try scene.get("/theirs").head.fields.values("Proxy-Status") == ["r34; error=dns_error"])
        }
        #expect(try scene.get("/a", ["Max-Forwards": "0"], method: "OPTIONS")["Proxy-Status"] == nil)
    }

    @Test("forward.proxy_status = false leaves the field out, and not the log's")
    func off() throws {
        let scene = try ScriptedScene(settings: ["forward.proxy_status=false"], handler: answering())
        let response = try PeerClient.get("http://127.0.0.1:25/a", through: scene.proxy.port)
        #expect(response.status == 403)
        #expect(response["Proxy-Status"] == nil)
        let line = try #require(try scene.waitForAccessLog(1).first)
        #expect(line.contains(" complete \"holdfast; error=http_request_denied; details="))
    }

    @Test("forward.via_name is its name (§2)")
    func name() throws {
        let scene = try ScriptedScene(settings: ["forward.via_name=\"house\""], handler: answering())
        let response = try PeerClient.get("http://127.0.0.1:25/a", through: scene.proxy.port)
        expect(response, 403, "house; error=http_request_denied")
    }
}
