// Lines of keys, and the key that somebody may have meant.

import Configuration
import Testing

@Suite("The line of a key is found in any TOML")
struct KeyLinesTests {
    static let text = """
        \u{FEFF}# a = 1 is a comment
        listen = [            # line 2
            "[x]:1", # ] and " in a comment
            'y = 1',
        ]
        "quoted.key" = "a = 1\\" # no comment"
        long = \"\"\"
        [cache]
        b = 1
        ""\"\"\"
        raw = '''
        [memory]
        \\'''

        [ access ] # line 15
        clients = { "inner" = 1, deep = [ { x = 1 } ] }
        resume.on_disconnect = "finish"
        date = 1979-05-27 07:32:00Z
        [[ list . of ]]
        c = 1
        [cache]
        empty = ""
        max_size = 5
        """

    @Test(
        "headers, dotted keys, strings of several lines, arrays and inline tables",
        arguments: [
            (["listen"], 2), (["quoted.key"], 6), (["long"], 7), (["raw"], 11), (["access"], 15),
            (["access", "clients"], 16),
            (["access", "clients", "inner"], 16), (["access", "clients", "deep"], 16),
            (["access", "resume", "on_disconnect"], 17), (["access", "date"], 18), (["list", "of"], 19),
            (["list", "of", "c"], 20), (["cache"], 21), (["cache", "empty"], 22), (["cache", "max_size"], 23),
            // The nearest table above, where the key itself is not written.
            (["cache", "other"], 21),
            // Not written anywhere: these stand in strings and comments.
            (["a"], nil), (["b"], nil), (["y"], nil), (["memory"], nil),
        ] as [([String], Int?)]
    )
    func line(path: [String], line: Int?) {
        #expect(KeyLines(Self.text).line(of: path) == line)
    }

    @Test(
        "each table of an array has its own line, and so have its keys",
        arguments: [
            (0, [], 2), (0, ["ttl"], 3), (0, ["host"], 4), (0, ["deep", "key"], 7), (0, ["deep", "other"], 6),
            (0, ["other"], 2), (1, [], 8), (1, ["ttl"], 11), (1, ["host"], 8), (2, [], nil),
        ] as [(Int, [String], Int?)]
    )
    func elements(index: Int, path: [String], line: Int?) {
        let text = """
            a = 1
            [[rule]]
            ttl = "1s"
            host = [ # a list
                "x", "y" ]
            [rule.deep]
            key = 1
            [[ rule ]]
            # ttl = 3

            "ttl" = { a = 2 }
            """
        #expect(KeyLines(text).line(of: path, inElement: index, of: ["rule"]) == line)
    }

    @Test("an array of tables in one value has the lines of its braces")
    func inlineElements() {
        let lines = KeyLines("rule = [\n  { ttl = 1 }, # one\n  { host = 2,\n ttl = 3 },\n]\nb = [{ c = 1 }]\n")
        #expect(lines.line(of: [], inElement: 0, of: ["rule"]) == 2)
        #expect(lines.line(of: ["ttl"], inElement: 1, of: ["rule"]) == 4)
        #expect(lines.line(of: ["c"], inElement: 0, of: ["b"]) == 6)
        #expect(lines.line(of: [], inElement: 2, of: ["rule"]) == nil)
        #expect(lines.line(of: ["rule"]) == 1)
    }

    @Test("carriage returns do not count twice")
    func carriageReturns() {
        #expect(KeyLines("a = 1\r\n\r\nb = 2\r\n").lines == [["a"]: 1, ["b"]: 3])
    }

    @Test(
        "a text that is no TOML ends the search, not the process",
        arguments: [
            "[", "]", "[a", "a", "a =", "a = \"", "a = '''", "a = \"\\", "a = [", "a = [}", "a = {", "a = {b", "a.",
            ".", "\"", "a = [[[", "=", "\u{FEFF}",
        ]
    )
    func broken(text: String) {
        #expect(KeyLines(text).line(of: ["z"]) == nil)
    }

    @Test("every beginning of a text can be read")
    func beginnings() {
        for end in Self.text.indices {
            #expect(KeyLines(String(Self.text[..<end])).line(of: ["z"]) == nil)
        }
    }

    @Test(
        "the nearest known key",
        arguments: [
            ("cache.max_szie", "cache.max_size"), ("cache.maxsize", "cache.max_size"),
            ("Cache.Max_Size", "cache.max_size"),
            ("cache_max_size", "cache.max_size"), ("on_disconnect", "resume.on_disconnect"),
            ("stop.on_disconnect", "resume.on_disconnect"), ("lsiten", "listen"), ("cahce.max_size", "cache.max_size"),
            ("quite.another_thing", nil), ("", nil), (String(repeating: "a", count: 100_000), nil),
        ] as [(String, String?)]
    )
    func nearest(written: String, key: String?) {
        #expect(NearestKey.suggestion(for: written, among: Directive.all.map(\.key)) == key)
    }

    @Test(
        "the distance of two texts counts inserted, removed, replaced and swapped letters",
        arguments: [
            ("", "", 0), ("", "abc", 3), ("abc", "", 3), ("abc", "abd", 1), ("abc", "acb", 1), ("abc", "xabcy", 2),
        ]
    )
    func distance(a: String, b: String, edits: Int) {
        #expect(NearestKey.distance(Array(a.utf8), Array(b.utf8)) == edits)
    }
}
