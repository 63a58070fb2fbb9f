// Where bodies end, and every ambiguity that is refused (hardening R20, R21, R28).

import HTTPSemantics
import Testing
import Wire

@Suite("Body framing: RFC 9112 §6")
struct BodyFramingTests {
    private func ofRequest(
        by method: Method = .post,
        version: HTTPVersion = .http11,
        _ lines: [String]
    ) -> Result<BodyFraming, WireRefusal> {
        let target = RequestTarget.origin(pathAndQuery: "/")
        return BodyFraming.request(
            RequestHead(method: method, target: target, version: version, fields: section(lines))
        )
    }

    private func ofResponse(
        _ status: Int,
        to method: Method = .get,
        version: HTTPVersion = .http11,
        _ lines: [String]
    ) -> Result<BodyFraming, WireRefusal> {
        BodyFraming.response(ResponseHead(status: status, version: version, fields: section(lines)), to: method)
    }

    private func section(_ lines: [String]) -> FieldSection {
        var fields = FieldSection()
        for line in lines {
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            fields.append(name: String(parts[0]), value: String(parts[1]))
        }
        return fields
    }

    @Test("a request has the body that its fields announce, and none without them (RFC 9112 §6.3)")
    func requests() {
        #expect(ofRequest([]) == .success(.none))
        #expect(ofRequest(by: .get, []) == .success(.none))
        #expect(ofRequest(["Content-Length=0"]) == .success(.length(0)))
        #expect(ofRequest(by: .get, ["content-length=5"]) == .success(.length(5)))
        #expect(ofRequest(["Content-Length=9223372036854775807"]) == .success(.length(.max)))
        #expect(ofRequest(["Content-Length=0000000000000000000000000007"]) == .success(.length(7)))
        #expect(ofRequest(["Transfer-Encoding=chunked"]) == .success(.chunked))
        #expect(ofRequest(["transfer-encoding=ChunkeD"]) == .success(.chunked))
    }

    static let refusedLengths = [
        "", "-1", "+5", "5,5", "5, 5", "5 5", "0x5", "5.", "1e3", "٣", "5;", "9223372036854775808",
        "18446744073709551621", "99999999999999999999999",
    ]

    @Test("a Content-Length is digits below 2^63, nothing else (R21, RFC 9110 §8.6)", arguments: refusedLengths)
    func lengths(_ value: String) {
        #expect(ofRequest(["Content-Length=\(value)"]) == .failure(.contentLengthInvalid))
        #expect(ofResponse(200, ["Content-Length=\(value)"]) == .failure(.contentLengthInvalid))
        #expect(ofResponse(200, to: .head, ["Content-Length=\(value)"]) == .failure(.contentLengthInvalid))
        #expect(ofResponse(304, ["Content-Length=\(value)"]) == .failure(.contentLengthInvalid))
    }

    @Test("several Content-Length lines are refused even where they agree (R21)")
    func repeatedLengths() {
        #expect(ofRequest(["Content-Length=5", "content-length=5"]) == .failure(.contentLengthRepeated))
        #expect(ofResponse(200, ["Content-Length=5", "Content-Length=6"]) == .failure(.contentLengthRepeated))
    }

    static let codings: [(String, WireRefusal)] = [
        ("", .transferEncodingNotChunked),
        ("identity", .transferEncodingNotChunked),
        ("gzip", .transferEncodingNotChunked),
        ("chunked, gzip", .transferEncodingNotChunked),
        ("chunked, chunked", .transferEncodingNotChunked),
        ("chunked,", .transferEncodingNotChunked),
        (", chunked", .transferEncodingNotChunked),
        ("gzip,, chunked", .transferEncodingNotChunked),
        ("chunked;q=1", .transferEncodingNotChunked),
        ("\"chunked\"", .transferEncodingNotChunked),
        ("xchunked", .transferEncodingNotChunked),
        ("chunke", .transferEncodingNotChunked),
        ("x chunked", .transferEncodingNotChunked),
        ("\u{B}chunked", .transferEncodingNotChunked),
        ("gzip, chunked", .transferCodingUnknown),
        ("gzip ,\tCHUNKED", .transferCodingUnknown),
        ("a, b, chunked", .transferCodingUnknown),
    ]

