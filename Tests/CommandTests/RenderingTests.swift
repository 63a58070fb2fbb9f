// What commands print. The values come from a running proxy or from the cache; here they are written down.

import Exchange
import HTTPSemantics
import Resume
import Testing

@Suite("What commands print")
struct RenderingTests {
    private let rendering = ControlRendering(glyphs: .ascii)

    private func freshness(lifetime: Int64, age: Int64, mustValidate: Bool = false) -> FreshnessNote {
        FreshnessNote(
            lifetime: lifetime,
            isHeuristic: false,
            age: age,
            ttl: lifetime - age,
            mustValidate: mustValidate,
            verdict: "It is."
        )
    }

    private func item(url: String, held: [Range<Int64>], length: Int64?, _ freshness: FreshnessNote) -> ListedItem {
        ListedItem(
            url: url,
            version: 7,
            held: HeldPart(ByteRangeSet(held), completeLength: length),
            freshness: freshness,
            lastUse: 1000,
            hits: 3
        )
    }

    @Test("A line of ls stands under its heading")
    func list() {
        let heading = rendering.listHeading
        let line = rendering.item(
            item(url: "http://example.org/a", held: [0..<512], length: 1024, freshness(lifetime: 100, age: 40)),
            now: 1180
        )
        #expect(heading == "     SIZE   HELD  RANGES                FRESHNESS         USED      URL")
        #expect(line == "    1 KiB   50 %  ##########..........  fresh for 1m      3m ago    http://example.org/a")
    }

    @Test(
        "Freshness is said in a few words",
        arguments: [
            (100, 40, false, "fresh for 1m"), (100, 4000, false, "stale for 1h"), (0, 50, false, "stale"),
            (100, 40, true, "ask each time"),
        ] as [(Int64, Int64, Bool, String)]
    )
    func freshnessWords(lifetime: Int64, age: Int64, mustValidate: Bool, text: String) {
        let note = freshness(lifetime: lifetime, age: age, mustValidate: mustValidate)
        #expect(rendering.item(item(url: "u", held: [], length: nil, note), now: 0).contains("  \(text)  "))
    }

    @Test("A URL cannot speak to the terminal")
    func escaping() {
        let line = rendering.item(
            item(url: "http://example.org/\u{1B}]0;x\u{7}", held: [], length: 1, freshness(lifetime: 0, age: 0)),
            now: 1000
        )
        #expect(line.hasSuffix("http://example.org/\\x1b]0;x\\x07"))
    }

    private func status() -> StatusAnswer {
        StatusAnswer(
            process: nil,
            directory: "cache",
            responses: 1,
            bytes: 1024,
            maxBytes: 10 << 30,
            unfinished: 0,
            damagedPieces: 0,
            now: 5000,
            fills: [],
            waiting: []
        )
    }

