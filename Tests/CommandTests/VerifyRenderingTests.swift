// What `holdfast verify` prints for people.

import Exchange
import Testing

@Suite("What verify prints")
struct VerifyRenderingTests {
    private let rendering = ControlRendering(glyphs: .ascii)

    @Test("One line of progress, no wider than the terminal")
    func progress() {
        let progress = VerifyProgress(url: "u", examined: 50 << 20, total: 100 << 20, seconds: 5)
        #expect(
            rendering.progress(progress, columns: 100)
                == "##########..........  50 %  50 MiB of 100 MiB  10 MiB/s, 5s left"
        )
        #expect(rendering.progress(progress, columns: 30).count == 30)
        let none = VerifyProgress(url: "u", examined: 0, total: 0, seconds: 0)
        #expect(rendering.progress(none, columns: 100) == "....................   0 %  0 B of 0 B")
    }

    @Test(
        "A line for each response says what was found",
        arguments: [
            (VerifiedItem(url: "u", version: 1), "u: sound"),
            (
                VerifiedItem(url: "u", version: 1, damaged: [0..<65536], isRefetched: true),
                "u: damaged: bytes 0-65535 (dropped, and being fetched again)"
            ),
            (
                VerifiedItem(url: "u", version: 1, damaged: (0..<6).map { $0 * 10..<$0 * 10 + 5 }),
                "u: damaged: bytes 0-4, 10-14, 20-24, 30-34, and 2 more (dropped)"
            ),
            (
                VerifiedItem(url: "u", version: 1, digest: .matches, expected: "sha-256:00", namedBy: "Digest"),
                "u: sha-256 as Digest names it"
            ),
            (
                VerifiedItem(url: "u", version: 1, digest: .incomplete, expected: "md5:00", namedBy: "its URL"),
                "u: not complete: its md5 cannot be compared yet"
            ),
            (
                VerifiedItem(
                    url: "u",
                    version: 1,
                    digest: .differs,
                    expected: "md5:00",
                    namedBy: "its URL",
                    found: "md5:11"
                ),
                "u: WRONG: it is md5:11, and its URL names md5:00; it was removed from the cache"
            ),
            (VerifiedItem(url: "\u{1B}u", version: 1, remark: "No."), "\\x1bu: No."),
        ]
    )
    func items(item: VerifiedItem, text: String) {
        #expect(rendering.verified(item) == text)
    }

    @Test("A sentence at the end")
    func summary() {
        var summary = VerifySummary()
        summary.responses = 2
        summary.examined = 3 << 20
        #expect(rendering.verification(summary) == "2 responses, 3 MiB read; no damage")
        summary.damagedResponses = 1
        summary.damagedBytes = 65536
        summary.matchingDigests = 1
        summary.otherDigests = 1
        #expect(
            rendering.verification(summary)
                == "2 responses, 3 MiB read; 64 KiB damaged in 1 response; 1 digest right; 1 digest WRONG"
        )
    }
}
