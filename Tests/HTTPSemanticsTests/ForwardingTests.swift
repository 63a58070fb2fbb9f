// RFC 9110 §7.6 and R26: what of a head is passed on.

import HTTPSemantics
import Testing

@Suite("Forwarding (RFC 9110 §7.6, R25, R26)")
struct ForwardingTests {
    private func forward(_ head: RequestHead, keepForwardedFor: Bool = false) -> [String] {
        lines(Forwarding.request(head, pseudonym: "holdfast", keepForwardedFor: keepForwardedFor))
    }

    private func forward(_ head: ResponseHead) -> [String] {
        lines(Forwarding.response(head, pseudonym: "holdfast"))
    }

    @Test("The seed's request goes out in order and spelling, without Connection")
    func seed() {
        let head = request([
            "Connection": "close", "HOST": "127.0.0.3", "Accept": "*/*", "Pragma": "no-cache",
            "cache-control": "no-cache",
            "Range": "bytes=5275648-",
        ])
        #expect(
            forward(head) == [
                "HOST: example.org", "Accept: */*", "Pragma: no-cache", "cache-control: no-cache",
                "Range: bytes=5275648-", "Via: 1.1 holdfast",
            ]
        )
    }

    @Test(
        "Fields of the connection go, in any case (§7.6.1, R26)",
        arguments: [
            "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "Proxy-Authenticate",
            "Proxy-Authentication-Info", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "HTTP2-Settings", "UPGRADE",
            "proxy-authorization",
        ]
    )
    func hopByHop(name: String) {
        var fields = section(["Host": "example.org", "A": "1"])
        fields.append(name: name, value: "x")
        fields.append(name: "B", value: "2")
        let head = RequestHead(method: .get, target: .absolute(exampleURI), version: .http11, fields: fields)
        #expect(forward(head) == ["Host: example.org", "A: 1", "B: 2", "Via: 1.1 holdfast"])
        let answer = ResponseHead(status: 200, fields: fields)
        #expect(forward(answer) == ["Host: example.org", "A: 1", "B: 2", "Via: 1.1 holdfast"])
    }

    @Test("What Connection nominates goes, from several lines too")
    func nominated() {
        let head = request([
            "Host": "a", "X-One": "1", "Connection": "close, x-one", "x-two": "2", "connection": ",X-TWO ,",
            "X-Three": "3",
        ])
        #expect(forward(head) == ["Host: example.org", "X-Three: 3", "Via: 1.1 holdfast"])
    }

    @Test(
        "Nominations of what the next one needs are ignored (R26)",
        arguments: [
            "Host", "Content-Length", "Cache-Control", "Authorization", "Content-Range", "ETag", "Vary",
            "Content-Encoding",
            "Content-Type", "Age", "Date", "Expires", "Last-Modified", "Pragma",
        ]
    )
    func protected(name: String) {
        var fields = section(["Connection": name])
        fields.append(name: name, value: "x")
        let answer = ResponseHead(status: 200, fields: fields)
        #expect(forward(answer) == ["\(name): x", "Via: 1.1 holdfast"])
        let head = RequestHead(method: .get, target: .absolute(exampleURI), version: .http11, fields: fields)
        #expect(forward(head).contains { $0.hasPrefix(name + ":") })
    }

    @Test("Host is built from the URI, in the place of the client's, once (R24, RFC 9112 §3.2)")
    func host() {
        #expect(
            forward(request(["A": "1", "host": "evil.example", "B": "2"]))
                == ["A: 1", "host: example.org", "B: 2", "Via: 1.1 holdfast"]
        )
        #expect(
            forward(request(["A": "1"], version: .http10)) == ["Host: example.org", "A: 1", "Via: 1.0 holdfast"]
        )
        #expect(
            forward(request(["Host": "a", "A": "1", "host": "b"]))
                == ["Host: example.org", "A: 1", "Via: 1.1 holdfast"]
        )
        let other = AbsoluteURI(
            scheme: "http",
            authority: Authority(host: "[::1]", port: 8080),
            pathAndQuery: "/"
        )
        #expect(forward(request(["Host": "a"], target: .absolute(other))).first == "Host: [::1]:8080")
        let defaultPort = AbsoluteURI(
            scheme: "http",
            authority: Authority(host: "a", port: 80),
            pathAndQuery: "/"
        )
        #expect(forward(request(["Host": "b"], target: .absolute(defaultPort))).first == "Host: a")
        #expect(forward(request(["Host": "b"], target: .origin(pathAndQuery: "/"))).first == "Host: b")
    }

    @Test("Expect stays only as 100-continue (RFC 9110 §10.1.1)")
    func expectation() {
        #expect(forward(request(["Host": "a", "Expect": "100-Continue"])).contains("Expect: 100-Continue"))
        #expect(!forward(request(["Host": "a", "Expect": "x"])).contains { $0.hasPrefix("Expect") })
        #expect(
            !forward(request(["Expect": "100-continue", "expect": "100-continue"])).contains {
                $0.hasPrefix("Expect") || $0.hasPrefix("expect")
            }
        )
    }

    @Test("X-Forwarded-For goes unless it is to be kept; none is added")
    func forwardedFor() {
        let head = request(["Host": "a", "X-Forwarded-For": "10.0.0.1"])
        #expect(forward(head) == ["Host: example.org", "Via: 1.1 holdfast"])
        #expect(
            forward(head, keepForwardedFor: true)
                == ["Host: example.org", "X-Forwarded-For: 10.0.0.1", "Via: 1.1 holdfast"]
        )
    }

    @Test("Via comes after those that are there (§7.6.3)")
    func via() {
        #expect(
            forward(request(["Host": "a", "Via": "1.0 fred", "A": "1"]))
                == ["Host: example.org", "Via: 1.0 fred", "A: 1", "Via: 1.1 holdfast"]
        )
        #expect(forward(ResponseHead(status: 200, version: .http10)) == ["Via: 1.0 holdfast"])
    }

    @Test("Values pass as bytes")
    func bytes() {
        let head = ResponseHead(status: 200, fields: section("X-Field", bytes: [0xE4, 0x20, 0xFF]))
        let forwarded = Forwarding.response(head, pseudonym: "holdfast")
        var seen: [UInt8] = []
        forwarded.forEachBytes { known, _, value in
            if known == .other { seen = Array(value) }
        }
        #expect(seen == [0xE4, 0x20, 0xFF])
    }

    @Test("Max-Forwards counts down for OPTIONS and TRACE, and ends at 0 (§7.6.2)")
    func maxForwards() {
        let options = request(["Host": "a", "Max-Forwards": "3"], method: .options)
        #expect(forward(options).contains("Max-Forwards: 2"))
        #expect(!Forwarding.isLastRecipient(options))
        #expect(Forwarding.isLastRecipient(request(["Max-Forwards": "0"], method: .trace)))
        #expect(!Forwarding.isLastRecipient(request(["Max-Forwards": "0"])))
        #expect(forward(request(["Host": "a", "Max-Forwards": "3"])).contains("Max-Forwards: 3"))
        #expect(!Forwarding.isLastRecipient(request(["Max-Forwards": "x"], method: .options)))
    }

    @Test(
        "A loop is our pseudonym as a recipient in Via (R64)",
        arguments: [
            ("1.1 holdfast", true),
            ("1.0 fred, 1.1 HoldFast", true),
            ("HTTP/1.1 holdfast (x)", true),
            ("1.1  holdfast", true),
            ("1.1\tholdfast", true),
            ("1.1 fred (a, b), 1.1 holdfast", true),
            ("1.1 holdfast2", false),
            ("1.1 fred (holdfast)", false),
            ("1.1 fred holdfast", false),
            ("holdfast", false),
            ("", false),
        ]
    )
    func loop(via: String, isLoop: Bool) {
        #expect(Forwarding.isLoop(section(["Via": "1.1 a", "via": via]), pseudonym: "holdfast") == isLoop)
    }

    @Test("Without Via there is no loop")
    func noVia() {
        #expect(!Forwarding.isLoop(section(["A": "1.1 holdfast"]), pseudonym: "holdfast"))
    }
}
