// Answers of an origin that are not sound: the client gets a 502 with a sentence, or sees the body break off; nothing of
// them is stored, and that connection is never used again (R3 to R9, R20 to R22, R27, R29; RFC 9112 §6.3).

import ScriptedPeers
import Testing

@Suite("Malformed responses", .onOwnThreads)
struct MalformedResponsesTests {
    /// Every text is one origin's answer under a target of its own, sent twice; nothing may come of it but 502.
    private func refuse(_ answers: [String], _ location: SourceLocation = #_sourceLocation) throws {
        let scene = try ScriptedScene { request, connection in
            let index = Int(request.target.dropFirst()) ?? 0
            try connection.send(answers[index])
            // The head is wrong as it stands: that the connection stays open must not keep anybody waiting.
            try connection.waitForPeerToLeave()
            connection.close()
        }
        for (index, answer) in answers.enumerated() {
            let response = try scene.get("/\(index)")
            let name = "\(answer.prefix(80).debugDescription)"
            #expect(response.status == 502, "\(name)", sourceLocation: location)
            #expect(response.text.contains("127.0.0.1"), "\(name)", sourceLocation: location)
            #expect(response["Proxy-Status"] != nil, "\(name)", sourceLocation: location)
            #expect(!response.head.text.contains("X-Evil"), "\(name)", sourceLocation: location)
        }
        try scene.origin.waitForNoConnections()
        #expect(Set(scene.origin.requests.map(\.connection)).count == scene.origin.requests.count)
        #expect(try scene.proxy.command("ls", "--json").output.isEmpty, sourceLocation: location)
    }

    private static func ok(_ lines: String, _ body: String = "hello") -> String {
        "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n\(lines)\r\n\r\n\(body)"
    }

    @Test("Status lines that are none (R29)")
    func statusLine() throws {
        let end = "\r\nContent-Length: 5\r\n\r\nhello"
        let lines = [
            "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 099 OK", "HTTP/1.1 abc OK", "HTTP/1.1  200 OK",
            "HTTP/1.1\t200 OK", "HTTP/2.0 200 OK", "HTTP/1.2 200 OK", "http/1.1 200 OK", "ICY 200 OK",
            " HTTP/1.1 200 OK",
            "HTTP/1.1 +20 OK", "HTTP/1.1 200\tOK", "HTTP/1.1 200 O\rK", "HTTP/1.1 200 O\u{0}K", "HTTP/1.1 200 O\u{1}K",
        ]
        try refuse(
            lines.map { $0 + end } + ["hello, this is HTTP/0.9\r\n", "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello"]
        )
    }

    @Test("Field lines that are none (R22)")
    func fieldLines() throws {
        try refuse([
            Self.ok("X : 1\r\nContent-Length: 5"), Self.ok(": 1\r\nContent-Length: 5"),
            Self.ok("X\r\nContent-Length: 5"),
            Self.ok("X: a\r\n X-Evil: b\r\nContent-Length: 5"), Self.ok("X: a\u{0}\r\nContent-Length: 5"),
            Self.ok("X: a\rX-Evil: 1\r\nContent-Length: 5"), Self.ok("X: a\u{1}\r\nContent-Length: 5"),
            Self.ok("X: a\nX-Evil: 1\r\nContent-Length: 5"), Self.ok("X\u{E9}: a\r\nContent-Length: 5"),
            Self.ok("X-Evil\u{0}: a\r\nContent-Length: 5"),
        ])
    }

    @Test("Framing that leaves a doubt (R20, R21)")
    func framing() throws {
        let lengths = ["", "-5", "+5", "0x5", "5,5", "5, 5", "5a", "9223372036854775808", "18446744073709551621"]
        try refuse(lengths.map { Self.ok("Content-Length: \($0)") })
        try refuse([
            Self.ok("Content-Length: 5\r\nContent-Length: 5"), Self.ok("Content-Length: 5\r\nContent-Length: 6"),
            Self.ok("Content-Length: 5\r\nTransfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"),
            Self.ok("Transfer-Encoding: gzip, chunked", "5\r\nhello\r\n0\r\n\r\n"),
            Self.ok("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"),
            Self.ok("Transfer-Encoding: identity"), Self.ok("Transfer-Encoding: chunked, identity"),
            Self.ok("Transfer-Encoding: xchunked"),
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        ])
    }

    @Test("Limits: head, field, number of fields (R3, R4, R5)")
    func limits() throws {
        let long = String(repeating: "x", count: 33_000)
        try refuse([
            Self.ok("X: \(long)\r\nContent-Length: 5"),
            Self.ok((0..<3).map { "X\($0): \(long.prefix(25_000))" }.joined(separator: "\r\n")),
            Self.ok(String(repeating: "X: 1\r\n", count: 257) + "Content-Length: 5"),
        ])
    }

