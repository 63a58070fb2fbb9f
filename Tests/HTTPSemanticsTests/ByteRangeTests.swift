// RFC 9110 §14: Range and Content-Range.

import HTTPSemantics
import Testing

@Suite("Range (RFC 9110 §14.1, §14.2)")
struct ByteRangeTests {
    @Test(
        "What is asked for",
        arguments: [
            ("bytes=0-499", .single(.fromTo(first: 0, last: 499))),
            ("BYTES=0-0", .single(.fromTo(first: 0, last: 0))),
            ("bytes=5275648-", .single(.from(first: 5_275_648))),
            ("bytes=-500", .single(.suffix(length: 500))),
            ("bytes=-0", .single(.suffix(length: 0))),
            ("bytes=007-08", .single(.fromTo(first: 7, last: 8))),
            ("bytes=0-0,-1", .several([.fromTo(first: 0, last: 0), .suffix(length: 1)])),
            ("bytes=500-600 ,\t 0-9 ,,", .several([.fromTo(first: 500, last: 600), .fromTo(first: 0, last: 9)])),
            ("bytes=0-99999999999999999999", .single(.fromTo(first: 0, last: .max))),
            ("bytes=99999999999999999999-", .single(.from(first: .max))),
            ("bytes=-9223372036854775808", .single(.suffix(length: .max))),
            ("", .ignored),
            ("bytes", .ignored),
            ("bytes=", .ignored),
            ("bytes=,", .ignored),
            ("bytes=-", .ignored),
            ("bytes=a-b", .ignored),
            ("bytes=1-0", .ignored),
            ("bytes=0-1-2", .ignored),
            ("bytes=--1", .ignored),
            ("bytes=0 - 1", .ignored),
            ("bytes = 0-4", .ignored),
            ("bytes= 0-4", .ignored),
            ("bytes=,0-4", .single(.fromTo(first: 0, last: 4))),
            ("bytes=0-4,", .single(.fromTo(first: 0, last: 4))),
            ("bytes=0-4, ,5-", .several([.fromTo(first: 0, last: 4), .from(first: 5)])),
            ("bytes=+0-1", .ignored),
            ("bytes=0-1;2-3", .ignored),
            ("bytes=0-1,x", .ignored),
            ("bytes=0-1,3-2", .ignored),
            ("bytes =0-1", .ignored),
            ("bytes:0-1", .ignored),
            ("items=0-1", .ignored),
            ("0-1", .ignored),
            ("bytes=99999999999999999999-5", .ignored),
            ("bytes=\u{660}-1", .ignored),
        ] as [(String, RangeRequest)]
    )
    func requests(value: String, expected: RangeRequest) {
        #expect(RangeRequest.of(request(["Range": value])) == expected)
    }

    @Test("Without the field, by another method, or twice: the whole (§14.2)")
    func ignored() {
        #expect(RangeRequest.of(request()) == .none)
        #expect(RangeRequest.of(request(["Range": "bytes=0-1"], method: .head)) == .ignored)
        #expect(RangeRequest.of(request(["Range": "bytes=0-1"], method: .post)) == .ignored)
        #expect(RangeRequest.of(request(["Range": "bytes=0-1", "range": "bytes=0-1"])) == .ignored)
    }

    @Test("256 ranges are several, 257 are too many, and one malformed among them makes it nothing (R10)")
    func limit() {
        let full = Array(repeating: "0-1", count: 256)
        func ask(_ ranges: [String]) -> RangeRequest {
            RangeRequest.of(request(["Range": "bytes=" + ranges.joined(separator: ",")]))
        }
        #expect(ask(full) == .several(Array(repeating: .fromTo(first: 0, last: 1), count: 256)))
        #expect(ask(full + ["2-3"]) == .tooMany)
        #expect(ask(full + ["2-3", "x"]) == .ignored)
    }

