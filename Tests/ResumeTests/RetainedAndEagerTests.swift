// The two that are off by default: `resume_guard = "retained"` (resume-rules 11), and the eager start (resume-rules 3.1).
// Version 9 is current; the client was given 500 bytes of version 8 a little while ago, and asks from byte 500 on.

import HTTPSemantics
import Resume
import Testing

@Suite("Answers from a retained version, and before confirmation")
struct RetainedAndEagerTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var records = [RetainedAndEagerTests.record(8)]
        var retained = [RetainedAndEagerTests.retained()]
        var hasIfRange = false
        var client: String?
        var verdict: GuardVerdict
        var testDescription: String { name }
    }

    private static func record(_ version: Int64, client: String = "192.0.2.1") -> GuardRecord {
        GuardRecord(client: client, version: version, highestByte: 500, at: 9990, isOpen: false)
    }

    private static func retained(
        _ version: Int64 = 8,
        holdsRange: Bool = true,
        isInvalidated: Bool = false,
        mustRevalidate: Bool = false
    ) -> RetainedVersion {
        RetainedVersion(
            version: version,
            holdsRange: holdsRange,
            isInvalidated: isInvalidated,
            mustRevalidate: mustRevalidate
        )
    }

    @Test(
        "The retained version answers only what continues it (resume-rules 11)",
        arguments: [
            Case(name: "it is there", verdict: .rangeOfRetained(version: 8)),
            Case(name: "it is gone", retained: [], verdict: .fullOfNewVersion),
            Case(name: "another one is there", retained: [retained(7)], verdict: .fullOfNewVersion),
            Case(
                name: "it does not hold the range",
                retained: [retained(holdsRange: false)],
                verdict: .fullOfNewVersion
            ),
            Case(
                name: "an unsafe method invalidated it (RFC 9111 §4.4)",
                retained: [retained(isInvalidated: true)],
                verdict: .fullOfNewVersion
            ),
            Case(
                name: "no-cache or must-revalidate (RFC 9111 §5.2.2)",
                retained: [retained(mustRevalidate: true)],
                verdict: .fullOfNewVersion
            ),
            Case(
                name: "the client was given bytes of two older versions",
                records: [record(8), record(7)],
                verdict: .fullOfNewVersion
            ),
            Case(
                name: "the client was given bytes of the current one, too",
                records: [record(8), record(9)],
                verdict: .fullOfNewVersion
            ),
            Case(
                name: "another client was",
                records: [record(8), record(9, client: "192.0.2.2")],
                client: "192.0.2.1",
                verdict: .rangeOfRetained(version: 8)
            ),
            Case(name: "with If-Range there is nothing to guess", hasIfRange: true, verdict: .serve),
            Case(name: "nothing was given", records: [], verdict: .serve),
        ]
    )
    func retaining(_ row: Case) {
        let verdict = ResumeGuard.verdict(
            rangeStart: 500,
            hasIfRange: row.hasIfRange,
            currentVersion: 9,
            records: row.records,
            now: 10_000,
            guardSeconds: 3600,
            client: row.client,
            retained: row.retained
        )
        #expect(verdict == row.verdict)
    }

    struct Start: Sendable, CustomTestStringConvertible {
        var name: String
        var isOn = true
        var isFresh = true
        var mustAsk = false
        var validator = EntityTag.parse("\"v1\"").map { StrongValidator.etag($0) }
        var completeLength: Int64? = 1000
        var heldPrefix: Int64 = 1
        var rangesRefused = false
        var decision = EagerDecision.confirmFirst
        var testDescription: String { name }
    }

    @Test(
        "A 200 begins before confirmation only where it is fresh, under a strong validator, and asked for (resume-rules 3.1)",
        arguments: [
            Start(name: "fresh, strong, a prefix", decision: .begin),
            Start(
                name: "a date that is strong",
                validator: .lastModified(text: modifiedText, seconds: modified),
                decision: .begin
            ),
            Start(name: "off, as by default", isOn: false),
            Start(name: "stale: one request does both jobs (resume-rules 3.2)", isFresh: false),
            Start(name: "no-cache", mustAsk: true),
            Start(name: "no strong validator", validator: nil),
            Start(name: "an operator's rule in its place", validator: .immutable),
            Start(name: "length unknown", completeLength: nil),
            Start(name: "nothing to begin with", heldPrefix: 0),
            Start(name: "the origin does not continue", rangesRefused: true),
        ]
    )
    func starting(_ row: Start) {
        let decision = EagerStart.decide(
            isOn: row.isOn,
            isFresh: row.isFresh,
            mustAsk: row.mustAsk,
            validator: row.validator,
            completeLength: row.completeLength,
            heldPrefix: row.heldPrefix,
            rangesRefused: row.rangesRefused
        )
        #expect(decision == row.decision)
    }
}
