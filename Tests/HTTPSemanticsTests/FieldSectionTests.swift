// The shared types that heads are made of: sections keep what they are given, names are known in any case.

import HTTPSemantics
import Testing

@Suite("Sections of fields (RFC 9110 §5)")
struct FieldSectionTests {
    private let fields = section([
        "Host": "a", "X-One": "1", "x-one": "2", "CACHE-CONTROL": "max-age=1", "Cache-Control": "public", "Empty": "",
    ])

    @Test("Order, spelling and repeats stay as they were given (§5.3)")
    func order() {
        #expect(fields.count == 6)
        #expect(
            lines(fields) == [
                "Host: a", "X-One: 1", "x-one: 2", "CACHE-CONTROL: max-age=1", "Cache-Control: public", "Empty: ",
            ]
        )
        #expect(fields.lineBytes == lines(fields).reduce(0) { $0 + $1.utf8.count + 2 })
    }

    @Test("Names are found in any case (§5.1)")
    func reading() {
        #expect(fields.first(.cacheControl) == "max-age=1")
        #expect(fields.only(.cacheControl) == nil)
        #expect(fields.only(.host) == "a")
        #expect(fields.only(.etag) == nil)
        #expect(fields.values(.cacheControl) == ["max-age=1", "public"])
        #expect(fields.combined(.cacheControl) == "max-age=1, public")
        #expect(fields.combined(.etag) == nil)
        #expect(fields.values(named: "x-one") == ["1", "2"])
        #expect(fields.combined(named: "x-one") == "1, 2")
        #expect(fields.combined(named: "x-on") == nil)
        #expect(fields.values(named: "empty") == [""])
        #expect(fields.occurrences(of: .cacheControl) == 2)
        #expect(fields.contains(.host))
        #expect(!fields.contains(.etag))
    }

    @Test("set keeps the place and the spelling of the first one and removes the others")
    func set() {
        var changed = fields
        changed.set(.cacheControl, "no-store")
        changed.set(.etag, "\"a\"")
        #expect(
            lines(changed) == [
                "Host: a", "X-One: 1", "x-one: 2", "CACHE-CONTROL: no-store", "Empty: ", "ETag: \"a\"",
            ]
        )
    }

    @Test("Removing by name and by condition")
    func removing() {
        var changed = fields
        changed.removeAll(.cacheControl)
        changed.removeAll { $0.isNamed(lowercase: "x-one") }
        #expect(lines(changed) == ["Host: a", "Empty: "])
        changed.removeAll { _ in true }
        #expect(changed.isEmpty)
    }

    @Test("A copy is independent of what it was copied from")
    func copies() {
        var changed = fields
        changed.set(.host, "b")
        #expect(fields.first(.host) == "a")
        var other = FieldSection()
        fields.forEach { other.append($0) }
        #expect(other == fields)
        #expect(changed != fields)
    }

    @Test("Equal means the same bytes in the same order")
    func equality() {
        #expect(section(["A": "1", "B": "2"]) != section(["B": "2", "A": "1"]))
        #expect(section(["A": "1"]) != section(["a": "1"]))
        #expect(section(["A": "1"]) != section(["A": "1", "B": "2"]))
        #expect(section("A", bytes: [0xE4]) != section("A", bytes: [0xF6]))
    }

    @Test("Every known name is known in any case, and nothing else is")
    func knownFields() {
        for field in KnownField.allCases where field != .other {
            let name = field.canonicalName.description
            #expect(KnownField.named(name) == field)
            #expect(KnownField.named(name.uppercased()) == field)
            #expect(KnownField.named(name.lowercased()) == field)
            #expect(KnownField.named(name + "x") == .other)
            #expect(KnownField.named(String(name.dropLast())) == .other || name == "ETag" || name == "Expires")
        }
        #expect(KnownField.named("") == .other)
        #expect(KnownField.named(String(repeating: "a", count: 10_000)) == .other)
    }

    @Test(
        "Safe and idempotent methods; the case counts (RFC 9110 §9.1, §9.2)",
        arguments: [
            ("GET", true, true), ("HEAD", true, true), ("OPTIONS", true, true), ("TRACE", true, true),
            ("PUT", false, true),
            ("DELETE", false, true), ("POST", false, false), ("CONNECT", false, false), ("PATCH", false, false),
            ("get", false, false),
        ]
    )
    func methods(name: String, isSafe: Bool, isIdempotent: Bool) {
        #expect(Method(name).isSafe == isSafe)
        #expect(Method(name).isIdempotent == isIdempotent)
    }
}
