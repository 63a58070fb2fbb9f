// The hours of the day in which downloads are finished without a client: `finish_between = "01:00-06:00"`. One span that
// may cross midnight. It knows no date and no time zone: the minute of the local day is an argument, so that an hour that
// a clock change leaves out or repeats is simply shorter or longer.

package struct FinishWindow: Sendable, Equatable {
    package static let minutesOfDay = 1440

    /// Minutes since midnight; the end is exclusive, and up to 1,440.
    package let start: Int
    package let end: Int

    /// nil for a window that is empty, or no minutes of a day.
    package init?(start: Int, end: Int) {
        guard (0..<Self.minutesOfDay).contains(start), (1...Self.minutesOfDay).contains(end), start != end else {
            return nil
        }
        self.start = start
        self.end = end
    }

    /// Reads `HH:MM-HH:MM`, 00:00 to 24:00, whitespace around the dash allowed; nil for anything else. The same time
    /// twice could mean always or never, and is refused.
    package init?(_ text: String) {
        let ends = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard ends.count == 2, let start = Self.minute(ends[0]), let end = Self.minute(ends[1]) else { return nil }
        // Midnight as an end is that of the same day.
        self.init(start: start, end: end == 0 ? Self.minutesOfDay : end)
    }

    /// As it is written in the configuration.
    package var text: String { "\(Self.text(start))-\(Self.text(end))" }

    package func contains(minuteOfDay minute: Int) -> Bool {
        start < end ? start <= minute && minute < end : minute >= start || minute < end
    }

    /// Minutes until it opens; 0 while it is open.
    package func minutesUntilOpen(at minute: Int) -> Int {
        contains(minuteOfDay: minute) ? 0 : Self.distance(from: minute, to: start)
    }

    /// Minutes until it closes; 0 while it is closed.
    package func minutesUntilClose(at minute: Int) -> Int {
        contains(minuteOfDay: minute) ? Self.distance(from: minute, to: end) : 0
    }

    private static func distance(from minute: Int, to other: Int) -> Int {
        (other - minute + minutesOfDay) % minutesOfDay
    }

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
