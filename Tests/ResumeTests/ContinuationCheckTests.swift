// The table of resume-rules 5, row by row, and what rule 2 and R30 say of a 206. The known version is
// fetched from a file of 1,000 bytes of which the first 500 are held; 20 of them are asked for again.

import HTTPSemantics
import Resume
import Testing

/// Sun, 06 Nov 1994 08:49:37 GMT
let modified: Int64 = 784_111_777
let modifiedText = "Sun, 06 Nov 1994 08:49:37 GMT"
/// A day later.
let now: Int64 = modified + 86_400
let nowText = "Mon, 07 Nov 1994 08:49:37 GMT"

func fields(_ lines: [(KnownField, String)]) -> FieldSection {
    var fields = FieldSection()
    for (field, value) in lines { fields.append(field, value) }
    return fields
}

@Suite("ContinuationCheck: does the answer continue what is held?")
struct ContinuationCheckTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var known = ContinuationCheckTests.tagged
        var asked = AskedSpan(start: 480, end: 1000, overlap: 20)
        var status = 206
        var fields: [(KnownField, String)] = []
        var contentLength: Int64?
        var answer: ContinuationAnswer
        var testDescription: String { name }
    }

    private static let tag = EntityTag.parse("\"v1\"").map { StrongValidator.etag($0) }
    private static let date = StrongValidator.lastModified(text: modifiedText, seconds: modified)

    private static func known(
        _ validator: StrongValidator?,
        length: Int64? = 1000,
        encoding: String? = nil,
        type: String? = "application/octet-stream"
    ) -> KnownVersion {
        KnownVersion(
            validator: validator ?? date,
            completeLength: length,
            highestHeldEnd: 500,
            contentEncoding: encoding,
            contentType: type
        )
    }

    private static let tagged = known(tag)
    private static let dated = known(date)
    private static let good = ContinuationAnswer.continues(span: 480..<1000, completeLength: 1000)
    private static let etag: (KnownField, String) = (.etag, "\"v1\"")
    private static let range: (KnownField, String) = (.contentRange, "bytes 480-999/1000")

    @Test("The validator of these tests is the entity tag")
    func fixture() { #expect(Self.tag != nil) }

    @Test(
        "Row 1: 206 with equal start, validator and length continues (RFC 9110 §15.3.7.3)",
        arguments: [
            Case(name: "plain", fields: [etag, range], contentLength: 520, answer: good),
            Case(name: "no Content-Length", fields: [etag, range], answer: good),
            Case(
                name: "Content-Length shorter: counts as cut (R30)",
                fields: [etag, range],
                contentLength: 1,
                answer: good
            ),
            Case(
                name: "shorter span leaves a hole (R30)",
                fields: [etag, (.contentRange, "bytes 480-600/1000")],
                contentLength: 121,
                answer: .continues(span: 480..<601, completeLength: 1000)
            ),
            Case(
                name: "the origin does not say its length: the known one holds",
                fields: [etag, (.contentRange, "bytes 480-999/*")],
                answer: good
            ),
            Case(
                name: "the length was unknown: the first known one fixes it (rule 2)",
                known: known(tag, length: nil),
                asked: AskedSpan(start: 480, end: nil, overlap: 20),
                fields: [etag, range],
                answer: good
            ),
            Case(
                name: "unknown on both sides",
                known: known(tag, length: nil),
                asked: AskedSpan(start: 480, end: nil, overlap: 20),
                fields: [etag, (.contentRange, "bytes 480-999/*")],
                answer: .continues(span: 480..<1000, completeLength: nil)
            ),
            Case(
                name: "the length turns out to be the held end",
                known: known(tag, length: nil),
                asked: AskedSpan(start: 480, end: nil, overlap: 20),
                fields: [etag, (.contentRange, "bytes 480-499/500")],
                answer: .continues(span: 480..<500, completeLength: 500)
            ),
            Case(
                name: "another Last-Modified beside the equal tag",
                fields: [etag, range, (.lastModified, nowText)],
                answer: good
            ),
            Case(
                name: "Content-Type and -Encoding repeated",
                known: known(tag, encoding: "gzip"),
                fields: [etag, range, (.contentType, "Application/Octet-Stream"), (.contentEncoding, "GZIP")],
                answer: good
            ),
            Case(
                name: "they need not be repeated",
                known: known(tag, encoding: "gzip"),
                fields: [etag, range],
                answer: good
            ),
            Case(name: "identity is no coding", fields: [etag, range, (.contentEncoding, "identity")], answer: good),
            Case(
                name: "Content-Type not known before",
                known: known(tag, type: nil),
                fields: [etag, range, (.contentType, "text/plain")],
                answer: good
            ),
            Case(
                name: "Content-Type written with other spaces",
                known: known(tag, type: "text/plain; charset=utf-8"),
                fields: [etag, range, (.contentType, "text/plain;charset=UTF-8")],
                answer: good
            ),
            Case(
                name: "equal date, Date far from it",
                known: dated,
                fields: [(.lastModified, modifiedText), (.date, nowText), range],
                answer: good
            ),
            Case(
                name: "equal date, no Date",
                known: dated,
                fields: [(.lastModified, modifiedText), range],
                answer: good
            ),
        ]
    )
    func continuing(_ row: Case) { expect(row) }

    @Test(
        "Row 2: 206 without the validator",
        arguments: [
            Case(name: "after If-Range with a date: fine", known: dated, fields: [range], answer: good),
            Case(
                name: "after If-Range with a date, no overlap asked: not proven",
                known: dated,
                asked: AskedSpan(start: 480, end: 1000),
                fields: [range],
                answer: .newVersion
            ),
            Case(
                name: "after If-Range with a date, the origin does not say its length: not proven",
                known: dated,
                fields: [(.contentRange, "bytes 480-999/*")],
                answer: .newVersion
            ),
            Case(
                name: "after If-Range with a tag: length and overlap bear it out",
                fields: [range],
                answer: good
            ),
            Case(
                name: "after If-Range with a tag, no overlap asked: not proven",
                asked: AskedSpan(start: 480, end: 1000),
                fields: [range],
                answer: .newVersion
            ),
            Case(
                name: "after If-Range with a tag, the origin does not say its length: not proven",
                fields: [(.contentRange, "bytes 480-999/*")],
                answer: .newVersion
            ),
            Case(
                name: "after If-Range with a tag, the length was not known: not proven",
                known: known(tag, length: nil),
                fields: [range],
                answer: .newVersion
            ),
            Case(
                name: "after If-Range with a tag, a date is no substitute",
                known: known(tag, length: nil),
                fields: [range, (.lastModified, modifiedText), (.date, nowText)],
                answer: .newVersion
            ),
        ]
    )
    func missingValidator(_ row: Case) { expect(row) }

    @Test(
        "Row 3: 206 of another validator or length is a new version, never joined (invariant 2)",
        arguments: [
            Case(name: "another tag", fields: [(.etag, "\"v2\""), range], answer: .newVersion),
            Case(name: "the same tag, weak (R32)", fields: [(.etag, "W/\"v1\""), range], answer: .newVersion),
            Case(name: "a malformed tag", fields: [(.etag, "v1"), range], answer: .newVersion),
            Case(name: "two tags", fields: [etag, etag, range], answer: .newVersion),
            Case(name: "another length", fields: [(.contentRange, "bytes 480-999/1001")], answer: .newVersion),
            Case(
                name: "another length under the equal date",
                known: dated,
                fields: [(.lastModified, modifiedText), (.date, nowText), (.contentRange, "bytes 480-999/1001")],
                answer: .newVersion
            ),
            Case(
                name: "a length below the highest held byte (rule 2)",
                known: known(tag, length: nil),
                fields: [(.contentRange, "bytes 480-498/499")],
                answer: .newVersion
            ),
            Case(
                name: "another date",
                known: dated,
                fields: [(.lastModified, nowText), (.date, nowText), range],
                answer: .newVersion
            ),
            Case(
                name: "the same date written otherwise",
                known: dated,
                fields: [(.lastModified, "Sunday, 06-Nov-94 08:49:37 GMT"), range],
                answer: .newVersion
            ),
            Case(
                name: "two dates",
                known: dated,
                fields: [(.lastModified, modifiedText), (.lastModified, modifiedText), range],
                answer: .newVersion
            ),
            Case(
                name: "equal date that is not strong by this response's Date (rule 1)",
                known: dated,
                fields: [(.lastModified, modifiedText), (.date, modifiedText), range],
                answer: .newVersion
            ),
            Case(
                name: "a tag where there was none (rule 1)",
                known: dated,
                fields: [(.lastModified, modifiedText), (.date, nowText), etag, range],
                answer: .newVersion
            ),
            Case(
                name: "another tag outranks a wrong start: which version comes before where",
                fields: [(.etag, "\"v2\""), (.contentRange, "bytes 0-999/1000")],
                answer: .newVersion
            ),
        ]
    )
    func otherVersion(_ row: Case) { expect(row) }

    @Test(
        "Row 4 and R30: 206 that is broken is discarded",
        arguments: [
            Case(
                name: "the same version by its tag, and another by its length",
                fields: [etag, (.contentRange, "bytes 480-999/1001")],
                answer: .broken(.completeLengthContradicts)
            ),
            Case(
                name: "the same by its tag, and shorter than what is held (rule 2)",
                known: known(tag, length: nil),
                fields: [etag, (.contentRange, "bytes 480-498/499")],
                answer: .broken(.completeLengthContradicts)
            ),
            Case(name: "no Content-Range", fields: [etag], answer: .broken(.contentRangeMissing)),
            Case(name: "two Content-Ranges", fields: [etag, range, range], answer: .broken(.contentRangeMissing)),
            Case(
                name: "last before first",
                fields: [etag, (.contentRange, "bytes 480-479/1000")],
                answer: .broken(.contentRangeInvalid)
            ),
            Case(
                name: "last not below the length",
                fields: [etag, (.contentRange, "bytes 480-1000/1000")],
                answer: .broken(.contentRangeInvalid)
            ),
            Case(
                name: "an unsatisfied range in a 206",
                fields: [etag, (.contentRange, "bytes */1000")],
                answer: .broken(.contentRangeInvalid)
            ),
            Case(
                name: "another unit",
                fields: [etag, (.contentRange, "pages 480-999/1000")],
                answer: .broken(.contentRangeInvalid)
            ),
            Case(
                name: "multipart",
                fields: [etag, (.contentType, "multipart/byteranges; boundary=x")],
                answer: .broken(.multipart)
            ),
            Case(
                name: "starts earlier",
                fields: [etag, (.contentRange, "bytes 479-999/1000")],
                answer: .broken(.wrongStart)
            ),
            Case(
                name: "starts later",
                fields: [etag, (.contentRange, "bytes 481-999/1000")],
                answer: .broken(.wrongStart)
            ),
            Case(
                name: "ends later than asked",
                asked: AskedSpan(start: 480, end: 999, overlap: 20),
                fields: [etag, range],
                answer: .broken(.beyondAsked)
            ),
            Case(
                name: "Content-Length beyond the span",
                fields: [etag, range],
                contentLength: 521,
                answer: .broken(.longerThanSpan)
            ),
            Case(
                name: "another Content-Encoding under the same tag (rule 8)",
                fields: [etag, range, (.contentEncoding, "gzip")],
                answer: .broken(.contentEncodingChanged)
            ),
            Case(
                name: "the Content-Encoding is gone",
                known: known(tag, encoding: "gzip"),
                fields: [etag, range, (.contentEncoding, "identity")],
                answer: .broken(.contentEncodingChanged)
            ),
            Case(
                name: "another Content-Type",
                fields: [etag, range, (.contentType, "text/html")],
                answer: .broken(.contentTypeChanged)
            ),
            Case(
                name: "encoded content under a date (rule 8)",
                known: known(date, encoding: "gzip"),
                fields: [(.lastModified, modifiedText), range],
                answer: .broken(.encodedWithoutEntityTag)
            ),
        ]
    )
    func broken(_ row: Case) { expect(row) }

    @Test(
        "Rows 5 to 11: every other status",
        arguments: [
            Case(name: "200 (R31)", status: 200, fields: [etag], contentLength: 1000, answer: .newVersion),
            Case(name: "203", status: 203, fields: [etag], answer: .newVersion),
            Case(
                name: "416, the length was unknown and is the held end",
                known: known(tag, length: nil),
                asked: AskedSpan(start: 500, end: nil),
                status: 416,
                fields: [(.contentRange, "bytes */500")],
                answer: .alreadyComplete(500)
            ),
            Case(
                name: "416, another length than the held end",
                known: known(tag, length: nil),
                asked: AskedSpan(start: 500, end: nil),
                status: 416,
                fields: [(.contentRange, "bytes */499")],
                answer: .broken(.unsatisfiedRangeContradicts)
            ),
            Case(
                name: "416 though the asked span began inside the body",
                known: known(tag, length: nil),
                asked: AskedSpan(start: 480, end: nil, overlap: 20),
                status: 416,
                fields: [(.contentRange, "bytes */500")],
                answer: .broken(.unsatisfiedRangeContradicts)
            ),
            Case(
                name: "416 against a known length",
                asked: AskedSpan(start: 500, end: 1000),
                status: 416,
                fields: [(.contentRange, "bytes */500")],
                answer: .broken(.unsatisfiedRangeContradicts)
            ),
            Case(
                name: "416 without Content-Range",
                known: known(tag, length: nil),
                asked: AskedSpan(start: 500, end: nil),
                status: 416,
                answer: .broken(.unsatisfiedRangeContradicts)
            ),
            Case(
                name: "416 with a span",
                known: known(tag, length: nil),
                asked: AskedSpan(start: 500, end: nil),
                status: 416,
                fields: [range],
                answer: .broken(.unsatisfiedRangeContradicts)
            ),
            Case(name: "304", status: 304, fields: [etag], answer: .unsolicited),
            Case(name: "412", status: 412, answer: .unsolicited),
            Case(name: "204", status: 204, fields: [etag], answer: .broken(.unexpectedStatus)),
            Case(name: "101", status: 101, answer: .broken(.unexpectedStatus)),
        ]
            + [301, 302, 307, 400, 401, 403, 404, 407, 410, 421, 451].map {
                Case(name: "\($0)", status: $0, answer: .gone(status: $0))
            }
            + [408, 425, 429, 500, 502, 503, 504, 599, 600, 999].map {
                Case(name: "\($0)", status: $0, answer: .transient(status: $0))
            }
    )
    func otherStatus(_ row: Case) { expect(row) }

    @Test("Encoded content may be continued under a tag only (resume-rules 8)")
    func mayBeContinued() {
        #expect(Self.known(Self.tag, encoding: "gzip").mayBeContinued)
        #expect(Self.known(Self.date, encoding: nil).mayBeContinued)
        #expect(Self.known(Self.date, encoding: "identity").mayBeContinued)
        #expect(!Self.known(Self.date, encoding: "gzip").mayBeContinued)
    }

    @Test("What Range named, as a specifier")
    func specifier() {
        #expect(AskedSpan(start: 480, end: 1000).specifier == .fromTo(first: 480, last: 999))
        #expect(AskedSpan(start: 480, end: nil).specifier == .from(first: 480))
    }

    @Test("Every reason has its own sentence")
    func sentences() {
        #expect(Set(BrokenReason.allCases.map(\.sentence)).count == BrokenReason.allCases.count)
    }

    private func expect(_ row: Case) {
        let answer = ContinuationCheck.check(
            asked: row.asked,
            known: row.known,
            response: ResponseHead(status: row.status, fields: fields(row.fields)),
            contentLength: row.contentLength,
            receivedAt: now
        )
        #expect(answer == row.answer)
    }
}
