// `finish_between`: when it is open, when it opens and closes next.

import Resume
import Testing

@Suite("FinishWindow: the hours in which is finished")
struct FinishWindowTests {
    struct Moment: Sendable, CustomTestStringConvertible {
        var start: Int
        var end: Int
        var minute: Int
        var untilOpen: Int
        var untilClose: Int
        var testDescription: String { "\(start) to \(end) at minute \(minute)" }
    }

    @Test(
        "It is open from its start to right before its end, across midnight, too",
        arguments: [
            Moment(start: 60, end: 360, minute: 59, untilOpen: 1, untilClose: 0),
            Moment(start: 60, end: 360, minute: 60, untilOpen: 0, untilClose: 300),
            Moment(start: 60, end: 360, minute: 359, untilOpen: 0, untilClose: 1),
            Moment(start: 60, end: 360, minute: 360, untilOpen: 1140, untilClose: 0),
            Moment(start: 1320, end: 120, minute: 1319, untilOpen: 1, untilClose: 0),
            Moment(start: 1320, end: 120, minute: 1320, untilOpen: 0, untilClose: 240),
            Moment(start: 1320, end: 120, minute: 0, untilOpen: 0, untilClose: 120),
            Moment(start: 1320, end: 120, minute: 119, untilOpen: 0, untilClose: 1),
            Moment(start: 1320, end: 120, minute: 120, untilOpen: 1200, untilClose: 0),
            Moment(start: 0, end: 1440, minute: 1439, untilOpen: 0, untilClose: 1),
            Moment(start: 1080, end: 1440, minute: 1439, untilOpen: 0, untilClose: 1),
            Moment(start: 1080, end: 1440, minute: 0, untilOpen: 1080, untilClose: 0),
        ]
    )
    func opening(_ row: Moment) {
        let window = FinishWindow(start: row.start, end: row.end)
        #expect(window?.minutesUntilOpen(at: row.minute) == row.untilOpen)
        #expect(window?.minutesUntilClose(at: row.minute) == row.untilClose)
        #expect(window?.contains(minuteOfDay: row.minute) == (row.untilOpen == 0))
    }

    @Test(
        "It has opened where it is open now and was not before",
        arguments: [
            (59, 60, true), (60, 61, false), (59, 59, false), (359, 360, false), (0, 200, true), (100, 0, false),
        ]
    )
    func opened(before: Int, now: Int, hasOpened: Bool) {
        #expect(FinishWindow(start: 60, end: 360)?.opened(from: before, to: now) == hasOpened)
    }

    @Test(
        "A window that is empty, or no minutes of a day, is none",
        arguments: [(60, 60), (-1, 5), (1440, 5), (0, 1441), (5, 0)]
    )
    func numbers(start: Int, end: Int) { #expect(FinishWindow(start: start, end: end) == nil) }
}
