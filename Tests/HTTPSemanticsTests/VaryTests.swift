// RFC 9111 §4.1 and R11: which request fields select a representation, and whether two requests agree.

import HTTPSemantics
import Testing

@Suite("Vary (RFC 9111 §4.1)")
struct VaryTests {
    @Test(
        "Names in lower case, sorted, each once (RFC 9110 §12.5.5)",
        arguments: [
            (["Accept-Encoding"], ["accept-encoding"]),
            (["Foo, Bar", "bar,,  Baz "], ["bar", "baz", "foo"]),
            ([""], []),
            ([" , "], []),
            (["*"], nil),
            (["Accept, *"], nil),
            (["Accept", "*"], nil),
            (["Acc ept"], nil),
            (["\"Accept\""], nil),
            (["Accept;q=1"], nil),
        ] as [([String], [String]?)]
    )
    func nominated(values: [String], names: [String]?) {
        var fields = FieldSection()
        for value in values { fields.append(name: "Vary", value: value) }
        #expect(Vary.nominated(fields) == names)
    }

    @Test("Without the field there are none")
    func absent() {
        #expect(Vary.nominated(section(["Varying": "a"])) == [])
    }

    @Test("16 names and 4 KiB are the limit (R11)")
    func limit() {
        let names = (0..<16).map { "x-\($0)" }
        #expect(Vary.nominated(section(["Vary": names.joined(separator: ",")]))?.count == 16)
        #expect(Vary.nominated(section(["Vary": (names + ["x-16"]).joined(separator: ",")])) == nil)
        let long = String(repeating: "a,", count: 2048)
        #expect(Vary.nominated(section(["Vary": long])) == ["a"])
        #expect(Vary.nominated(section(["Vary": long + "a"])) == nil)
        #expect(Vary.nominated(section(["Vary": long, "vary": "a"])) == nil)
    }

    @Test("The nominated lines are kept as they were sent, and nothing else")
    func select() {
        let fields = section(["B": "2", "A": " x", "C": "3", "a": "y"])
        #expect(lines(Vary.select(["a", "b", "d"], from: fields)) == ["A:  x", "a: y", "B: 2"])
        #expect(Vary.select([], from: fields).isEmpty)
    }

    @Test(
        "Values agree but for whitespace around commas and the number of lines",
        arguments: [
            (["gzip, br"], ["gzip,br"], true),
            (["gzip, br"], ["gzip", "br"], true),
            ([" gzip\t,  br "], ["gzip,br"], true),
            (["gzip, br"], ["br, gzip"], false),
            (["gzip"], ["GZIP"], false),
            (["gzip"], ["gzip;q=1"], false),
            (["a b"], ["a  b"], false),
            (["ab"], ["a b"], false),
            (["a"], [], false),
            ([], ["a"], false),
            ([], [], true),
            ([""], [], false),
            ([""], [""], true),
            (["a,,b"], ["a,b"], false),
            (["\"a, b\""], ["\"a,b\""], false),
            (["\"a\\\", b\""], ["\"a\\\",b\""], false),
            (["\"a\" , b"], ["\"a\",b"], true),
            (["a,"], ["a"], false),
        ]
    )
    func matches(stored: [String], asked: [String], expected: Bool) {
        func fields(_ values: [String]) -> FieldSection {
            var fields = section(["Other": "x"])
            for value in values { fields.append(name: "Prefer", value: value) }
            return fields
        }
        #expect(Vary.matches(names: ["prefer"], stored: fields(stored), request: fields(asked)) == expected)
        #expect(Vary.matches(names: [], stored: fields(stored), request: fields(asked)))
    }

    @Test(
        "Where a field is no list, or not known as one, white space beside a comma is data (§4.1)",
        arguments: ["user-agent", "cookie", "referer", "x-field"]
    )
    func data(name: String) {
        func matches(_ stored: [String], _ asked: [String]) -> Bool {
            func fields(_ values: [String]) -> FieldSection {
                var fields = FieldSection()
                for value in values { fields.append(name: name, value: value) }
                return fields
            }
            return Vary.matches(names: [name], stored: fields(stored), request: fields(asked))
        }
        #expect(!matches(["a (b,c)"], ["a (b, c)"]))
        #expect(!matches(["a,b"], ["a, b"]))
        #expect(matches(["a,b"], ["a,b"]))
        // RFC 9110 §5.3.
        #expect(matches(["a", "b"], ["a, b"]))
    }