    @Test(
        "What it comes to in a body of that length (§14.1.2)",
        arguments: [
            (.fromTo(first: 0, last: 499), 10_000, 0..<500),
            (.fromTo(first: 9_500, last: 9_999), 10_000, 9_500..<10_000),
            (.fromTo(first: 9_500, last: .max), 10_000, 9_500..<10_000),
            (.fromTo(first: 9_999, last: 9_999), 10_000, 9_999..<10_000),
            (.fromTo(first: 10_000, last: 10_000), 10_000, nil),
            (.from(first: 0), 10_000, 0..<10_000),
            (.from(first: 9_999), 10_000, 9_999..<10_000),
            (.from(first: 10_000), 10_000, nil),
            (.from(first: .max), 10_000, nil),
            (.suffix(length: 500), 10_000, 9_500..<10_000),
            (.suffix(length: 10_001), 10_000, 0..<10_000),
            (.suffix(length: .max), 10_000, 0..<10_000),
            (.suffix(length: 0), 10_000, nil),
            (.fromTo(first: 0, last: 0), 0, nil),
            (.from(first: 0), 0, nil),
            (.suffix(length: 1), 0, nil),
            (.fromTo(first: 5, last: 4), 10, nil),
            (.fromTo(first: -1, last: 4), 10, nil),
            (.from(first: 0), -1, nil),
            (.from(first: .max - 1), .max, (.max - 1)..<(.max)),
            (.fromTo(first: 0, last: .max), .max, 0..<(.max)),
        ] as [(RangeSpecifier, Int64, Range<Int64>?)]
    )
    func resolve(specifier: RangeSpecifier, length: Int64, span: Range<Int64>?) {
        #expect(specifier.resolve(completeLength: length) == span)
    }
}

@Suite("Content-Range (RFC 9110 §14.4, R30)")
struct ContentRangeTests {
    @Test(
        "Read, and written as it was read",
        arguments: [
            ("bytes 0-499/1234", .satisfied(0..<500, completeLength: 1234)),
            ("bytes 5275648-15143085/15143086", .satisfied(5_275_648..<15_143_086, completeLength: 15_143_086)),
            ("bytes 0-0/1", .satisfied(0..<1, completeLength: 1)),
            ("bytes 42-1233/*", .satisfied(42..<1234, completeLength: nil)),
            ("bytes */1234", .unsatisfied(completeLength: 1234)),
            ("bytes */0", .unsatisfied(completeLength: 0)),
            (
                "bytes 0-9223372036854775805/9223372036854775806",
                .satisfied(0..<9_223_372_036_854_775_806, completeLength: 9_223_372_036_854_775_806)
            ),
        ] as [(String, ContentRange)]
    )
    func sound(text: String, expected: ContentRange) {
        #expect(ContentRange.parse(text) == expected)
        #expect(expected.text == text)
    }

    @Test("The unit may be written in any case (§14.1)")
    func unit() {
        #expect(ContentRange.parse("Bytes 0-1/2") == .satisfied(0..<2, completeLength: 2))
    }

    @Test(
        "What is odd in any way is none",
        arguments: [
            "", "bytes", "bytes ", "bytes 0-1", "bytes 0-1/", "bytes /2", "bytes -1/2", "bytes 0-/2", "bytes 1-0/2",
            "bytes 0-2/2", "bytes 0-1/1", "bytes */*", "bytes *", "bytes 0-1/2/3", "bytes 0-1-2/3", "bytes=0-1/2",
            "bytes: 0-1/2", "bytes  0-1/2", " bytes 0-1/2", "bytes 0-1/2 ", "bytes 0 - 1/2", "bytes 0-1 / 2",
            "items 0-1/2",
            "bytes +0-1/2", "bytes 0x0-1/2", "bytes 0-1/2, bytes 0-1/2", "bytes 0-99999999999999999999/*",
            "bytes 0-9223372036854775807/*", "bytes 0-1/99999999999999999999", "bytes *-1/2", "bytes 0-*/2",
        ]
    )
    func unsound(text: String) {
        #expect(ContentRange.parse(text) == nil)
    }
}
