// RFC 9110 §13 and resume-rules 7: the conditions of clients.

import HTTPSemantics
import Testing

@Suite("Preconditions against a stored response (RFC 9110 §13.2.2, RFC 9111 §4.3.2)")
struct PreconditionsTests {
    private static let modified = HTTPDate.format(instant)
    private static let before = HTTPDate.format(instant - 1)
    private static let after = HTTPDate.format(instant + 1)

    private func evaluate(
        _ lines: KeyValuePairs<String, String>,
        _ stored: KeyValuePairs<String, String>,
        method: Method = .get,
        status: Int = 200
    ) -> PreconditionResult {
        Preconditions.evaluate(
            request: request(lines, method: method),
            storedFields: section(stored),
            storedStatus: status,
            receivedAt: instant + 5000
        )
    }

    private static let tagged: KeyValuePairs = [
        "ETag": "\"a\"", "Last-Modified": modified, "Date": HTTPDate.format(instant + 1000),
    ]
    private static let weak: KeyValuePairs = ["ETag": "W/\"a\""]
    private static let dated: KeyValuePairs = [
        "Last-Modified": modified, "Date": HTTPDate.format(instant + 1000),
    ]
    private static let young: KeyValuePairs = [
        "Last-Modified": modified, "Date": HTTPDate.format(instant + 1),
    ]

    @Test(
        "If-None-Match: weak comparison, lists, asterisk (§13.1.2)",
        arguments: [
            ("\"a\"", .notModified), ("W/\"a\"", .notModified), ("\"b\", \"a\"", .notModified), ("*", .notModified),
            ("\"b\"", .proceed), ("a", .proceed), ("\"a", .proceed), ("", .proceed), ("\"b\", a", .proceed),
            ("\"A\"", .proceed),
        ] as [(String, PreconditionResult)]
    )
    func ifNoneMatch(value: String, expected: PreconditionResult) {
        #expect(evaluate(["If-None-Match": value], Self.tagged) == expected)
        #expect(evaluate(["If-None-Match": value], Self.weak) == expected)
        #expect(evaluate(["If-None-Match": value], Self.tagged, method: .head) == expected)
    }

    @Test("A tag that cannot be compared matches nothing and hides none beside it (§8.8.3)")
    func obsoleteText() {
        let stored = section("ETag", bytes: [0x22, 0xE4, 0x22])
        func asked(_ bytes: [UInt8]) -> PreconditionResult {
            var head = request()
            head.fields = section("If-None-Match", bytes: bytes)
            return Preconditions.evaluate(
                request: head,
                storedFields: stored,
                storedStatus: 200,
                receivedAt: instant
            )
        }
        #expect(asked([0x22, 0xE4, 0x22]) == .proceed)
        #expect(asked([0x22, 0xF6, 0x22]) == .proceed)
        #expect(evaluate(["If-None-Match": "\"ä\", \"a\""], Self.tagged) == .notModified)
        #expect(evaluate(["If-None-Match": "\"ä\""], Self.tagged) == .proceed)
        #expect(evaluate(["If-Match": "\"ä\""], Self.tagged) == .forward)
    }

