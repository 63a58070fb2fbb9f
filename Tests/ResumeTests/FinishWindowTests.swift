// `finish_between`: how it is written, when it is open, when it opens and closes next.

import Resume
import Testing

@Suite("FinishWindow: the hours in which is finished")
struct FinishWindowTests {
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
        let window = FinishWindow(row.text)
        #expect(window == FinishWindow(start: row.start, end: row.end))
        #expect(window?.text == row.again)
    }

    @Test(
        "What is no window is refused",
        arguments: [
            "", "-", "01:00", "01:00-", "-06:00", "1:00-6:00", "01:00-06:00-07:00", "01.00-06.00", "24:00-06:00",
            "01:00-24:01", "01:60-06:00", "25:00-06:00", "06:00-06:00", "01:00 06:00", "ab:cd-06:00", "0１:00-06:00",
            "01:000-06:00", "01: 0-06:00",
        ]
    )
    func refusing(_ text: String) { #expect(FinishWindow(text) == nil) }

    struct Moment: Sendable, CustomTestStringConvertible {
        var text: String
        var minute: Int
        var untilOpen: Int
        var untilClose: Int
        var testDescription: String { "\(text) at minute \(minute)" }
    }

    @Test(
        "It is open from its start to right before its end, across midnight, too",
        arguments: [
            Moment(text: "01:00-06:00", minute: 59, untilOpen: 1, untilClose: 0),
            Moment(text: "01:00-06:00", minute: 60, untilOpen: 0, untilClose: 300),
            Moment(text: "01:00-06:00", minute: 359, untilOpen: 0, untilClose: 1),
            Moment(text: "01:00-06:00", minute: 360, untilOpen: 1140, untilClose: 0),
            Moment(text: "22:00-02:00", minute: 1319, untilOpen: 1, untilClose: 0),
            Moment(text: "22:00-02:00", minute: 1320, untilOpen: 0, untilClose: 240),
            Moment(text: "22:00-02:00", minute: 0, untilOpen: 0, untilClose: 120),
            Moment(text: "22:00-02:00", minute: 119, untilOpen: 0, untilClose: 1),
            Moment(text: "22:00-02:00", minute: 120, untilOpen: 1200, untilClose: 0),
            Moment(text: "00:00-24:00", minute: 1439, untilOpen: 0, untilClose: 1),
            Moment(text: "18:00-00:00", minute: 1439, untilOpen: 0, untilClose: 1),
            Moment(text: "18:00-00:00", minute: 0, untilOpen: 1080, untilClose: 0),
        ]
    )
    func opening(_ row: Moment) {
        let window = FinishWindow(row.text)
        #expect(window?.minutesUntilOpen(at: row.minute) == row.untilOpen)
        #expect(window?.minutesUntilClose(at: row.minute) == row.untilClose)
        #expect(window?.contains(minuteOfDay: row.minute) == (row.untilOpen == 0))
    }

    @Test(
        "A window that is empty, or no minutes of a day, is none",
        arguments: [(60, 60), (-1, 5), (1440, 5), (0, 1441), (5, 0)]
    )
    func numbers(start: Int, end: Int) { #expect(FinishWindow(start: start, end: end) == nil) }
}
