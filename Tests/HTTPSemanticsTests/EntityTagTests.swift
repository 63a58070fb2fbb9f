// RFC 9110 §8.8.3: entity tags, their lists and the two comparisons.

import HTTPSemantics
import Testing

@Suite("Entity tags (RFC 9110 §8.8.3)")
struct EntityTagTests {
    @Test(
        "Tags",
        arguments: [
            ("\"xyzzy\"", false, "\"xyzzy\""),
            ("W/\"xyzzy\"", true, "\"xyzzy\""),
            ("\"\"", false, "\"\""),
            ("W/\"\"", true, "\"\""),
            ("  \"a\"\t", false, "\"a\""),
            ("\"a,b\\\"", false, "\"a,b\\\""),
            ("\"W/a\"", false, "\"W/a\""),
            ("\"!#~\"", false, "\"!#~\""),
        ]
    )
    func sound(text: String, isWeak: Bool, opaque: String) throws {
        let tag = try #require(EntityTag.parse(text))
        #expect(tag.isWeak == isWeak)
        #expect(tag.opaque == opaque)
        #expect(tag.text == (isWeak ? "W/" : "") + opaque)
    }

    @Test(
        "What is no tag is none; obs-text neither, for it cannot be compared as text",
        arguments: [
            "", "xyzzy", "\"", "\"a", "a\"", "w/\"a\"", "W/", "W/a", "W /\"a\"", "W/ \"a\"", "\"a\"b\"", "\"a\", \"b\"",
            "\"a b\"", "\"a\u{7f}\"", "\"ä\"", "\"\u{FFFD}\"", "\"a\"\u{301}", "*", "''", "\"a\tb\"",
        ]
    )
    func unsound(text: String) {
        #expect(EntityTag.parse(text) == nil)
    }

    @Test(
        "The comparisons of the table in §8.8.3.2",
        arguments: [
            ("W/\"1\"", "W/\"1\"", false, true),
            ("W/\"1\"", "W/\"2\"", false, false),
            ("W/\"1\"", "\"1\"", false, true),
            ("\"1\"", "W/\"1\"", false, true),
            ("\"1\"", "\"1\"", true, true),
            ("\"1\"", "\"2\"", false, false),
            ("\"a\"", "\"A\"", false, false),
        ]
    )
    func comparisons(one: String, other: String, strongly: Bool, weakly: Bool) throws {
        let first = try #require(EntityTag.parse(one))
        let second = try #require(EntityTag.parse(other))
        #expect(first.stronglyEquals(second) == strongly)
        #expect(first.weaklyEquals(second) == weakly)
    }

    @Test(
        "Lists: commas inside of tags are theirs, empty members do not count (§13.1.1)",
        arguments: [
            ("\"a\"", ["\"a\""]),
            ("\"a\", W/\"b\"", ["\"a\"", "W/\"b\""]),
            ("\"a\",\"b\"", ["\"a\"", "\"b\""]),
            (" , \"a,b\" ,, \"c\\\", \"d\" ,", ["\"a,b\"", "\"c\\\"", "\"d\""]),
        ]
    )
    func lists(text: String, tags: [String]) {
        #expect(EntityTag.parseList(text) == .tags(tags.compactMap { EntityTag.parse($0) }))
    }

    @Test(
        "A tag with obs-text is left out of a list: it can be compared with nothing",
        arguments: [
            ("\"ä\", \"a\"", ["\"a\""]), ("\"a\", W/\"\u{FFFD}\"", ["\"a\""]),
            ("\"\u{FFFD}\", \"x\", \"ß\"", ["\"x\""]),
        ]
    )
    func obsoleteText(text: String, tags: [String]) {
        #expect(EntityTag.parseList(text) == .tags(tags.compactMap { EntityTag.parse($0) }))
    }

    @Test("An asterisk alone is any")
    func any() {
        #expect(EntityTag.parseList("*") == .any)
        #expect(EntityTag.parseList(" * ") == .any)
    }

    @Test(
        "A list with one bad member is none",
        arguments: [
            "", " ", ",", "a", "\"a\", b", "\"a\" \"b\"", "\"a\"\"b\"", "*, \"a\"", "\"a\", *", "\"a\", \"b", "w/\"a\"",
            "\"ä\"", "ä\"a\"", "\"a\", ä", "\"ä b\", \"a\"",
        ]
    )
    func badLists(text: String) {
        #expect(EntityTag.parseList(text) == nil)
    }
}
