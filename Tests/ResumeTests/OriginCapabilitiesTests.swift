// What is learnt of an origin, what follows from it, when it is forgotten, and how it is kept: tables of events. It is
// second 1,000,000 where nothing else is said.

import HTTPSemantics
import Resume
import Testing

@Suite("OriginCapabilities: what an origin's ranges are worth (resume-rules 11)")
struct OriginCapabilitiesTests {
    private static let instant: Int64 = 1_000_000
    private static let week = OriginCapabilities.memorySeconds
    private static let tag = EntityTag.parse("\"v1\"").map { StrongValidator.etag($0) }
    private static let dated = StrongValidator.lastModified(text: "Sun, 06 Nov 1994 08:49:37 GMT", seconds: 784_111_777)

    private static func memory(_ events: [OriginEvent], at instant: Int64 = instant) -> OriginCapabilities {
        var memory = OriginCapabilities()
        for event in events { _ = memory.learn(event, at: instant) }
        return memory
    }

    struct Rung: Sendable, CustomTestStringConvertible {
        var name: String
        var events: [OriginEvent] = []
        var isDated = false
        var version = HTTPVersion.http11
        var dateOverride = false
        var after: Int64 = 0
        var condition: ResumeCondition?
        var testDescription: String { name }
    }

    @Test(
        "The condition is the first rung that the origin has not failed on (resume-rules 5, row 5; RFC 9110 §13.1.5)",
        arguments: [
            Rung(name: "nothing known: If-Range with the tag", condition: .ifRangeTag),
            Rung(name: "nothing known, a date", isDated: true, condition: .ifRangeDate),
            Rung(name: "it worked", events: [.answered206(.ifRangeTag)], condition: .ifRangeTag),
            Rung(name: "the whole came: If-Match", events: [.ignoredRange(.ifRangeTag)], condition: .ifMatch),
            Rung(
                name: "that too: a plain range, checked afterwards",
                events: [.ignoredRange(.ifRangeTag), .ignoredRange(.ifMatch)],
                condition: .checkedAfterwards
            ),
            Rung(
                name: "that too: none",
                events: [.ignoredRange(.ifRangeTag), .ignoredRange(.ifMatch), .ignoredRange(.checkedAfterwards)],
                condition: nil
            ),
            Rung(
                name: "a part of another version came: If-Match",
                events: [.ifRangeIgnored(.ifRangeTag)],
                condition: .ifMatch
            ),
            Rung(
                name: "never a date beside a tag",
                events: [.ignoredRange(.ifRangeTag), .ignoredRange(.ifMatch), .answered206(.ifRangeDate)],
                condition: .checkedAfterwards
            ),
            Rung(
                name: "unless the operator says so",
                events: [.ignoredRange(.ifRangeTag), .ignoredRange(.ifMatch)],
                dateOverride: true,
                condition: .ifRangeDate
            ),
            Rung(
                name: "a date that is refused",
                events: [.ignoredRange(.ifRangeDate)],
                isDated: true,
                condition: .checkedAfterwards
            ),
            Rung(
                name: "a new version is no failure",
                events: [.answeredNewVersion(.ifRangeTag)],
                condition: .ifRangeTag
            ),
            Rung(name: "broken ranges", events: [.brokeRange(.wrongStart)], condition: nil),
            Rung(name: "Accept-Ranges: none", events: [.announcedRanges(false)], condition: nil),
            Rung(
                name: "Accept-Ranges: none, but ranges were seen",
                events: [.answered206(.ifRangeTag), .announcedRanges(false)],
                condition: .ifRangeTag
            ),
            Rung(name: "HTTP/1.0, nothing known (resume-rules 4)", version: .http10, condition: nil),
            Rung(
                name: "HTTP/1.0 with Accept-Ranges: bytes",
                events: [.announcedRanges(true)],
                version: .http10,
                condition: .ifRangeTag
            ),
            Rung(
                name: "HTTP/1.0, ranges proven",
                events: [.answered206(.ifRangeTag)],
                version: .http10,
                condition: .ifRangeTag
            ),
            Rung(
                name: "a second before the week is over",
                events: [.brokeRange(.multipart)],
                after: week - 1,
                condition: nil
            ),
            Rung(
                name: "after a week it is tried again",
                events: [.brokeRange(.multipart), .ignoredRange(.ifRangeTag)],
                after: week,
                condition: .ifRangeTag
            ),
            Rung(
                name: "the clock was set back by more than a day: what was found is of unknown age",
                events: [.brokeRange(.multipart)],
                after: -86_401,
                condition: .ifRangeTag
            ),
            Rung(
                name: "the clock was set back a little",
                events: [.brokeRange(.multipart)],
                after: -3600,
                condition: nil
            ),
        ]
    )
    func rungs(_ row: Rung) throws {
        let condition = Self.memory(row.events).condition(
            for: row.isDated ? Self.dated : try #require(Self.tag),
            version: row.version,
            dateOverride: row.dateOverride,
            now: Self.instant + row.after
        )
        #expect(condition == row.condition)
    }

