// When the whole is asked for again, which answer may be compared, and what follows from the comparison: tables. The file
// has 1,000 bytes, of which the first 500 are held and were delivered.

import HTTPSemantics
import Resume
import Testing

@Suite("VerifiedRestart: from byte 0 again, and only if the prefix is identical (resume-rules 11, R31, R32)")
struct VerifiedRestartTests {
    struct Asking: Sendable, CustomTestStringConvertible {
        var name: String
        var restart = VerifiedRestart()
        var mayResume = false
        var hasReaders = true
        var delivered: Int64 = 500
        var provable: Int64 = 500
        var fruitless = 0
        var question: RestartQuestion
        var testDescription: String { name }
    }

    @Test(
        "The whole is asked for again only where a client waits, ranges do not do it, and all that it got can be compared",
        arguments: [
            Asking(name: "a client in the middle of its body", question: .plainGET),
            Asking(name: "ranges do it with fewer bytes", mayResume: true, question: .no(.rangesWork)),
            Asking(name: "nobody waits", hasReaders: false, question: .no(.noReader)),
            Asking(name: "nothing given, nothing held", delivered: 0, provable: 0, question: .beginAnew),
            Asking(name: "nothing given, something held", delivered: 0, question: .plainGET),
            Asking(name: "turned off", restart: VerifiedRestart(isOn: false), question: .no(.turnedOff)),
            Asking(
                name: "turned off, nothing given",
                restart: VerifiedRestart(isOn: false),
                delivered: 0,
                question: .beginAnew
            ),
            Asking(name: "more was given than is held", delivered: 501, question: .no(.notProvable)),
            Asking(name: "at the limit", restart: VerifiedRestart(limit: 500), question: .plainGET),
            Asking(name: "above the limit", restart: VerifiedRestart(limit: 499), question: .no(.tooMuch)),
            Asking(
                name: "above the limit, nothing given",
                restart: VerifiedRestart(limit: 499),
                delivered: 0,
                question: .beginAnew
            ),
            Asking(name: "the third attempt", fruitless: 2, question: .plainGET),
            Asking(name: "no fourth one", fruitless: 3, question: .no(.fruitless)),
        ]
    )
    func asking(_ row: Asking) {
        let question = row.restart.question(
            mayResume: row.mayResume,
            hasReaders: row.hasReaders,
            delivered: row.delivered,
            provable: row.provable,
            fruitless: row.fruitless
        )
        #expect(question == row.question)
    }

    struct Answer: Sendable, CustomTestStringConvertible {
        var name: String
        var known = RestartVersion(validator: nil, completeLength: 1000)
        var status = 200
        var fields: [(KnownField, String)] = []
        var contentLength: Int64? = 1000
        var answer = RestartAnswer.compare(span: 0..<1000, until: 500)
        var testDescription: String { name }
    }

    private static let tagged = RestartVersion(
        validator: EntityTag.parse("\"v1\"").map { .etag($0) },
        entityTag: "\"v1\"",
        completeLength: 1000
    )
    private static let weak = RestartVersion(validator: nil, entityTag: "W/\"v1\"", completeLength: 1000)
    private static let dated = RestartVersion(validator: nil, lastModified: modifiedText, completeLength: 1000)
    private static let unknownLength = RestartVersion(validator: nil, completeLength: nil)

    @Test(
        "Without a strong validator the bytes decide, unless something already says that it is another version",
        arguments: [
            Answer(name: "no validator at all, equal length"),
            Answer(name: "the same weak tag", known: weak, fields: [(.etag, "W/\"v1\"")]),
            Answer(name: "the same tag, strong now", known: weak, fields: [(.etag, "\"v1\"")]),
            Answer(name: "the weak tag is gone", known: weak),
            Answer(
                name: "another weak tag",
                known: weak,
                fields: [(.etag, "W/\"v2\"")],
                answer: .newVersion(.validator)
            ),
            Answer(
                name: "two tags",
                known: weak,
                fields: [(.etag, "W/\"v1\""), (.etag, "W/\"v1\"")],
                answer: .newVersion(.validator)
            ),
            Answer(
                name: "what is no tag, written in the same way",
                known: RestartVersion(validator: nil, entityTag: "v1", completeLength: 1000),
                fields: [(.etag, "v1")]
            ),
            Answer(
                name: "what is no tag, written otherwise",
                known: RestartVersion(validator: nil, entityTag: "v1", completeLength: 1000),
                fields: [(.etag, "v2")],
                answer: .newVersion(.validator)
            ),
            Answer(name: "the same date", known: dated, fields: [(.lastModified, modifiedText)]),
            Answer(
                name: "another date",
                known: dated,
                fields: [(.lastModified, nowText)],
                answer: .newVersion(.validator)
            ),
            Answer(name: "another length", contentLength: 999, answer: .newVersion(.completeLength)),
            Answer(
                name: "no length, and a response with a length has begun",
                contentLength: nil,
                answer: .newVersion(.lengthUnknown)
            ),
            Answer(name: "the length was not known", known: unknownLength),
            Answer(
                name: "neither length is known",
                known: unknownLength,
                contentLength: nil,
                answer: .compare(span: 0..<Int64.max, until: 500)
            ),
            Answer(
                name: "as long as what is held",
                known: unknownLength,
                contentLength: 500,
                answer: .compare(span: 0..<500, until: 500)
            ),
            Answer(
                name: "shorter than what is held",
                known: unknownLength,
                contentLength: 499,
                answer: .newVersion(.shorterThanHeld)
            ),
            Answer(
                name: "another coding",
                fields: [(.contentEncoding, "gzip")],
                answer: .newVersion(.representation)
            ),
            Answer(
                name: "the coding is gone: not named is not coded, for the whole",
                known: RestartVersion(validator: nil, completeLength: 1000, contentEncoding: "gzip"),
                answer: .newVersion(.representation)
            ),
            Answer(
                name: "another type",
                known: RestartVersion(validator: nil, completeLength: 1000, contentType: "text/plain"),
                fields: [(.contentType, "text/html")],
                answer: .newVersion(.representation)
            ),
            Answer(name: "206, which was not asked for", status: 206, answer: .otherStatus),
            Answer(name: "404", status: 404, answer: .otherStatus),
        ]
    )
    func weakly(_ row: Answer) { expect(row) }

