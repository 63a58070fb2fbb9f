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
        ConditionalRequest.completing(&fields, range: 7..<7, openEnd: false, validator: .etag(tag))
        #expect(lines(fields) == ["Host: a", "Accept: */*"])
    }
}

@Suite("What an unsafe request makes doubtful (RFC 9111 §4.4)")
struct InvalidationTests {
    private func targets(
        _ method: Method,
        _ status: Int,
        _ lines: KeyValuePairs<String, String> = [:]
    ) -> [String] {
        Invalidation.targets(request: request(method: method), response: response(status, lines))
            .map(\.description)
    }

    @Test("The target, after a success or a redirect")
    func target() {
        for method in [Method.post, .put, .delete, Method("PATCH"), Method("UNKNOWN")] {
            #expect(targets(method, 200) == ["http://example.org/file"])
            #expect(targets(method, 303) == ["http://example.org/file"])
            #expect(targets(method, 404) == [])
            #expect(targets(method, 500) == [])
        }
        for method in [Method.get, .head, .options, .trace] { #expect(targets(method, 200) == []) }
    }

    @Test(
        "Location and Content-Location, on the same origin only",
        arguments: [
            ("http://example.org/other#x", "http://example.org/other"),
            ("http://EXAMPLE.org:80/other", "http://example.org/other"),
            ("/other?q", "http://example.org/other?q"),
            ("/file", nil),
            ("//example.org/other", nil),
            ("http://example.com/other", nil),
            ("https://example.org/other", nil),
            ("http://example.org:8080/other", nil),
            ("other", nil),
            ("", nil),
        ] as [(String, String?)]
    )
    func locations(value: String, expected: String?) {
        for name in ["Location", "Content-Location"] {
            var head = response(201)
            head.fields.append(name: name, value: value)
            let targets = Invalidation.targets(request: request(method: .post), response: head).map(\.description)
            #expect(targets == ["http://example.org/file"] + (expected.map { [$0] } ?? []))
        }
    }
}
