// Response heads, accepted and refused (hardening R3, R4, R5, R22, R29).

import HTTPSemantics
import Testing
import Wire

@Suite("Response parser: RFC 9112 §2, §4, §5")
struct ResponseParserTests {
    @Test("a response head is read whole, body bytes behind it stay")
    func whole() throws {
        let head = "HTTP/1.1 206 Partial Content\r\nETag: \"a\"\r\nContent-Length: 3\r\n\r\n"
        let transcript = responses(bytes(head))
        #expect(transcript.consumed == head.utf8.count)
        let read = try #require(transcript.heads.first)
        #expect(read.status == 206)
        #expect(read.reason == "Partial Content")
        #expect(read.version == .http11)
        #expect(read.fields.first(.etag) == "\"a\"")

        var parser = ResponseParser()
        let withBody = bytes(head + "abc")
        #expect(withBody.withUnsafeBytes { parser.parse($0) } == .head(read, consumed: head.utf8.count))
    }

    @Test("status lines as origins write them are read (R29, RFC 9112 §4)")
    func statusLines() {
        #expect(response("HTTP/1.0 200 OK\r\n\r\n")?.version == .http10)
        #expect(response("HTTP/1.1 200 \r\n\r\n")?.reason == "")
        #expect(response("HTTP/1.1 200\r\n\r\n")?.reason == "")
        #expect(response("HTTP/1.1 200  two  spaces\t\r\n\r\n")?.reason == " two  spaces\t")
        #expect(response("HTTP/1.1 100 Continue\r\n\r\n")?.status == 100)
        #expect(response("HTTP/1.1 999 Odd\r\n\r\n")?.status == 999)
        #expect(response("HTTP/1.1 600 \u{E9}\r\n\r\n")?.reason == "\u{FFFD}")
    }

    @Test("interim and final heads in one buffer come one by one (RFC 9110 §15.2)")
    func interim() {
        let both = bytes("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")
        let transcript = responses(both)
        #expect(transcript.heads.map(\.status) == [103, 200])
        #expect(transcript.consumed == both.count)
    }

    static let refused: [(String, WireRefusal)] = [
        ("\r\nHTTP/1.1 200 OK\r\n\r\n", .malformedStatusLine),
        ("ICY 200 OK\r\n\r\n", .malformedStatusLine),
        ("<html>", .malformedStatusLine),
        ("HTTP/2", .malformedStatusLine),
        ("http/1.1 200 OK\r\n\r\n", .malformedStatusLine),
        ("HTTP/1.2 200 OK\r\n\r\n", .malformedStatusLine),
        ("HTTP/1.11 200 OK\r\n\r\n", .malformedStatusLine),
        ("HTTP/1.1  200 OK\r\n\r\n", .malformedStatusLine),
        ("HTTP/1.1\t200 OK\r\n\r\n", .malformedStatusLine),
        ("HTTP/1.1 099 Low\r\n\r\n", .malformedStatusLine),
        ("HTTP/1.1 20 OK\r\n\r\n", .malformedStatusLine),
        ("HTTP/1.1 2000 OK\r\n\r\n", .malformedStatusLine),
        ("HTTP/1.1 2x0 OK\r\n\r\n", .malformedStatusLine),
        ("HTTP/1.1 +20 OK\r\n\r\n", .malformedStatusLine),
        ("HTTP/1.1 200OK\r\n\r\n", .malformedStatusLine),
        ("HTTP/1.1 200\tOK\r\n\r\n", .malformedStatusLine),
        ("HTTP/1.1 \r\n\r\n", .malformedStatusLine),
        ("HTTP/1.1 200 O\u{0}K\r\n\r\n", .malformedStatusLine),
        ("HTTP/1.1 200 O\u{7F}K\r\n\r\n", .malformedStatusLine),
        ("HTTP/1.1 200 O\rK\r\n\r\n", .bareCarriageReturn),
        ("HTTP/1.1 200 OK\n\n", .bareLineFeed),
        ("HTTP/1.1 200 OK\r\nX: a\r\r\n\r\n", .bareCarriageReturn),
        ("HTTP/1.1 200 OK\r\nX: a\nY: b\r\n\r\n", .bareLineFeed),
        ("HTTP/1.1 200 OK\r\nX: a\u{1}\r\n\r\n", .invalidFieldValue),
        ("HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", .foldedField),
        ("HTTP/1.1 200 OK\r\n X: a\r\n\r\n", .foldedField),
        ("HTTP/1.1 200 OK\r\nX : a\r\n\r\n", .whitespaceBeforeColon),
        ("HTTP/1.1 200 OK\r\n: a\r\n\r\n", .emptyFieldName),
        ("HTTP/1.1 200 OK\r\nX\r\n\r\n", .missingColon),
        ("HTTP/1.1 200 OK\r\nX/: a\r\n\r\n", .invalidFieldName),
    ]

    @Test("what is not exactly a response head is refused (R22, R29, RFC 9112 §4, §5)", arguments: refused)
    func refusals(_ message: String, _ refusal: WireRefusal) {
        #expect(responseRefusal(message) == refusal)
    }

    @Test("each limit holds to the byte (R3, R4, R5)")
    func limits() {
        var limits = WireLimits()
        limits.responseHead = 60
        limits.field = 25
        limits.fieldCount = 2
        let line = "HTTP/1.1 200 OK\r\n"
        #expect(response(line + "X: \(String(repeating: "v", count: 22))\r\n\r\n", limits: limits) != nil)
        #expect(
            responseRefusal(line + "X: \(String(repeating: "v", count: 23))\r\n\r\n", limits: limits) == .fieldTooLarge
        )
        #expect(responseRefusal(line + "X:1\r\nX:2\r\nX:3\r\n", limits: limits) == .tooManyFields)
        // 17 + 27 + 14 + 2 = 60
        let fields = "X: \(String(repeating: "v", count: 22))\r\nY: 123456789\r\n"
        #expect(response(line + fields + "\r\n", limits: limits) != nil)
        #expect(responseRefusal(line + "Z" + fields + "\r\n", limits: limits) == .fieldTooLarge)
        #expect(responseRefusal(line + fields.dropLast() + "0\r\n\r\n", limits: limits) == .headTooLarge)
        #expect(
            responseRefusal("HTTP/1.1 200 \(String(repeating: "r", count: 20))", limits: limits) == .malformedStatusLine
        )
    }

    @Test("the end of input inside a head is not a head (R29)")
    func cutHead() {
        let whole = bytes("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n")
        for count in 0..<whole.count {
            let transcript = responses(Array(whole.prefix(count)))
            #expect(transcript.heads.isEmpty)
            #expect(transcript.end == .needMore)
        }
    }

    @Test("a response has started with its first byte")
    func started() {
        var parser = ResponseParser()
        #expect(parser.parse(UnsafeRawBufferPointer(start: nil, count: 0)) == .needMore)
        #expect(!parser.hasStarted)
        #expect(bytes("H").withUnsafeBytes { parser.parse($0) } == .needMore)
        #expect(parser.hasStarted)
        #expect(bytes("HX").withUnsafeBytes { parser.parse($0) } == .refusal(.malformedStatusLine))
        #expect(bytes("HTTP").withUnsafeBytes { parser.parse($0) } == .refusal(.malformedStatusLine))
        parser.reset()
        #expect(!parser.hasStarted)
        let whole = bytes("HTTP/1.1 200 OK\r\n\r\n")
        #expect(whole.withUnsafeBytes { parser.parse($0) } == .head(ResponseHead(status: 200), consumed: whole.count))
        #expect(!parser.hasStarted)
    }
}
