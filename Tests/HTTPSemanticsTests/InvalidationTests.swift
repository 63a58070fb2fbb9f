// RFC 9111 §4.4 and RFC 3986 §5.2: what an unsafe request makes doubtful, and which URIs its answer names.

import HTTPSemantics
import Testing

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
            for status in [200, 201, 204, 299, 301, 303, 399] {
                #expect(targets(method, status) == ["http://example.org/file"])
            }
            for status in [199, 400, 404, 500, 600] { #expect(targets(method, status) == []) }
        }
        for method in [Method.get, .head, .options, .trace] { #expect(targets(method, 200) == []) }
    }

    @Test(
        "Location and Content-Location, on the same origin only",
        arguments: [
            ("http://example.org/other#x", "http://example.org/other"),
            ("http://EXAMPLE.org:80/other", "http://example.org/other"),
            ("HTTP://example.org/a/../other", "http://example.org/other"),
            ("/other?q", "http://example.org/other?q"),
            ("/file", nil),
            ("/file#x", nil),
            ("//example.org/other", "http://example.org/other"),
            ("//example.com/other", nil),
            ("http://example.com/other", nil),
            ("https://example.org/other", nil),
            ("http://example.org:8080/other", nil),
            ("http://user@example.org/other", nil),
            ("other", "http://example.org/other"),
            ("../x/./other", "http://example.org/x/other"),
            ("?q", "http://example.org/file?q"),
            ("#x", nil),
            ("", nil),
            ("mailto:a@example.org", nil),
            ("/a b", nil),
            ("\\other", nil),
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

    @Test("Both count, one URI once; a repeated field is none")
    func both() {
        #expect(
            targets(.post, 201, ["Location": "/a", "Content-Location": "/b"]) == [
                "http://example.org/file", "http://example.org/a", "http://example.org/b",
            ]
        )
        #expect(
            targets(.post, 201, ["Location": "/a", "Content-Location": "a"]) == [
                "http://example.org/file", "http://example.org/a",
            ]
        )
        #expect(targets(.post, 201, ["Location": "/a", "location": "/b"]) == ["http://example.org/file"])
    }
}

@Suite("References (RFC 3986 §5.4)")
struct ReferenceTests {
    private let base = AbsoluteURI(
        scheme: "http",
        authority: Authority(host: "a", port: nil),
        pathAndQuery: "/b/c/d;p?q"
    )

    @Test(
        "The examples of §5.4.1 and §5.4.2",
        arguments: [
            ("g", "http://a/b/c/g"), ("./g", "http://a/b/c/g"), ("g/", "http://a/b/c/g/"), ("/g", "http://a/g"),
            ("//g", "http://g/"), ("?y", "http://a/b/c/d;p?y"), ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q"), ("g#s", "http://a/b/c/g"), ("g?y#s", "http://a/b/c/g?y"),
            (";x", "http://a/b/c/;x"), ("g;x", "http://a/b/c/g;x"), ("", "http://a/b/c/d;p?q"), (".", "http://a/b/c/"),
            ("./", "http://a/b/c/"), ("..", "http://a/b/"), ("../", "http://a/b/"), ("../g", "http://a/b/g"),
            ("../..", "http://a/"), ("../../", "http://a/"), ("../../g", "http://a/g"),
            ("../../../g", "http://a/g"), ("../../../../g", "http://a/g"), ("/./g", "http://a/g"),
            ("/../g", "http://a/g"), ("g.", "http://a/b/c/g."), (".g", "http://a/b/c/.g"), ("g..", "http://a/b/c/g.."),
            ("..g", "http://a/b/c/..g"), ("./../g", "http://a/b/g"), ("./g/.", "http://a/b/c/g/"),
            ("g/./h", "http://a/b/c/g/h"), ("g/../h", "http://a/b/c/h"), ("g;x=1/./y", "http://a/b/c/g;x=1/y"),
            ("g;x=1/../y", "http://a/b/c/y"), ("g?y/./x", "http://a/b/c/g?y/./x"),
            ("g?y/../x", "http://a/b/c/g?y/../x"), ("/a//b/../c", "http://a/a//c"),
            ("g:h", nil), ("http:g", nil), ("http://a/x/../y?z/../q", "http://a/y?z/../q"),
        ] as [(String, String?)]
    )
    func examples(reference: String, expected: String?) {
        #expect(base.resolving(reference)?.description == expected)
    }

    @Test("Nothing is relative to an asterisk")
    func asterisk() {
        let base = AbsoluteURI(scheme: "http", authority: Authority(host: "a", port: nil), pathAndQuery: "*")
        #expect(base.resolving("g") == nil)
        #expect(base.resolving("http://a/g")?.description == "http://a/g")
    }
}
