// Is a 206 to a range of a cold object usable, and which span does it bring (R30)?

import HTTPSemantics
import Resume
import Testing

@Suite("FirstPartial: a 206 to a cold range (R30, RFC 9110 §14.4)")
struct FirstPartialTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var asked = RangeSpecifier.fromTo(first: 100, last: 199)
        var status = 206
        var contentRange: String? = "bytes 100-199/1000"
        var type: String?
        var contentLength: Int64?
        var span: Range<Int64>?
        var completeLength: Int64? = 1000
        var testDescription: String { name }
    }

    @Test(
        "It is used only where it starts where we asked, and ends no later",
        arguments: [
            Case(name: "as asked", contentLength: 100, span: 100..<200),
            Case(name: "no Content-Length", span: 100..<200),
            Case(name: "shorter span", contentRange: "bytes 100-149/1000", span: 100..<150),
            Case(name: "length unknown", contentRange: "bytes 100-199/*", span: 100..<200, completeLength: nil),
            Case(name: "Content-Length shorter: counts as cut", contentLength: 99, span: 100..<200),
            Case(name: "Content-Length longer", contentLength: 101),
            Case(name: "starts earlier", contentRange: "bytes 99-199/1000"),
            Case(name: "starts later", contentRange: "bytes 101-199/1000"),
            Case(name: "ends later", contentRange: "bytes 100-200/1000"),
            Case(name: "no Content-Range", contentRange: nil),
            Case(name: "invalid Content-Range", contentRange: "bytes 100-1000/1000"),
            Case(name: "multipart", type: "Multipart/ByteRanges; boundary=x"),
            Case(name: "a 200 is no partial", status: 200),
            Case(
                name: "open range",
                asked: .from(first: 100),
                contentRange: "bytes 100-999/1000",
                span: 100..<1000
            ),
            Case(name: "open range, shorter span", asked: .from(first: 100), span: 100..<200),
            Case(name: "open range, wrong start", asked: .from(first: 0)),
            Case(
                name: "suffix",
                asked: .suffix(length: 10),
                contentRange: "bytes 990-999/1000",
                span: 990..<1000
            ),
            Case(
                name: "suffix longer than the body: all of it",
                asked: .suffix(length: 5000),
                contentRange: "bytes 0-999/1000",
                span: 0..<1000
            ),
            Case(name: "suffix, wrong start", asked: .suffix(length: 10), contentRange: "bytes 980-999/1000"),
            Case(
                name: "suffix, length unknown: what fits",
                asked: .suffix(length: 10),
                contentRange: "bytes 990-999/*",
                span: 990..<1000,
                completeLength: nil
            ),
            Case(
                name: "suffix, length unknown: more than asked",
                asked: .suffix(length: 10),
                contentRange: "bytes 989-999/*"
            ),
        ]
    )
    func usable(_ row: Case) {
        var lines: [(KnownField, String)] = []
        if let range = row.contentRange { lines.append((.contentRange, range)) }
        if let type = row.type { lines.append((.contentType, type)) }
        let first = ContinuationCheck.firstPartial(
            asked: row.asked,
            response: ResponseHead(status: row.status, fields: fields(lines)),
            contentLength: row.contentLength
        )
        #expect(first == row.span.map { FirstPartial(span: $0, completeLength: row.completeLength) })
    }

    @Test(
        "A part says by its Content-Range how long its body is (R30)",
        arguments: [
            (206, "bytes 100-199/1000", 100), (206, "bytes 0-0/*", 1), (206, "bytes 100-1000/1000", nil),
            (206, nil, nil), (200, "bytes 100-199/1000", nil), (416, "bytes */1000", nil),
        ] as [(Int, String?, Int64?)]
    )
    func announced(status: Int, contentRange: String?, length: Int64?) {
        var fields = FieldSection()
        if let contentRange { fields.append(.contentRange, contentRange) }
        let head = ResponseHead(status: status, version: .http11, fields: fields)
        #expect(ContinuationCheck.announcedLength(of: head) == length)
    }
}
