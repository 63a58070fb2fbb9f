// What hosts, paths and content types a rule's patterns name.

import Configuration
import HTTPSemantics
import Testing

@Suite("Patterns of rules")
struct PatternTests {
    static func uri(_ text: String) throws -> AbsoluteURI {
        try AbsoluteURI.parse(text).get()
    }

    // MARK: Hosts

    @Test(
        "a host pattern names one host, those under it, or both",
        arguments: [
            ("example.org", "http://example.org/", true), ("EXAMPLE.org", "http://example.ORG/", true),
            ("example.org", "http://www.example.org/", false), ("example.org", "http://example.org./", false),
            ("example.org", "http://example.org:8080/", true), ("example.org:80", "http://example.org/", true),
            ("example.org:80", "http://example.org:80/", true), ("example.org:80", "https://example.org/", false),
            ("example.org:443", "https://example.org/", true), ("example.org:80", "http://example.org:8080/", false),
            ("*.example.org", "http://example.org/", false), ("*.example.org", "http://a.example.org/", true),
            ("*.example.org", "http://a.b.example.org/", true), ("*.example.org", "http://aexample.org/", false),
            ("*.example.org:81", "http://a.example.org:81/", true),
            ("*.example.org:81", "http://a.example.org/", false),
            (".example.org", "http://example.org/", true), (".example.org", "http://a.example.org/", true),
            (".example.org", "http://aexample.org/", false), (".example.org", "http://example.org.evil.test/", false),
            ("192.0.2.1", "http://192.0.2.1:8080/", true), ("[2001:db8::1]", "http://[2001:DB8:0:0::1]/", true),
            ("[2001:db8::1]:80", "http://[2001:db8::1]:8080/", false),
        ]
    )
    func hosts(pattern: String, url: String, matches: Bool) throws {
        #expect(try #require(HostPattern.parse(pattern)).matches(Self.uri(url)) == matches)
    }

    @Test(
        "what is no host is no pattern",
        arguments: [
            "", ".", "*", "*.", "*.*.org", "a.*.org", "http://example.org", "example.org/", "exa mple.org", "a@b",
            "example.org:0", "example.org:65536", ".192.0.2.1", "*.[::1]", "::1", "..example.org",
        ]
    )
    func brokenHosts(pattern: String) {
        #expect(HostPattern.parse(pattern) == nil)
    }

    // MARK: Paths

