// RFC 9110 §5.6.7: the three forms, and what is none of them.

import HTTPSemantics
import Testing

@Suite("Dates (RFC 9110 §5.6.7)")
struct DateTests {
    @Test(
        "The three forms of one instant are read alike",
        arguments: [
            "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
        ]
    )
    func threeForms(text: String) {
        #expect(HTTPDate.parse(text) == 784_111_777)
        #expect(HTTPDate.parse(text, now: 1_700_000_000) == 784_111_777)
    }

    @Test(
        "Instants and their IMF-fixdate",
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (instant, "Tue, 15 Nov 1994 08:12:31 GMT"),
            (980_860_290, "Tue, 30 Jan 2001 13:11:30 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (-62_167_219_200, "Sat, 01 Jan 0000 00:00:00 GMT"),
        ] as [(Int64, String)]
    )
    func format(seconds: Int64, text: String) {
        #expect(HTTPDate.format(seconds) == text)
        #expect(HTTPDate.parse(text) == seconds)
    }

    @Test("Days all over four centuries are read back as they were written")
    func manyDays() {
        var seconds = Int64(-2_208_988_800)
        var failures = 0
        while seconds < 10_413_792_000 {
            if HTTPDate.parse(HTTPDate.format(seconds)) != seconds { failures += 1 }
            seconds += 5 * 86_400 + 3661
        }
        #expect(failures == 0)
    }

    @Test("What lies outside of four digits is written as the nearest date")
    func clamped() {
        #expect(HTTPDate.format(.max) == "Fri, 31 Dec 9999 23:59:59 GMT")
        #expect(HTTPDate.format(.min) == "Sat, 01 Jan 0000 00:00:00 GMT")
    }

    @Test(
        "What is no date is none (RFC 9111 §4.2: zones, digits, separators)",
        arguments: [
            "", "0", "-1", "Thu", "Thu, 18 Aug 2050 02:01:18 UTC", "Thu, 18 Aug 2050 02:01:18 AEST",
            "Xyz, 18 Aug 2050 02:01:18 GMT", "Thursday, 18 Aug 2050 02:01:18 GMT", "18 Aug 2050 02:01:18 GMT",
            "Thu, 18 Aug 50 02:01:18 GMT", "Thu 18 Aug 2050 02:01:18 GMT", "Thu, 18  Aug  2050 02:01:18 GMT",
            "Thu, 18-Aug-2050 02:01:18 GMT", "Thu, 18 Aug 2050 02.01.18 GMT", "Thu, 18 Aug 2050 2:01:18 GMT",
            "Thu, 8 Aug 2050 02:01:18 GMT", "Thu, 18 Aug 2050 02:01:18 GMT ", " Thu, 18 Aug 2050 02:01:18 GMT",
            "Thu, 18 Aug 2050 02:01:18", "Thu, 18 Aug 2050 24:00:00 GMT", "Thu, 18 Aug 2050 23:60:00 GMT",
            "Thu, 18 Aug 2050 23:00:61 GMT", "Thu, 00 Aug 2050 23:00:00 GMT", "Thu, 32 Aug 2050 23:00:00 GMT",
            "Thu, 31 Sep 2050 23:00:00 GMT", "Wed, 29 Feb 2023 23:00:00 GMT", "Mon, 29 Feb 2100 00:00:00 GMT",
            "Thu, 18 Aug 2050 02:01:18 GMT, Thu, 18 Aug 2050 02:01:18 GMT", "Thu, 18 Aug +050 02:01:18 GMT",
            "Sun, 06-Nov-94 08:49:37 GMT", "Sunday, 06 Nov 1994 08:49:37 GMT", "Sun Nov 6 08:49:37 1994",
            "Sun Nov 06 08:49:37 94", "Sun Nov   6 08:49:37 1994", "2050-08-18T02:01:18Z",
        ]
    )
    func invalid(text: String) {
        #expect(HTTPDate.parse(text) == nil)
        #expect(HTTPDate.parse(text, now: 0) == nil)
    }

    @Test(
        "A cache reads dates in any case of letters (RFC 9111 §4.2)",
        arguments: [
            "SUN, 06 Nov 1994 08:49:37 GMT", "Sun, 06 NOV 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 gmt",
            "sunday, 06-nov-94 08:49:37 gMT", "sUN nOV  6 08:49:37 1994",
        ]
    )
    func letters(text: String) {
        #expect(HTTPDate.parse(text) == 784_111_777)
    }

    @Test("The weekday need not be the right one")
    func weekday() {
        #expect(HTTPDate.parse("Mon, 06 Nov 1994 08:49:37 GMT") == 784_111_777)
        #expect(HTTPDate.parse("Saturday, 06-Nov-94 08:49:37 GMT") == 784_111_777)
    }

    @Test("A leap second is the second after 59")
    func leapSecond() {
        #expect(HTTPDate.parse("Sat, 31 Dec 2016 23:59:60 GMT") == HTTPDate.parse("Sun, 01 Jan 2017 00:00:00 GMT"))
    }

    @Test(
        "Two digits are at most fifty years in the future",
        arguments: [
            ("26", 2026), ("76", 2076), ("77", 1977), ("99", 1999), ("00", 2000), ("94", 1994),
        ]
    )
    func twoDigits(digits: String, year: Int) {
        // 1 July 2026.
        let now: Int64 = 1_782_864_000
        #expect(
            HTTPDate.parse("Sunday, 01-Jan-\(digits) 00:00:00 GMT", now: now)
                == HTTPDate.parse("Sun, 01 Jan \(year) 00:00:00 GMT")
        )
    }

    @Test("Fifty years and a day more are a hundred years less")
    func fiftyYears() {
        let now: Int64 = 1_782_864_000
        #expect(
            HTTPDate.parse("Sunday, 30-Dec-76 00:00:00 GMT", now: now)
                == HTTPDate.parse("Sun, 30 Dec 1976 00:00:00 GMT")
        )
    }
}
