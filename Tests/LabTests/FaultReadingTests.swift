// URLs as faults: what is understood, and that everything else is refused aloud.

import Testing
import holdfast_lab

@Suite("Reading of URLs") struct FaultReadingTests {
    @Test("Every fault of the list is understood with its example")
    func examplesAreUnderstood() throws {
        for entry in FaultCatalogue.entries {
            #expect(throws: Never.self, "\(entry.name)=\(entry.example)") {
                try Faults(query: "\(entry.name)=\(entry.example)")
            }
        }
    }

    @Test("Every fault of the list changes something")
    func examplesChangeSomething() throws {
        for entry in FaultCatalogue.entries where entry.name != "version" {
            #expect(try Faults(query: "\(entry.name)=\(entry.example)") != Faults(), "\(entry.name)")
        }
    }

    @Test("Every word of ranges is explained")
    func rangeWordsAreExplained() {
        #expect(Set(FaultCatalogue.rangeWords.map(\.word)) == Set(RangeConduct.allCases))
    }

    @Test(
        "What is not understood is refused with a sentence",
        arguments: [
            ("dorp=5", "There is no fault named dorp. The page / lists all of them."),
            ("drop=", "drop= is not understood; drop is N or N..M"),
            ("drop=9..3", "drop=9..3 is not understood; drop is N or N..M"),
            ("stall=5", "stall=5 is not understood; stall is N:SECONDS or N..M:SECONDS"),
            ("rate=0", "rate=0 is not understood; rate is BYTES or N..M"),
            (
                "change=every:0.0001",
                "change=every:0.0001 is not understood; change is every:SECONDS, after:REQUESTS, mid:OFFSET or inplace:OFFSET"
            ),
            ("drop=2000000000000000", "drop=2000000000000000 is not understood; drop is N or N..M"),
            ("cc=%zz", "cc has a value that cannot be read: cc=%zz"),
            ("cc=a%0d%0aB:%20c", "cc has a value that cannot be read: cc=a%0d%0aB:%20c"),
            ("field=a%20b:c", "field=a b:c is not understood; field is NAME:VALUE"),
        ]
    )
    func refusals(query: String, sentence: String) {
        #expect(throws: FaultError(description: sentence)) { try Faults(query: query) }
    }

    @Test(
        "Sizes are powers of 1024",
        arguments: [
            ("0", 0), ("35M", 36_700_160), ("2G", 2_147_483_648), ("1k", 1024), ("M", nil), ("-1", nil), ("1.5M", nil),
        ]
    )
    func sizes(text: String, bytes: Int64?) {
        #expect(Quantity.bytes(text) == bytes)
    }

    @Test(
        "A path is a size and a name",
        arguments: ["/f/35M", "/f/35M/", "/f/x/name", "/f/9999999T/name"]
    )
    func badPaths(path: String) {
        #expect(throws: FaultError.self) { try LabTarget(path) }
    }

    @Test("The truth takes its own two names out of the query")
    func truthTarget() throws {
        let target = try LabTarget("/truth/1K/a?drop=5&for=3&hash=no&grow=2")
        guard case .truth(let file, let version, let isHashed) = target else {
            Issue.record("\(target)")
            return
        }
        #expect(file.key == "/f/1K/a?drop=5&grow=2")
        #expect(version == 3)
        #expect(!isHashed)
    }

    @Test("Absolute-form is the same as origin-form")
    func absoluteForm() throws {
        #expect(try LabTarget("http://lab:9000/f/1K/a?drop=5") == LabTarget("/f/1K/a?drop=5"))
    }

    @Test("The length of a version never overflows")
    func growth() throws {
        guard case .truth(let file, let version?, _) = try LabTarget("/truth/1024T/a?grow=1024T&for=1099511627775")
        else {
            Issue.record("no truth")
            return
        }
        #expect(file.length(ofVersion: version) == Quantity.limit)
        #expect(file.length(ofVersion: 2) == 2 * Quantity.limit)
    }

    @Test("A draw is the same for the same key, and inside the span")
    func draws() {
        let span = ByteSpan("1K..4K")
        let drawn = (0..<1000).compactMap { span?.drawn(UInt64($0)) }
        #expect(drawn.allSatisfy { (1024...4096).contains($0) })
        #expect(Set(drawn).count > 500)
        #expect(span?.drawn(5) == span?.drawn(5))
    }

    @Test(
        "RFC 9110 §14.1.2: ranges of a body of 1000 bytes",
        arguments: [
            (nil, .whole), ("bytes=0-99", .spans([0..<100])), ("bytes=900-", .spans([900..<1000])),
            ("bytes=-100", .spans([900..<1000])), ("bytes=-5000", .spans([0..<1000])), ("bytes=1000-", .unsatisfiable),
            ("bytes=-0", .unsatisfiable), ("bytes=5-1,7-8", .whole), ("items=0-1", .whole), ("bytes=", .whole),
            ("bytes=0-0, 2000-, 5-9", .spans([0..<1, 5..<10])),
        ] as [(String?, AskedRange)]
    )
    func ranges(field: String?, asked: AskedRange) {
        #expect(AskedRange(field, length: 1000) == asked)
    }
}
