// Durations as people write them: "90s", "5m", "1h30m", "250ms", "2d", "1.5h". The units fall from left to right,
// each at most once. A bare number is refused: it would leave open what it counts.

package enum DurationText {
    static let nanosecondsPerSecond: Int64 = 1_000_000_000

    /// Largest first.
    private static let units: [(name: String, nanoseconds: Int64)] = [
        ("d", 86_400_000_000_000), ("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000),
        ("ms", 1_000_000),
    ]

    /// Nanoseconds; nil where the text is no duration, no whole number of milliseconds, or above 63 bits (292 years).
    package static func parse(_ text: String) -> Int64? {
        var reader = QuantityReader(text)
        var total: Int64 = 0
        var allowed = units[...]
        repeat {
            guard let number = reader.number() else { return nil }
            reader.skipSpaces()
            let word = reader.word()
            guard let index = allowed.firstIndex(where: { $0.name == word }) else { return nil }
            guard let part = number.times(allowed[index].nanoseconds) else { return nil }
            let (sum, overflow) = total.addingReportingOverflow(part)
            guard !overflow else { return nil }
            total = sum
            allowed = allowed[(index + 1)...]
            reader.skipSpaces()
        } while !reader.isAtEnd
        return total % 1_000_000 == 0 ? total : nil
    }

    /// In falling units, to the millisecond.
    package static func format(nanoseconds: Int64) -> String {
        var rest = nanoseconds
        var text = ""
        for unit in units where rest >= unit.nanoseconds {
            text += "\(rest / unit.nanoseconds)\(unit.name)"
            rest %= unit.nanoseconds
        }
        return text.isEmpty ? "0s" : text
    }
}
