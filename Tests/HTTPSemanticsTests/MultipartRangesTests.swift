// RFC 9110 §14.6 and §15.3.7.2: several ranges, which of them are sent, and how they are framed.

import HTTPSemantics
import Testing

@Suite("Several ranges (RFC 9110 §14.2, §15.3.7.2, R10)")
struct SeveralRangesTests {
    private let stored = response(200, ["ETag": "\"a\""])

    private func wanted(
        _ range: String,
        completeLength: Int64? = 1000,
        isComplete: Bool = false,
        ifRange: String? = nil
    ) -> WantedPart {
        var head = request(["Range": range])
        if let ifRange { head.fields.append(.ifRange, ifRange) }
        return WantedPart.of(
            head,
            stored: stored,
            validator: StrongValidator.of(stored.fields, receivedAt: instant),
            completeLength: completeLength,
            isComplete: isComplete,
            held: { _ in true }
        )
    }

    @Test(
        "In the order of the request, what cannot be satisfied left out (§14.1.2, §15.3.7.2)",
        arguments: [
            ("bytes=0-9,200-209", .several([0..<10, 200..<210])),
            ("bytes=200-209,0-9", .several([200..<210, 0..<10])),
            ("bytes=-10,0-9,500-509", .several([990..<1000, 0..<10, 500..<510])),
            ("bytes=0-9,5000-,200-209", .several([0..<10, 200..<210])),
            ("bytes=0-9,5000-5001", .part(0..<10)),
            ("bytes=1000-,5000-", .unsatisfiable(completeLength: 1000)),
            ("bytes=-0,1000-", .unsatisfiable(completeLength: 1000)),
            ("bytes=0-9,x", .whole),
        ] as [(String, WantedPart)]
    )
    func order(range: String, expected: WantedPart) {
        #expect(wanted(range) == expected)
    }

    @Test(
        "What overlaps or nearly touches is one part, in the place of the first of them (§15.3.7.2)",
        arguments: [
            ("bytes=0-9,5-19", .part(0..<20)),
            ("bytes=0-9,10-19", .part(0..<20)),
            ("bytes=0-9,89-99", .part(0..<100)),
            ("bytes=0-9,90-99", .several([0..<10, 90..<100])),
            ("bytes=90-99,0-9", .several([90..<100, 0..<10])),
            ("bytes=89-99,0-9", .part(0..<100)),
            ("bytes=0-99,20-29", .part(0..<100)),
            ("bytes=500-599,0-9,590-649,900-", .several([500..<650, 0..<10, 900..<1000])),
            ("bytes=900-,0-9,500-599,5-14", .several([900..<1000, 0..<15, 500..<600])),
            ("bytes=0-,0-,0-", .part(0..<1000)),
        ] as [(String, WantedPart)]
    )
    func coalescing(range: String, expected: WantedPart) {
        #expect(wanted(range) == expected)
    }

    @Test("No byte is sent twice, whatever is asked for (R10)")
    func bounded() {
        var ranges: [Range<Int64>] = []
        for index in Int64(0)..<256 {
            let start = index * 7919 % 100_000
            ranges.append(start..<start + 1 + index * 31 % 5000)
        }
        let parts = WantedPart.coalesced(ranges)
        let sorted = parts.sorted { $0.lowerBound < $1.lowerBound }
        #expect(parts.count > 1)
        for (one, next) in zip(sorted, sorted.dropFirst()) {
            #expect(next.lowerBound - one.upperBound >= WantedPart.smallestGap)
        }
        for range in ranges {
            #expect(parts.contains { $0.lowerBound <= range.lowerBound && range.upperBound <= $0.upperBound })
        }
    }

    @Test("Ranges at the end of the largest body overflow nothing")
    func largest() {
        #expect(WantedPart.coalesced([Int64.max - 1..<Int64.max, 0..<1]) == [Int64.max - 1..<Int64.max, 0..<1])
        #expect(WantedPart.coalesced([0..<Int64.max, 5..<6]) == [0..<Int64.max])
        #expect(WantedPart.coalesced([3..<3]) == [])
    }

    @Test("More than 256: the whole where it is held, else 416 (R10)")
    func tooMany() {
        let range = "bytes=" + Array(repeating: "0-0", count: 257).joined(separator: ",")
        #expect(wanted(range, isComplete: true) == .whole)
        #expect(wanted(range, isComplete: false) == .unsatisfiable(completeLength: 1000))
        #expect(wanted(range, completeLength: nil) == .whole)
        #expect(wanted(range, ifRange: "\"b\"") == .whole)
        #expect(wanted(String(range.dropLast(4))) == .part(0..<1))
    }

