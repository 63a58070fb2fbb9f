// The memory of an origin as bytes of the index, and in plain words.

import Resume
import Testing

@Suite("OriginCapabilities: kept and told")
struct OriginMemoryTests {
    private static let events: [OriginEvent] =
        [
            .announcedRanges(true), .announcedRanges(false), .overlapDiffered, .preconditionFailed,
            .endedTooEarly, .toleratedConnections(4), .toleratedConnections(4000), .tooManyConnections(6),
            .tooManyConnections(-1), .showed(.strongTag), .showed(.strongDate), .showed(.weakOnly), .showed(.absent),
        ] + BrokenReason.allCases.map { .brokeRange($0) }
        + ResumeCondition.allCases.flatMap {
            [OriginEvent.answered206($0), .ifRangeIgnored($0), .ignoredRange($0), .answeredNewVersion($0)]
        }

    @Test("What was learnt reads back as it was written", arguments: 1...40 as ClosedRange<UInt64>)
    func roundTrip(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var memory = OriginCapabilities()
        for event in Self.events where random.chance(oneIn: 3) {
            _ = memory.learn(event, at: random.number(-5..<1_000_000))
            #expect(OriginCapabilities(bytes: memory.bytes) == memory)
        }
    }

    @Test("Every single finding reads back", arguments: events)
    func single(_ event: OriginEvent) {
        var memory = OriginCapabilities()
        _ = memory.learn(event, at: .max)
        #expect(OriginCapabilities(bytes: memory.bytes) == memory)
    }

    @Test("Bytes of another format, cut or with something behind them are an origin of which nothing is known")
    func unreadable() {
        var memory = OriginCapabilities()
        for event in [OriginEvent.answered206(.ifRangeTag), .showed(.strongTag), .tooManyConnections(4)] {
            _ = memory.learn(event, at: 77)
        }
        let bytes = memory.bytes
        let fresh = OriginCapabilities()
        #expect(OriginCapabilities(bytes: []) == fresh)
        for count in 0..<bytes.count { #expect(OriginCapabilities(bytes: Array(bytes[..<count])) == fresh) }
        #expect(OriginCapabilities(bytes: bytes + [0]) == fresh)
        #expect(OriginCapabilities(bytes: [2] + bytes[1...]) == fresh)
        #expect(OriginCapabilities(bytes: [1, 9] + bytes[2...]) == fresh, "a code that does not exist")
        #expect(OriginCapabilities(bytes: [1, 4, 200] + bytes[3...]) == fresh, "a reason that does not exist")
        #expect(OriginCapabilities(bytes: fresh.bytes) == fresh)
        #expect(fresh.bytes.count == 10)
    }

    @Test("Random bytes are read without harm")
    func noise() {
        var random = SeededRandom(seed: 5)
        for _ in 0..<5000 {
            let bytes = [1] + (0..<random.number(0..<100)).map { _ in UInt8(random.number(0..<6)) }
            let memory = OriginCapabilities(bytes: bytes)
            #expect(OriginCapabilities(bytes: memory.bytes) == memory)
        }
    }

    struct Told: Sendable, CustomTestStringConvertible {
        var name: String
        var events: [OriginEvent]
        var prospect: OriginCapabilities.Prospect
        var first: String
        var others: [String] = []
        var testDescription: String { name }
    }

    private static let restarts = """
        An interrupted download from this origin will be fetched again from its first byte; it goes on if what was \
        delivered is the same.
        """

    @Test(
        "The first sentence says what will happen to an interrupted download",
        arguments: [
            Told(
                name: "nothing known",
                events: [],
                prospect: .unknown,
                first:
                    "What an interrupted download from this origin will do is not known yet; the first one will tell."
            ),
            Told(
                name: "a strong tag, honoured",
                events: [.showed(.strongTag), .answered206(.ifRangeTag), .answeredNewVersion(.ifRangeTag)],
                prospect: .resumes,
                first: "An interrupted download from this origin will go on at the byte at which it broke.",
                others: [
                    "It answers a request for a range with that range.", "It names its versions by a strong ETag.",
                    "It honours If-Range with an ETag, and notices a change.",
                ]
            ),
            Told(
                name: "a date, accepted",
                events: [.showed(.strongDate), .answered206(.ifRangeDate)],
                prospect: .resumesAfterComparing,
                first: """
                    An interrupted download from this origin will go on where it broke, once some bytes before that \
                    are compared.
                    """,
                others: [
                    "It answers a request for a range with that range.",
                    "It names its versions by a Last-Modified date only.",
                    "It accepts If-Range with a date; whether it notices a change is not known yet.",
                ]
            ),
            Told(
                name: "announced",
                events: [.showed(.strongTag), .announcedRanges(true)],
                prospect: .resumesAfterComparing,
                first: """
                    An interrupted download from this origin will go on where it broke, once some bytes before that \
                    are compared.
                    """,
                others: [
                    "It announces ranges (Accept-Ranges: bytes); none was asked for yet.",
                    "It names its versions by a strong ETag.",
                ]
            ),
            Told(
                name: "ignored",
                events: [.showed(.strongTag), .ignoredRange(.checkedAfterwards)],
                prospect: .restarts,
                first: restarts,
                others: [
                    "It answers a request for a range with the whole, or announces no ranges.",
                    "It names its versions by a strong ETag.",
                ]
            ),
            Told(
                name: "broken, and why",
                events: [.brokeRange(.wrongStart)],
                prospect: .restarts,
                first: restarts,
                others: [
                    "Its ranges cannot be used. The origin's range starts at another byte than the one asked for."
                ]
            ),
            Told(
                name: "weak validators",
                events: [.showed(.weakOnly), .answered206(.checkedAfterwards)],
                prospect: .restarts,
                first: restarts,
                others: [
                    "It answers a request for a range with that range.",
                    "It names its versions by weak validators only, which join no ranges.",
                ]
            ),
            Told(
                name: "connections, lies and ends",
                events: [.tooManyConnections(2), .overlapDiffered, .endedTooEarly, .showed(.absent)],
                prospect: .restarts,
                first: restarts,
                others: [
                    "It names no versions: there is neither an ETag nor a Last-Modified.",
                    "It sent other bytes under an unchanged validator: every resume is compared.",
                    "It refused more than 1 connection at once.",
                    "1 of its bodies ended soundly before they were whole; the end of a chunked body is confirmed.",
                ]
            ),
        ]
    )
    func telling(_ row: Told) {
        var memory = OriginCapabilities()
        for event in row.events { _ = memory.learn(event, at: 0) }
        #expect(memory.prospect(now: 0) == row.prospect)
        #expect(memory.sentences(now: 0) == [row.first] + row.others)
    }
}
