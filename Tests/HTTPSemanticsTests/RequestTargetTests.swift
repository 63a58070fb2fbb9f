// R23 and R24: which targets and authorities are read, as what, and which are refused.

import HTTPSemantics
import Testing

@Suite("Request targets are read strictly (RFC 9112 §3.2, R23)")
struct RequestTargetTests {
    private func parse(_ text: String, _ method: Method = .get) -> Result<RequestTarget, TargetError> {
        var text = text
        return text.withUTF8 { RequestTarget.parse(UnsafeRawBufferPointer($0), method: method) }
    }

    private func parse(bytes: [UInt8]) -> Result<RequestTarget, TargetError> {
        bytes.withUnsafeBytes { RequestTarget.parse($0, method: .get) }
    }

    @Test(
        "An absolute target is read; scheme and host become lower case, the rest stays (§3.2.2)",
        arguments: [
            ("http://example.org/", "example.org", nil, "/"),
            ("HTTP://EXAMPLE.org/A%2f?Q=B", "example.org", nil, "/A%2f?Q=B"),
            ("http://example.org", "example.org", nil, "/"),
            ("http://example.org?a=b", "example.org", nil, "/?a=b"),
            ("http://example.org:8080/../a//b/./c", "example.org", 8080, "/../a//b/./c"),
            ("http://example.org:80/", "example.org", 80, "/"),
            ("http://example.org./", "example.org.", nil, "/"),
            ("http://127.0.0.3/VS0515AI.EXE", "127.0.0.3", nil, "/VS0515AI.EXE"),
            ("http://[2001:DB8::1]:65535/x", "[2001:db8::1]", 65535, "/x"),
            ("http://[::ffff:10.0.0.1]/", "[::ffff:10.0.0.1]", nil, "/"),
            ("http://a_b-c~d.example/user@host:1", "a_b-c~d.example", nil, "/user@host:1"),
            ("http://example.org/?http://other.org/@", "example.org", nil, "/?http://other.org/@"),
            ("http://xn--bcher-kva.example/|{}^\"<>", "xn--bcher-kva.example", nil, "/|{}^\"<>"),
        ] as [(String, String, UInt16?, String)]
    )
    func absolute(text: String, host: String, port: UInt16?, pathAndQuery: String) {
        let uri = AbsoluteURI(
            scheme: "http",
            authority: Authority(host: host, port: port),
            pathAndQuery: pathAndQuery
        )
        #expect(parse(text) == .success(.absolute(uri)))
    }

    @Test(
        "What two readers could understand differently is refused (R23)",
        arguments: [
            ("", .malformed),
            ("http://example.org/#top", .fragment),
            ("/a#b", .fragment),
            ("http://example.org\\@evil/", .malformed),
            ("/a\\b", .malformed),
            ("http://user@example.org/", .userinfo),
            ("http://user:secret@example.org/", .userinfo),
            ("http://@example.org/", .userinfo),
            ("http:///path", .emptyHost),
            ("http://:80/", .emptyHost),
            ("http://?q", .emptyHost),
            ("http://", .emptyHost),
            ("http:/example.org/", .malformed),
            ("http:example.org", .malformed),
            ("http:", .malformed),
            ("://example.org/", .malformed),
            ("1http://example.org/", .malformed),
            ("example.org", .malformed),
            ("example.org/path", .malformed),
            ("example.org:80", .malformed),
            ("?q", .malformed),
            ("http://example.org:0/", .badPort),
            ("http://example.org:080/", .badPort),
            ("http://example.org:65536/", .badPort),
            ("http://example.org:99999999999999999999/", .badPort),
            ("http://example.org:+80/", .badPort),
            ("http://example.org:80:80/", .badPort),
            ("http://a..b/", .badHost),
            ("http://.a/", .badHost),
            ("http://./", .badHost),
            ("http://a b/", .malformed),
            ("http://a%41/", .badHost),
            ("http://a,b/", .badHost),
            ("http://a|b/", .badHost),
            ("http://1.2.3/", .badHost),
            ("http://1.2.3.4./", .badHost),
            ("http://01.2.3.4/", .badHost),
            ("http://1.2.3.256/", .badHost),
            ("http://1.2.3.4.5/", .badHost),
            ("http://0x7f.1/", .badHost),
            ("http://127.0.0.0x1/", .badHost),
            ("http://0x7f000001/", .badHost),
            ("http://2130706433/", .badHost),
            ("http://0/", .badHost),
            ("http://example.0x/", .badHost),
            ("http://[::1/", .badHost),
            ("http://[]/", .badHost),
            ("http://[::1]x/", .badHost),
            ("http://[1.2.3.4]/", .badHost),
            ("http://[fe80::1%25eth0]/", .badHost),
            ("http://[v1.a]/", .badHost),
            ("http://::1/", .emptyHost),
            ("ftp://example.org/", .scheme("ftp")),
            ("FTP://example.org/", .scheme("ftp")),
            ("urn:isbn:1", .scheme("urn")),
            ("https://example.org/", .scheme("https")),
            ("*", .malformed),
        ] as [(String, TargetError)]
    )
    func refused(text: String, error: TargetError) {
        #expect(parse(text) == .failure(error))
    }

