// Hours of the day: how they are written, and what is none.

import Configuration
import Testing

@Suite("HoursOfDay: hours of the local day")
struct HoursOfDayTests {
    struct Written: Sendable, CustomTestStringConvertible {
        var text: String
        var start: Int
        var end: Int
        var again: String
        var testDescription: String { text }
    }

    @Test(
        "It is read, and written as it is read",
        arguments: [
            Written(text: "01:00-06:00", start: 60, end: 360, again: "01:00-06:00"),
            Written(text: " 22:30 - 05:15 ", start: 1350, end: 315, again: "22:30-05:15"),
            Written(text: "00:00-24:00", start: 0, end: 1440, again: "00:00-24:00"),
            Written(text: "18:00-00:00", start: 1080, end: 1440, again: "18:00-24:00"),
            Written(text: "23:59-24:00", start: 1439, end: 1440, again: "23:59-24:00"),
        ]
    )
    func reading(_ row: Written) {
        let hours = HoursOfDay.parse(row.text)
        #expect(hours?.start == row.start)
        #expect(hours?.end == row.end)
        #expect(hours?.text == row.again)
    }

    @Test(
        "What are no hours is refused",
        arguments: [
            "", "-", "01:00", "01:00-", "-06:00", "1:00-6:00", "01:00-06:00-07:00", "01.00-06.00", "24:00-06:00",
            "01:00-24:01", "01:60-06:00", "25:00-06:00", "06:00-06:00", "01:00 06:00", "ab:cd-06:00", "0１:00-06:00",
            "01:000-06:00", "01: 0-06:00",
        ]
    )
    func refusing(_ text: String) { #expect(HoursOfDay.parse(text) == nil) }
}
