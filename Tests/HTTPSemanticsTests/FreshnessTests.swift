// RFC 9111 §4.2: how long a response is fresh, and how old it is.

import HTTPSemantics
import Testing

@Suite("Freshness lifetime (RFC 9111 §4.2.1, §4.2.2)")
struct FreshnessLifetimeTests {
    private func lifetime(
        _ lines: KeyValuePairs<String, String>,
        status: Int = 200,
        asked: KeyValuePairs<String, String> = [:]
    ) -> Freshness {
        Freshness.lifetime(
            request: request(asked),
            response: response(status, lines),
            responseTime: instant + 10
        )
    }

    private static let date = HTTPDate.format(instant)

    @Test(
        "s-maxage before max-age before Expires",
        arguments: [
            ("s-maxage=1, max-age=2", 1), ("max-age=2, s-maxage=1", 1), ("max-age=2", 2), ("max-age=0", 0),
            ("max-age=x", 0),
            ("public", 3600), ("max-age=99999999999", 2_147_483_648),
        ] as [(String, Int64)]
    )
    func order(said: String, seconds: Int64) {
        let freshness = lifetime([
            "Cache-Control": said, "Date": Self.date, "Expires": HTTPDate.format(instant + 3600),
        ])
        #expect(freshness == Freshness(lifetime: seconds, isHeuristic: false))
    }

    @Test("Expires counts from Date, or from the receipt; what is no date is in the past (§5.3)")
    func expires() {
        func seconds(_ lines: KeyValuePairs<String, String>) -> Int64 { lifetime(lines).lifetime }
        #expect(seconds(["Expires": HTTPDate.format(instant + 100), "Date": Self.date]) == 100)
        #expect(seconds(["Expires": HTTPDate.format(instant + 100)]) == 90)
        #expect(seconds(["Expires": HTTPDate.format(instant + 100), "Date": "x"]) == 90)
        #expect(seconds(["Expires": HTTPDate.format(instant - 1), "Date": Self.date]) == 0)
        #expect(seconds(["Expires": Self.date, "Date": Self.date]) == 0)
        #expect(seconds(["Expires": HTTPDate.format(253_402_300_799), "Date": Self.date]) == 2_147_483_648)
        let old = HTTPDate.format(instant - 1_000_000)
        for bad in ["0", "-1", "never", ""] {
            #expect(
                lifetime(["Expires": bad, "Date": Self.date, "Last-Modified": old])
                    == Freshness(lifetime: 0, isHeuristic: false)
            )
        }
        let soon = HTTPDate.format(instant + 100)
        #expect(seconds(["Expires": soon, "Expires": soon, "Date": Self.date]) == 0)
    }

    @Test(
        "Expires in each of the three forms of a date (RFC 9110 §5.6.7)",
        arguments: [
            ("Tue, 15 Nov 1994 08:14:11 GMT", 100), ("Tuesday, 15-Nov-94 08:14:11 GMT", 100),
            ("Tue Nov 15 08:14:11 1994", 100), ("tue, 15 nov 1994 08:14:11 gmt", 100), ("Tue, 15 Nov 1994 08:14:11", 0),
            ("Tue, 15 Nov 1994 08:14:11 UTC", 0), ("Tue, 15 Nov 1994 8:14:11 GMT", 0), ("1994-11-15T08:14:11Z", 0),
            ("\"Tue, 15 Nov 1994 08:14:11 GMT\"", 0), ("Tue, 15 Nov 1994 25:14:11 GMT", 0),
        ] as [(String, Int64)]
    )
    func expiresForms(text: String, seconds: Int64) {
        #expect(lifetime(["Expires": text, "Date": Self.date]) == Freshness(lifetime: seconds, isHeuristic: false))
    }

    @Test("Two Date lines are none: Expires then counts from the receipt (RFC 9110 §6.6.1)")
    func repeatedDate() {
        #expect(
            lifetime(["Expires": HTTPDate.format(instant + 100), "Date": Self.date, "date": Self.date]).lifetime == 90
        )
    }

    @Test("The guess is a tenth of the time since the modification, at most a day (R72)")
    func heuristic() {
        func guess(_ age: Int64, _ asked: KeyValuePairs<String, String> = [:]) -> Freshness {
            lifetime(["Date": Self.date, "Last-Modified": HTTPDate.format(instant - age)], asked: asked)
        }
        #expect(guess(1000) == Freshness(lifetime: 100, isHeuristic: true))
        #expect(guess(9).lifetime == 0)
        #expect(guess(864_000).lifetime == 86_400)
        #expect(guess(8_640_000).lifetime == 86_400)
        #expect(guess(-1000).lifetime == 0)
        #expect(guess(1000, ["Cookie": "a=b"]).lifetime == 0)
        #expect(guess(1000, ["Authorization": "x"]).lifetime == 0)
    }

    @Test("No guess without a modification date, with Pragma, or for a status that does not allow it")
    func noGuess() {
        let old = HTTPDate.format(instant - 1000)
        #expect(lifetime(["Date": Self.date]).lifetime == 0)
        #expect(lifetime(["Date": Self.date, "Last-Modified": "x"]).lifetime == 0)
        #expect(lifetime(["Date": Self.date, "Last-Modified": old, "Last-Modified": old]).lifetime == 0)
        #expect(lifetime(["Date": Self.date, "Last-Modified": old, "Pragma": "no-cache"]).lifetime == 0)
        #expect(lifetime(["Date": Self.date, "Last-Modified": old], status: 302).lifetime == 0)
        #expect(
            lifetime(["Date": Self.date, "Last-Modified": old, "Cache-Control": "public"], status: 302).lifetime == 100
        )
        #expect(lifetime(["Last-Modified": old]).lifetime == 101)
    }

    @Test("Errors are fresh for a minute at most (R70)", arguments: [404, 410, 414, 500, 501, 503, 600])
    func errors(status: Int) {
        #expect(lifetime(["Cache-Control": "max-age=3600"], status: status).lifetime == 60)
        #expect(lifetime(["Cache-Control": "max-age=30"], status: status).lifetime == 30)
        #expect(
            lifetime(["Expires": HTTPDate.format(instant + 9000), "Date": Self.date], status: status).lifetime == 60
        )
    }
}

