// The table of resume-rules 5 from the answer's head to the action, one test a row, counted as they stand there. The
// file has 1,000 bytes, of which the first 500 are held; it is asked for from byte 480 on. ContinuationCheckTests has the
// many cases of each judgement.

import HTTPSemantics
import Resume
import Testing

@Suite("The decision table of resume-rules 5, row by row")
struct DecisionTableTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var name: String
        var condition = ResumeCondition.ifRangeTag
        var length: Int64? = 1000
        var asked = AskedSpan(start: 480, end: 1000, overlap: 20)
        var status = 206
        var fields: [(KnownField, String)] = []
        var contentLength: Int64?
        var connections = 1
        var action: ContinuationAction
        var event: OriginEvent?
        var testDescription: String { name }
    }

    private static let good: [(KnownField, String)] = [(.etag, "\"v1\""), (.contentRange, "bytes 480-999/1000")]
    private static let append = ContinuationAction.append(480..<1000, completeLength: 1000)
    private static let beyond = AskedSpan(start: 500, end: nil)

    @Test(
        "Row 1: 206 of the same version: append",
        arguments: ResumeCondition.allCases.map {
            Row(name: "\($0)", condition: $0, fields: good, action: append, event: .answered206($0))
        }
    )
    func row1(_ row: Row) { expect(row) }

    @Test(
        "Row 2: 206 without a validator: append only where length and overlap bear it out, else row 3",
        arguments: [
            Row(
                name: "borne out",
                fields: [(.contentRange, "bytes 480-999/1000")],
                action: append,
                event: .answered206(.ifRangeTag)
            ),
            Row(
                name: "no overlap",
                asked: AskedSpan(start: 500, end: 1000),
                fields: [(.contentRange, "bytes 500-999/1000")],
                action: .beginNewVersion,
                event: .ifRangeIgnored(.ifRangeTag)
            ),
        ]
    )
    func row2(_ row: Row) { expect(row) }

    @Test(
        "Row 3: 206 of another version: never append, and the condition was ignored",
        arguments: [
            Row(
                name: "another tag",
                fields: [(.etag, "\"v2\""), (.contentRange, "bytes 480-999/1000")],
                action: .beginNewVersion,
                event: .ifRangeIgnored(.ifRangeTag)
            ),
            Row(
                name: "another length, and no name",
                condition: .ifMatch,
                fields: [(.contentRange, "bytes 480-999/1001")],
                action: .beginNewVersion,
                event: .ifRangeIgnored(.ifMatch)
            ),
            Row(
                name: "without a condition there was none to ignore",
                condition: .checkedAfterwards,
                fields: [(.etag, "\"v2\""), (.contentRange, "bytes 480-999/1000")],
                action: .beginNewVersion,
                event: .answered206(.checkedAfterwards)
            ),
        ]
    )
    func row3(_ row: Row) { expect(row) }

    @Test(
        "Row 4: 206 that is broken: discard, flag, plain GET",
        arguments: [
            Row(
                name: "wrong start",
                fields: [(.etag, "\"v1\""), (.contentRange, "bytes 0-999/1000")],
                action: .askPlainly,
                event: .brokeRange(.wrongStart)
            ),
            Row(
                name: "the same tag, another length: what of it is a lie says nothing of others",
                fields: [(.etag, "\"v1\""), (.contentRange, "bytes 480-999/1001")],
                action: .askPlainly
            ),
            Row(
                name: "no Content-Range",
                fields: [(.etag, "\"v1\"")],
                action: .askPlainly,
                event: .brokeRange(.contentRangeMissing)
            ),
            Row(
                name: "unrequested multipart",
                fields: [(.etag, "\"v1\""), (.contentType, "multipart/byteranges; boundary=x")],
                action: .askPlainly,
                event: .brokeRange(.multipart)
            ),
            Row(
                name: "longer than its span (R30)",
                fields: good,
                contentLength: 521,
                action: .askPlainly,
                event: .brokeRange(.longerThanSpan)
            ),
            Row(
                name: "another coding under the same validator: it is the validator that lies",
                fields: good + [(.contentEncoding, "br")],
                action: .askPlainly,
                event: .overlapDiffered
            ),
            Row(name: "204", status: 204, action: .askPlainly, event: .brokeRange(.unexpectedStatus)),
        ]
    )
    func row4(_ row: Row) { expect(row) }

    @Test(
        "Row 5: 200 under the same strong validator and length: compare from byte 0, flag",
        arguments: [
            Row(
                name: "after If-Range",
                status: 200,
                fields: [(.etag, "\"v1\"")],
                contentLength: 1000,
                action: .compareWhole,
                event: .ignoredRange(.ifRangeTag)
            ),
            Row(
                name: "after a plain range",
                condition: .checkedAfterwards,
                status: 200,
                fields: [(.etag, "\"v1\"")],
                contentLength: 1000,
                action: .compareWhole,
                event: .ignoredRange(.checkedAfterwards)
            ),
        ]
    )
    func row5(_ row: Row) { expect(row) }

    @Test(
        "Row 6: 200 of another version, or without a validator: a new version",
        arguments: [
            Row(
                name: "another tag",
                status: 200,
                fields: [(.etag, "\"v2\"")],
                contentLength: 1000,
                action: .beginNewVersion,
                event: .answeredNewVersion(.ifRangeTag)
            ),
            Row(
                name: "no validator",
                status: 200,
                contentLength: 1000,
                action: .beginNewVersion,
                event: .answeredNewVersion(.ifRangeTag)
            ),
            Row(
                name: "the same tag, another length",
                status: 200,
                fields: [(.etag, "\"v1\"")],
                contentLength: 999,
                action: .beginNewVersion,
                event: .answeredNewVersion(.ifRangeTag)
            ),
        ]
    )
    func row6(_ row: Row) { expect(row) }

    @Test("Row 7: 416 at the held end of an unknown length: all is there, once confirmed (RFC 9110 §15.5.17)")
    func row7() {
        expect(
            Row(
                name: "",
                length: nil,
                asked: Self.beyond,
                status: 416,
                fields: [(.contentRange, "bytes */500")],
                action: .confirmEnd(500)
            )
        )
    }

    @Test(
        "Row 8: 416 that contradicts, or says nothing: plain GET",
        arguments: [
            Row(name: "another length", status: 416, fields: [(.contentRange, "bytes */900")], action: .askPlainly),
            Row(name: "no Content-Range", length: nil, asked: beyond, status: 416, action: .askPlainly),
        ]
    )
    func row8(_ row: Row) { expect(row) }

    @Test(
        "Row 9: 412: changed, plain GET",
        arguments: [
            Row(
                name: "after If-Match",
                condition: .ifMatch,
                status: 412,
                action: .askPlainly,
                event: .preconditionFailed
            ),
            Row(name: "after If-Range, where it has no meaning", status: 412, action: .askPlainly),
        ]
    )
    func row9(_ row: Row) { expect(row) }

    @Test("Row 10: 304, which was not asked for: plain GET")
    func row10() { expect(Row(name: "", status: 304, fields: Self.good, action: .askPlainly)) }

    @Test(
        "Row 11: gone, or not for these credentials: park, surface the status; what is gone is not fresh",
        arguments: [401, 403, 407, 451].map {
            Row(name: "\($0)", status: $0, action: .park(status: $0, invalidates: false))
        }
            + [404, 410, 301, 302, 307, 308].map {
                Row(name: "\($0)", status: $0, action: .park(status: $0, invalidates: true))
            }
    )
    func row11(_ row: Row) { expect(row) }

    @Test(
        "Row 12: transient: ask again later",
        arguments: [408, 425, 429, 500, 502, 503, 504].map {
            Row(name: "\($0)", status: $0, action: .askAgainLater(status: $0))
        } + [
            Row(
                name: "429 beside others",
                status: 429,
                connections: 4,
                action: .askAgainLater(status: 429),
                event: .tooManyConnections(4)
            ),
            Row(
                name: "503 beside others",
                status: 503,
                connections: 2,
                action: .askAgainLater(status: 503),
                event: .tooManyConnections(2)
            ),
            Row(name: "500 beside others", status: 500, connections: 2, action: .askAgainLater(status: 500)),
        ]
    )
    func row12(_ row: Row) { expect(row) }

    private func expect(_ row: Row) {
        guard let tag = EntityTag.parse("\"v1\"") else {
            Issue.record("no tag")
            return
        }
        let known = KnownVersion(
            validator: .etag(tag),
            completeLength: row.length,
            highestHeldEnd: 500,
            contentEncoding: nil,
            contentType: nil
        )
        let response = ResponseHead(status: row.status, fields: fields(row.fields))
        let answer = ContinuationCheck.check(
            asked: row.asked,
            known: known,
            response: response,
            contentLength: row.contentLength,
            receivedAt: now
        )
        let step = answer.step(
            status: row.status,
            condition: row.condition,
            isWhole: known.isWhole(response, contentLength: row.contentLength, receivedAt: now),
            openConnections: row.connections
        )
        #expect(step == ContinuationStep(row.action, learning: row.event))
    }
}
