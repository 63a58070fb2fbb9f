// What the proxy makes of a request on its way to the origin, and of the answer on its way back: forms of the target,
// methods, fields. Every head is compared as it was on the wire, on both sides.

import ScriptedPeers
import Testing

@Suite("What is forwarded, and in which form", .onOwnThreads)
struct ForwardingTests {
    // MARK: The target

    @Test("An absolute target goes to the origin in origin-form, query and case untouched (RFC 9112 §3.2.1)")
    func originFormUpstream() throws {
        let scene = try ScriptedScene(handler: answering())
        for target in ["/a/./b/../C%7e?q=%20&x;y=\"z\"", "/", "/?only", "/%2F//x"] {
            #expect(try scene.get(target).status == 200)
        }
        #expect(scene.origin.requests.map(\.target) == ["/a/./b/../C%7e?q=%20&x;y=\"z\"", "/", "/?only", "/%2F//x"])
        #expect(scene.origin.requests.allSatisfy { $0.version == "HTTP/1.1" })
    }

    @Test("A target without a path asks for / (RFC 9110 §4.2.3)")
    func emptyPath() throws {
        let scene = try ScriptedScene(handler: answering())
        #expect(try scene.get("").status == 200)
        #expect(try scene.get("?q").status == 200)
        #expect(scene.origin.requests.map(\.target) == ["/", "/?q"])
    }

    @Test("The target's authority wins over Host, which is built anew (RFC 9112 §3.2.2, R24)")
    func authorityWins() throws {
        let scene = try ScriptedScene(handler: answering())
        #expect(try scene.get("/a", ["Host": "elsewhere.example"]).status == 200)
        let text = "GET HTTP://\(scene.origin.authority)/b HTTP/1.0\r\nConnection: close\r\n\r\n"
        #expect(try scene.raw(text).response.status == 200)
        #expect(scene.origin.requests.map { $0["Host"] } == [scene.origin.authority, scene.origin.authority])
    }

    @Test("An origin-form target gets a 400 that says that this is a proxy and how to use it (issue: The proxy)")
    func originForm() throws {
        let scene = try ScriptedScene(handler: answering())
        let client = try scene.client()
        try client.send("GET /file HTTP/1.1\r\nHost: \(scene.origin.authority)\r\n\r\n")
        let response = try client.response()
        #expect(response.status == 400)
        #expect(response.text.contains("proxy"))
        #expect(response.text.contains("http_proxy"))
        #expect(response["Content-Type"]?.hasPrefix("text/plain") == true)
        #expect(scene.origin.requests.isEmpty)
    }

    @Test("Other schemes get a 501 with a sentence (R28)")
    func otherSchemes() throws {
        let scene = try ScriptedScene(handler: answering())
        let targets = [
            "ftp://\(scene.origin.authority)/a", "https://\(scene.origin.authority)/a", "ws://example.org/",
            "urn:isbn:0", "mailto:someone", "file:///etc/passwd",
        ]
        for target in targets {
            let response = try scene.raw("GET \(target) HTTP/1.1\r\nHost: \(scene.origin.authority)\r\n\r\n").response
            #expect(response.status == 501, "\(target)")
            #expect(response.text.count > 10, "\(target)")
        }
        #expect(scene.origin.requests.isEmpty)
    }

    @Test("OPTIONS * is for the proxy itself and goes to nobody (RFC 9110 §9.3.7)")
    func asterisk() throws {
        let scene = try ScriptedScene(handler: answering())
        let client = try scene.client()
        try client.send("OPTIONS * HTTP/1.1\r\nHost: \(scene.origin.authority)\r\n\r\n")
        let response = try client.response(method: "OPTIONS")
        #expect([200, 204, 400].contains(response.status))
        #expect(scene.origin.requests.isEmpty)
    }

    @Test("OPTIONS for a whole server reaches the origin as OPTIONS * (RFC 9112 §3.2.4)")
    func serverWideOptions() throws {
        let scene = try ScriptedScene(handler: answering())
        #expect(try scene.get("", method: "OPTIONS").status == 200)
        #expect(try scene.get("/", method: "OPTIONS").status == 200)
        #expect(scene.origin.requests.map(\.target) == ["*", "/"])
    }

    // MARK: Methods

