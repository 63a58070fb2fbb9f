// Sizes as people write them.

import Configuration
import Testing

@Suite("Sizes are read and shown as people write them")
struct SizeTextTests {
    @Test(
        "a size is a number of bytes",
        arguments: [
            ("0", 0), ("4096", 4096), ("1 B", 1), ("10 GiB", 10_737_418_240), ("10GiB", 10_737_418_240),
            ("500 MB", 500_000_000), ("16 KiB", 16_384), ("16 kib", 16_384), ("1 kB", 1000),
            ("1 PB", 1_000_000_000_000_000),
            ("1.5 TB", 1_500_000_000_000), ("0.5 KiB", 512), ("1.1 GiB", 1_181_116_006), ("1.999999999 KB", 1999),
            ("7 EiB", 8_070_450_532_247_928_832), ("9 EB", 9_000_000_000_000_000_000),
            ("8191 PiB", 9_222_246_136_947_933_184), ("9223372036854775807", Int64.max),
        ] as [(String, Int64)]
    )
    func size(text: String, bytes: Int64) {
        #expect(SizeText.parse(text) == bytes)
    }

    @Test(
        "what is no size, or above 63 bits, is refused",
        arguments: [
            "", " ", "GiB", "10 pounds", "10 GiB ", " 10 GiB", "-1", "+1", "1e3", "0x10", "1,5 GB", "10 Gi", "10 G",
            "1.", ".5 GB",
            "1.5", "1.5 B", "1 GiB 1 MiB", "8192 PiB", "9223372036854775808", "99999999999999999999 B",
            "1.0000000000 GB",
            "٣ GiB", "10 GiB\u{0}",
        ]
    )
    func noSize(text: String) {
        #expect(SizeText.parse(text) == nil)
    }

    @Test(
        "the shortest exact form is shown, and read again as the same size",
        arguments: [
            (0, "0 B"), (1, "1 B"), (1023, "1023 B"), (1024, "1 KiB"), (16_384, "16 KiB"), (10 << 30, "10 GiB"),
            (500_000_000, "500 MB"), (1_500_000, "1500 KB"), (Int64.max, "9223372036854775807 B"),
            (1 << 62, "4 EiB"),
        ] as [(Int64, String)]
    )
    func shown(bytes: Int64, text: String) {
        #expect(SizeText.format(bytes) == text)
        #expect(SizeText.parse(text) == bytes)
    }
}