    @Test("Under an operator's rule there is nothing to name in a condition (resume-rules 11)")
    func immutable() {
        let memory = Self.memory([.answered206(.checkedAfterwards)])
        #expect(memory.condition(for: .immutable, version: .http11, now: Self.instant) == .checkedAfterwards)
    }

    struct Overlap: Sendable, CustomTestStringConvertible {
        var name: String
        var events: [OriginEvent]
        var condition = ResumeCondition.ifRangeTag
        var after: Int64 = 0
        var overlap: Int64
        var testDescription: String { name }
    }

    @Test(
        "No overlap only where the condition is known to be honoured (resume-rules 4)",
        arguments: [
            Overlap(name: "nothing known", events: [], overlap: 16384),
            Overlap(
                name: "one that ignores it would send a 206, too",
                events: [.answered206(.ifRangeTag)],
                overlap: 16384
            ),
            Overlap(
                name: "a part, and for another version the whole",
                events: [.answered206(.ifRangeTag), .answeredNewVersion(.ifRangeTag)],
                overlap: 0
            ),
            Overlap(
                name: "the whole alone: an origin without ranges answers so",
                events: [.answeredNewVersion(.ifRangeTag)],
                overlap: 16384
            ),
            Overlap(
                name: "it stays so with the next part",
                events: [
                    .answered206(.ifRangeTag), .answeredNewVersion(.ifRangeTag), .answered206(.ifRangeTag),
                ],
                overlap: 0
            ),
            Overlap(
                name: "another condition",
                events: [.answered206(.ifRangeTag), .answeredNewVersion(.ifRangeTag)],
                condition: .ifRangeDate,
                overlap: 16384
            ),
            Overlap(
                name: "If-Match, and 412",
                events: [.answered206(.ifMatch), .preconditionFailed],
                condition: .ifMatch,
                overlap: 0
            ),
            Overlap(name: "412 alone", events: [.preconditionFailed], condition: .ifMatch, overlap: 16384),
            Overlap(
                name: "a validator that stood over other bytes is not believed",
                events: [.answered206(.ifRangeTag), .answeredNewVersion(.ifRangeTag), .overlapDiffered],
                overlap: 16384
            ),
            Overlap(
                name: "a week later",
                events: [.answered206(.ifRangeTag), .answeredNewVersion(.ifRangeTag)],
                after: week,
                overlap: 16384
            ),
            Overlap(
                name: "without a condition there is always one",
                events: [.answered206(.checkedAfterwards)],
                condition: .checkedAfterwards,
                overlap: 16384
            ),
        ]
    )
    func overlaps(_ row: Overlap) {
        let overlap = Self.memory(row.events)
            .overlap(under: row.condition, usual: 16384, now: Self.instant + row.after)
        #expect(overlap == row.overlap)
    }

    struct Parallel: Sendable, CustomTestStringConvertible {
        var name: String
        var events: [OriginEvent]
        var after: Int64 = 0
        var limit: Int
        var start: Int
        var testDescription: String { name }
    }

