// Keys that are not the URL itself.

import Configuration
import HTTPSemantics
import Testing

@Suite("Keys by rule")
struct RuleKeyTests {
    static func filter(_ names: [String]) throws -> RuleKey {
        .ignoringQuery(.parameters(try names.map { try #require(QueryFilter.ParameterPattern.parse($0)) }))
    }

    @Test(
        "ignore_query takes out what is named, and leaves the rest byte for byte in its order",
        arguments: [
            ("/a", "/a"), ("/a?", "/a?"), ("/a?b=1", "/a?b=1"), ("/a?Expires=1", "/a"), ("/a?Expires", "/a"),
            ("/a?Expires=1&b=2", "/a?b=2"), ("/a?b=2&Expires=1", "/a?b=2"), ("/a?c=3&Expires=1&b=2", "/a?c=3&b=2"),
            ("/a?X-Amz-Date=1&X-Amz-Signature=2", "/a"), ("/a?x-amz-date=1", "/a?x-amz-date=1"),
            ("/a?NotExpires=1&Expires2=1", "/a?NotExpires=1&Expires2=1"), ("/a?b=Expires=1", "/a?b=Expires=1"),
            ("/a?b=%26Expires=1&Expires=a=b", "/a?b=%26Expires=1"), ("/a?%45xpires=1", "/a?%45xpires=1"),
            ("/a?&&Expires=1&&b", "/a?&&&b"), ("/a?Expires=1?b=2", "/a"), ("/?b?Expires=1", "/?b?Expires=1"),
        ]
    )
    func parameters(from: String, to: String) throws {
        let key = try Self.filter(["Expires", "X-Amz-*"])
        #expect(key.uri(for: try PatternTests.uri("http://h:81" + from)).description == "http://h:81" + to)
    }

    @Test(
        "ignore_query = true takes out the whole query",
        arguments: [("/a", "/a"), ("/a?", "/a"), ("/a?b=1&c", "/a"), ("/a?b?c", "/a"), ("?b", "/")]
    )
    func all(from: String, to: String) throws {
        let key = RuleKey.ignoringQuery(.all)
        #expect(key.uri(for: try PatternTests.uri("https://h" + from)).description == "https://h" + to)
    }

    @Test(
        "what is no name of a parameter is refused",
        arguments: ["", "*", "a=b", "a&b", "a#", "a*b", "**", "a b", "ä", String(repeating: "a", count: 129)]
    )
    func brokenNames(name: String) {
        #expect(QueryFilter.ParameterPattern.parse(name) == nil)
    }

    @Test(
        "a template is filled from the URL",
        arguments: [
            (
                "http://steam.invalid{path}", "http://a.example/depot/1/chunk/ab?token=1",
                "http://steam.invalid/depot/1/chunk/ab"
            ),
            ("{scheme}://{host}:{port}{path}{query}", "https://A.example/b?c=d", "https://a.example/b?c=d"),
            ("{scheme}://{host}:{port}{path}{query}", "http://a.example:81/b?c=d", "http://a.example:81/b?c=d"),
            ("http://x.invalid{path}{query}", "http://a/b", "http://x.invalid/b"),
            ("http://x.invalid/{segment:2}/{last}", "http://a/1/2/3/4?q/5", "http://x.invalid/2/4"),
            ("http://x.invalid/{last}", "http://a/1/", "http://x.invalid/"),
            ("http://x.invalid/{port}/{segment:1}", "http://[::1]/%2F", "http://x.invalid/80/%2F"),
            ("http://{host}/", "http://[::1]:81/a", "http://[::1]/"),
            ("HTTP://X.invalid:80{path}", "http://a/b", "http://x.invalid/b"),
        ]
    )
    func templates(template: String, url: String, key: String) throws {
        let template = RuleKey.template(try #require(KeyTemplate.parse(template)))
        #expect(template.uri(for: try PatternTests.uri(url)).description == key)
    }

    @Test(
        "where a template makes no URL, the URL's own key holds",
        arguments: [
            ("http://x.invalid/{segment:3}", "http://a/1/2"), ("http://{segment:1}.invalid/", "http://a/b_!/c"),
            ("http://{segment:1}/", "http://a/u@b"), ("{path}", "http://a/b"),
            ("http://x.invalid:{segment:1}/", "http://a/0"),
        ]
    )
    func fallback(template: String, url: String) throws {
        let template = RuleKey.template(try #require(KeyTemplate.parse(template)))
        #expect(template.uri(for: try PatternTests.uri(url)).description == url)
    }

    @Test(
        "what is no template is refused",
        arguments: [
            "", "{", "}", "{path", "path}", "{}", "{Path}", "{ path }", "{segment}", "{segment:}", "{segment:0}",
            "{segment:33}", "{segment:-1}", "{segment:+1}", "{{path}}", "http://a/{query:b}",
        ]
    )
    func brokenTemplates(template: String) {
        #expect(KeyTemplate.parse(template) == nil)
    }
}
