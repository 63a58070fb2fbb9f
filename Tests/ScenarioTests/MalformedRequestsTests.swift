// Requests that are not sound: each is refused with its status and a sentence, the connection is closed, and the origin
// hears nothing (R1 to R8, R14, R20 to R29 on the client's side; RFC 9112 §2, §3, §5, §6, §7, §11).

import ScriptedPeers
import Testing

@Suite("Malformed requests", .onOwnThreads)
struct MalformedRequestsTests {
    /// One request, and the status that it is refused with.
    struct Case {
        let text: String
        let status: Int

        init(_ text: String, _ status: Int = 400) {
            self.text = text
            self.status = status
        }
    }

    /// Every case on a connection of its own. In a text `{o}` stands for the origin's authority; behind it comes a
    /// sound request, which must be neither answered nor forwarded (R27).
    private func refuse(_ cases: [Case], _ location: SourceLocation = #_sourceLocation) throws {
        let scene = try ScriptedScene(handler: answering())
        for item in cases {
            let authority = scene.origin.authority
            let text = item.text.split(separator: "{o}", omittingEmptySubsequences: false).joined(separator: authority)
            let smuggled = "GET http://\(authority)/smuggled HTTP/1.1\r\nHost: \(authority)\r\n\r\n"
            let (response, rest) = try scene.raw(text + smuggled)
            #expect(response.status == item.status, "\(item.text)", sourceLocation: location)
            #expect(response["Connection"] == "close", "\(item.text)", sourceLocation: location)
            #expect(response["Proxy-Status"] != nil, "\(item.text)", sourceLocation: location)
            #expect(response.body.count > 10, "\(item.text)", sourceLocation: location)
            #expect(rest.isEmpty, "\(item.text)", sourceLocation: location)
        }
        #expect(scene.origin.requests.map(\.headText) == [], sourceLocation: location)
    }

    private static func withFields(_ lines: String, _ status: Int = 400) -> Case {
        Case("GET http://{o}/a HTTP/1.1\r\nHost: {o}\r\n\(lines)\r\n\r\n", status)
    }

    @Test("The request line: single spaces, a token, a known version (R23)")
    func requestLine() throws {
        let line = { (text: String, status: Int) in Case("\(text)\r\nHost: {o}\r\n\r\n", status) }
        try refuse([
            line("GET  http://{o}/a HTTP/1.1", 400), line("GET http://{o}/a  HTTP/1.1", 400),
            line(" GET http://{o}/a HTTP/1.1", 400), line("GET\thttp://{o}/a HTTP/1.1", 400),
            line("GET http://{o}/a HTTP/1.1 ", 400), line("GET http://{o}/a", 400), line("GET", 400),
            line("GET http://{o}/a http/1.1", 400), line("GET http://{o}/a HTTP/1.10", 400),
            line("GET http://{o}/a HTTP/01.1", 400), line("GET http://{o}/a HTTP/2.0", 505),
            line("GET http://{o}/a HTTP/1.2", 505), line("GET http://{o}/a HTTP/0.9", 505),
            line("G@T http://{o}/a HTTP/1.1", 400), line("G\u{E9}T http://{o}/a HTTP/1.1", 400),
            line(String(repeating: "M", count: 33) + " http://{o}/a HTTP/1.1", 501),
            line("PRI * HTTP/2.0", 505),
        ])
    }

    @Test("The target: visible ASCII, no fragment, no user, a host that every reader understands alike (R23)")
    func target() throws {
        let targets = [
            "http://{o}/a#b", "http://{o}/a\\b", "http://{o}/\u{E9}", "http://{o}/\u{1}", "http://u@{o}/",
            "http://u:p@{o}/",
            "http:///a", "http://:80/", "http://a:0/", "http://a:65536/", "http://a:080/", "http://a:8x/",
            "http://0x7f.0.0.1/", "http://0177.0.0.1/", "http://127.1/", "http://2130706433/", "http://127.0.0.1.1/",
            "http://256.0.0.1/", "http://[::1/", "http://[::g]/", "http://[]/", "http://a b/", "http://a%41/",
            "http://a..b/", "http://a,b/", "http:/{o}/a", "http:{o}/a", "//{o}/a\u{7F}", "{o}", "example.org:80", "*",
            "?q",
        ]
        try refuse(targets.map { Case("GET \($0) HTTP/1.1\r\nHost: {o}\r\n\r\n") })
    }