    @Test("If-Modified-Since in its three forms; twice, or as a list, it is ignored (§13.1.3, §5.6.7)")
    func threeForms() {
        for value in ["Tuesday, 15-Nov-94 08:12:31 GMT", "Tue Nov 15 08:12:31 1994", Self.modified] {
            #expect(evaluate(["If-Modified-Since": value], Self.dated) == .notModified)
        }
        #expect(
            evaluate(["If-Modified-Since": Self.after, "if-modified-since": Self.after], Self.dated) == .proceed
        )
        #expect(evaluate(["If-Modified-Since": "\(Self.after), \(Self.after)"], Self.dated) == .proceed)
        #expect(evaluate(["If-Modified-Since": "1234567890"], Self.dated) == .proceed)
    }

    @Test("If-Modified-Since counts for GET and HEAD and for a success only (§13.1.3, §13.2.1)")
    func methods() {
        #expect(evaluate(["If-Modified-Since": Self.after], Self.dated, method: .head) == .notModified)
        for method in [Method.post, .put, .delete, .options, Method("get")] {
            #expect(evaluate(["If-Modified-Since": Self.after], Self.dated, method: method) == .proceed)
        }
        for status in [301, 304, 404, 410, 500] {
            #expect(evaluate(["If-Modified-Since": Self.after], Self.dated, status: status) == .proceed)
            #expect(evaluate(["If-None-Match": "*"], Self.tagged, status: status) == .proceed)
        }
        for status in [200, 203, 204, 206] {
            #expect(evaluate(["If-None-Match": "*"], Self.tagged, status: status) == .notModified)
        }
    }

    @Test("It is judged by the origin's clock, not by ours: a date after now is a date (§13.1.3)")
    func future() {
        #expect(evaluate(["If-Modified-Since": HTTPDate.format(instant + 1_000_000)], Self.dated) == .notModified)
    }

    @Test("Several lines of If-None-Match are one list")
    func lines() {
        #expect(evaluate(["If-None-Match": "\"b\"", "if-none-match": "\"a\""], Self.tagged) == .notModified)
    }

    @Test("If-None-Match without a stored tag holds nothing back but for the asterisk")
    func withoutTag() {
        #expect(evaluate(["If-None-Match": "\"a\""], Self.dated) == .proceed)
        #expect(evaluate(["If-None-Match": "*"], Self.dated) == .notModified)
    }

    @Test(
        "If-Modified-Since against Last-Modified (§13.1.3)",
        arguments: [
            (before, .proceed), (modified, .notModified), (after, .notModified), ("0", .proceed), ("", .proceed),
            ("Tuesday, 15-Nov-94 08:12:31 GMT", .notModified),
        ] as [(String, PreconditionResult)]
    )
    func ifModifiedSince(value: String, expected: PreconditionResult) {
        #expect(evaluate(["If-Modified-Since": value], Self.tagged) == expected)
        #expect(evaluate(["If-Modified-Since": value], Self.dated) == expected)
    }

    @Test("Without Last-Modified the Date counts, and else the time of receipt (RFC 9111 §4.3.2)")
    func withoutLastModified() {
        let date: KeyValuePairs = ["Date": Self.modified]
        #expect(evaluate(["If-Modified-Since": Self.modified], date) == .notModified)
        #expect(evaluate(["If-Modified-Since": Self.before], date) == .proceed)
        #expect(evaluate(["If-Modified-Since": HTTPDate.format(instant + 5000)], [:]) == .notModified)
        #expect(evaluate(["If-Modified-Since": HTTPDate.format(instant + 4999)], [:]) == .proceed)
        #expect(evaluate(["If-Modified-Since": Self.after], ["Last-Modified": "x", "Date": Self.before]) == .proceed)
    }

    @Test("If-None-Match alone counts where both are there (§13.1.3)")
    func both() {
        #expect(
            evaluate(["If-None-Match": "\"b\"", "If-Modified-Since": Self.after], Self.tagged) == .proceed
        )
        #expect(
            evaluate(["If-None-Match": "\"a\"", "If-Modified-Since": Self.before], Self.tagged) == .notModified
        )
        #expect(evaluate(["If-None-Match": "junk", "If-Modified-Since": Self.after], Self.tagged) == .proceed)
    }

    @Test(
        "If-Match: what is strongly ours goes on, all else to the origin (§13.1.1, resume-rules 7)",
        arguments: [
            ("\"a\"", .proceed), ("\"b\", \"a\"", .proceed), ("*", .proceed), ("W/\"a\"", .forward),
            ("\"b\"", .forward),
            ("a", .forward), ("", .forward),
        ] as [(String, PreconditionResult)]
    )
    func ifMatch(value: String, expected: PreconditionResult) {
        #expect(evaluate(["If-Match": value], Self.tagged) == expected)
        if value != "*" {
            #expect(evaluate(["If-Match": value], Self.weak) == .forward)
            #expect(evaluate(["If-Match": value], Self.dated) == .forward)
        }
    }

    @Test("After If-Match holds, If-None-Match is looked at; If-Unmodified-Since is not (§13.2.2)")
    func order() {
        #expect(evaluate(["If-Match": "\"a\"", "If-None-Match": "\"a\""], Self.tagged) == .notModified)
        #expect(evaluate(["If-Match": "\"a\"", "If-Unmodified-Since": Self.before], Self.tagged) == .proceed)
        #expect(evaluate(["If-Match": "\"b\"", "If-None-Match": "\"a\""], Self.tagged) == .forward)
    }

    @Test("If-Unmodified-Since: only our own strong date goes on (§13.1.4, resume-rules 7)")
    func ifUnmodifiedSince() {
        #expect(evaluate(["If-Unmodified-Since": Self.modified], Self.dated) == .proceed)
        #expect(evaluate(["If-Unmodified-Since": Self.modified], Self.tagged) == .proceed)
        #expect(evaluate(["If-Unmodified-Since": Self.after], Self.dated) == .forward)
        #expect(evaluate(["If-Unmodified-Since": Self.before], Self.dated) == .forward)
        #expect(evaluate(["If-Unmodified-Since": "0"], Self.dated) == .forward)
        #expect(evaluate(["If-Unmodified-Since": Self.modified], Self.young) == .forward)
    }

    @Test("Conditions count only for success and for reading (§13.2.1)")
    func elsewhere() {
        #expect(evaluate(["If-None-Match": "\"a\""], Self.tagged, status: 404) == .proceed)
        #expect(evaluate(["If-Modified-Since": Self.after], Self.tagged, status: 301) == .proceed)
        #expect(evaluate(["If-Match": "\"a\""], Self.tagged, status: 404) == .forward)
        #expect(evaluate(["If-Match": "\"a\""], Self.tagged, method: .put) == .forward)
        #expect(evaluate(["If-None-Match": "\"a\""], Self.tagged, method: .put) == .proceed)
        #expect(evaluate([:], Self.tagged) == .proceed)
    }

    @Test("The date of a 304 that came later makes nothing strong where the recorded validator is given")
    func recorded() {
        func evaluate(_ validator: StrongValidator?) -> PreconditionResult {
            Preconditions.evaluate(
                request: request(["If-Unmodified-Since": Self.modified]),
                storedFields: section(Self.dated),
                storedStatus: 200,
                receivedAt: instant,
                validator: validator
            )
        }
        #expect(evaluate(nil) == .forward)
        #expect(evaluate(.lastModified(text: Self.modified, seconds: instant)) == .proceed)
    }

    @Test(
        "If-Range: strong tag, or strong and equal date (§13.1.5, R33)",
        arguments: [
            ("\"a\"", true, false, false, false),
            ("\"b\"", false, false, false, false),
            ("W/\"a\"", false, false, false, false),
            ("a", false, false, false, false),
            ("", false, false, false, false),
            ("\"a\", \"b\"", false, false, false, false),
            (modified, true, false, true, false),
            (before, false, false, false, false),
            (after, false, false, false, false),
            ("Tuesday, 15-Nov-94 08:12:31 GMT", false, false, false, false),
        ]
    )
    func ifRange(value: String, tagged: Bool, weak: Bool, dated: Bool, young: Bool) {
        func holds(_ stored: KeyValuePairs<String, String>) -> Bool {
            Preconditions.ifRangeHolds(
                request: request(["Range": "bytes=0-", "If-Range": value]),
                storedFields: section(stored),
                receivedAt: instant + 5000
            )
        }
        #expect(holds(Self.tagged) == tagged)
        #expect(holds(Self.weak) == weak)
        #expect(holds(Self.dated) == dated)
        #expect(holds(Self.young) == young)
        #expect(!holds([:]))
    }

    @Test("A date does not hold beside a weak tag")
    func dateBesideWeakTag() {
        let stored = section([
            "ETag": "W/\"a\"", "Last-Modified": Self.modified, "Date": HTTPDate.format(instant + 1000),
        ])
        #expect(
            !Preconditions.ifRangeHolds(
                request: request(["If-Range": Self.modified]),
                storedFields: stored,
                receivedAt: instant
            )
        )
    }

    @Test("If-Range twice does not hold; none at all does")
    func count() {
        let stored = section(Self.tagged)
        let twice = request(["If-Range": "\"a\"", "if-range": "\"a\""])
        #expect(!Preconditions.ifRangeHolds(request: twice, storedFields: stored, receivedAt: instant))
        #expect(Preconditions.ifRangeHolds(request: request(), storedFields: stored, receivedAt: instant))
        #expect(Preconditions.ifRangeHolds(request: request(), storedFields: section(), receivedAt: instant))
    }

    @Test("With the recorded validator, If-Range is judged by it alone")
    func recordedIfRange() throws {
        let tag = try #require(EntityTag.parse("\"a\""))
        func holds(_ value: String, _ validator: StrongValidator?) -> Bool {
            Preconditions.ifRangeHolds(
                request: request(["If-Range": value]),
                storedFields: section(Self.dated),
                validator: validator
            )
        }
        #expect(holds("\"a\"", .etag(tag)))
        #expect(!holds("\"b\"", .etag(tag)))
        #expect(!holds(Self.modified, .etag(tag)))
        #expect(holds(Self.modified, .lastModified(text: Self.modified, seconds: instant)))
        #expect(!holds(Self.modified, nil))
        #expect(!holds("\"a\"", nil))
    }
}