    @Test("status without a proxy says so")
    func idle() {
        #expect(
            rendering.status(status()) == """
                No proxy runs on this cache.
                cache cache holds 1 response, 1 KiB of 10 GiB
                nothing is being filled or unfinished
                """
        )
    }

    @Test("status shows what is waited for: why, for how long, and until when")
    func waits() {
        var status = status()
        status.waits = [
            StatusWait(
                url: "http://example.org/a",
                reason: "The origin answered 503.",
                since: 4988,
                nextAttemptAt: 5004,
                attempts: 3,
                until: 5288
            ),
            StatusWait(
                url: "http://example.org/b",
                reason: "b.example refused the connection to port 80.",
                since: 5000,
                nextAttemptAt: 5000,
                attempts: 1,
                until: 5300
            ),
        ]
        #expect(
            rendering.status(status) == """
                No proxy runs on this cache.
                cache cache holds 1 response, 1 KiB of 10 GiB

                waiting for an origin (2):
                  http://example.org/a
                    The origin answered 503.
                    for 12s, 3 attempts; asked again in 4s, given up in 4m 48s
                  http://example.org/b
                    b.example refused the connection to port 80.
                    for 0s, 1 attempt; asked again now, given up in 5m
                """
        )
    }

    @Test("status shows what is filled, with its rate and who waits, and what is parked")
    func busy() {
        var status = status()
        var traffic = Traffic()
        traffic.requests = 2
        traffic.hits = 1
        traffic.bytesSent = 2048
        traffic.bytesFromCache = 1024
        traffic.bytesFromUpstream = 1024
        status.process = StatusProcess(id: 42, listening: ["127.0.0.1:3128"], uptimeSeconds: 61, traffic: traffic)
        status.fills = [
            StatusFill(
                url: "http://example.org/a",
                version: 1,
                held: HeldPart(ByteRangeSet([0..<1024]), completeLength: 4096),
                claims: [StatusFill.Claim(state: "receiving", offset: 1024, end: 4096, bytesPerSecond: 512)],
                readers: 2,
                isFinishing: false,
                isQueued: false
            )
        ]
        status.waiting = [
            StatusDownload(
                url: "http://example.org/b",
                version: 2,
                held: HeldPart(ByteRangeSet([0..<50]), completeLength: 100),
                wanted: [0..<100],
                state: .parked,
                since: 1400
            )
        ]
        #expect(
            rendering.status(status) == """
                holdfast 42 listens on 127.0.0.1:3128, up 1m 1s
                2 requests, 1 hit, 0 failures; 2 KiB sent, 1 KiB of it from the cache, 1 KiB from upstream
                cache cache holds 1 response, 1 KiB of 10 GiB

                being filled (1):
                  http://example.org/a
                    #####...............  25 % of 4 KiB  512 B/s, 2 readers
                    receiving, from 1 KiB to 4 KiB at 512 B/s

                parked until a client asks again (1):
                  http://example.org/b
                    ##########..........  50 % of 100 B
                    remembered 1h ago
                """
        )
    }

    @Test("status shows what the link is seen to carry, limits, who waits for what, and why something is parked")
    func rates() {
        var status = status()
        status.process = StatusProcess(id: 42, listening: ["a"], uptimeSeconds: 1, traffic: Traffic())
        var rates = StatusRates()
        rates.places = 16
        status.rates = rates
        #expect(!rendering.status(status).contains("origins"))
        #expect(!rendering.status(status).contains("places"))
        rates.link = 12 << 20
        rates.clients = 3 << 20
        rates.backgroundSetting = "50%"
        rates.background = 6 << 20
        rates.limits = [StatusRates.Limit(directive: "upstream.max_rate", bytesPerSecond: 1 << 20)]
        rates.finishing = 2
        rates.waitingForPlace = 3
        rates.waitingForHours = 1
        status.rates = rates
        func waiting(_ state: StatusDownload.State, _ reason: String?) -> StatusDownload {
            StatusDownload(
                url: "http://example.org/b",
                version: 2,
                held: HeldPart(ByteRangeSet([0..<50]), completeLength: 100),
                wanted: [0..<100],
                state: state,
                since: 1400,
                reason: reason
            )
        }
        status.waiting = [waiting(.parked, "The disk has no room for the rest."), waiting(.outsideHours, nil)]
        #expect(
            rendering.status(status) == """
                holdfast 42 listens on a, up 1s
                0 requests, 0 hits, 0 failures; 0 B sent, 0 B of it from the cache, 0 B from upstream
                cache cache holds 1 response, 1 KiB of 10 GiB
                origins sent up to 12 MiB/s; clients take 3 MiB/s now
                downloads without a client may take 6 MiB/s now (resume.background_rate = "50%")
                limits: upstream.max_rate 1 MiB/s
                2 of 16 places to finish without a client are taken, 3 wait for one, 1 wait for finish_between

                waiting for the hours of finish_between (1):
                  http://example.org/b
                    ##########..........  50 % of 100 B
                    remembered 1h ago

                parked until a client asks again (1):
                  http://example.org/b
                    ##########..........  50 % of 100 B
                    remembered 1h ago. The disk has no room for the rest.
                """
        )
    }

    @Test("purge says what was removed, URL by URL")
    func purge() {
        let answer = PurgeAnswer(
            items: [
                PurgeAnswer.Item(url: "http://a/", removed: 2),
                PurgeAnswer.Item(url: "http://b/", removed: 0),
                PurgeAnswer.Item(url: "c", removed: 0, problem: "It is none."),
            ],
            removed: 2
        )
        #expect(rendering.purged(answer) == "http://a/: removed 2\nhttp://b/: nothing was held\nc: It is none.")
        #expect(rendering.purged(PurgeAnswer(items: [], removed: 1)) == "removed 1 response")
    }

    @Test("Answers survive the socket")
    func roundTrip() throws {
        let item = item(url: "http://a/", held: [0..<5, 7..<9], length: nil, freshness(lifetime: 1, age: 2))
        let line = try #require(ControlCoding.text(item, isPretty: false))
        #expect(line.contains("\"ranges\":[[0,5],[7,9]]"))
        #expect(!line.contains("\n"))
    }
}

@Suite("Why a download can be resumed, or not")
struct ResumabilityTests {
    @Test(
        "The sentence names the reason",
        arguments: [
            ([("ETag", "\"a\"")], true, "strong entity tag"),
            ([("ETag", "W/\"a\"")], false, "weak"),
            ([("ETag", "\"a\""), ("ETag", "\"b\"")], false, "several entity tags"),
            (
                [
                    ("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"), ("Date", "Sun, 06 Nov 1994 09:49:37 GMT"),
                ], true, "modification date Sun, 06 Nov 1994 08:49:37 GMT is strong"
            ),
            ([("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT")], false, "too close"),
            ([], false, "neither an entity tag nor a modification date"),
        ] as [([(String, String)], Bool, String)]
    )
    func reasons(fields: [(String, String)], isResumable: Bool, part: String) {
        var section = FieldSection()
        for (name, value) in fields { section.append(name: name, value: value) }
        let judged = Resumability.of(section, validator: StrongValidator.of(section, receivedAt: 784_115_377))
        #expect(judged.isResumable == isResumable)
        #expect(judged.sentence.contains(part))
    }
}