    @Test("Field lines: token names, no space before the colon, no folding, no control bytes, CRLF everywhere (R22)")
    func fieldLines() throws {
        try refuse([
            Self.withFields("X : 1"), Self.withFields("X\t: 1"), Self.withFields(": 1"), Self.withFields("X"),
            Self.withFields("X(: 1"), Self.withFields("X\u{E9}: 1"), Self.withFields("X\u{0}: 1"),
            Self.withFields("X: a\r\n b"), Self.withFields("X: a\r\n\tb"), Self.withFields(" X: a"),
            Self.withFields("X: a\rb"), Self.withFields("X: a\r"), Self.withFields("X: a\u{0}b"),
            Self.withFields("X: a\u{1}b"), Self.withFields("X: a\u{7F}b"), Self.withFields("X: a\u{B}"),
            Self.withFields("X: a\nY: b"), Case("GET http://{o}/a HTTP/1.1\nHost: {o}\n\n"),
            Case("GET http://{o}/a HTTP/1.1\r\nHost: {o}\r\n\n"),
            Case("GET http://{o}/a HTTP/1.1\r\n Host: {o}\r\n\r\n"),
            Case("GET http://{o}/a HTTP/1.1\r\nHost: {o}\r\n\r\r\n\r\n"),
            Case("\nGET http://{o}/a HTTP/1.1\r\nHost: {o}\r\n\r\n"),
        ])
    }

    @Test("Host: exactly one, and sound (R24)")
    func host() throws {
        let hosts = [
            "", "X: 1\r\n", "Host: {o}\r\nHost: {o}\r\n", "Host: a\r\nhost: b\r\n", "Host: a/b\r\n", "Host: a b\r\n",
            "Host:\r\n", "Host: a:b\r\n", "Host: a:0\r\n", "Host: u@a\r\n", "Host: a, b\r\n", "Host: http://a\r\n",
            "Host: a\u{E9}\r\n", "Host: [::1\r\n",
        ]
        try refuse(hosts.map { Case("GET http://{o}/a HTTP/1.1\r\n\($0)\r\n") })
        try refuse([Case("GET http://{o}/a HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n")])
    }

