// Hours of the local day as people write them: "01:00-06:00", and across midnight "22:00-05:00". What happens in them
// is not known here, nor what time it is.

package struct HoursOfDay: Sendable, Equatable {
    private static let minutesOfDay = 1440

    /// Minutes since midnight; the end is exclusive, and up to 1,440.
    package let start: Int
    package let end: Int

    /// nil for what is empty, or no minutes of a day.
    private init?(start: Int, end: Int) {
        guard (0..<Self.minutesOfDay).contains(start), (1...Self.minutesOfDay).contains(end), start != end else {
            return nil
        }
        self.start = start
        self.end = end
    }

    /// Reads `HH:MM-HH:MM`, 00:00 to 24:00, spaces around the dash allowed; nil for anything else. The same time twice
    /// could mean always or never, and is refused.
    package static func parse(_ text: String) -> HoursOfDay? {
        let ends = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard ends.count == 2, let start = minute(ends[0]), let end = minute(ends[1]) else { return nil }
        // Midnight as an end is that of the same day.
        return HoursOfDay(start: start, end: end == 0 ? minutesOfDay : end)
    }

    /// As it is written in proxy.conf.
    package var text: String { "\(Self.text(start))-\(Self.text(end))" }

    private static func minute(_ text: Substring.UTF8View.SubSequence) -> Int? {
        let space = UInt8(ascii: " ")
        let digits = text.drop { $0 == space }.reversed().drop { $0 == space }.reversed().map { Int($0) - 48 }
        guard digits.count == 5, digits[2] == Int(UInt8(ascii: ":")) - 48 else { return nil }
        let numbers = [digits[0], digits[1], digits[3], digits[4]]
        guard numbers.allSatisfy({ (0...9).contains($0) }) else { return nil }
        let (hour, minute) = (numbers[0] * 10 + numbers[1], numbers[2] * 10 + numbers[3])
        guard minute < 60, hour < 24 || (hour == 24 && minute == 0) else { return nil }
        return hour * 60 + minute
    }

    private static func text(_ minutes: Int) -> String {
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(two(minutes / 60)):\(two(minutes % 60))"
    }
}
