// Sizes as people write them: "10 GiB", "10GiB", "500 MB", "16 KiB", "1.5 TB", "4096". KB, MB, … count in thousands
// (SI), KiB, MiB, … in 1024. Overflow is a refusal, not a wrap.

package enum SizeText {
    /// Largest first; where two write the same value, the first is shown.
    private static let units: [(name: String, bytes: Int64)] = [
        ("EiB", 1 << 60), ("EB", 1_000_000_000_000_000_000),
        ("PiB", 1 << 50), ("PB", 1_000_000_000_000_000),
        ("TiB", 1 << 40), ("TB", 1_000_000_000_000),
        ("GiB", 1 << 30), ("GB", 1_000_000_000),
        ("MiB", 1 << 20), ("MB", 1_000_000),
        ("KiB", 1 << 10), ("KB", 1_000),
        ("B", 1),
    ]

    /// Bytes; nil where the text is no size or above what 63 bits hold. Units may be written in any case.
    package static func parse(_ text: String) -> Int64? {
        var reader = QuantityReader(text)
        guard let number = reader.number() else { return nil }
        reader.skipSpaces()
        let word = reader.word()
        guard reader.isAtEnd else { return nil }
        if word.isEmpty { return number.times(1) }
        let unit = units.first { HostAndPort.lowerCase($0.name) == HostAndPort.lowerCase(word) }
        return unit.flatMap { number.times($0.bytes) }
    }

    /// The shortest exact form.
    package static func format(_ bytes: Int64) -> String {
        // Binary units first: what divides by both was meant in the unit that most of these values have.
        let byBinary = units.filter { $0.name.contains("i") }.first { bytes >= $0.bytes && bytes % $0.bytes == 0 }
        let byThousand = units.first { bytes >= $0.bytes && bytes % $0.bytes == 0 }
        guard bytes > 0, let unit = byBinary ?? byThousand else { return "\(bytes) B" }
        return "\(bytes / unit.bytes) \(unit.name)"
    }
}

/// Reads numbers and unit words off a text, front to back.
struct QuantityReader {
    private var rest: Substring.UTF8View

    init(_ text: String) {
        rest = text[...].utf8
    }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func skipSpaces() {
        rest = rest.drop { $0 == UInt8(ascii: " ") }
    }

    /// ASCII letters; empty where there is none.
    mutating func word() -> String {
        let letters = rest.prefix { (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) }
        rest = rest.dropFirst(letters.count)
        return String(Substring(letters))
    }

    /// Digits, and a fraction of at most nine digits.
    mutating func number() -> Decimal? {
        guard let whole = digits(atMost: 19) else { return nil }
        guard rest.first == UInt8(ascii: ".") else { return Decimal(whole: whole.value, fraction: 0, scale: 1) }
        rest = rest.dropFirst()
        guard let fraction = digits(atMost: 9) else { return nil }
        var scale: Int64 = 1
        for _ in 0..<fraction.count { scale *= 10 }
        return Decimal(whole: whole.value, fraction: fraction.value, scale: scale)
    }

    private mutating func digits(atMost limit: Int) -> (value: Int64, count: Int)? {
        let text = rest.prefix { (0x30...0x39).contains($0) }
        guard (1...limit).contains(text.count), let value = Int64(String(Substring(text))) else { return nil }
        rest = rest.dropFirst(text.count)
        return (value, text.count)
    }

    /// A number that is not negative, exact: whole + fraction ÷ scale.
    struct Decimal {
        let whole: Int64
        let fraction: Int64
        /// 1 to 10^9.
        let scale: Int64

        /// Rounded down to a whole one, since "1.1 GiB" is none; nil where it overflows, or where single ones would be
        /// split.
        func times(_ unit: Int64) -> Int64? {
            let (product, overflow) = whole.multipliedReportingOverflow(by: unit)
            let (scaled, fractionOverflow) = fraction.multipliedReportingOverflow(
                by: unit / greatestCommonDivisor(unit)
            )
            guard !overflow, !fractionOverflow, fraction == 0 || unit > 1 else { return nil }
            let divisor = scale / greatestCommonDivisor(unit)
            let (sum, sumOverflow) = product.addingReportingOverflow(scaled / divisor)
            return sumOverflow ? nil : sum
        }

        private func greatestCommonDivisor(_ unit: Int64) -> Int64 {
            var (a, b) = (unit, scale)
            while b != 0 { (a, b) = (b, a % b) }
            return max(a, 1)
        }
    }
}
