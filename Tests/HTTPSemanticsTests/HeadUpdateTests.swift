// RFC 9111 §4.3.5: what the answer to a HEAD says of a stored response.

import HTTPSemantics
import Testing

@Suite("Freshening by HEAD (RFC 9111 §4.3.5)")
struct HeadUpdateTests {
    private static let date = HTTPDate.format(instant)
    private static let other = HTTPDate.format(instant + 1)

    private func judge(
        _ answer: KeyValuePairs<String, String>,
        _ stored: KeyValuePairs<String, String>,
        status: Int = 200,
        storedStatus: Int = 200,
        completeLength: Int64? = 10
    ) -> HeadUpdate {
        HeadUpdate.judge(
            head: response(status, answer),
            stored: response(storedStatus, stored),
            completeLength: completeLength
        )
    }

    @Test(
        "Equal tags confirm, weak or strong; others invalidate",
        arguments: [
            ("\"a\"", "\"a\"", .updates), ("W/\"a\"", "\"a\"", .updates), ("\"a\"", "W/\"a\"", .updates),
            ("\"a\"", "\"b\"", .invalidates), ("W/\"a\"", "W/\"b\"", .invalidates), ("\"a\"", "a", .invalidates),
            ("a", "\"a\"", .invalidates), ("a", "b", .updates),
        ] as [(String, String, HeadUpdate)]
    )
    func tags(answer: String, stored: String, expected: HeadUpdate) {
        #expect(judge(["ETag": answer], ["ETag": stored]) == expected)
    }

    @Test("Every validator that came must be equal to the stored one (§4.3.5)")
    func all() {
        #expect(judge(["Last-Modified": Self.date], ["Last-Modified": Self.date]) == .updates)
        #expect(judge(["Last-Modified": Self.other], ["Last-Modified": Self.date]) == .invalidates)
        #expect(
            judge(["ETag": "\"a\"", "Last-Modified": Self.other], ["ETag": "\"a\"", "Last-Modified": Self.date])
                == .invalidates
        )
        #expect(judge(["ETag": "\"a\""], ["Last-Modified": Self.date]) == .invalidates)
        #expect(judge(["Last-Modified": Self.date], [:]) == .invalidates)
        #expect(judge([:], ["ETag": "\"a\""]) == .updates)
    }

    @Test("Another length invalidates; one that cannot be read says nothing")
    func length() {
        #expect(judge(["Content-Length": "10"], [:]) == .updates)
        #expect(judge(["Content-Length": "11"], [:]) == .invalidates)
        #expect(judge(["ETag": "\"a\"", "Content-Length": "11"], ["ETag": "\"a\""]) == .invalidates)
        #expect(judge(["Content-Length": "11"], ["Content-Length": "11"]) == .invalidates)
        #expect(judge(["Content-Length": "11"], [:], completeLength: nil) == .updates)
        #expect(judge(["Content-Length": "x"], [:]) == .saysNothing)
        #expect(judge(["Content-Length": "10", "content-length": "10"], [:]) == .saysNothing)
    }

    @Test(
        "What is gone invalidates, errors say nothing",
        arguments: [
            (404, .invalidates), (410, .invalidates), (500, .saysNothing), (405, .saysNothing), (304, .saysNothing),
            (206, .saysNothing), (302, .saysNothing),
        ] as [(Int, HeadUpdate)]
    )
    func status(status: Int, expected: HeadUpdate) {
        #expect(judge(["ETag": "\"a\""], ["ETag": "\"a\""], status: status) == expected)
    }

    @Test("A stored error is confirmed by none, and is over where there is a 200")
    func storedErrors() {
        #expect(judge([:], [:], status: 404, storedStatus: 404) == .saysNothing)
        #expect(judge([:], [:], status: 410, storedStatus: 404) == .invalidates)
        #expect(judge([:], [:], status: 200, storedStatus: 404) == .invalidates)
    }
}
