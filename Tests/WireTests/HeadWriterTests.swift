// Heads written, and read back (hardening R25).

import HTTPSemantics
import Testing
import Wire

@Suite("Head writer: RFC 9112 §3, §4, §5")
struct HeadWriterTests {
    private let uri = AbsoluteURI(
        scheme: "http",
        authority: Authority(host: "example.org", port: 8080),
        pathAndQuery: "/a?b"
    )

    private func written(_ head: RequestHead, originForm: Bool) -> String {
        var output = bytes("before ")
        HeadWriter.request(head, originForm: originForm, into: &output)
        return text(output)
    }

    private func written(_ head: ResponseHead) -> String {
        var output = bytes("before ")
        HeadWriter.response(head, into: &output)
        return text(output)
    }

    private func head(_ method: Method, _ target: RequestTarget) -> RequestHead {
        RequestHead(method: method, target: target, version: .http10, fields: FieldSection())
    }

    @Test("an absolute target goes to an origin in origin-form, to a parent proxy in absolute-form (RFC 9112 §3.2)")
    func targets() {
        let absolute = head(.get, .absolute(uri))
        #expect(written(absolute, originForm: true) == "before GET /a?b HTTP/1.1\r\n\r\n")
        #expect(written(absolute, originForm: false) == "before GET http://example.org:8080/a?b HTTP/1.1\r\n\r\n")
        #expect(
            written(head(.get, .origin(pathAndQuery: "/p")), originForm: true) == "before GET /p HTTP/1.1\r\n\r\n"
        )
        #expect(written(head(.options, .asterisk), originForm: true) == "before OPTIONS * HTTP/1.1\r\n\r\n")
        #expect(
            written(head(.connect, .authority(Authority(host: "[::1]", port: 443))), originForm: false)
                == "before CONNECT [::1]:443 HTTP/1.1\r\n\r\n"
        )
    }

    @Test("fields are written in the case and order received, with one space and no more (R25)")
    func fields() {
        var message = head(.get, .absolute(uri))
        message.fields.append(name: "x-B", value: "1")
        message.fields.append(name: "HOST", value: "example.org:8080")
        message.fields.append(name: "X-b", value: "")
        #expect(
            written(message, originForm: true)
                == "before GET /a?b HTTP/1.1\r\nx-B: 1\r\nHOST: example.org:8080\r\nX-b: \r\n\r\n"
        )
    }

    @Test("a status line has our version, three digits and the reason (RFC 9112 §4)")
    func statusLines() {
        #expect(written(ResponseHead(status: 200, version: .http10)) == "before HTTP/1.1 200 OK\r\n\r\n")
        #expect(written(ResponseHead(status: 299)) == "before HTTP/1.1 299 \r\n\r\n")
        #expect(written(ResponseHead(status: 999, reason: "Odd one")) == "before HTTP/1.1 999 Odd one\r\n\r\n")
        #expect(written(ResponseHead(status: 7, reason: "")) == "before HTTP/1.1 500 \r\n\r\n")
    }

    @Test("what a head may not contain is not written, whoever made the head (R22, R25)")
    func nothingSplits() {
        var fields = FieldSection()
        fields.append(name: "X", value: "a\r\nSet-Cookie: b\u{0}c")
        fields.append(name: "Bad Name", value: "1")
        fields.append(name: "Y\r\nZ", value: "1")
        fields.append(name: "", value: "1")
        let split = ResponseHead(status: 200, reason: "O\r\nK", fields: fields)
        #expect(written(split) == "before HTTP/1.1 200 OK\r\nX: a  Set-Cookie: b c\r\n\r\n")
        let target = RequestTarget.origin(pathAndQuery: "/a HTTP/1.1\r\nX: y")
        #expect(
            written(head(Method("G ET\r\n"), target), originForm: true) == "before GET /aHTTP/1.1X:y HTTP/1.1\r\n\r\n"
        )
    }

    @Test("a head that was read is written, and read again to the same head")
    func roundTrip() throws {
        let requestText = "POST http://a.example/x?y=%20z HTTP/1.1\r\nHost: a.example\r\nx-Y:  \u{E9} \r\nX-y:\r\n\r\n"
        let read = try #require(request(requestText))
        var output: [UInt8] = []
        HeadWriter.request(read, originForm: false, into: &output)
        #expect(requests(output).heads == [read])

        let answer = try #require(response("HTTP/1.1 404 Not there\r\nA: 1\r\nb: \u{FF}\r\nA: 2\r\n\r\n"))
        output = []
        HeadWriter.response(answer, into: &output)
        #expect(responses(output).heads == [answer])
    }
}
