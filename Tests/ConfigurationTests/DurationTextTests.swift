// Durations as people write them.

import Configuration
import Testing

@Suite("Durations are read and shown as people write them")
struct DurationTextTests {
    @Test(
        "a duration is a number of milliseconds",
        arguments: [
            ("0s", 0), ("250ms", 250), ("90s", 90_000), ("5m", 300_000), ("1h30m", 5_400_000), ("1h 30m", 5_400_000),
            ("90 s", 90_000), ("2d", 172_800_000), ("1d2h3m4s5ms", 93_784_005), ("1.5h", 5_400_000), ("0.25s", 250),
            ("106751d", 9_223_286_400_000),
        ] as [(String, Int64)]
    )
    func duration(text: String, milliseconds: Int64) {
        #expect(DurationText.parse(text) == milliseconds * 1_000_000)
    }

    @Test(
        "what is no duration, or above 63 bits of nanoseconds, is refused",
        arguments: [
            "", "s", "90", "1 hour", "90S", "30m1h", "1h1h", "1m1m", "5ms1s", "-1s", "+1s", "1e3s", " 1s", "0.1ms",
            "1.s", ".5s",
            "106752d", "106751d24h", "9223372036854775807s", "99999999999999999999s", "1s,2ms", "1w",
        ]
    )
    func noDuration(text: String) {
        #expect(DurationText.parse(text) == nil)
    }

    @Test(
        "units fall from left to right, and the text is read again as the same duration",
        arguments: [
            (0, "0s"), (250, "250ms"), (90_000, "1m30s"), (3_600_000, "1h"), (86_400_000, "1d"),
            (93_784_005, "1d2h3m4s5ms"),
        ] as [(Int64, String)]
    )
    func shown(milliseconds: Int64, text: String) {
        #expect(DurationText.format(nanoseconds: milliseconds * 1_000_000) == text)
        #expect(DurationText.parse(text) == milliseconds * 1_000_000)
    }
}
