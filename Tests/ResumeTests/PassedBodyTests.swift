// A body that passes through: what is asked for when it breaks off, and which answers go on with it. The file has
// 1,000 bytes; each is its offset modulo 251.

import HTTPSemantics
import Resume
import Testing

@Suite("PassedBody: does what is stored nowhere go on?")
struct PassedBodyTests {
    private static let length: Int64 = 1000

    private static func content(_ range: Range<Int64>) -> [UInt8] { range.map { UInt8($0 % 251) } }

    private static func head(_ status: Int, _ lines: [(KnownField, String)]) -> ResponseHead {
        ResponseHead(status: status, fields: fields([(.date, nowText)] + lines))
    }

    private static let tag: (KnownField, String) = (.etag, "\"v1\"")

    private static func part(_ range: Range<Int64>, _ more: [(KnownField, String)] = [tag]) -> ResponseHead {
        head(206, more + [(.contentRange, "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(length)")])
    }

    private static func body(
        _ head: ResponseHead = head(200, [tag]),
        contentLength: Int64? = length,
        endsByClose: Bool = false,
        probe: Int64 = 20
    ) -> PassedBody? {
        PassedBody(
            answer: head,
            contentLength: contentLength,
            endsByClose: endsByClose,
            receivedAt: now,
            probe: probe
        )
    }

    private static func receive(_ body: inout PassedBody, _ bytes: [UInt8]) -> PassedBytes {
        bytes.withUnsafeBytes { body.bytesReceived($0) }
    }

    private static func receive(_ body: inout PassedBody, _ range: Range<Int64>) -> PassedBytes {
        receive(&body, content(range))
    }

    private static func answer(_ body: inout PassedBody, _ head: ResponseHead, length: Int64? = nil) -> PassedAnswer {
        body.answered(head, contentLength: length, receivedAt: now)
    }

    /// A body of which 300 bytes came before it broke, and whose rest has been asked for.
    private static func broken() throws -> PassedBody {
        var body = try #require(Self.body())
        #expect(receive(&body, 0..<300) == .send(from: 0))
        #expect(body.broke() == .askAgain)
        #expect(body.asks() == AskedSpan(start: 280, end: 1000, overlap: 20))
        return body
    }

    // MARK: What can be healed