    @Test(
        "Bytes that are not visible ASCII are refused (R23)",
        arguments: [0x00, 0x09, 0x0A, 0x0D, 0x20, 0x7F, 0x80, 0xFF] as [UInt8]
    )
    func invisible(byte: UInt8) {
        #expect(parse(bytes: Array("http://example.org/a".utf8) + [byte]) == .failure(.malformed))
        #expect(parse(bytes: Array("/a".utf8) + [byte] + Array("b".utf8)) == .failure(.malformed))
    }

    @Test("A name of 253 bytes is a host, a longer one and a label of 64 are not (RFC 1035 §2.3.4)")
    func lengths() {
        let label = String(repeating: "a", count: 63)
        let longest = [label, label, label, String(repeating: "b", count: 61)].joined(separator: ".")
        #expect(longest.utf8.count == 253)
        #expect(Authority.parse(longest)?.host == longest)
        #expect(Authority.parse(longest + ".")?.host == longest + ".")
        #expect(Authority.parse(longest + "b") == nil)
        #expect(Authority.parse(label + "a") == nil)
    }

    @Test("An origin form is kept as it is, for every method but CONNECT (§3.2.1)")
    func originForm() {
        #expect(parse("/a?b") == .success(.origin(pathAndQuery: "/a?b")))
        #expect(parse("//example.org/a") == .success(.origin(pathAndQuery: "//example.org/a")))
        #expect(parse("/", Method("PATCH")) == .success(.origin(pathAndQuery: "/")))
        #expect(parse("/", .connect) == .failure(.badHost))
    }

    @Test(
        "CONNECT takes an authority with its port, and nothing else (§3.2.3, R28)",
        arguments: [
            ("example.org:443", .success(.authority(Authority(host: "example.org", port: 443)))),
            ("EXAMPLE.ORG:443", .success(.authority(Authority(host: "example.org", port: 443)))),
            ("[::1]:8443", .success(.authority(Authority(host: "[::1]", port: 8443)))),
            ("example.org", .failure(.badPort)),
            ("example.org:", .failure(.badPort)),
            ("example.org:0", .failure(.badPort)),
            (":443", .failure(.emptyHost)),
            ("user@example.org:443", .failure(.userinfo)),
            ("http://example.org/", .failure(.badPort)),
            ("*", .failure(.badHost)),
            ("127.1:443", .failure(.badHost)),
        ] as [(String, Result<RequestTarget, TargetError>)]
    )
    func connect(text: String, expected: Result<RequestTarget, TargetError>) {
        #expect(parse(text, .connect) == expected)
    }

    @Test("Only OPTIONS takes the asterisk (§3.2.4)")
    func asterisk() {
        #expect(parse("*", .options) == .success(.asterisk))
        #expect(parse("*", .head) == .failure(.malformed))
        #expect(parse("**", .options) == .failure(.malformed))
    }

    @Test("An absolute https URI is read as such, but not as a target in clear text (RFC 9110 §4.2.2)")
    func https() {
        let uri = AbsoluteURI(
            scheme: "https",
            authority: Authority(host: "example.org", port: 443),
            pathAndQuery: "/"
        )
        #expect(AbsoluteURI.parse("HTTPS://Example.org:443/") == .success(uri))
        #expect(uri.hostField == "example.org")
    }

    @Test(
        "The written form of a URI is read back as the same URI",
        arguments: [
            "http://example.org/", "http://example.org:8080/a?b", "https://[2001:db8::1]/x", "https://example.org:80/",
        ]
    )
    func roundTrip(text: String) throws {
        let uri = try AbsoluteURI.parse(text).get()
        #expect(uri.description == text)
        #expect(try AbsoluteURI.parse(uri.description).get() == uri)
    }

    @Test(
        "A Host value is uri-host and port (R24)",
        arguments: [
            ("example.org", "example.org", nil),
            ("Example.ORG:81", "example.org", 81),
            ("10.0.0.1", "10.0.0.1", nil),
            ("[::1]", "[::1]", nil),
        ] as [(String, String, UInt16?)]
    )
    func host(text: String, host: String, port: UInt16?) {
        #expect(Authority.parse(text) == Authority(host: host, port: port))
    }

    @Test(
        "What is no Host value is none (R24)",
        arguments: [
            "", "a/b", "a b", " a", "a ", "a:b", "http://a", "a?b", "a#b", "a\\b", "a@b", "a,b", "a:1:2", "[::1",
            "::1",
            "ä.example", "a\u{301}", "a\t", "0x7f.0.0.1",
        ]
    )
    func noHost(text: String) {
        #expect(Authority.parse(text) == nil)
    }
}