    @Test("TRACE is refused with 405 and Allow (R28)")
    func trace() throws {
        let scene = try ScriptedScene(handler: answering())
        let response = try scene.get("/a", method: "TRACE")
        #expect(response.status == 405)
        #expect(response["Allow"]?.contains("GET") == true)
        #expect(scene.origin.requests.isEmpty)
    }

    @Test("Every method is forwarded with its content, unknown ones too (R28)", arguments: [false, true])
    func methods(chunked: Bool) throws {
        let scene = try ScriptedScene { request, connection in
            try connection.respond(text: request.method == "HEAD" ? "" : request.method)
        }
        let client = try scene.client()
        let methods = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "REPORT", "get", "X-Y.Z~!", "GET"]
        for (index, method) in methods.enumerated() {
            let content = Content(seed: UInt64(index), length: Int64(index * 9_001))
            var bytes = content.allBytes
            let url = scene.url("/\(index)")
            if chunked {
                try client.request(url, fields: ["transfer-encoding": "Chunked"], method: method)
                try client.send(Self.chunks(bytes))
            } else {
                try client.request(url, fields: ["content-length": "\(bytes.count)"], method: method)
                try client.send(bytes)
            }
            let response = try client.response()
            #expect(response.text == method)
            bytes = try #require(scene.origin.requests.last).body
            #expect(content.firstDifference(bytes, at: 0) == nil)
            #expect(Int64(bytes.count) == content.length)
        }
        #expect(scene.origin.requests.map(\.method) == methods)
        #expect(scene.origin.failures.isEmpty)
    }

    private static func chunks(_ bytes: [UInt8]) -> [UInt8] {
        var wire: [UInt8] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(4_001)
            rest = rest.dropFirst(4_001)
            wire += Array("\(String(piece.count, radix: 16, uppercase: true));ext=\"v\"\r\n".utf8) + piece + [13, 10]
        }
        return wire + Array("0\r\nX-Trailer: t\r\n\r\n".utf8)
    }

    @Test("Max-Forwards is counted down, and at 0 an OPTIONS goes no further (RFC 9110 §7.6.2)")
    func maxForwards() throws {
        let scene = try ScriptedScene(handler: answering())
        #expect(try scene.get("/a", ["Max-Forwards": "5"], method: "OPTIONS").status == 200)
        #expect(scene.origin.requests.first?["Max-Forwards"] == "4")
        _ = try scene.get("/a", ["Max-Forwards": "0"], method: "OPTIONS")
        #expect(scene.origin.requests.count == 1)
    }

    // MARK: Fields of the request

    @Test("Fields arrive in the order and spelling in which they were sent, Via after them (R25, R26)")
    func requestFields() throws {
        let scene = try ScriptedScene(handler: answering())
        let client = try scene.client()
        try client.send(
            "GET \(scene.url("/a")) HTTP/1.1\r\nx-FIRST:1\r\nHOST:  other.example\t\r\nACCEPT: a\r\naccept: b\r\n"
                + "X-Empty:\r\nX-Utf8: \u{00E9}\u{4E2D}\r\nCookie: a=b\r\n"
                + "Connection: X-Hop, close, keep-alive, Host, Cache-Control, Authorization, ETag\r\nx-hop: secret\r\n"
                + "Keep-Alive: timeout=5\r\nProxy-Connection: close\r\nProxy-Authorization: Basic eA==\r\n"
                + "TE: trailers\r\nTrailer: X-T\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\nConnection: X-Hop2\r\n"
                + "X-HOP2: secret\r\nCache-Control: max-age=5\r\nAuthorization: Basic eDp5\r\nzz: last\r\n\r\n"
        )
        #expect(try client.response().status == 200)
        let request = try #require(scene.origin.requests.first)
        let via = try #require(request["Via"])
        #expect(
            request.headText == "GET /a HTTP/1.1\r\nx-FIRST: 1\r\nHOST: \(scene.origin.authority)\r\nACCEPT: a\r\n"
                + "accept: b\r\nX-Empty: \r\nX-Utf8: \u{00E9}\u{4E2D}\r\nCookie: a=b\r\nCache-Control: max-age=5\r\n"
                + "Authorization: Basic eDp5\r\nzz: last\r\nVia: \(via)\r\n\r\n"
        )
        #expect(via.hasPrefix("1.1 holdfast-"))
    }

    @Test(
        "Via is added behind those that are there, with the client's version; its name is a directive (RFC 9110 §7.6.3)"
    )
    func via() throws {
        let scene = try ScriptedScene(settings: ["forward.via_name=\"house\""], handler: answering())
        let text = "GET \(scene.url("/a")) HTTP/1.0\r\nVia: 1.1 before\r\n\r\n"
        let response = try scene.raw(text).response
        #expect(response["Via"]?.hasPrefix("1.1 house-") == true)
        #expect(response["Cache-Status"]?.hasPrefix("house;") == true)
        let values = try #require(scene.origin.requests.first).fields.values("Via")
        #expect(values.count == 2)
        #expect(values.first == "1.1 before")
        #expect(values.last?.hasPrefix("1.0 house-") == true)
    }

    @Test("A client's X-Forwarded-For is removed and none is added", arguments: [false, true])
    func forwardedFor(kept: Bool) throws {
        let scene = try ScriptedScene(
            settings: kept ? ["forward.x_forwarded_for=\"keep\""] : [],
            handler: answering()
        )
        #expect(try scene.get("/a", ["X-Forwarded-For": "10.1.2.3"]).status == 200)
        #expect(try scene.get("/b").status == 200)
        #expect(try scene.get("/c", ["X-Forwarded-For": "10.1.2.3"], method: "POST").status == 200)
        let seen = scene.origin.requests.map { $0["X-Forwarded-For"] }
        #expect(seen == (kept ? ["10.1.2.3", nil, "10.1.2.3"] : [nil, nil, nil]))
    }

    @Test("A request that passed through this proxy before gets 508; another proxy of the same name is no loop (R64)")
    func loop() throws {
        let scene = try ScriptedScene(handler: answering())
        #expect(try scene.get("/a").status == 200)
        let via = try #require(scene.origin.requests.first?["Via"])
        for method in ["GET", "POST", "HEAD"] {
            let response = try scene.get("/b", ["Via": "1.0 fred, \(via), 1.1 other"], method: method)
            #expect(response.status == 508, "\(method)")
        }
        #expect(scene.origin.requests.count == 1)
        #expect(try scene.get("/c", ["Via": "1.1 holdfast, 1.1 holdfast-00000000"]).status == 200)
    }

    // MARK: Fields of the response

    @Test("The response's fields arrive in order and spelling, hop-by-hop ones removed (R25, R26)")
    func responseFields() throws {
        let scene = try ScriptedScene(
            handler: sending(
                "HTTP/1.1 200 Fine Thing\r\nsERVER: s\r\nX-A: 1\r\nx-a: 2\r\nDate: Thu, 12 Jul 2001 11:19:24 GMT\r\n"
                    + "Connection: X-Hop, Vary\r\nX-Hop: h\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\n"
                    + "Upgrade: h2c\r\nTrailer: X-T\r\nProxy-Connection: close\r\nVary: Accept\r\n"
                    + "Cache-Control: no-store\r\nX-Utf8: \u{00E9}\r\nX-Empty:\r\nContent-Length: 2\r\nzz: last\r\n\r\nok"
            )
        )
        let response = try scene.get("/a")
        let via = try #require(response["Via"])
        let cacheStatus = try #require(response["Cache-Status"])
        #expect(
            response.head.text == "HTTP/1.1 200 Fine Thing\r\nsERVER: s\r\nX-A: 1\r\nx-a: 2\r\n"
                + "Date: Thu, 12 Jul 2001 11:19:24 GMT\r\nVary: Accept\r\nCache-Control: no-store\r\nX-Utf8: \u{00E9}\r\n"
                + "X-Empty: \r\nContent-Length: 2\r\nzz: last\r\nVia: \(via)\r\nCache-Status: \(cacheStatus)\r\n\r\n"
        )
        #expect(response.text == "ok")
    }

    @Test("A stored response keeps the order and spelling of its fields (issue: Header names and order)")
    func storedFields() throws {
        let fields: PeerFields = [
            "x-ZETA": "1", "X-alpha": "2", "Date": httpDate(), "CACHE-control": "max-age=60", "x-zeta": "3",
        ]
        let scene = try ScriptedScene(handler: answering("hello\n", fields))
        for _ in 0..<3 {
            let response = try scene.get("/a")
            #expect(Array(response.head.fields.names.prefix(6)) == fields.names + ["Content-Length"])
            #expect(response.head.fields.values("x-zeta") == ["1", "3"])
            #expect(response.text == "hello\n")
        }
        #expect(scene.origin.requests.count == 1)
    }
}