    @Test(
        "a path pattern is a glob over the whole path",
        arguments: [
            ("/", "/", true), ("/", "/a", false), ("/a", "/a", true), ("/a", "/a/", false), ("/a", "/A", false),
            ("/a", "/%61", false), ("/%7e", "/%7E", false),
            // One segment.
            ("/*", "/", true), ("/*", "/abc", true), ("/*", "/a/b", false), ("/a*c", "/abc", true),
            ("/a*c", "/ac", true), ("/a*c", "/a/c", false), ("/*.deb", "/a.deb", true), ("/*.deb", "/a.deb.deb", true),
            ("/*.deb", "/a.deb.sig", false), ("/*.deb", "/.deb", true), ("/*/b", "/a/b", true), ("/*/b", "/b", false),
            ("/*a*b*", "/xaxbx", true), ("/*a*b*", "/xbxax", false), ("/*ab", "/aab", true), ("/*aab", "/aaab", true),
            ("/*aab", "/aabaaab", true),
            // Over segments.
            ("/**", "/", true), ("/**", "/a/b/c", true), ("**", "/a/b", true), ("**.deb", "/a/b.deb", true),
            ("**/*.deb", "/b.deb", true), ("**/*.deb", "/a/b/c.deb", true), ("**/*.deb", "/a/b/c.deb/d", false),
            ("/a/**", "/a/", true), ("/a/**", "/a", false), ("/a/**", "/a/b/c", true), ("/a**c", "/a/b/c", true),
            ("/***/c", "/a/b/c", true), ("/****", "/a/b/c", true),
            // Whole segments, or none.
            ("/**/c", "/c", true), ("/**/c", "/a/c", true), ("/**/c", "/a/b/c", true), ("/**/c", "/ac", false),
            ("/**/c", "/a/bc", false), ("/a/**/c", "/a/c", true), ("/a/**/c", "/a/b/c", true),
            ("/a/**/c", "/ab/c", false), ("/a/**/c", "/a/c/c", true), ("/**/*", "/a", true), ("/**/*", "/", true),
            ("/**/**/c", "/c", true), ("/**/**/c", "/a/b/c", true), ("/**/b/**/d", "/b/d", true),
            ("/**/b/**/d", "/a/b/c/c/d", true), ("/**/b/**/d", "/a/bc/d", false), ("/**/*.x/**/*.y", "/a.x/b.y", true),
            ("/**/*.x/**/*.y", "/1/a.x/2/3/b.y", true), ("/**/*.x/**/*.y", "/1/a.x2/3/b.y", false),
            ("/**/pool/**/*.deb", "/debian/pool/main/a/apt/apt_2.deb", true),
            ("/**/pool/**/*.deb", "/debian/carpool/main/apt_2.deb", false), ("/**/", "/", true), ("/**/", "/a/", true),
            ("/**/", "/a", false),
            // One byte.
            ("/?", "/a", true), ("/?", "/", false), ("/?", "//", false), ("/a?c", "/abc", true), ("/??*", "/ab", true),
            ("/??*", "/a", false), ("/*?", "/a", true), ("/*?", "/", false), ("/?*?", "/ab", true),
            // The literal beginning and end do not share bytes.
            ("/aba*aba", "/ababa", false), ("/aba*aba", "/abaaba", true), ("/a*", "/a", true), ("/a*a", "/a", false),
            // What is a wildcard elsewhere is none here.
            ("/[ab]", "/a", false), ("/[ab]", "/[ab]", true), ("/a.c", "/abc", false), ("/{a,b}", "/a", false),
            ("/a+", "/aa", false),
        ]
    )
    func paths(pattern: String, path: String, matches: Bool) throws {
        #expect(try #require(PathPattern.parse(pattern)).matches(Array(path.utf8)) == matches)
    }

    @Test(
        "what is no pattern of a path is refused",
        arguments: ["", "a", "*", "*.deb", "?", "/a b", "/a#b", "/ä", "http://a/", "/\u{7}"]
    )
    func brokenPaths(pattern: String) {
        #expect(PathPattern.parse(pattern) == nil)
        #expect(PathPattern.parse("/" + String(repeating: "a", count: 1024)) == nil)
        #expect(PathPattern.parse("/" + String(repeating: "a", count: 1023)) != nil)
    }

    /// What the manual says, tried in every way: slow, and right on sight.
    static func matches(_ pattern: ArraySlice<UInt8>, _ path: ArraySlice<UInt8>, afterSlash: Bool = false) -> Bool {
        let star = UInt8(ascii: "*")
        let slash = UInt8(ascii: "/")
        guard let first = pattern.first else { return path.isEmpty }
        if pattern.starts(with: [star, star]) {
            let rest = pattern.drop { $0 == star }
            if afterSlash, rest.first == slash {
                return ([0] + path.indices.filter { path[$0] == slash }.map { $0 + 1 - path.startIndex }).contains {
                    matches(rest.dropFirst(), path.dropFirst($0), afterSlash: true)
                }
            }
            return (0...path.count).contains { matches(rest, path.dropFirst($0)) }
        }
        if first == star {
            let inSegment = path.prefix { $0 != slash }.count
            return (0...inSegment).contains { matches(pattern.dropFirst(), path.dropFirst($0)) }
        }
        guard let byte = path.first, first == UInt8(ascii: "?") ? byte != slash : byte == first else { return false }
        return matches(pattern.dropFirst(), path.dropFirst(), afterSlash: first == slash)
    }

