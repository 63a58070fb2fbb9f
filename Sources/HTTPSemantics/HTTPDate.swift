// Dates as HTTP writes them (RFC 9110 §5.6.7): read in all three forms, written in the one of today.
// Reading is strict but for letters' case (RFC 9111 §4.2): a date that is read wrongly makes a response look
// fresh. That the weekday is the right one is not asked: it adds nothing to a date.
// There is no clock in here; who needs one hands in `now`.

/// HTTP-date.
package enum HTTPDate {
    /// Reads a date, in seconds since 1970 UTC; nil where the text is none. A year of two digits (RFC 850) is read
    /// as 1970 to 2069; where the time is known, `parse(_:now:)` does it as RFC 9110 wants it.
    package static func parse(_ text: String) -> Int64? {
        read(text)?.seconds { $0 < 70 ? 2000 + $0 : 1900 + $0 }
    }

    /// Reads a date, in seconds since 1970 UTC. RFC 9110 §5.6.7: a date with a year of two digits that would be more
    /// than fifty years after `now` is the last one in the past with these digits.
    package static func parse(_ text: String, now: Int64) -> Int64? {
        guard let date = read(text) else { return nil }
        let present = civil(day: floorDivided(now, by: secondsPerDay)).year
        let century = present - present % 100
        guard let guess = date.seconds(expand: { century + $0 }) else {
            // 29 February of a year that is a leap year in one century only.
            return date.seconds { century - 100 + $0 }
        }
        guard date.hasShortYear, guess > now, guess - now > fiftyYears else { return guess }
        return date.seconds { century - 100 + $0 }
    }

    /// Writes a date as IMF-fixdate: `Sun, 06 Nov 1994 08:49:37 GMT`. `seconds` since 1970 UTC; what is outside of
    /// the years 0 to 9999 is written as the nearest date inside.
    package static func format(_ seconds: Int64) -> String {
        let seconds = min(max(seconds, earliest), latest)
        let day = floorDivided(seconds, by: secondsPerDay)
        let second = seconds - day * secondsPerDay
        let date = civil(day: day)
        // 1 January 1970 was a Thursday.
        let weekday = weekdays[Int(((day + 4) % 7 + 7) % 7)].prefix(3)
        let month = months[Int(date.month) - 1]
        let clock = "\(padded(second / 3600, 2)):\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2))"
        return "\(weekday), \(padded(date.day, 2)) \(month) \(padded(date.year, 4)) \(clock) GMT"
    }

    // MARK: Reading

    private static func read(_ text: String) -> WrittenDate? {
        var imf = Reader(text)
        if let date = imf.readIMFFixdate() { return date }
        var rfc850 = Reader(text)
        if let date = rfc850.readRFC850() { return date }
        var ascTime = Reader(text)
        return ascTime.readAscTime()
    }

    /// A date as it is written, before its year is known for certain.
    private struct WrittenDate {
        var year: Int64
        var hasShortYear: Bool
        var month: Int64
        var day: Int64
        var secondOfDay: Int64

        /// Seconds since 1970 UTC; nil where the month has no such day.
        func seconds(expand: (Int64) -> Int64) -> Int64? {
            let year = hasShortYear ? expand(year) : year
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            let length: Int64 =
                switch month {
                case 2: isLeap ? 29 : 28
                case 4, 6, 9, 11: 30
                default: 31
                }
            guard (1...length).contains(day) else { return nil }
            return HTTPDate.day(year: year, month: month, day: day) * secondsPerDay + secondOfDay
        }
    }

    /// Walks over the bytes of a date; each step either takes what it expects or says no.
    private struct Reader {
        private let bytes: [UInt8]
        private var position = 0

        init(_ text: String) {
            // The longest date is `Wednesday, 06-Nov-94 08:49:37 GMT`; more need not be copied to be refused.
            bytes = Array(text.utf8.prefix(40))
        }

        /// `Sun, 06 Nov 1994 08:49:37 GMT`
        mutating func readIMFFixdate() -> WrittenDate? {
            guard weekday(isShort: true), take(", "), let day = number(2), take(" "), let month = month(), take(" "),
                let year = number(4), take(" "), let second = clock(), take(" GMT"), isAtEnd
            else { return nil }
            return WrittenDate(year: year, hasShortYear: false, month: month, day: day, secondOfDay: second)
        }

        /// `Sunday, 06-Nov-94 08:49:37 GMT`
        mutating func readRFC850() -> WrittenDate? {
            guard weekday(isShort: false), take(", "), let day = number(2), take("-"), let month = month(), take("-"),
                let year = number(2), take(" "), let second = clock(), take(" GMT"), isAtEnd
            else { return nil }
            return WrittenDate(year: year, hasShortYear: true, month: month, day: day, secondOfDay: second)
        }

        /// `Sun Nov  6 08:49:37 1994`
        mutating func readAscTime() -> WrittenDate? {
            guard weekday(isShort: true), take(" "), let month = month(), take(" "),
                let day = take(" ") ? number(1) : number(2), take(" "), let second = clock(), take(" "),
                let year = number(4), isAtEnd
            else { return nil }
            return WrittenDate(year: year, hasShortYear: false, month: month, day: day, secondOfDay: second)
        }

        private var isAtEnd: Bool { position == bytes.count }

        private mutating func take(_ literal: String) -> Bool {
            // RFC 9111 §4.2: a cache reads dates in any case of letters.
            guard bytes[position...].starts(with: literal.utf8, by: { lowercased($0) == lowercased($1) }) else {
                return false
            }
            position += literal.utf8.count
            return true
        }

        private mutating func weekday(isShort: Bool) -> Bool {
            for name in weekdays where take(isShort ? String(name.prefix(3)) : name) { return true }
            return false
        }

        private mutating func month() -> Int64? {
            for (index, name) in months.enumerated() where take(name) { return Int64(index + 1) }
            return nil
        }

        private mutating func number(_ digits: Int) -> Int64? {
            guard bytes.count - position >= digits else { return nil }
            var value: Int64 = 0
            for byte in bytes[position..<position + digits] {
                guard FieldGrammar.isDigit(byte) else { return nil }
                value = value * 10 + Int64(byte &- 0x30)
            }
            position += digits
            return value
        }

        /// `08:49:37` in seconds since midnight; a leap second is the second 60.
        private mutating func clock() -> Int64? {
            guard let hour = number(2), take(":"), let minute = number(2), take(":"), let second = number(2),
                hour < 24, minute < 60, second <= 60
            else { return nil }
            return hour * 3600 + minute * 60 + second
        }
    }

    // MARK: The calendar

    private static let secondsPerDay: Int64 = 86_400
    /// Fifty mean years of the Gregorian calendar, in seconds.
    private static let fiftyYears: Int64 = 50 * 31_556_952
    /// 1 January of the year 0, in seconds since 1970 UTC.
    private static let earliest: Int64 = -62_167_219_200
    /// The last second of the year 9999, in seconds since 1970 UTC.
    private static let latest: Int64 = 253_402_300_799

    private static let weekdays = [
        "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
    ]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private static func floorDivided(_ value: Int64, by divisor: Int64) -> Int64 {
        let quotient = value / divisor
        return value % divisor < 0 ? quotient - 1 : quotient
    }

    /// The day since 1 January 1970, of the Gregorian calendar carried back to the year 0. The year is counted from
    /// March, so that the leap day is its last one.
    private static func day(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = floorDivided(shifted, by: 400)
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    private static func civil(day: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = day + 719_468
        let era = floorDivided(shifted, by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let dayOfMonth = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfMonth)
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}
