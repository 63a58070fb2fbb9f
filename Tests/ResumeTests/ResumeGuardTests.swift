// The resume guard (resume-rules 11): who may be given a range of the current version, and who would join
// it to bytes of another one. Version 9 is current; it is 10,000 s; the guard time is one hour.

import Resume
import Testing

@Suite("ResumeGuard: no splice for a bare Range (resume-rules 11)")
struct ResumeGuardTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var rangeStart: Int64 = 500
        var hasIfRange = false
        var records: [GuardRecord] = []
        var client: String?
        var guardSeconds: Int64 = 3600
        var verdict: GuardVerdict
        var testDescription: String { name }
    }

    private static func record(
        version: Int64 = 8,
        to highestByte: Int64 = 500,
        at instant: Int64 = 9990,
        open: Bool = false,
        client: String = "192.0.2.1"
    ) -> GuardRecord {
        GuardRecord(client: client, version: version, highestByte: highestByte, at: instant, isOpen: open)
    }

    @Test(
        "Whoever was given bytes of another version gets the whole of the current one",
        arguments: [
            Case(name: "nothing was given", verdict: .serve),
            Case(name: "exactly up to the start", records: [record()], verdict: .fullOfNewVersion),
            Case(name: "beyond the start", records: [record(to: 900)], verdict: .fullOfNewVersion),
            Case(name: "one byte less", records: [record(to: 499)], verdict: .serve),
            Case(name: "of the current version", records: [record(version: 9)], verdict: .serve),
            Case(
                name: "of a newer version whose refill failed (invariant 12)",
                records: [record(version: 10)],
                verdict: .fullOfNewVersion
            ),
            Case(name: "from byte 0 on nothing is joined", rangeStart: 0, records: [record()], verdict: .serve),
            Case(
                name: "with If-Range the client says what it holds",
                hasIfRange: true,
                records: [record()],
                verdict: .serve
            ),
            Case(name: "at the end of the guard time", records: [record(at: 6400)], verdict: .fullOfNewVersion),
            Case(name: "after the guard time", records: [record(at: 6399)], verdict: .serve),
            Case(name: "the clock was set back", records: [record(at: 20_000)], verdict: .fullOfNewVersion),
            Case(name: "an instant far away does not overflow", records: [record(at: .min)], verdict: .serve),
            Case(
                name: "left open by a crash: counts as the complete length",
                records: [record(to: 0, open: true)],
                verdict: .fullOfNewVersion
            ),
            Case(
                name: "left open, begun long ago: nobody knows when it ended",
                records: [record(to: 0, at: 0, open: true)],
                verdict: .fullOfNewVersion
            ),
            Case(name: "open, of the current version", records: [record(version: 9, open: true)], verdict: .serve),
            Case(
                name: "one of several is enough",
                records: [record(version: 9), record(to: 10), record(version: 7)],
                verdict: .fullOfNewVersion
            ),
            Case(
                name: "bytes of the current version beside older ones do not lift it",
                records: [record(), record(version: 9, at: 9999)],
                verdict: .fullOfNewVersion
            ),
            Case(name: "another client", records: [record()], client: "192.0.2.2", verdict: .serve),
            Case(name: "the same client", records: [record()], client: "192.0.2.1", verdict: .fullOfNewVersion),
            Case(name: "no guard time", records: [record(at: 9999)], guardSeconds: 0, verdict: .serve),
        ]
    )
    func judging(_ row: Case) {
        let verdict = ResumeGuard.verdict(
            rangeStart: row.rangeStart,
            hasIfRange: row.hasIfRange,
            currentVersion: 9,
            records: row.records,
            now: 10_000,
            guardSeconds: row.guardSeconds,
            client: row.client
        )
        #expect(verdict == row.verdict)
    }
}