    @Test(
        "As many connections as the origin tolerates, of the eight that are wished for",
        arguments: [
            Parallel(name: "nothing known: one", events: [], limit: 1, start: 1),
            Parallel(name: "ranges announced only", events: [.announcedRanges(true)], limit: 1, start: 1),
            Parallel(
                name: "ranges proven: it begins with two",
                events: [.answered206(.ifRangeTag)],
                limit: 8,
                start: 2
            ),
            Parallel(
                name: "four were fine",
                events: [.answered206(.ifRangeTag), .toleratedConnections(4), .toleratedConnections(3)],
                limit: 8,
                start: 4
            ),
            Parallel(
                name: "one connection says nothing",
                events: [.answered206(.ifRangeTag), .toleratedConnections(1)],
                limit: 8,
                start: 2
            ),
            Parallel(
                name: "429 with six open: half of them",
                events: [.answered206(.ifRangeTag), .tooManyConnections(6)],
                limit: 3,
                start: 2
            ),
            Parallel(
                name: "and again",
                events: [.answered206(.ifRangeTag), .tooManyConnections(6), .tooManyConnections(3)],
                limit: 1,
                start: 1
            ),
            Parallel(
                name: "what was tolerated before a refusal counts no longer",
                events: [.answered206(.ifRangeTag), .toleratedConnections(8), .tooManyConnections(8)],
                limit: 4,
                start: 2
            ),
            Parallel(
                name: "a limit is not raised by a later, milder one",
                events: [.answered206(.ifRangeTag), .tooManyConnections(4), .tooManyConnections(8)],
                limit: 2,
                start: 2
            ),
            Parallel(
                name: "never none",
                events: [.answered206(.ifRangeTag), .tooManyConnections(0)],
                limit: 1,
                start: 1
            ),
            Parallel(
                name: "ranges turned out broken",
                events: [.answered206(.ifRangeTag), .brokeRange(.wrongStart)],
                limit: 1,
                start: 1
            ),
            Parallel(
                name: "a week later it is found out again",
                events: [.answered206(.ifRangeTag), .tooManyConnections(2)],
                after: week,
                limit: 1,
                start: 1
            ),
        ]
    )
    func parallel(_ row: Parallel) {
        let memory = Self.memory(row.events)
        #expect(memory.parallelLimit(wished: 8, now: Self.instant + row.after) == row.limit)
        #expect(memory.parallelStart(wished: 8, now: Self.instant + row.after) == row.start)
    }

    @Test("A finding is written once, again after a day, and asked anew after a week")
    func refreshing() {
        var memory = OriginCapabilities()
        let isWritten = [0, 86_399, 86_400].map { memory.learn(.answered206(.ifRangeTag), at: $0) }
        #expect(isWritten == [true, false, true])
        #expect(!memory.isProbeDue(86_400 + Self.week - 1))
        #expect(memory.isProbeDue(86_400 + Self.week))
        #expect(memory.asOf(86_400 + Self.week) == OriginCapabilities())
        #expect(!OriginCapabilities().isProbeDue(.max))
        let tellsNothing = memory.learn(.preconditionFailed, at: 86_401)
        #expect(!tellsNothing, "412 without a known 206 says nothing")
    }

    @Test("Instants far apart do not overflow")
    func farInstants() {
        let memory = Self.memory([.answered206(.ifRangeTag)], at: .min)
        #expect(memory.isProbeDue(.max))
        #expect(Self.memory([.endedTooEarly], at: .max).asOf(.min) == OriginCapabilities())
    }

    @Test(
        "An origin that broke bodies off has the next end confirmed",
        arguments: [
            OriginEvent.endedTooEarly
        ]
    )
    func truncating(_ event: OriginEvent) {
        #expect(!OriginCapabilities().truncates(now: 0))
        #expect(Self.memory([event]).truncates(now: Self.instant))
        #expect(!Self.memory([event]).truncates(now: Self.instant + Self.week))
    }
}