    struct Unhealable: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let head: ResponseHead
        var contentLength: Int64? = length
        var endsByClose = false
    }

    @Test(
        "Only what has a strong validator and an end of its own is healed (resume-rules 1, 8)",
        arguments: [
            Unhealable(testDescription: "no validator", head: head(200, [])),
            Unhealable(testDescription: "a weak tag", head: head(200, [(.etag, "W/\"v1\"")])),
            Unhealable(testDescription: "ends by close", head: head(200, [tag]), contentLength: nil, endsByClose: true),
            Unhealable(testDescription: "an error", head: head(404, [tag])),
            Unhealable(testDescription: "a part without Content-Range", head: head(206, [tag])),
            Unhealable(testDescription: "a part of another length", head: part(0..<10), contentLength: 11),
            Unhealable(
                testDescription: "several parts",
                head: head(206, [tag, (.contentType, "multipart/byteranges; boundary=x")])
            ),
            Unhealable(
                testDescription: "encoded under a date",
                head: head(200, [(.lastModified, modifiedText), (.contentEncoding, "gzip")])
            ),
        ]
    )
    func unhealable(_ what: Unhealable) {
        #expect(
            Self.body(what.head, contentLength: what.contentLength, endsByClose: what.endsByClose) == nil
        )
    }

    @Test("An HTTP/1.0 origin is asked only where it has said that it knows ranges (resume-rules 4)")
    func oldOrigin() {
        var head = Self.head(200, [Self.tag])
        head.version = .http10
        #expect(Self.body(head) == nil)
        head.fields.append(.acceptRanges, "bytes")
        #expect(Self.body(head)?.hasProvenRanges == true)
    }

    // MARK: What is asked

    @Test("Asked is the rest, begun early by what is kept to be compared, and no earlier than the response")
    func asks() throws {
        _ = try Self.broken()
        var short = try #require(Self.body())
        _ = Self.receive(&short, 0..<7)
        #expect(short.broke() == .askAgain)
        #expect(short.asks() == AskedSpan(start: 0, end: 1000, overlap: 7))
        var part = try #require(Self.body(Self.part(100..<500), contentLength: 400))
        _ = Self.receive(&part, 100..<110)
        #expect(part.broke() == .askAgain)
        #expect(part.asks() == AskedSpan(start: 100, end: 500, overlap: 10))
        var chunked = try #require(Self.body(contentLength: nil))
        _ = Self.receive(&chunked, 0..<100)
        #expect(chunked.broke() == .askAgain)
        #expect(chunked.asks() == AskedSpan(start: 80, end: nil, overlap: 20))
    }

    // MARK: What goes on

    @Test("The overlap is compared and not sent again; the rest is sent, over as many breaks as there are")
    func goesOn() throws {
        var body = try Self.broken()
        #expect(Self.answer(&body, Self.part(280..<1000), length: 720) == .readBody)
        #expect(Self.receive(&body, 280..<290) == .send(from: 10))
        #expect(Self.receive(&body, 290..<310) == .send(from: 10))
        #expect(body.offset == 310)
        #expect(body.broke() == .askAgain)
        #expect(body.asks() == AskedSpan(start: 290, end: 1000, overlap: 20))
        #expect(Self.answer(&body, Self.part(290..<1000)) == .readBody)
        #expect(Self.receive(&body, 290..<1000) == .send(from: 20))
        #expect(body.bodyEnded() == .complete)
    }

    @Test("A break inside the overlap changes nothing: the same bytes are asked for again")
    func breaksInOverlap() throws {
        var body = try Self.broken()
        #expect(Self.answer(&body, Self.part(280..<1000)) == .readBody)
        _ = Self.receive(&body, 280..<285)
        #expect(body.bodyEnded() == .askAgain)
        #expect(body.asks() == AskedSpan(start: 280, end: 1000, overlap: 20))
    }

    @Test("A part shorter than asked brings what it brings, and the rest is asked for after it (R30)")
    func shortPart() throws {
        var body = try Self.broken()
        #expect(Self.answer(&body, Self.part(280..<400)) == .readBody)
        #expect(Self.receive(&body, 280..<400) == .send(from: 20))
        #expect(body.bodyEnded() == .askAgain)
        #expect(body.asks() == AskedSpan(start: 380, end: 1000, overlap: 20))
    }

    @Test("A chunked body learns its length from the part, and is whole there, even where nothing was missing")
    func chunked() throws {
        for sent in [Int64(300), 1000] {
            var body = try #require(Self.body(contentLength: nil))
            _ = Self.receive(&body, 0..<sent)
            #expect(body.broke() == .askAgain)
            _ = body.asks()
            #expect(Self.answer(&body, Self.part(sent - 20..<1000)) == .readBody)
            #expect(Self.receive(&body, sent - 20..<1000) == .send(from: 20))
            #expect(body.bodyEnded() == .complete)
        }
    }

    @Test("A chunked body that ends with its last chunk is whole; a part that ends early is not")
    func ends() throws {
        var whole = try #require(Self.body(contentLength: nil))
        _ = Self.receive(&whole, 0..<300)
        #expect(whole.bodyEnded() == .complete)
        var part = try #require(Self.body(Self.part(0..<500), contentLength: nil))
        _ = Self.receive(&part, 0..<300)
        #expect(part.bodyEnded() == .askAgain)
    }

    @Test("All that was announced came: a failure after it is none")
    func failsAfterTheEnd() throws {
        var body = try #require(Self.body())
        _ = Self.receive(&body, 0..<1000)
        #expect(body.broke() == .complete)
        #expect(body.broke() == .nothing)
    }

    // MARK: What does not go on

    @Test("Bytes that differ in the overlap end it, though the validator is the same (resume-rules 11)")
    func differs() throws {
        var body = try Self.broken()
        #expect(Self.answer(&body, Self.part(280..<1000)) == .readBody)
        var bytes = Self.content(280..<1000)
        bytes[19] ^= 1
        #expect(Self.receive(&body, bytes) == .differ)
        #expect(Self.receive(&body, 0..<10) == .send(from: 10))
        #expect(body.broke() == .nothing)
    }

    struct Answered: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let head: ResponseHead
        let answer: PassedAnswer
    }

    @Test(
        "The table of resume-rules 5, for what is stored nowhere",
        arguments: [
            Answered(testDescription: "row 1", head: part(280..<1000), answer: .readBody),
            Answered(testDescription: "row 2, with an overlap", head: part(280..<1000, []), answer: .readBody),
            Answered(testDescription: "row 3", head: part(280..<1000, [(.etag, "\"v2\"")]), answer: .otherVersion),
            Answered(testDescription: "row 4", head: part(281..<1000), answer: .useless),
            Answered(testDescription: "row 5", head: head(200, [tag]), answer: .otherVersion),
            Answered(testDescription: "row 6", head: head(200, [(.etag, "\"v2\"")]), answer: .otherVersion),
            Answered(testDescription: "row 7", head: head(416, [(.contentRange, "bytes */1000")]), answer: .useless),
            Answered(testDescription: "row 9", head: head(412, []), answer: .useless),
            Answered(testDescription: "row 10", head: head(304, [tag]), answer: .useless),
            Answered(testDescription: "row 11", head: head(404, []), answer: .useless),
            Answered(testDescription: "a redirect", head: head(302, []), answer: .useless),
            Answered(testDescription: "row 12", head: head(503, []), answer: .askAgainLater(status: 503)),
            Answered(testDescription: "nothing new", head: part(280..<300), answer: .useless),
            Answered(
                testDescription: "another coding",
                head: part(280..<1000, [tag, (.contentEncoding, "gzip")]),
                answer: .useless
            ),
        ]
    )
    func answers(_ what: Answered) throws {
        var body = try Self.broken()
        #expect(Self.answer(&body, what.head) == what.answer)
        #expect(body.broke() == (what.answer == .otherVersion || what.answer == .useless ? .nothing : .askAgain))
    }

    @Test("Without an overlap a part that names no validator is not believed (row 2)")
    func noOverlap() throws {
        var body = try #require(Self.body(probe: 0))
        _ = Self.receive(&body, 0..<300)
        _ = body.broke()
        #expect(body.asks() == AskedSpan(start: 300, end: 1000))
        #expect(Self.answer(&body, Self.part(300..<1000, [])) == .otherVersion)
    }

    @Test("More bytes than the part announces are not sent")
    func tooMany() throws {
        var body = try Self.broken()
        #expect(Self.answer(&body, Self.part(280..<400)) == .readBody)
        #expect(Self.receive(&body, 280..<401) == .tooMany)
    }

    // MARK: Where the beginning came from elsewhere

    private static func continuing(from offset: Int64) throws -> PassedBody {
        let validator = try #require(StrongValidator.of(fields([tag]), receivedAt: now))
        let known = KnownVersion(
            validator: validator,
            completeLength: 1000,
            highestHeldEnd: offset,
            contentEncoding: nil,
            contentType: nil
        )
        return PassedBody(continuing: known, from: offset, to: 1000, probe: 20)
    }

    @Test("What the store began goes on; where only the head was sent, the whole of the same version will do")
    func continues() throws {
        var rest = try Self.continuing(from: 300)
        #expect(rest.asks() == AskedSpan(start: 300, end: 1000))
        #expect(Self.answer(&rest, Self.head(200, [Self.tag]), length: 1000) == .otherVersion)
        var whole = try Self.continuing(from: 0)
        _ = whole.asks()
        #expect(Self.answer(&whole, Self.head(200, [Self.tag]), length: 1000) == .readBody)
        #expect(Self.receive(&whole, 0..<1000) == .send(from: 0))
        #expect(whole.bodyEnded() == .complete)
    }

    // MARK: The tail

    @Test("The tail is always the last bytes, however they came, and is bounded", arguments: [1, 3, 7, 19, 20, 64])
    func tail(step: Int64) {
        var tail = PassedTail(limit: 20)
        var offset: Int64 = 0
        while offset < 500 {
            let piece = Self.content(offset..<offset + step)
            piece.withUnsafeBytes { tail.append($0) }
            offset += step
            let kept = min(20, offset)
            #expect(tail.count == Int(kept))
            let expected = Self.content(offset - kept..<offset)
            #expect(expected.withUnsafeBytes { tail.matches($0, distance: Int(kept)) })
            #expect(expected.prefix(1).withUnsafeBytes { tail.matches($0, distance: Int(kept)) })
            #expect(!expected.map { $0 ^ 1 }.withUnsafeBytes { tail.matches($0, distance: Int(kept)) })
        }
        #expect(!Self.content(0..<21).withUnsafeBytes { tail.matches($0, distance: 21) })
    }
}
