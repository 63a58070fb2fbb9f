// RFC 9111 §3.1, §3.2 and §4.3.4: what is stored of a head, and what a later response changes in it.

import HTTPSemantics
import Testing

@Suite("Stored heads and their updates (RFC 9111 §3.1, §3.2, resume-rules 2)")
struct StoredHeadUpdateTests {
    private func apply(
        _ newer: KeyValuePairs<String, String>,
        to stored: KeyValuePairs<String, String>
    ) -> [String] {
        lines(StoredHeadUpdate.apply(section(newer), to: section(stored)))
    }

    @Test("Connection fields, those about a proxy, Content-Range and withheld ones are not stored (§3.1)")
    func storable() {
        let fields = section([
            "Date": "d", "Connection": "close, X-Hop, ETag", "X-Hop": "1", "ETag": "\"a\"", "Keep-Alive": "1",
            "Proxy-Authenticate": "x", "Proxy-Authentication-Info": "x", "proxy-authorization": "x",
            "Transfer-Encoding": "chunked", "TE": "x", "Trailer": "x", "Upgrade": "x", "Proxy-Connection": "x",
            "Content-Range": "bytes 0-1/2", "Content-Length": "2", "Set-Cookie": "a", "X-User": "u", "X-Keep": "k",
            "Cache-Control": "no-cache=\"Set-Cookie, x-user\"",
        ])
        #expect(
            lines(StoredHeadUpdate.storable(fields)) == [
                "Date: d", "ETag: \"a\"", "Content-Length: 2", "X-Keep: k",
                "Cache-Control: no-cache=\"Set-Cookie, x-user\"",
            ]
        )
    }

    @Test("What private names is withheld as well (§5.2.2.7)")
    func privateFields() {
        let fields = section(["X-User": "u", "A": "1", "Cache-Control": "private=\"x-user\""])
        #expect(lines(StoredHeadUpdate.storable(fields)) == ["A: 1", "Cache-Control: private=\"x-user\""])
    }

    @Test("Newer fields take the place of all stored lines of their name; the others stay (§3.2)")
    func replacing() {
        #expect(
            apply(
                ["Date": "new", "X-New": "n", "cache-control": "max-age=2", "Cache-Control": "public"],
                to: ["Cache-Control": "max-age=1", "Date": "old", "X-Old": "o", "CACHE-CONTROL": "private"]
            ) == ["cache-control: max-age=2", "Cache-Control: public", "Date: new", "X-Old: o", "X-New: n"]
        )
    }

    @Test(
        "What the stored bytes depend on stays as it came with them (resume-rules 2)",
        arguments: [
            "Content-Length", "Content-Encoding", "Content-Type", "ETag", "Last-Modified", "etag",
        ]
    )
    func fixed(name: String) {
        var stored = FieldSection()
        stored.append(name: name, value: "old")
        var newer = FieldSection()
        newer.append(name: name, value: "new")
        #expect(lines(StoredHeadUpdate.apply(newer, to: stored)) == ["\(name): old"])
        #expect(StoredHeadUpdate.apply(newer, to: FieldSection()).isEmpty)
    }

    @Test(
        "Content-Range, connection fields and another client's cookie are not taken over",
        arguments: [
            "Content-Range", "Connection", "Transfer-Encoding", "Set-Cookie", "Proxy-Authenticate", "Keep-Alive",
        ]
    )
    func leftOut(name: String) {
        var newer = FieldSection()
        newer.append(name: name, value: "x")
        #expect(lines(StoredHeadUpdate.apply(newer, to: section(["A": "1"]))) == ["A: 1"])
    }

    @Test("What the newer response nominates in Connection is not taken over")
    func nominated() {
        #expect(apply(["Connection": "a", "A": "2"], to: ["A": "1"]) == ["A: 1"])
    }

    @Test("The age of the older response goes; that of the newer one comes (§4.2.3)")
    func age() {
        #expect(apply(["Date": "new"], to: ["Age": "100", "Date": "old"]) == ["Date: new"])
        #expect(apply(["Age": "5"], to: ["Age": "100", "Date": "old"]) == ["Age: 5", "Date: old"])
    }

    @Test("A field that the newer response withholds goes from what is stored")
    func withheld() {
        #expect(
            apply(["Cache-Control": "no-cache=\"x-user\""], to: ["X-User": "u", "A": "1"])
                == ["A: 1", "Cache-Control: no-cache=\"x-user\""]
        )
    }

    @Test(
        "A newer Vary adds names and takes none away",
        arguments: [
            ("Accept", "Accept", "Accept"),
            ("Accept", "Cookie", "accept, cookie"),
            ("Accept, Cookie", "Accept", "accept, cookie"),
            ("Accept", "", "accept"),
            ("", "Accept", "Accept"),
            ("Accept", "*", "*"),
            ("*", "Accept", "*"),
        ]
    )
    func vary(stored: String, newer: String, expected: String) {
        #expect(apply(["Vary": newer], to: ["Vary": stored]) == ["Vary: \(expected)"])
    }

    @Test("A newer response without Vary leaves it as it is")
    func varyAbsent() {
        #expect(apply(["Date": "d"], to: ["Vary": "Accept"]) == ["Vary: Accept", "Date: d"])
        #expect(apply(["Vary": "Accept"], to: ["Date": "d"]) == ["Date: d", "Vary: Accept"])
    }

    @Test(
        "Newly nominated names are told, so that the request's fields can be stored anew",
        arguments: [
            ("Accept", "Cookie", true), ("Accept", "Accept, Cookie", true), ("Accept, Cookie", "Accept", false),
            ("Accept", "*", true), ("*", "Accept", false), ("", "Accept", true), ("Accept", "accept", false),
        ]
    )
    func nominatesMore(stored: String, newer: String, expected: Bool) {
        #expect(
            StoredHeadUpdate.nominatesMore(section(["Vary": newer]), than: section(["Vary": stored])) == expected
        )
    }

    @Test("The fields of the validating request that the updated response nominates are stored anew (§4.1)")
    func requestFields() {
        func fields(_ newer: KeyValuePairs<String, String>, _ stored: KeyValuePairs<String, String>) -> [String]? {
            StoredHeadUpdate.requestFields(
                merging: section(newer),
                stored: section(stored),
                request: section(["Accept": "a", "Cookie": "c", "Host": "h"])
            ).map { lines($0) }
        }
        #expect(fields(["Vary": "Cookie"], ["Vary": "Accept"]) == ["Accept: a", "Cookie: c"])
        #expect(fields(["Vary": "Cookie"], [:]) == ["Cookie: c"])
        #expect(fields([:], ["Vary": "Accept"]) == ["Accept: a"])
        #expect(fields([:], [:]) == [])
        #expect(fields(["Vary": "*"], ["Vary": "Accept"]) == nil)
        #expect(fields(["Vary": "Accept"], ["Vary": "*"]) == nil)
    }

    @Test("Bytes that are no UTF-8 survive an update")
    func bytes() {
        let stored = section("X-Field", bytes: [0xE4])
        #expect(StoredHeadUpdate.apply(section(), to: stored) == stored)
        #expect(
            StoredHeadUpdate.apply(section("x-field", bytes: [0xF6]), to: stored) == section("x-field", bytes: [0xF6])
        )
    }
}

