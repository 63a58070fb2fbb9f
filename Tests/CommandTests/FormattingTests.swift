// Numbers, bars and patterns as people read and write them.

import Exchange
import Testing

@Suite("Numbers as people read them")
struct HumanTextTests {
    @Test(
        "A size has three significant digits at the most and the unit that keeps it short",
        arguments: [
            (0, "0 B"), (1, "1 B"), (1023, "1023 B"), (1024, "1 KiB"), (1536, "1.5 KiB"), (10_240, "10 KiB"),
            (12_595, "12.3 KiB"), (102_400, "100 KiB"), (1_048_063, "1023 KiB"), (1_048_575, "1 MiB"),
            (1 << 30, "1 GiB"), (10 << 30, "10 GiB"), (5 << 40, "5 TiB"), (.max, "8 EiB"), (-1, "0 B"),
        ] as [(Int64, String)]
    )
    func size(bytes: Int64, text: String) {
        #expect(HumanText.size(bytes) == text)
    }

    @Test(
        "A duration has its two largest units",
        arguments: [
            (0, "0s"), (-5, "0s"), (59, "59s"), (60, "1m"), (200, "3m 20s"), (3600, "1h"), (7500, "2h 5m"),
            (7201, "2h"), (86_400, "1d"), (12 * 86_400 + 3 * 3600 + 59, "12d 3h"), (400 * 86_400 + 3600, "400d"),
        ] as [(Int64, String)]
    )
    func duration(seconds: Int64, text: String) {
        #expect(HumanText.duration(seconds: seconds) == text)
    }

    @Test(
        "A short duration has its largest unit",
        arguments: [(0, "0s"), (59, "59s"), (119, "1m"), (7500, "2h"), (1_000_000, "11d")] as [(Int64, String)]
    )
    func shortDuration(seconds: Int64, text: String) {
        #expect(HumanText.shortDuration(seconds: seconds) == text)
    }

    @Test(
        "A share is never rounded up to all, nor down to nothing",
        arguments: [
            (0, 100, "0 %"), (1, 1_000_000, "<1 %"), (50, 100, "50 %"), (999_999, 1_000_000, "99 %"),
            (100, 100, "100 %"), (0, 0, "100 %"), (5, nil, "?"),
        ] as [(Int64, Int64?, String)]
    )
    func share(held: Int64, length: Int64?, text: String) {
        #expect(HumanText.share(held: held, of: length) == text)
    }

    @Test("A noun is counted")
    func count() {
        #expect(HumanText.count(0, "download") == "0 downloads")
        #expect(HumanText.count(1, "download") == "1 download")
        #expect(HumanText.count(2, "download") == "2 downloads")
    }
}

@Suite("The bar of ranges")
struct RangeBarTests {
    private func draw(_ held: [Range<Int64>], _ length: Int64?, width: Int = 4) -> String {
        RangeBar.draw(held: held, length: length, width: width, glyphs: .ascii)
    }

    @Test("A cell says whether its part is held wholly, for the most part, a little, or not")
    func levels() {
        #expect(draw([], 400) == "....")
        #expect(draw([0..<400], 400) == "####")
        #expect(draw([0..<100], 400) == "#...")
        #expect(draw([0..<150], 400) == "#+..")
        #expect(draw([0..<149], 400) == "#-..")
        #expect(draw([0..<1, 399..<400], 400) == "-..-")
        #expect(draw([300..<400], 400) == "...#")
    }

    @Test("One missing byte is seen, and one held byte is")
    func singleBytes() {
        #expect(draw([0..<199, 200..<400], 400) == "#+##")
        #expect(draw([250..<251], 400) == "..-.")
    }

    @Test("A body that is shorter than the bar fills it all the same")
    func shortBody() {
        #expect(draw([0..<1], 1) == "####")
        #expect(draw([0..<1], 2) == "##..")
        #expect(draw([], 3) == "....")
        #expect(draw([], 0) == "####")
    }

    @Test("Without a length the bar ends with the last held byte")
    func unknownLength() {
        #expect(draw([0..<100], nil) == "####")
        #expect(draw([200..<400], nil) == "..##")
        #expect(draw([], nil) == "....")
    }

    @Test("The largest bodies overflow nothing")
    func largest() {
        #expect(draw([0..<(.max / 2)], .max) == "#+.." || draw([0..<(.max / 2)], .max) == "##..")
        #expect(RangeBar.draw(held: [], length: .max).count == 20)
    }
}

@Suite("The pattern of ls")
struct URLPatternTests {
    @Test(
        "Without a star it is a part of the URL, with one it is the whole",
        arguments: [
            ("", true), ("example", true), ("/a.iso?x=1", true), ("Example", false),
            ("*", true), ("http://*", true), ("*.iso?x=1", true), ("*.iso", false), ("http://*.org/*", true),
            ("http://*.com/*", false), ("*example*iso*", true), ("*iso*example*", false), ("ttp://*", false),
            ("http://example.org/a.iso?x=1*http://example.org/a.iso?x=1", false), ("**", true),
        ]
    )
    func matches(pattern: String, isMatch: Bool) {
        #expect(URLPattern(pattern).matches("http://example.org/a.iso?x=1") == isMatch)
    }

    @Test("Overlapping ends do not count twice")
    func overlap() {
        #expect(!URLPattern("ab*ba").matches("aba"))
        #expect(URLPattern("ab*ba").matches("abba"))
    }
}