    @Test("short patterns of every kind agree with trying everything", arguments: ["/", "a", "*", "**", "?", "/**/"])
    func exhaustive(start: String) throws {
        let pieces = ["/", "a", "b", "*", "**", "?", "/**/"]
        var paths = [[UInt8]]()
        for length in 0...4 {
            for number in 0..<(0..<length).reduce(1, { count, _ in count * 3 }) {
                var rest = number
                paths.append(
                    (0..<length).map { _ in
                        defer { rest /= 3 }; return Array("/ab".utf8)[rest % 3]
                    }
                )
            }
        }
        for first in pieces {
            for second in pieces {
                for third in pieces + [""] {
                    let text = "/" + start + first + second + third
                    let pattern = try #require(PathPattern.parse(text))
                    for path in paths {
                        let path = Array("/".utf8) + path
                        let expected = Self.matches(Array(text.utf8)[...], path[...])
                        if pattern.matches(path) != expected {
                            Issue.record("\(text) and \(String(decoding: path, as: UTF8.self)): \(!expected)")
                        }
                    }
                }
            }
        }
    }

    @Test("a pattern of more than 64 wildcards and letters crosses words without a gap")
    func words() throws {
        for count in 55...140 {
            let name = String(repeating: "ab", count: count)
            let pattern = try #require(PathPattern.parse("/**/?*" + name + "/**/*" + name + "*?"))
            #expect(pattern.matches(Array("/1/22\(name)/3/4/5\(name)66".utf8)))
            #expect(pattern.matches(Array("/2\(name)/\(name)6".utf8)))
            #expect(!pattern.matches(Array("/\(name)/\(name)6".utf8)))
            #expect(!pattern.matches(Array("/2\(name)/\(name.dropLast())6".utf8)))
        }
        // Each wildcard at each place of a word.
        for offset in 0...130 {
            let letters = String(repeating: "c", count: offset)
            let pattern = try #require(PathPattern.parse("/?" + letters + "/**/*x**y/**/z?"))
            #expect(pattern.matches(Array("/1\(letters)/xy/z1".utf8)), "\(offset)")
            #expect(pattern.matches(Array("/1\(letters)/a/b/1x/2y/c/z1".utf8)), "\(offset)")
            #expect(!pattern.matches(Array("/1\(letters)/a/b/1x/2y/cz1".utf8)), "\(offset)")
        }
    }

    @Test("a hostile path costs a time that grows with its length, whatever the pattern")
    func linear() throws {
        let pattern = try #require(
            PathPattern.parse("/" + String(repeating: "*a", count: 30) + String(repeating: "**a*", count: 30) + "b?")
        )
        func time(_ length: Int) -> Duration {
            let path = Array(("/" + String(repeating: "a", count: length) + "/c").utf8)
            return (0..<5).map { _ in ContinuousClock().measure { #expect(!pattern.matches(path)) } }.min() ?? .zero
        }
        let (short, long) = (time(8_000), time(32_000))
        // 4 times the length; a quadratic matcher would take 16 times as long, and one that tries all ways for ever.
        #expect(long < short * 10 + .milliseconds(100))
    }

    // MARK: Content types

    @Test(
        "RFC 9110 §8.3.1: a content type is compared in any case and without its parameters",
        arguments: [
            ("application/x-xz", "application/x-xz", true), ("Application/X-XZ", "application/x-xz", true),
            ("application/x-xz", "APPLICATION/X-XZ;a=b", true), ("text/html", "text/html ; charset=utf-8", true),
            ("text/html", " text/html", true), ("text/html", "text/html5", false), ("image/*", "image/png", true),
            ("image/*", "imagery/png", false), ("image/*", "image/", false), ("*/*", "a/b", true), ("*/*", "a", false),
            ("*/*", "", false), ("text/html", "text/html, text/plain", false), ("text/html", "text / html", false),
            ("image/svg+xml", "image/svg+xml", true),
        ]
    )
    func types(pattern: String, contentType: String, matches: Bool) throws {
        #expect(try #require(TypePattern.parse(pattern)).matches(contentType) == matches)
    }

    @Test(
        "what is no content type is no pattern",
        arguments: ["", "/", "text", "text/", "/html", "*", "*/html", "te*/html", "text/ht*", "text/html;a=b", "a/b/c"]
    )
    func brokenTypes(pattern: String) {
        #expect(TypePattern.parse(pattern) == nil)
    }
}
