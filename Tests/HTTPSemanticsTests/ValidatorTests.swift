// Resume-rules 1: under which validator bytes may be joined.

import HTTPSemantics
import Testing

@Suite("Strong validators (RFC 9110 §8.8.1, resume-rules 1)")
struct ValidatorTests {
    /// Last-Modified of the table; the Date is counted from it.
    private let modifiedText = "Tue, 15 Nov 1994 08:12:31 GMT"

    @Test(
        "A modification date is strong when Date is far enough, or our clock agrees (§8.8.2.2)",
        arguments: [
            // Date after Last-Modified, our clock after Date, strong?
            (60, 1_000_000, true),
            (60, -1_000_000, true),
            (86_400, 0, true),
            (59, 0, true),
            (59, 5, true),
            (59, -5, true),
            (59, 6, false),
            (59, -6, false),
            (1, 5, true),
            (0, 0, false),
            (-1, 0, false),
            (-86_400, 0, false),
        ] as [(Int64, Int64, Bool)]
    )
    func lastModified(dateAfterModified: Int64, nowAfterDate: Int64, isStrong: Bool) {
        let date = instant + dateAfterModified
        let fields = section(["Last-Modified": modifiedText, "Date": HTTPDate.format(date)])
        let validator = StrongValidator.of(fields, receivedAt: date + nowAfterDate)
        #expect(validator == (isStrong ? .lastModified(text: modifiedText, seconds: instant) : nil))
    }

    @Test("The seed's response has its modification date, verbatim, in If-Range")
    func seed() {
        let fields = section([
            "Date": "Thu, 12 Jul 2001 11:19:24 GMT", "Last-Modified": "Tue, 30 Jan 2001 13:11:30 GMT",
        ])
        #expect(
            StrongValidator.of(fields, receivedAt: 1_790_000_000)?.ifRangeValue == "Tue, 30 Jan 2001 13:11:30 GMT"
        )
    }

    @Test("A date in an old form goes out as it came (§13.1.5)")
    func verbatim() {
        let text = "Tuesday, 15-Nov-94 08:12:31 GMT"
        let fields = section(["Last-Modified": text, "Date": HTTPDate.format(instant + 100)])
        #expect(StrongValidator.of(fields, receivedAt: instant) == .lastModified(text: text, seconds: instant))
    }

    @Test("Without an origin's Date, or with two, there is no strong date")
    func withoutDate() {
        #expect(StrongValidator.of(section(["Last-Modified": modifiedText]), receivedAt: instant + 1000) == nil)
        let twice = section([
            "Last-Modified": modifiedText, "Date": HTTPDate.format(instant + 99), "date": HTTPDate.format(instant + 99),
        ])
        #expect(StrongValidator.of(twice, receivedAt: instant + 1000) == nil)
        let bad = section(["Last-Modified": modifiedText, "Date": "yesterday"])
        #expect(StrongValidator.of(bad, receivedAt: instant + 1000) == nil)
    }

    @Test("A repeated or malformed Last-Modified is none")
    func badLastModified() {
        let date = HTTPDate.format(instant + 1000)
        let twice = section(["Last-Modified": modifiedText, "Last-Modified": modifiedText, "Date": date])
        #expect(StrongValidator.of(twice, receivedAt: instant) == nil)
        #expect(StrongValidator.of(section(["Last-Modified": "0", "Date": date]), receivedAt: instant) == nil)
    }

    @Test(
        "A strong tag wins over a date; any other tag forbids the date (§13.1.5)",
        arguments: [
            ("\"a\"", true), ("W/\"a\"", false), ("a", false), ("", false), ("\"ä\"", false),
        ]
    )
    func tags(tag: String, isStrong: Bool) throws {
        let fields = section([
            "ETag": tag, "Last-Modified": modifiedText, "Date": HTTPDate.format(instant + 1000),
        ])
        let validator = StrongValidator.of(fields, receivedAt: instant + 1000)
        #expect((validator?.ifRangeValue == tag) == isStrong)
        #expect((validator == nil) == !isStrong)
    }

    @Test("A tag that comes twice is none, even where both are the same")
    func repeatedTag() {
        let fields = section(["ETag": "\"a\"", "etag": "\"a\""])
        #expect(StrongValidator.of(fields, receivedAt: instant) == nil)
    }

    @Test(
        "A rule stands for the validator only where the origin proves nothing (resume-rules 11)",
        arguments: [
            ("", "", "immutable"),
            ("W/\"a\"", "", "immutable"),
            ("a", "", "immutable"),
            ("", "Tue, 15 Nov 1994 08:12:31 GMT", "date"),
            ("", "Tue, 15 Nov 1994 08:29:11 GMT", "immutable"),
            ("W/\"a\"", "Tue, 15 Nov 1994 08:12:31 GMT", "immutable"),
            ("\"a\"", "Tue, 15 Nov 1994 08:29:11 GMT", "tag"),
        ]
    )
    func byRule(tag: String, modified: String, kind: String) {
        var fields = section(["Date": HTTPDate.format(instant + 1000)])
        if !tag.isEmpty { fields.append(.etag, tag) }
        if !modified.isEmpty { fields.append(.lastModified, modified) }
        let validator = StrongValidator.of(fields, receivedAt: instant + 1000, isImmutable: true)
        switch validator {
        case .etag(let own): #expect(kind == "tag" && own.text == tag)
        case .lastModified(let text, _): #expect(kind == "date" && text == modified)
        case .immutable: #expect(kind == "immutable")
        case nil: Issue.record("the rule gives one in any case")
        }
        #expect(validator?.isByRule == (kind == "immutable"))
        #expect((validator?.ifRangeValue == nil) == (kind == "immutable"))
        // Without the rule there is none where the rule had to stand for it.
        #expect((StrongValidator.of(fields, receivedAt: instant + 1000) == nil) == (kind == "immutable"))
    }

    @Test("Nothing has no validator")
    func nothing() {
        #expect(StrongValidator.of(FieldSection(), receivedAt: instant) == nil)
    }
}