    @Test(
        "Under a strong validator it has to be the same one (resume-rules 5, rows 5 and 6)",
        arguments: [
            Answer(name: "the same", known: tagged, fields: [(.etag, "\"v1\"")]),
            Answer(name: "another", known: tagged, fields: [(.etag, "\"v2\"")], answer: .newVersion(.validator)),
            Answer(name: "none", known: tagged, answer: .newVersion(.validator)),
            Answer(name: "weak now", known: tagged, fields: [(.etag, "W/\"v1\"")], answer: .newVersion(.validator)),
            Answer(
                name: "the same, another length",
                known: tagged,
                fields: [(.etag, "\"v1\"")],
                contentLength: 1001,
                answer: .newVersion(.completeLength)
            ),
            Answer(name: "the same, no length", known: tagged, fields: [(.etag, "\"v1\"")], contentLength: nil),
        ]
    )
    func strongly(_ row: Answer) { expect(row) }

    private func expect(_ row: Answer) {
        let answer = VerifiedRestart().judge(
            ResponseHead(status: row.status, fields: fields(row.fields)),
            known: row.known,
            provable: 500,
            contentLength: row.contentLength,
            receivedAt: now
        )
        #expect(answer == row.answer)
    }

    struct Comparison: Sendable, CustomTestStringConvertible {
        var name: String
        var equalUntil: Int64 = 500
        var isEqual = true
        var hasEnded = false
        var delivered: Int64 = 500
        var outcome: RestartOutcome
        var testDescription: String { name }
    }

    @Test(
        "What follows from the comparison",
        arguments: [
            Comparison(name: "all of it equal", outcome: .goOn),
            Comparison(name: "equal, and the body ended there", hasEnded: true, outcome: .complete(500)),
            Comparison(name: "equal beyond, and ended", equalUntil: 700, hasEnded: true, outcome: .complete(700)),
            Comparison(
                name: "a difference: who has bytes of the old version is cut",
                equalUntil: 300,
                isEqual: false,
                outcome: .newVersion(equalUntil: 300, cutsReaders: true)
            ),
            Comparison(
                name: "a difference behind the bytes that were given: they belong to the old version all the same",
                equalUntil: 499,
                isEqual: false,
                delivered: 10,
                outcome: .newVersion(equalUntil: 499, cutsReaders: true)
            ),
            Comparison(
                name: "a difference, and nobody was given a byte",
                equalUntil: 0,
                isEqual: false,
                delivered: 0,
                outcome: .newVersion(equalUntil: 0, cutsReaders: false)
            ),
            Comparison(
                name: "whole, and shorter than what was given",
                equalUntil: 499,
                hasEnded: true,
                outcome: .newVersion(equalUntil: 499, cutsReaders: true)
            ),
            Comparison(name: "broke before the end of what is held", equalUntil: 499, outcome: .unproven),
        ]
    )
    func comparing(_ row: Comparison) {
        let outcome = VerifiedRestart.outcome(
            equalUntil: row.equalUntil,
            isEqual: row.isEqual,
            until: 500,
            hasEnded: row.hasEnded,
            delivered: row.delivered
        )
        #expect(outcome == row.outcome)
    }

    @Test("The machine compares what the decision names, and goes on behind it")
    func machine() {
        guard
            case .compare(let span, let until) = VerifiedRestart().judge(
                ResponseHead(status: 200, fields: fields([])),
                known: RestartVersion(validator: nil, completeLength: 1000),
                provable: 500,
                contentLength: 1000,
                receivedAt: now
            )
        else {
            Issue.record("not compared")
            return
        }
        let held = ByteRangeSet([0..<500])
        var machine = FillStateMachine(range: 500..<1000)
        _ = machine.slotFree()
        let start = machine.continued(span: span, compareUntil: until)
        let compared = machine.bytesReceived(600, held: held)
        let verdict = machine.compared(equal: true)
        let written = machine.bytesReceived(100, held: held)
        #expect(start == .readBody)
        #expect(compared == .compare(0..<500))
        #expect(verdict == .goOn)
        #expect(written == .write(500..<600, filled: false))
    }

    @Test("Every reason has its own sentence")
    func sentences() {
        let reasons = RestartQuestion.Reason.allCases
        #expect(Set(reasons.map(\.sentence)).count == reasons.count)
    }
}
