// The hours of the day in which downloads are finished without a client (`finish_between`): one span that may cross
// midnight. How it is written is Configuration's matter. It knows no date and no time zone: the minute of the local day is
// an argument, so that an hour that a clock change leaves out or repeats is simply shorter or longer.

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

    /// Whether it opened between two looks at the clock, in the order of the looks.
    package func opened(from before: Int, to now: Int) -> Bool {
        contains(minuteOfDay: now) && !contains(minuteOfDay: before)
    }

    private static func distance(from minute: Int, to other: Int) -> Int {
        (other - minute + minutesOfDay) % minutesOfDay
    }
}