@Suite("Which stored response a 304 freshens (RFC 9111 §4.3.4, R73)")
struct FreshenSelectionTests {
    private static let date = HTTPDate.format(instant)
    private static let other = HTTPDate.format(instant + 1)

    private func selects(
        _ notModified: KeyValuePairs<String, String>,
        _ candidate: KeyValuePairs<String, String>,
        only: Bool = false
    ) -> Bool {
        FreshenSelection.selects(
            notModified: section(notModified),
            candidate: section(candidate),
            isOnlyCandidate: only
        )
    }

    @Test(
        "By tag: a strong one by strong comparison, a weak one by weak comparison",
        arguments: [
            ("\"a\"", "\"a\"", true), ("\"a\"", "\"b\"", false), ("\"a\"", "W/\"a\"", false),
            ("W/\"a\"", "\"a\"", true),
            ("W/\"a\"", "W/\"a\"", true), ("W/\"a\"", "W/\"b\"", false), ("a", "a", false), ("\"a\"", "a", false),
        ]
    )
    func tags(notModified: String, candidate: String, expected: Bool) {
        #expect(selects(["ETag": notModified], ["ETag": candidate]) == expected)
        #expect(selects(["ETag": notModified], ["ETag": candidate], only: true) == expected)
    }

    @Test("A tag decides, whatever the dates; without one in the stored response it selects nothing")
    func tagBeforeDate() {
        #expect(
            selects(["ETag": "\"a\"", "Last-Modified": Self.other], ["ETag": "\"a\"", "Last-Modified": Self.date])
        )
        #expect(
            !selects(["ETag": "\"a\"", "Last-Modified": Self.date], ["ETag": "\"b\"", "Last-Modified": Self.date])
        )
        #expect(!selects(["ETag": "\"a\"", "Last-Modified": Self.date], ["Last-Modified": Self.date], only: true))
        #expect(!selects(["ETag": "\"a\"", "etag": "\"a\""], ["ETag": "\"a\""], only: true))
    }

    @Test("By date: the same one, as it was written")
    func dates() {
        #expect(selects(["Last-Modified": Self.date], ["Last-Modified": Self.date]))
        #expect(!selects(["Last-Modified": Self.other], ["Last-Modified": Self.date], only: true))
        #expect(!selects(["Last-Modified": Self.date], [:], only: true))
        #expect(!selects(["Last-Modified": "x"], ["Last-Modified": "x"], only: true))
    }

    @Test("A 304 without a validator speaks of the only candidate, unless that has a tag (RFC 9110 §15.4.5)")
    func none() {
        #expect(selects([:], [:], only: true))
        #expect(selects([:], ["Last-Modified": Self.date], only: true))
        #expect(!selects([:], [:]))
        #expect(!selects([:], ["Last-Modified": Self.date]))
        #expect(!selects([:], ["ETag": "\"a\""], only: true))
    }

    private func select(_ notModified: KeyValuePairs<String, String>, _ candidates: [[String: String]]) -> [Int] {
        FreshenSelection.select(
            notModified: section(notModified),
            candidates: candidates.map { lines in
                var fields = FieldSection()
                for (name, value) in lines { fields.append(name: name, value: value) }
                return fields
            }
        )
    }

    @Test("A strong tag selects all that have it, in the order of the candidates (§4.3.4)")
    func strong() {
        let candidates = [
            ["ETag": "\"b\""], ["ETag": "\"a\"", "Date": Self.date], ["ETag": "W/\"a\""],
            ["ETag": "\"a\"", "Date": Self.other],
        ]
        #expect(select(["ETag": "\"a\""], candidates) == [1, 3])
        #expect(select(["ETag": "\"b\""], candidates) == [0])
        #expect(select(["ETag": "\"c\""], candidates) == [])
    }

    @Test("A weak tag, or a date, selects the most recent that has it (§4.3.4)")
    func weak() {
        let tagged = [
            ["ETag": "W/\"a\"", "Date": Self.date], ["ETag": "W/\"a\"", "Date": Self.other],
            ["ETag": "W/\"b\"", "Date": HTTPDate.format(instant + 2)], ["ETag": "W/\"a\""],
        ]
        #expect(select(["ETag": "W/\"a\""], tagged) == [1])
        #expect(select(["ETag": "W/\"a\""], Array(tagged.reversed())) == [2])
        let dated = [
            ["Last-Modified": Self.date, "Date": Self.date], ["Last-Modified": Self.date, "Date": Self.other],
            ["Last-Modified": Self.date, "Date": Self.other],
        ]
        #expect(select(["Last-Modified": Self.date], dated) == [1])
        #expect(select(["Last-Modified": Self.other], dated) == [])
    }

    @Test("Without a validator it selects the only candidate, if that has no tag (R73)")
    func only() {
        #expect(select([:], [[:]]) == [0])
        #expect(select([:], [["Last-Modified": Self.date]]) == [0])
        #expect(select([:], [["ETag": "\"a\""]]) == [])
        #expect(select([:], [[:], [:]]) == [])
        #expect(select([:], []) == [])
    }
}