    @Test("Content-Length and Transfer-Encoding leave no doubt where the content ends (R20, R21)")
    func framing() throws {
        let post = { (lines: String, status: Int) in
            Case("POST http://{o}/a HTTP/1.1\r\nHost: {o}\r\n\(lines)\r\n\r\n", status)
        }
        let lengths = [
            "", "-1", "+1", "0x1", "1 ", "1 1", "1,1", "1, 1", "1,2", "1.0", "abc", "1a", "9223372036854775808",
            "18446744073709551621", "99999999999999999999999", "\u{661}",
        ]
        // A value is trimmed (RFC 9110 §5.5), so that "1 " is the number 1.
        try refuse(lengths.filter { $0 != "1 " }.map { post("Content-Length: \($0)", 400) })
        try refuse([
            post("Content-Length: 1\r\nContent-Length: 1", 400), post("Content-Length: 1\r\ncontent-length: 2", 400),
            post("Content-Length: 1\r\nTransfer-Encoding: chunked", 400),
            post("Transfer-Encoding: chunked\r\nContent-Length: 0", 400),
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400),
            post("Transfer-Encoding: chunked, chunked", 400), post("Transfer-Encoding: identity", 400),
            post("Transfer-Encoding: chunked, identity", 400), post("Transfer-Encoding: xchunked", 400),
            post("Transfer-Encoding: \"chunked\"", 400), post("Transfer-Encoding: chunked;q=1", 400),
            post("Transfer-Encoding:", 400), post("Transfer-Encoding: ,chunked", 400),
            post("Transfer-Encoding: \u{B}chunked", 400),
            post("Transfer-Encoding: gzip, chunked", 501), post("Transfer-Encoding: gzip,\tChunked", 501),
        ])
        try refuse([Case("POST http://{o}/a HTTP/1.0\r\nHost: {o}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")])
    }

    @Test("Chunks: hexadecimal sizes below 2^63, CRLF behind each, bounded extensions and trailers (R6, R7)")
    func chunks() throws {
        let bodies = [
            "x\r\n", "\r\n", "-1\r\na\r\n", "+1\r\na\r\n", "0x1\r\na\r\n", " 1\r\na\r\n", "1 \r\na\r\n", "g\r\n",
            "8000000000000000\r\n", "10000000000000000\r\n", "00000000000000001\r\na\r\n", "1\r\nab\r\n", "1\r\na\n",
            "1\na\r\n", "1\r\na\rb\n", "1;a\nb\r\na\r\n", "1;\u{0}\r\na\r\n",
            "1;" + String(repeating: "e", count: 300) + "\r\na\r\n",
            "0\r\nX : 1\r\n\r\n", "0\r\nX: a\nY: b\r\n\r\n", "0\r\n folded: 1\r\n\r\n", "0\n\n",
            "0\r\nX: " + String(repeating: "t", count: 17_000) + "\r\n\r\n",
            "0\r\n" + String(repeating: "X: 1\r\n", count: 65) + "\r\n",
        ]
        let scene = try ScriptedScene(readsBodies: false) { _, connection in _ = try connection.receiveRest() }
        for body in bodies {
            let head = "POST \(scene.url("/a")) HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            let smuggled = "GET \(scene.url("/smuggled")) HTTP/1.1\r\nHost: a\r\n\r\n"
            let (response, rest) = try scene.raw(head + body + smuggled)
            #expect(response.status == 400, "\(body.prefix(40))")
            #expect(response["Connection"] == "close", "\(body.prefix(40))")
            #expect(rest.isEmpty, "\(body.prefix(40))")
        }
        #expect(scene.origin.requests(for: "/smuggled").isEmpty)
        // Nobody may take the content that was cut for a whole one.
        try scene.origin.waitForNoConnections()
    }

    @Test("Limits: request line, head, fields, empty lines (R1, R2, R4, R5, R14)")
    func limits() throws {
        let long = { (count: Int) in String(repeating: "x", count: count) }
        let many = { (count: Int) in String(repeating: "X: 1\r\n", count: count).dropLast(2) }
        try refuse([
            Case("GET http://{o}/\(long(17_000)) HTTP/1.1\r\nHost: {o}\r\n\r\n", 414),
            Self.withFields("X: \(long(33_000))", 431),
            Self.withFields((0..<3).map { "X\($0): \(long(25_000))" }.joined(separator: "\r\n"), 431),
            Self.withFields(String(many(256)), 431),
            Case(String(repeating: "\r\n", count: 5) + "GET http://{o}/a HTTP/1.1\r\nHost: {o}\r\n\r\n", 400),
        ])
    }

    @Test("What is within the limits passes (R1, R2, R4, R5, R14)")
    func withinLimits() throws {
        let scene = try ScriptedScene(handler: answering())
        let long = { (count: Int) in String(repeating: "x", count: count) }
        let head = "GET \(scene.url("/\(long(8_100))")) HTTP/1.1\r\nHost: a\r\n"
        let texts = [
            "\(head)X: \(long(32_000))\r\n\r\n", head + String(repeating: "X: 1\r\n", count: 255) + "\r\n",
            "\(head)X: \(long(25_000))\r\nY: \(long(25_000))\r\n\r\n",
            String(repeating: "\r\n", count: 4) + head + "\r\n",
            "GET \(scene.url("/\(long(16_000))")) HTTP/1.1\r\nHost: a\r\n\r\n",
            "\(String(repeating: "M", count: 32)) \(scene.url("/a")) HTTP/1.1\r\nHost: a\r\n\r\n",
        ]
        for text in texts {
            let client = try scene.client()
            try client.send(text)
            #expect(try client.response().status == 200, "\(text.prefix(40)) of \(text.utf8.count) bytes")
        }
    }

    @Test("A head that comes byte by byte is read like any other, and one that never ends is not waited for (R41)")
    func slowHead() throws {
        let scene = try ScriptedScene(settings: ["downstream.head_timeout=\"500ms\""], handler: answering("ok"))
        let client = try scene.client()
        for byte in Array("GET \(scene.url("/a")) HTTP/1.1\r\nHost: a\r\n\r\n".utf8) { try client.send([byte]) }
        #expect(try client.response().text == "ok")
        let slow = try scene.client()
        try slow.send("GET \(scene.url("/b")) HTTP/1.1\r\nHost:")
        #expect(try slow.rest().bytes.count < 1000)
        #expect(scene.origin.requests.count == 1)
    }

    @Test("A request whose content breaks off is not taken for a whole one")
    func cutContent() throws {
        let scene = try ScriptedScene(readsBodies: false) { _, connection in
            let rest = try connection.receiveRest()
            #expect(!rest.bytes.suffix(5).elementsEqual("0\r\n\r\n".utf8))
        }
        for framing in ["Content-Length: 100", "Transfer-Encoding: chunked"] {
            let client = try scene.client()
            try client.send("POST \(scene.url("/a")) HTTP/1.1\r\nHost: a\r\n\(framing)\r\n\r\n5\r\nhel")
            try scene.origin.waitForRequests(framing.hasPrefix("C") ? 1 : 2)
            client.shutdownSending()
            let answer = try client.rest()
            #expect(answer.bytes.isEmpty || answer.bytes.starts(with: "HTTP/1.1 400".utf8))
        }
        try scene.origin.waitForNoConnections()
    }
}