@Suite("Age (RFC 9111 §4.2.3, §5.1)")
struct AgeTests {
    private func age(
        _ lines: KeyValuePairs<String, String>,
        requestTime: Int64 = instant,
        responseTime: Int64 = instant,
        now: Int64 = instant
    ) -> Int64 {
        Freshness.age(response: section(lines), requestTime: requestTime, responseTime: responseTime, now: now)
    }

    @Test("The larger of apparent and corrected age, and the time here")
    func parts() {
        let date = HTTPDate.format(instant)
        #expect(age(["Date": date]) == 0)
        #expect(age(["Date": date], now: instant + 7) == 7)
        #expect(age(["Date": HTTPDate.format(instant - 30)]) == 30)
        #expect(age(["Date": HTTPDate.format(instant + 30)]) == 0)
        #expect(age(["Date": date, "Age": "100"]) == 100)
        #expect(age(["Date": HTTPDate.format(instant - 30), "Age": "100"]) == 100)
        #expect(age(["Date": HTTPDate.format(instant - 300), "Age": "100"]) == 300)
        #expect(age(["Date": date, "Age": "100"], requestTime: instant - 5, now: instant + 7) == 112)
        #expect(age(["Date": HTTPDate.format(instant - 30)], requestTime: instant - 5, now: instant + 1) == 31)
    }

    @Test("A missing or unreadable Date is the time of receipt (RFC 9110 §6.6.1)")
    func withoutDate() {
        #expect(age([:], now: instant + 3) == 3)
        #expect(age(["Date": "x"], now: instant + 3) == 3)
    }

    @Test(
        "Age: the first member, ignored where it is no number, at most 2^31",
        arguments: [
            ("0", 0), ("7", 7), ("7, 100", 7), ("7,x", 7), ("x", 0), ("x, 7", 0), ("-7", 0), ("7.5", 0), ("7s", 0),
            ("", 0),
            ("\"7\"", 0), ("2147483648", 2_147_483_648), ("99999999999999999999", 2_147_483_648),
        ] as [(String, Int64)]
    )
    func received(value: String, seconds: Int64) {
        #expect(age(["Age": value]) == seconds)
    }

    @Test("Of two Age lines the first counts")
    func twice() {
        #expect(age(["Age": "7", "age": "100"]) == 7)
    }

    @Test("Clocks that go backwards and sums that overflow stay in bounds")
    func bounds() {
        #expect(age([:], now: instant - 100) == 0)
        #expect(age([:], requestTime: instant + 100) == 0)
        #expect(age(["Age": "2147483648"], requestTime: 0, now: .max) == 2_147_483_648)
        #expect(age([:], requestTime: .min, responseTime: .max, now: .max) == 2_147_483_648)
        #expect(age([:], requestTime: .max, responseTime: .min, now: .min) == 0)
    }
}
