// Requests, accepted and refused (hardening R1, R2, R4, R5, R14, R22 to R25, R28).

import HTTPSemantics
import Testing
import Wire

@Suite("Request parser: RFC 9112 §2, §3, §5")
struct RequestParserTests {
    private let good = "GET http://example.org/a?b HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\n\r\n"

    @Test("a request in absolute-form is read whole (RFC 9112 §3.2.2)")
    func absoluteForm() throws {
        let head = try #require(request(good))
        #expect(head.method == .get)
        #expect(head.version == .http11)
        let authority = Authority(host: "example.org", port: nil)
        #expect(head.target == .absolute(AbsoluteURI(scheme: "http", authority: authority, pathAndQuery: "/a?b")))
        #expect(head.fields.count == 2)
        #expect(head.fields.first(.host) == "example.org")
        #expect(head.fields.first(.accept) == "*/*")
    }

    @Test("the four forms of a target are read, each with its method (RFC 9112 §3.2)")
    func targetForms() {
        #expect(request("GET /p HTTP/1.1\r\nHost: a\r\n\r\n")?.target == .origin(pathAndQuery: "/p"))
        #expect(request("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")?.target == .asterisk)
        #expect(
            request("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n")?.target
                == .authority(Authority(host: "a.example", port: 443))
        )
    }

    @Test("any token is a method, its case kept (R28, RFC 9110 §9.1)")
    func methods() {
        for name in ["GET", "get", "M-SEARCH", "x!#$%&'*+.^_`|~9", String(repeating: "M", count: 32)] {
            #expect(request("\(name) /p HTTP/1.1\r\nHost: a\r\n\r\n")?.method == Method(name), "\(name)")
        }
    }

    @Test("case, order and repeats of fields stay as they came (R25)")
    func fieldsAsReceived() throws {
        let head = try #require(
            request(
                "GET http://a/ HTTP/1.1\r\nx-B: 1\r\nHOST: a\r\nX-b:2\r\nX-Empty:\r\nX-Wide: \t é \u{FF}\t \r\n\r\n"
            )
        )
        var names: [String] = []
        var values: [[UInt8]] = []
        head.fields.forEachBytes { _, name, value in
            names.append(String(decoding: name, as: UTF8.self))
            values.append(Array(value))
        }
        #expect(names == ["x-B", "HOST", "X-b", "X-Empty", "X-Wide"])
        // RFC 9110 §5.5: white space around a value is not part of it; obs-text is passed as bytes.
        #expect(values == [[0x31], [0x61], [0x32], [], [0xE9, 0x20, 0xFF]])
    }

    @Test("requests that follow each other in one buffer come one by one")
    func pipelined() {
        let two = good + "HEAD http://example.org/c HTTP/1.1\r\nHost: example.org\r\n\r\n"
        let transcript = requests(bytes(two))
        #expect(transcript.heads.map(\.method) == [.get, .head])
        #expect(transcript.consumed == two.utf8.count)
        #expect(transcript.end == .needMore)
    }

    @Test("up to four empty lines before a request are passed over (R14, RFC 9112 §2.2)")
    func emptyLines() {
        #expect(request("\r\n\r\n\r\n\r\n" + good) != nil)
        #expect(requestRefusal("\r\n\r\n\r\n\r\n\r\n" + good) == .tooManyEmptyLines)
        #expect(requestRefusal("\r\n\r\n\r\n\r\n\r\n") == .tooManyEmptyLines)
        #expect(requestRefusal("\n" + good) == .bareLineFeed)
        #expect(requestRefusal("\rG") == .bareCarriageReturn)
    }

    @Test("a request has started with its first byte, not with empty lines before it")
    func started() {
        var parser = RequestParser()
        #expect(!parser.hasStarted)
        #expect(bytes("\r\n").withUnsafeBytes { parser.parse($0) } == .needMore)
        #expect(!parser.hasStarted)
        #expect(bytes("\r\nG").withUnsafeBytes { parser.parse($0) } == .needMore)
        #expect(parser.hasStarted)
        parser.reset()
        #expect(!parser.hasStarted)
        let whole = bytes(good)
        guard case .head = whole.withUnsafeBytes({ parser.parse($0) }) else {
            Issue.record("no head after a reset")
            return
        }
        #expect(!parser.hasStarted)
    }

    struct Refused: Sendable, CustomTestStringConvertible {
        let message: String
        let refusal: WireRefusal
        let status: Int

        init(_ message: String, _ refusal: WireRefusal, _ status: Int = 400) {
            self.message = message
            self.refusal = refusal
            self.status = status
        }

        var testDescription: String { String(message.prefix(60).debugDescription) }
    }

    static let fieldCases: [Refused] = [
        fieldCase("X: a\nY: b", .bareLineFeed),
        fieldCase("X: a\n", .bareLineFeed),
        fieldCase("X: a\r\r", .bareCarriageReturn),
        fieldCase("X: a\rb", .bareCarriageReturn),
        fieldCase("X\r: b", .bareCarriageReturn),
        fieldCase("\rX: b", .bareCarriageReturn),
        fieldCase("X: a\u{0}b", .invalidFieldValue),
        fieldCase("X: a\u{1F}b", .invalidFieldValue),
        fieldCase("X: a\u{7F}b", .invalidFieldValue),
        fieldCase("X: \u{B}", .invalidFieldValue),
        fieldCase("X: a\r\n b", .foldedField),
        fieldCase("X: a\r\n\tb", .foldedField),
        fieldCase(" X: a", .foldedField),
        fieldCase("X : a", .whitespaceBeforeColon),
        fieldCase("X\t : a", .whitespaceBeforeColon),
        fieldCase("X Y: a", .invalidFieldName),
        fieldCase("X\u{E9}: a", .invalidFieldName),
        fieldCase("X(: a", .invalidFieldName),
        fieldCase("X\u{0}: a", .invalidFieldName),
        fieldCase(": a", .emptyFieldName),
        fieldCase("X", .missingColon),
        fieldCase("Xa b", .invalidFieldName),
    ]

    private static func fieldCase(_ line: String, _ refusal: WireRefusal) -> Refused {
        Refused("GET http://a/ HTTP/1.1\r\nHost: a\r\n\(line)\r\n\r\n", refusal)
    }

    @Test("what is not exactly a field line is refused (R22, RFC 9112 §5)", arguments: fieldCases)
    func fields(_ refused: Refused) {
        #expect(requestRefusal(refused.message) == refused.refusal)
        #expect(refused.refusal.status == refused.status)
    }

    static let lineCases: [Refused] = [
        Refused("GET http://a/\r\n\r\n", .malformedRequestLine),
        Refused("GET\r\n\r\n", .malformedRequestLine),
        Refused("GET \r\n\r\n", .malformedRequestLine),
        Refused("GET  http://a/ HTTP/1.1\r\n\r\n", .malformedRequestLine),
        Refused("GET http://a/  HTTP/1.1\r\n\r\n", .malformedRequestLine),
        Refused("GET http://a/ HTTP/1.1 \r\n\r\n", .malformedRequestLine),
        Refused("GET http://a/ b HTTP/1.1\r\n\r\n", .malformedRequestLine),
        Refused("GET http://a/ http/1.1\r\n\r\n", .malformedRequestLine),
        Refused("GET http://a/ HTTP/1.\r\n\r\n", .malformedRequestLine),
        Refused("GET http://a/ HTTP/11\r\n\r\n", .malformedRequestLine),
        Refused("GET http://a/ HTTP/1.10\r\n\r\n", .malformedRequestLine),
        Refused("GET http://a/ HTTP/1x1\r\n\r\n", .malformedRequestLine),
        Refused("GET http://a/ ICY/1.10\r\n\r\n", .malformedRequestLine),
        Refused("GET\thttp://a/ HTTP/1.1\r\n\r\n", .invalidMethod),
        Refused("G(T http://a/ HTTP/1.1\r\n\r\n", .invalidMethod),
        Refused(" GET http://a/ HTTP/1.1\r\n\r\n", .invalidMethod),
        Refused("\u{16}\u{3}\u{1}", .invalidMethod),
        Refused("\u{0}", .invalidMethod),
        Refused("GET http://a/ HTTP/1.1\n\r\n", .bareLineFeed),
        Refused("GE\rT http://a/ HTTP/1.1\r\n\r\n", .bareCarriageReturn),
        Refused("GET http://a/\r HTTP/1.1\r\n\r\n", .bareCarriageReturn),
        Refused("GET http://a/ HTTP/1.1\r\r\n\r\n", .bareCarriageReturn),
        Refused("GET http://a/\tb HTTP/1.1\r\n\r\n", .target(.malformed)),
        Refused("GET http://a/\u{E9} HTTP/1.1\r\n\r\n", .target(.malformed)),
        Refused("GET http://a/\u{0} HTTP/1.1\r\n\r\n", .target(.malformed)),
        Refused("GET http://a/#b HTTP/1.1\r\n\r\n", .target(.fragment)),
        Refused("GET http://u@a/ HTTP/1.1\r\n\r\n", .target(.userinfo)),
        Refused("GET http:///p HTTP/1.1\r\n\r\n", .target(.emptyHost)),
        Refused("GET http://0x7f.1/ HTTP/1.1\r\n\r\n", .target(.badHost)),
        Refused("GET http://a:0/ HTTP/1.1\r\n\r\n", .target(.badPort)),
        Refused("GET http://a:65536/ HTTP/1.1\r\n\r\n", .target(.badPort)),
        Refused("CONNECT a.example HTTP/1.1\r\n\r\n", .target(.badPort)),
        Refused("GET ftp://a/ HTTP/1.1\r\n\r\n", .target(.scheme("ftp")), 501),
        Refused("\(String(repeating: "M", count: 33)) / HTTP/1.1\r\n\r\n", .methodTooLong, 501),
        Refused("GET http://a/ HTTP/2.0\r\n\r\n", .unsupportedVersion, 505),
        Refused("GET http://a/ HTTP/1.2\r\n\r\n", .unsupportedVersion, 505),
        Refused("GET http://a/ HTTP/0.9\r\n\r\n", .unsupportedVersion, 505),
        Refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .unsupportedVersion, 505),
    ]

    @Test("what is not exactly a request line is refused (R23, RFC 9112 §3)", arguments: lineCases)
    func requestLines(_ refused: Refused) {
        #expect(requestRefusal(refused.message) == refused.refusal)
        #expect(refused.refusal.status == refused.status)
    }

    @Test("a request line is refused when it ends, without waiting for the fields")
    func earlyRefusal() {
        #expect(requestRefusal("GET http://a/\r\n") == .malformedRequestLine)
        #expect(requestRefusal("\u{16}") == .invalidMethod)
    }

    static let hostCases: [Refused] = [
        hostCase("1.1", "", .hostMissing),
        hostCase("1.1", "Host: a\r\nHost: a\r\n", .hostRepeated),
        hostCase("1.0", "Host: a\r\nhost: a\r\n", .hostRepeated),
        hostCase("1.1", "Host:\r\n", .hostInvalid),
        hostCase("1.1", "Host: a/b\r\n", .hostInvalid),
        hostCase("1.1", "Host: a b\r\n", .hostInvalid),
        hostCase("1.1", "Host: a, b\r\n", .hostInvalid),
        hostCase("1.1", "Host: u@a\r\n", .hostInvalid),
        hostCase("1.1", "Host: a:99999\r\n", .hostInvalid),
        hostCase("1.1", "Host: \u{E9}\r\n", .hostInvalid),
        hostCase("1.0", "Host: a/b\r\n", .hostInvalid),
    ]

    private static func hostCase(_ version: String, _ lines: String, _ refusal: WireRefusal) -> Refused {
        Refused("GET http://a/ HTTP/\(version)\r\n\(lines)\r\n", refusal)
    }

    @Test("HTTP/1.1 has exactly one valid Host (R24, RFC 9112 §3.2)", arguments: hostCases)
    func host(_ refused: Refused) {
        #expect(requestRefusal(refused.message) == refused.refusal)
    }

    @Test("a valid Host need not agree with an absolute target, and HTTP/1.0 needs none (R24)")
    func hostAccepted() {
        for host in ["a", "A", "a:80", "other.example", "other.example:8080", "[::1]", "[::1]:80", "127.0.0.1"] {
            #expect(request("GET http://a/ HTTP/1.1\r\nHost: \(host)\r\n\r\n") != nil, "\(host)")
        }
        #expect(request("GET http://a/ HTTP/1.0\r\n\r\n")?.version == .http10)
        #expect(request("GET http://a/ HTTP/1.0\r\nHost: b\r\n\r\n") != nil)
    }

    @Test("each limit holds to the byte (R1, R2, R4, R5)")
    func limits() {
        var limits = WireLimits()
        limits.requestLine = 22
        limits.requestHead = 70
        limits.field = 20
        limits.fieldCount = 3
        let line = "GET http://a/ HTTP/1.1\r\n"
        #expect(request(line + "Host: a\r\n\r\n", limits: limits) != nil)
        #expect(requestRefusal("GET http://a/b HTTP/1.1\r\n", limits: limits) == .requestLineTooLong)
        #expect(requestRefusal(String(repeating: "G", count: 23), limits: limits) == nil)
        #expect(requestRefusal(String(repeating: "G", count: 24), limits: limits) == .requestLineTooLong)

        let field = "X: " + String(repeating: "v", count: 17)
        #expect(request(line + "Host: a\r\n\(field)\r\n\r\n", limits: limits) != nil)
        #expect(requestRefusal(line + "Host: a\r\n\(field)v\r\n\r\n", limits: limits) == .fieldTooLarge)
        #expect(requestRefusal(line + "Host: a\r\n\(field)vv", limits: limits) == .fieldTooLarge)

        #expect(request(line + "Host: a\r\nX:1\r\nX:2\r\n\r\n", limits: limits) != nil)
        #expect(requestRefusal(line + "Host: a\r\nX:1\r\nX:2\r\nX:3\r\n", limits: limits) == .tooManyFields)

        // 24 + 9 + 22 + 13 + 2 = 70
        let full = line + "Host: a\r\n\(field)\r\nY: 12345678\r\n\r\n"
        #expect(full.utf8.count == 70)
        #expect(request(full, limits: limits) != nil)
        #expect(request("\r\n" + full, limits: limits) != nil, "empty lines before a head are not part of it")
        #expect(
            requestRefusal(line + "Host: a\r\n\(field)\r\nY: 123456789\r\n\r\n", limits: limits) == .headTooLarge
        )

        limits.requestLine = .max
        limits.requestHead = .max
        limits.field = .max
        #expect(request("\r\n" + good, limits: limits) != nil, "a limit beyond all input is none")
    }

    @Test("the standard limits are those of the hardening rules (R1 to R8, R14)")
    func standardLimits() {
        let limits = WireLimits.standard
        #expect([limits.requestLine, limits.requestHead, limits.responseHead] == [16384, 65536, 65536])
        #expect([limits.field, limits.fieldCount] == [32768, 256])
        #expect([limits.trailerBytes, limits.trailerFields] == [16384, 64])
        #expect([limits.chunkExtension, limits.chunkExtensionsTotal] == [256, 16384])
        #expect([limits.chunkedAllowance, limits.chunkedFactor, limits.emptyLines] == [65536, 8, 4])
    }

    @Test("a refusal stays until the parser is reset (R27)")
    func refusalStays() {
        var parser = RequestParser()
        #expect(bytes("\u{0}").withUnsafeBytes { parser.parse($0) } == .refusal(.invalidMethod))
        let whole = bytes(good)
        #expect(whole.withUnsafeBytes { parser.parse($0) } == .refusal(.invalidMethod))
        parser.reset()
        guard case .head = whole.withUnsafeBytes({ parser.parse($0) }) else {
            Issue.record("no head after a reset")
            return
        }
    }

    @Test("bytes that were searched once are not searched again, so a head cut into bytes costs no more")
    func linear() {
        // The second call gets a buffer whose already searched part was given a line end. A parser that searches from
        // the beginning would find it.
        var parser = RequestParser()
        #expect(bytes("GET http://a/aa").withUnsafeBytes { parser.parse($0) } == .needMore)
        #expect(bytes("GET http://a\r\naaaa").withUnsafeBytes { parser.parse($0) } == .needMore)
        // The same among the fields.
        parser.reset()
        #expect(bytes("GET http://a/ HTTP/1.1\r\nX: abcdef").withUnsafeBytes { parser.parse($0) } == .needMore)
        #expect(bytes("GET http://a/ HTTP/1.1\r\nX: a\n\n\n\n\nabc").withUnsafeBytes { parser.parse($0) } == .needMore)
    }

    @Test("fewer bytes than before are not read beyond their end")
    func shrinkingInput() {
        var parser = RequestParser()
        #expect(bytes("\r\n\r\nGET http://a/ HTTP/1.1\r\nX: a").withUnsafeBytes { parser.parse($0) } == .needMore)
        #expect(bytes("\r\n").withUnsafeBytes { parser.parse($0) } == .needMore)
        #expect(parser.parse(UnsafeRawBufferPointer(start: nil, count: 0)) == .needMore)
    }
}