    @Test("a Transfer-Encoding is exactly chunked (R20, RFC 9112 §6.1)", arguments: codings)
    func transferCodings(_ value: String, _ refusal: WireRefusal) {
        #expect(ofRequest(["Transfer-Encoding=\(value)"]) == .failure(refusal))
        #expect(ofResponse(200, ["Transfer-Encoding=\(value)"]) == .failure(refusal))
        #expect(refusal.status == (refusal == .transferCodingUnknown ? 501 : 400))
    }

    @Test("two framings, or a framing that the version does not have, are refused (R20, RFC 9112 §6.1, §6.3)")
    func ambiguous() {
        let both = ["Transfer-Encoding=chunked", "Content-Length=5"]
        #expect(ofRequest(both) == .failure(.transferEncodingWithContentLength))
        #expect(ofRequest(both.reversed()) == .failure(.transferEncodingWithContentLength))
        #expect(ofResponse(200, both) == .failure(.transferEncodingWithContentLength))
        #expect(ofResponse(304, both) == .failure(.transferEncodingWithContentLength))
        let twice = ["Transfer-Encoding=chunked", "transfer-encoding=chunked"]
        #expect(ofRequest(twice) == .failure(.transferEncodingRepeated))
        #expect(ofResponse(200, twice) == .failure(.transferEncodingRepeated))
        #expect(ofRequest(version: .http10, ["Transfer-Encoding=chunked"]) == .failure(.transferEncodingInHTTP10))
        #expect(ofResponse(200, version: .http10, ["Transfer-Encoding=chunked"]) == .failure(.transferEncodingInHTTP10))
    }

    @Test("CONNECT has no content (R28, RFC 9110 §9.3.6)")
    func connect() {
        #expect(ofRequest(by: .connect, []) == .success(.none))
        #expect(ofRequest(by: .connect, ["Content-Length=0"]) == .success(.none))
        #expect(ofRequest(by: .connect, ["Content-Length=1"]) == .failure(.contentInConnect))
        #expect(ofRequest(by: .connect, ["Transfer-Encoding=chunked"]) == .failure(.contentInConnect))
        #expect(ofResponse(200, to: .connect, ["Content-Length=5"]) == .success(.none))
        #expect(ofResponse(299, to: .connect, ["Transfer-Encoding=gzip"]) == .success(.none))
        #expect(ofResponse(403, to: .connect, ["Content-Length=5"]) == .success(.length(5)))
    }

    @Test("a response has the body that status, method and fields give it (RFC 9112 §6.3)")
    func responses() {
        #expect(ofResponse(200, ["Content-Length=5"]) == .success(.length(5)))
        #expect(ofResponse(206, ["Transfer-Encoding=chunked"]) == .success(.chunked))
        #expect(ofResponse(200, []) == .success(.untilClose))
        #expect(ofResponse(200, version: .http10, []) == .success(.untilClose))
        #expect(ofResponse(404, version: .http10, ["Content-Length=0"]) == .success(.length(0)))
        #expect(ofResponse(200, to: .head, []) == .success(.none))
        #expect(ofResponse(200, to: .head, ["Content-Length=5"]) == .success(.none))
        #expect(ofResponse(200, to: .head, ["Transfer-Encoding=chunked"]) == .success(.none))
        #expect(ofResponse(304, ["Content-Length=5"]) == .success(.none))
        #expect(ofResponse(304, []) == .success(.none))
        #expect(ofResponse(204, []) == .success(.none))
        #expect(ofResponse(204, ["Content-Length=0"]) == .success(.none))
        #expect(ofResponse(100, []) == .success(.none))
        #expect(ofResponse(103, []) == .success(.none))
    }

    @Test("an answer that may have no body and announces one is refused (R9, RFC 9110 §8.6, RFC 9112 §6.1)")
    func contentNotAllowed() {
        for status in [100, 102, 103, 199, 204] {
            #expect(ofResponse(status, ["Content-Length=5"]) == .failure(.contentNotAllowed), "\(status)")
            #expect(ofResponse(status, ["Transfer-Encoding=chunked"]) == .failure(.contentNotAllowed), "\(status)")
        }
    }
}