    @Test("All names have to agree")
    func all() {
        let stored = section(["A": "1", "B": "2"])
        #expect(Vary.matches(names: ["a", "b"], stored: stored, request: section(["b": "2", "a": "1"])))
        #expect(!Vary.matches(names: ["a", "b"], stored: stored, request: section(["a": "1", "b": "3"])))
    }

    @Test("Bytes that are no UTF-8 are told apart, as are letters that only look alike")
    func bytes() {
        let one = section("X-Field", bytes: [0xE4])
        let other = section("X-Field", bytes: [0xF6])
        #expect(one.first(.other) == other.first(.other))
        #expect(!Vary.matches(names: ["prefer"], stored: one, request: other))
        #expect(Vary.matches(names: ["prefer"], stored: one, request: one))
        let composed = section(["X-Field": "\u{E9}"])
        let decomposed = section(["X-Field": "e\u{301}"])
        #expect(!Vary.matches(names: ["prefer"], stored: composed, request: decomposed))
    }

    @Test(
        "Negotiation fields agree where they mean the same (RFC 9111 §4.1, RFC 9110 §12.5)",
        arguments: [
            ("Accept-Encoding", ["gzip, br"], ["br,gzip"], true),
            ("Accept-Encoding", ["gzip", "br"], ["BR, GZip"], true),
            ("accept-encoding", ["gzip; q=0.5 ,br"], ["br, gzip;q=0.5"], true),
            ("Accept-Encoding", ["gzip;q=0.5"], ["gzip;q=0.6"], false),
            ("Accept-Encoding", ["gzip,,br"], [",gzip, br,"], true),
            ("Accept-Encoding", ["gzip, gzip"], ["gzip"], false),
            ("Accept-Encoding", [""], [], false),
            ("Accept-Encoding", [], [""], false),
            ("Accept-Encoding", [""], [","], true),
            ("Accept-Encoding", ["g zip"], ["gzip"], false),
            ("Accept", ["text/html, a/b;q=0.5"], ["a/b;q=0.5,text/html"], true),
            ("Accept", ["text/html"], ["TEXT/html"], false),
            ("Accept", ["a/b;c=\"x, y\", d/e"], ["d/e, a/b;c=\"x, y\""], false),
            ("Accept", ["a/b;c=\"x, y\" , d/e"], ["a/b;c=\"x, y\",d/e"], true),
            ("Accept", ["a/b;c=\"x, y\""], ["a/b;c=\"x,y\""], false),
            ("Accept-Charset", ["utf-8, *;q=0.1"], ["*;q=0.1, utf-8"], true),
            ("Accept-Language", ["de, en"], ["en, de"], false),
            ("Accept-Language", ["de-DE , EN"], ["de-de,en"], true),
            ("Cookie", ["a; b"], ["a;b"], false),
            ("User-Agent", ["A"], ["a"], false),
        ]
    )
    func negotiation(name: String, stored: [String], asked: [String], expected: Bool) {
        func fields(_ values: [String]) -> FieldSection {
            var fields = FieldSection()
            for value in values { fields.append(name: name, value: value) }
            return fields
        }
        #expect(Vary.matches(names: [name.lowercased()], stored: fields(stored), request: fields(asked)) == expected)
    }

    @Test("The most recent is that of the latest Date, then the one received last (§4.1)")
    func newer() {
        #expect(Vary.isNewer((date: 2, receivedAt: 1), than: (date: 1, receivedAt: 9)))
        #expect(!Vary.isNewer((date: 1, receivedAt: 9), than: (date: 2, receivedAt: 1)))
        #expect(Vary.isNewer((date: 1, receivedAt: 2), than: (date: 1, receivedAt: 1)))
        #expect(!Vary.isNewer((date: 1, receivedAt: 1), than: (date: 1, receivedAt: 1)))
        #expect(Vary.isNewer((date: 1, receivedAt: 1), than: (date: nil, receivedAt: 9)))
        #expect(Vary.isNewer((date: nil, receivedAt: 2), than: (date: nil, receivedAt: 1)))
    }
}