    @Test("More than 16 interim answers, a 101 that nobody asked for, and an interim answer alone (R9)")
    func interim() throws {
        let final = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
        try refuse([
            String(repeating: "HTTP/1.1 102 Processing\r\n\r\n", count: 17) + final,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n" + final,
            "HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\nhello" + final,
        ])
        let scene = try ScriptedScene(handler: sending(String(repeating: "HTTP/1.1 102 P\r\n\r\n", count: 16) + final))
        #expect(try scene.get("/a").text == "hello")
    }

    @Test("An answer that ends within its head is none, and is not stored (R29)")
    func cutHead() throws {
        let cuts = [
            "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 5\r\n",
            "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Le", "HTTP/1.1 2", "HTTP/1.1 100 Continue\r\n\r\n",
        ]
        let scene = try ScriptedScene { request, connection in
            try connection.send(cuts[Int(request.target.dropFirst()) ?? 0])
            connection.close()
        }
        for index in cuts.indices {
            let response = try scene.get("/\(index)")
            #expect(response.status == 502, "\(cuts[index])")
        }
        #expect(try scene.proxy.command("ls", "--json").output.isEmpty)
    }

    @Test("Statuses that nobody knows pass unchanged, as do reasons that are empty or missing (R29)")
    func unusualStatuses() throws {
        let scene = try ScriptedScene { request, connection in
            try connection.send(
                "HTTP/1.1 \(request.target.dropFirst().prefix(3))\(request.target.hasSuffix("x") ? "" : " ")"
            )
            try connection.send("\r\nContent-Length: 5\r\n\r\nhello")
        }
        for status in [299, 399, 499, 599, 600, 999] {
            #expect(try scene.get("/\(status)").status == status)
            #expect(try scene.get("/\(status)x").text == "hello")
        }
    }

    @Test("A chunked body that is not sound is seen to break off, and is never a whole one", arguments: [true, false])
    func chunkedBody(isStorable: Bool) throws {
        let bodies = [
            "5\r\nhello\r\nx\r\n", "5\r\nhello\r\n-1\r\n", "5\r\nhello\r\n8000000000000000\r\n",
            "5\r\nhellooo\r\n0\r\n\r\n",
            "5\r\nhello\n0\r\n\r\n", "5\r\nhello\r\n0\n\n", "5\r\nhello\r\n0\r\nX : 1\r\n\r\n",
            "5\r\nhello\r\n0\r\nX: " + String(repeating: "t", count: 17_000) + "\r\n\r\n",
            "5\r\nhello\r\n1;" + String(repeating: "e", count: 300) + "\r\na\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\n",
        ]
        let scene = try ScriptedScene { request, connection in
            let index = Int(request.target.dropFirst()) ?? 0
            let control = isStorable ? "max-age=60" : "no-store"
            let head = "HTTP/1.1 200 OK\r\nCache-Control: \(control)\r\nTransfer-Encoding: chunked\r\n\r\n"
            try connection.send(head + bodies[index])
            if index == bodies.count - 1 { return connection.close() }
            try connection.waitForPeerToLeave()
        }
        for (index, body) in bodies.enumerated() {
            let client = try scene.client()
            try client.request(scene.url("/\(index)"))
            let head = try client.head()
            guard head.status == 200 else {
                // The whole answer came at once, and the doubt was seen before anything was sent.
                #expect(head.status == 502, "\(body.prefix(60))")
                continue
            }
            let (bytes, end) = try client.body()
            #expect(end != .complete, "\(body.prefix(60))")
            #expect("helloa".utf8.starts(with: bytes), "\(body.prefix(60))")
        }
        for line in try scene.proxy.command("ls", "--json").output.split(separator: "\n") {
            #expect(line.contains("\"completeLength\"") == false, "\(line)")
        }
    }

    @Test("A 206 that nobody asked for is never a whole (R30, R70)", arguments: ["max-age=60", "no-store"])
    func unaskedPartial(control: String) throws {
        let scene = try ScriptedScene(
            handler: sending(
                "HTTP/1.1 206 Partial Content\r\nETag: \"e\"\r\nCache-Control: \(control)\r\nContent-Range: bytes 0-4/10\r\n"
                    + "Content-Length: 5\r\n\r\nhello"
            )
        )
        for _ in 0..<2 {
            let response = try scene.get("/a")
            #expect(response.status == 502)
        }
    }
}