    @Test("Of an unknown length, or under a false If-Range: the whole (§13.1.5)")
    func whole() {
        #expect(wanted("bytes=0-9,200-209", completeLength: nil) == .whole)
        #expect(wanted("bytes=0-9,200-209", ifRange: "\"b\"") == .whole)
        #expect(wanted("bytes=0-9,200-209", ifRange: "\"a\"") == .several([0..<10, 200..<210]))
    }
}

@Suite("multipart/byteranges (RFC 9110 §14.6)")
struct MultipartRangesTests {
    private let parts = MultipartRanges(
        parts: [500..<1000, 7000..<8000],
        completeLength: 8000,
        contentType: "application/pdf",
        boundary: "THIS_STRING_SEPARATES"
    )

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test("Each part has a delimiter, its type and its place (§15.3.7.2)")
    func preambles() {
        #expect(
            text(parts.preamble(of: 0))
                == "--THIS_STRING_SEPARATES\r\nContent-Type: application/pdf\r\nContent-Range: bytes 500-999/8000\r\n\r\n"
        )
        #expect(
            text(parts.preamble(of: 1))
                == "\r\n--THIS_STRING_SEPARATES\r\nContent-Type: application/pdf\r\nContent-Range: bytes 7000-7999/8000"
                + "\r\n\r\n"
        )
        #expect(text(parts.epilogue) == "\r\n--THIS_STRING_SEPARATES--\r\n")
        #expect(parts.preamble(of: 2) == [])
        #expect(parts.preamble(of: -1) == [])
    }

    @Test("Without a type of the whole the parts have none")
    func untyped() {
        let parts = MultipartRanges(parts: [0..<1], completeLength: 9, contentType: nil, boundary: "b")
        #expect(text(parts.preamble(of: 0)) == "--b\r\nContent-Range: bytes 0-0/9\r\n\r\n")
    }

    @Test("The length is that of all that is sent")
    func length() {
        let framing = parts.preamble(of: 0).count + parts.preamble(of: 1).count + parts.epilogue.count
        #expect(parts.contentLength == Int64(framing) + 1500)
        let huge = MultipartRanges(
            parts: [0..<Int64.max - 1, 0..<Int64.max - 1],
            completeLength: Int64.max - 1,
            contentType: nil,
            boundary: "b"
        )
        #expect(huge.contentLength == .max)
    }

    @Test("The boundary is a token of 32 digits, whatever the numbers are (RFC 2046 §5.1.1)")
    func boundary() {
        #expect(MultipartRanges.boundary((0, .max)) == "0000000000000000ffffffffffffffff")
        #expect(MultipartRanges.boundary((0x0123_4567_89AB_CDEF, 1)) == "0123456789abcdef0000000000000001")
    }

    @Test("The head has the type and length of the parts together and no Content-Range (§15.3.7.2)")
    func head() {
        let stored = response(
            200,
            [
                "Date": "d", "ETag": "\"a\"", "Content-Type": "application/pdf", "Content-Length": "8000",
                "Content-Range": "bytes 0-1/2", "Content-Encoding": "gzip", "Content-Language": "de",
                "Cache-Control": "public", "Last-Modified": "l", "Vary": "x",
            ]
        )
        let head = AnswerHead.multipart(stored: stored, parts: parts, age: 7)
        #expect(head.status == 206)
        #expect(
            lines(head.fields) == [
                "Date: d", "ETag: \"a\"", "Content-Type: multipart/byteranges; boundary=THIS_STRING_SEPARATES",
                "Content-Length: \(parts.contentLength)", "Content-Encoding: gzip", "Content-Language: de",
                "Cache-Control: public", "Last-Modified: l", "Vary: x", "Age: 7", "Accept-Ranges: bytes",
            ]
        )
        let known = AnswerHead.multipart(stored: stored, parts: parts, age: nil, hasIfRange: true)
        #expect(!known.fields.contains(.contentLanguage))
        #expect(!known.fields.contains(.lastModified))
        #expect(!known.fields.contains(.age))
        #expect(known.fields.only(.contentEncoding) == "gzip")
    }
}
