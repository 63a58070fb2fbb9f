// When the end of a body is believed, what is asked where it is not, and what each answer proves: tables. 500 bytes came.

import HTTPSemantics
import Resume
import Testing

@Suite("TruncationSentinel: is a body that ended whole? (resume-rules 11, RFC 9112 §8)")
struct TruncationSentinelTests {
    struct End: Sendable, CustomTestStringConvertible {
        var name: String
        var framing: EndFraming
        var isSound = true
        var known: Int64?
        var distrusts = false
        var end: BodyEnd
        var testDescription: String { name }
    }

    @Test(
        "Each framing, with and without another source of the length (RFC 9112 §6.3, §8)",
        arguments: [
            End(name: "its length reached", framing: .length(500), end: .whole(500)),
            End(name: "its length not reached", framing: .length(501), isSound: false, end: .cut(500)),
            End(name: "its length not reached, closed in order", framing: .length(501), end: .cut(500)),
            End(name: "its length reached, another one known", framing: .length(500), known: 600, end: .unproven(500)),
            End(name: "longer than is known", framing: .length(500), known: 499, end: .contradicts),
            End(name: "last chunk", framing: .chunked, end: .whole(500)),
            End(name: "no last chunk", framing: .chunked, isSound: false, end: .cut(500)),
            End(name: "last chunk at the known length", framing: .chunked, known: 500, end: .whole(500)),
            End(name: "last chunk short of it", framing: .chunked, known: 501, end: .unproven(500)),
            End(name: "last chunk beyond it", framing: .chunked, known: 499, end: .contradicts),
            End(
                name: "last chunk of an origin that breaks bodies off: a relay may have closed it",
                framing: .chunked,
                distrusts: true,
                end: .unproven(500)
            ),
            End(
                name: "the same at the known length",
                framing: .chunked,
                known: 500,
                distrusts: true,
                end: .whole(500)
            ),
            End(name: "closed", framing: .close, end: .unproven(500)),
            End(name: "reset", framing: .close, isSound: false, end: .cut(500)),
            End(name: "closed at the known length", framing: .close, known: 500, end: .whole(500)),
            End(name: "closed short of it", framing: .close, known: 501, end: .unproven(500)),
        ]
    )
    func ends(_ row: End) {
        let end = TruncationSentinel.end(
            framing: row.framing,
            received: 500,
            isSound: row.isSound,
            known: row.known,
            distrusts: row.distrusts
        )
        #expect(end == row.end)
    }

    @Test("The cheapest question first; a last byte only where there is one, and ranges are")
    func questions() {
        #expect(
            TruncationSentinel.questions(end: 500, condition: .ifRangeTag) == [
                .lastByte(offset: 499, .ifRangeTag), .head,
            ]
        )
        #expect(TruncationSentinel.questions(end: 501, condition: nil) == [.head])
        #expect(TruncationSentinel.questions(end: 0, condition: .ifRangeTag) == [.head])
    }

    struct LastByte: Sendable, CustomTestStringConvertible {
        var name: String
        var answer: ContinuationAnswer
        var isEqual = true
        var verdict: SentinelVerdict
        var testDescription: String { name }
    }

    @Test(
        "What the answer to the last byte proves",
        arguments: [
            LastByte(
                name: "that byte, and the length",
                answer: .continues(span: 499..<500, completeLength: 500),
                verdict: .confirmed(500)
            ),
            LastByte(
                name: "there is more",
                answer: .continues(span: 499..<500, completeLength: 900),
                verdict: .cut(completeLength: 900)
            ),
            LastByte(
                name: "no length",
                answer: .continues(span: 499..<500, completeLength: nil),
                verdict: .saysNothing
            ),
            LastByte(
                name: "another byte",
                answer: .continues(span: 499..<500, completeLength: 500),
                isEqual: false,
                verdict: .changed
            ),
            LastByte(name: "another version", answer: .newVersion, verdict: .changed),
            LastByte(name: "broken", answer: .broken(.wrongStart), verdict: .saysNothing),
            LastByte(name: "gone", answer: .gone(status: 403), verdict: .saysNothing),
            LastByte(name: "busy", answer: .transient(status: 503), verdict: .saysNothing),
            LastByte(name: "304", answer: .unsolicited, verdict: .saysNothing),
        ]
    )
    func lastByte(_ row: LastByte) {
        #expect(
            TruncationSentinel.verdict(lastByte: row.answer, end: 500, isEqual: row.isEqual) == row.verdict
        )
    }

    struct Head: Sendable, CustomTestStringConvertible {
        var name: String
        var update = HeadUpdate.updates
        var fields: [(KnownField, String)] = []
        var encoding: String?
        var verdict: SentinelVerdict
        var testDescription: String { name }
    }

    @Test(
        "What an answer to HEAD proves (RFC 9110 §9.3.2)",
        arguments: [
            Head(name: "this length", fields: [(.contentLength, "500")], verdict: .confirmed(500)),
            Head(
                name: "a larger one under a validator",
                fields: [(.contentLength, "501"), (.etag, "W/\"v1\"")],
                verdict: .cut(completeLength: 501)
            ),
            Head(
                name: "a smaller one under a validator: another version",
                fields: [(.contentLength, "499"), (.etag, "W/\"v1\"")],
                verdict: .changed
            ),
            Head(name: "another length of what has no name", fields: [(.contentLength, "0")], verdict: .saysNothing),
            Head(name: "none", verdict: .saysNothing),
            Head(
                name: "two of them (R21)",
                fields: [(.contentLength, "500"), (.contentLength, "500")],
                verdict: .saysNothing
            ),
            Head(
                name: "of another coding",
                fields: [(.contentLength, "900"), (.contentEncoding, "gzip")],
                verdict: .saysNothing
            ),
            Head(name: "of no coding", fields: [(.contentLength, "900")], encoding: "gzip", verdict: .saysNothing),
            Head(name: "another validator", update: .invalidates, verdict: .changed),
            Head(name: "about something else", update: .saysNothing, verdict: .saysNothing),
        ]
    )
    func head(_ row: Head) {
        let verdict = TruncationSentinel.verdict(
            head: row.update,
            fields: fields(row.fields),
            stored: fields([(.etag, "W/\"v1\"")] + (row.encoding.map { [(.contentEncoding, $0)] } ?? [])),
            end: 500
        )
        #expect(verdict == row.verdict)
    }
}
