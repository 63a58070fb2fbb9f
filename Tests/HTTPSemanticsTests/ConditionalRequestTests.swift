// RFC 9111 §4.3.1, RFC 9110 §13.1.5, resume-rules 3 and 4: the conditions that we send.

import HTTPSemantics
import Testing

@Suite("Conditions of our own requests (RFC 9111 §4.3.1)")
struct ConditionalRequestTests {
    private static let date = "Tue, 30 Jan 2001 13:11:30 GMT"

    private let asked = section([
        "Host": "a", "If-Match": "\"x\"", "if-none-match": "\"x\"", "If-Modified-Since": "x",
        "If-Unmodified-Since": "x",
        "If-Range": "x", "Range": "bytes=1-2", "range": "bytes=3-4", "Accept": "*/*",
    ])

    @Test("The client's conditions and range go, the rest stays in order")
    func plain() {
        var fields = asked
        ConditionalRequest.plain(&fields)
        #expect(lines(fields) == ["Host: a", "Accept: */*"])
    }

    @Test(
        "Validation asks with every validator there is, verbatim",
        arguments: [
            (["ETag": "\"a\""], ["If-None-Match: \"a\""]),
            (["ETag": "W/\"a\""], ["If-None-Match: W/\"a\""]),
            (["Last-Modified": date], ["If-Modified-Since: \(date)"]),
            (
                ["Last-Modified": "Tuesday, 30-Jan-01 13:11:30 GMT"],
                ["If-Modified-Since: Tuesday, 30-Jan-01 13:11:30 GMT"]
            ),
            (["ETag": "\"a\"", "Last-Modified": date], ["If-None-Match: \"a\"", "If-Modified-Since: \(date)"]),
            (["ETag": "a"], []),
            (["Last-Modified": "0"], []),
            ([:], []),
        ] as [([String: String], [String])]
    )
    func validate(stored: [String: String], added: [String]) {
        var storedFields = FieldSection()
        for (name, value) in stored { storedFields.append(name: name, value: value) }
        var fields = asked
        ConditionalRequest.validate(&fields, stored: storedFields)
        #expect(lines(fields) == ["Host: a", "Accept: */*"] + added)
        #expect(ConditionalRequest.hasValidator(storedFields) == !added.isEmpty)
    }

    @Test(
        "With several stored responses, the selected one's tag first, then the others', each once (§4.3.1)",
        arguments: [
            (["\"a\""], ["\"b\"", "W/\"c\""], "\"a\", \"b\", W/\"c\""),
            (["\"a\""], ["\"a\"", "\"b\"", "\"b\""], "\"a\", \"b\""),
            (["\"a\""], ["b", "", "\"c\""], "\"a\", \"c\""),
            ([], ["\"b\"", "\"c\""], "\"b\", \"c\""),
            ([], [], nil),
        ] as [([String], [String], String?)]
    )
    func several(selected: [String], others: [String], expected: String?) {
        var fields = asked
        ConditionalRequest.validate(
            &fields,
            selected: selected.first.map { section(["ETag": $0]) },
            others: others.map { section(["ETag": $0, "Last-Modified": Self.date]) }
        )
        #expect(fields.only(.ifNoneMatch) == expected)
        #expect(!fields.contains(.ifModifiedSince))
    }

    @Test(
        "Beside tags the selected one's date is sent; a selected one without a tag is asked for by date alone (§13.1.3)"
    )
    func dateOfSelected() {
        let others = [section(["ETag": "\"b\""])]
        var fields = section()
        ConditionalRequest.validate(
            &fields,
            selected: section(["ETag": "\"a\"", "Last-Modified": Self.date]),
            others: others
        )
        #expect(lines(fields) == ["If-None-Match: \"a\", \"b\"", "If-Modified-Since: \(Self.date)"])
        ConditionalRequest.validate(&fields, selected: section(["Last-Modified": Self.date]), others: others)
        #expect(lines(fields) == ["If-Modified-Since: \(Self.date)"])
        ConditionalRequest.validate(&fields, selected: section(), others: others)
        #expect(fields.isEmpty)
    }

    @Test("At most 64 tags and, of the others, 4 KiB are named")
    func limits() {
        func named(_ tags: [String]) -> [String] {
            var fields = section()
            ConditionalRequest.validate(
                &fields,
                selected: section(["ETag": "\"own\""]),
                others: tags.map { section(["ETag": $0]) }
            )
            return fields.only(.ifNoneMatch)?.split(separator: ", ").map(String.init) ?? []
        }
        #expect(named((0..<100).map { "\"\($0)\"" }).count == 64)
        let long = "\"" + String(repeating: "x", count: 4094) + "\""
        #expect(named([long, "\"b\""]) == ["\"own\"", long])
        #expect(named(["\"b\"", long, "\"c\""]) == ["\"own\"", "\"b\"", "\"c\""])
    }

    @Test("A repeated validator is none")
    func repeated() {
        let stored = section([
            "ETag": "\"a\"", "etag": "\"a\"", "Last-Modified": Self.date, "Last-Modified": Self.date,
        ])
        #expect(!ConditionalRequest.hasValidator(stored))
    }

    @Test("The rest is asked for with Range and If-Range (RFC 9110 §13.1.5, resume-rules 4)")
    func completing() throws {
        let tag = try #require(EntityTag.parse("\"a\""))
        var fields = asked
        ConditionalRequest.completing(
            &fields,
            range: 5_275_648..<15_143_086,
            openEnd: false,
            validator: .lastModified(text: Self.date, seconds: 980_860_290)
        )
        #expect(
            lines(fields) == ["Host: a", "Accept: */*", "Range: bytes=5275648-15143085", "If-Range: \(Self.date)"]
        )
        ConditionalRequest.completing(&fields, range: 7..<7, openEnd: true, validator: .etag(tag))
        #expect(lines(fields) == ["Host: a", "Accept: */*", "Range: bytes=7-", "If-Range: \"a\""])
        ConditionalRequest.completing(&fields, range: 0..<1, openEnd: false, validator: .etag(tag))
        #expect(lines(fields) == ["Host: a", "Accept: */*", "Range: bytes=0-0", "If-Range: \"a\""])
        // Resume-rules 11: a rule has no text that an origin would understand.
        ConditionalRequest.completing(&fields, range: 7..<9, openEnd: false, validator: .immutable)
        #expect(lines(fields) == ["Host: a", "Accept: */*", "Range: bytes=7-8"])
        ConditionalRequest.completing(&fields, range: 7..<7, openEnd: false, validator: .etag(tag))
        #expect(lines(fields) == ["Host: a", "Accept: */*"])
    }
}
