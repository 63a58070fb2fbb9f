// Chunked bodies, decoded and refused (hardening R6, R7, R8, R22).

import Testing
import Wire

@Suite("Chunked decoder: RFC 9112 §7.1")
struct ChunkedDecoderTests {
    private func decode(_ message: String, limits: WireLimits = .standard) -> ChunkedTranscript {
        chunked(bytes(message), limits: limits)
    }

    private func refusal(_ message: String, limits: WireLimits = .standard) -> WireRefusal? {
        if case .refusal(let refusal) = decode(message, limits: limits).end { refusal } else { nil }
    }

    @Test("chunks are joined, and what follows the last one stays (RFC 9112 §7.1)")
    func content() {
        let transcript = decode("5\r\nhello\r\n1\r\n \r\n00A;x=\"y\"\r\n0123456789\r\n0\r\n\r\nGET")
        #expect(text(transcript.content) == "hello 0123456789")
        #expect(transcript.end == .finished)
        #expect(transcript.consumed == 44)
        #expect(decode("0\r\n\r\n").end == .finished)
        #expect(decode("000\r\n\r\n").end == .finished)
        #expect(decode("A\r\n0123456789\r\n0\r\n\r\n").content == decode("a\r\n0123456789\r\n0\r\n\r\n").content)
    }

    @Test("content is named where it lies in the given bytes")
    func spans() {
        var decoder = ChunkedDecoder()
        let input = bytes("3\r\nabc\r\n0\r\n\r\nrest")
        let steps = input.withUnsafeBytes { buffer in
            var steps: [ChunkedDecoder.Step] = []
            var offset = 0
            for _ in 0..<4 {
                let step = decoder.decode(UnsafeRawBufferPointer(rebasing: buffer[offset...]))
                steps.append(step)
                switch step {
                case .body(_, let consumed), .framing(let consumed), .needMore(let consumed), .finished(let consumed):
                    offset += consumed
                case .refusal: return steps
                }
            }
            return steps
        }
        #expect(
            steps == [
                .body(3..<6, consumed: 6), .framing(consumed: 5), .finished(consumed: 2), .finished(consumed: 0),
            ]
        )
    }

    @Test("a body is not finished before the empty line after the last chunk")
    func cut() {
        let whole = bytes("5\r\nhello\r\n0\r\nA: b\r\n\r\n")
        for count in 0..<whole.count {
            #expect(chunked(Array(whole.prefix(count))).end == .needMore, "\(count)")
        }
        #expect(chunked(whole).end == .finished)
    }

    @Test("trailers are read and dropped (R6, RFC 9112 §7.1.2)")
    func trailers() {
        let transcript = decode("1\r\na\r\n0\r\nExpires: never\r\nX:\r\nY: \u{E9}\t\r\n\r\n")
        #expect(transcript.end == .finished)
        #expect(text(transcript.content) == "a")
    }

    static let refused: [(String, WireRefusal)] = [
        ("\r\n", .chunkSizeInvalid),
        ("\n", .chunkSizeInvalid),
        (" 1\r\na\r\n", .chunkSizeInvalid),
        ("+1\r\na\r\n", .chunkSizeInvalid),
        ("-1\r\na\r\n", .chunkSizeInvalid),
        ("0x1\r\na\r\n", .chunkSizeInvalid),
        ("g\r\n", .chunkSizeInvalid),
        (";x\r\n", .chunkSizeInvalid),
        ("1_0\r\n", .chunkSizeInvalid),
        ("1,\r\n", .chunkSizeInvalid),
        ("00000000000000001\r\n", .chunkSizeTooLarge),
        ("8000000000000000\r\n", .chunkSizeTooLarge),
        ("ffffffffffffffff\r\n", .chunkSizeTooLarge),
        ("10000000000000005\r\n", .chunkSizeTooLarge),
        ("1\na\r\n", .bareLineFeed),
        ("1\r\r\na\r\n", .bareCarriageReturn),
        ("1\ra\r\n", .bareCarriageReturn),
        ("1 \r\na\r\n", .chunkExtensionInvalid),
        ("1 x\r\na\r\n", .chunkExtensionInvalid),
        ("1;x\na\r\n", .bareLineFeed),
        ("1;x\u{0}\r\na\r\n", .chunkExtensionInvalid),
        ("1;x\ry\r\na\r\n", .bareCarriageReturn),
        ("1 ;x=\"\n\"\r\na\r\n", .bareLineFeed),
        ("1\r\nab\r\n", .chunkNotTerminated),
        ("1\r\na\n", .chunkNotTerminated),
        ("1\r\na\rb", .chunkNotTerminated),
        ("1\r\na0\r\n\r\n", .chunkNotTerminated),
        ("0\r\n\n", .bareLineFeed),
        ("0\r\n\rX", .bareCarriageReturn),
        ("0\r\nX\r\n\r\n", .missingColon),
        ("0\r\nX\n", .bareLineFeed),
        ("0\r\nX : a\r\n\r\n", .invalidFieldName),
        ("0\r\n: a\r\n\r\n", .emptyFieldName),
        ("0\r\n X: a\r\n\r\n", .foldedField),
        ("0\r\nX: a\r\n b\r\n\r\n", .foldedField),
        ("0\r\n(: a\r\n\r\n", .invalidFieldName),
        ("0\r\nX: a\n\r\n", .bareLineFeed),
        ("0\r\nX: a\rb\r\n", .bareCarriageReturn),
        ("0\r\nX: a\u{0}\r\n", .invalidFieldValue),
    ]

    @Test("what is not exactly the chunked coding is refused (R7, R22, RFC 9112 §7.1)", arguments: refused)
    func refusals(_ message: String, _ expected: WireRefusal) {
        #expect(refusal(message) == expected)
        #expect(expected.status == 400)
    }

    @Test("the largest chunk size that is taken is 2^63 - 1")
    func largestChunk() {
        let transcript = decode("7fffffffffffffff\r\nabc")
        #expect(text(transcript.content) == "abc")
        #expect(transcript.end == .needMore)
        #expect(text(decode("000000000000000a\r\n0123456789\r\n0\r\n\r\n").content) == "0123456789")
    }

    @Test("chunk extensions are bounded for a chunk and for a message (R7)")
    func extensions() {
        var limits = WireLimits()
        limits.chunkExtension = 8
        limits.chunkExtensionsTotal = 20
        let eight = ";1234567"
        #expect(decode("1\(eight)\r\na\r\n0\r\n\r\n", limits: limits).end == .finished)
        #expect(refusal("1\(eight)8\r\na\r\n0\r\n\r\n", limits: limits) == .chunkExtensionsTooLong)
        #expect(refusal("1\(String(repeating: " ", count: 8));", limits: limits) == .chunkExtensionsTooLong)
        let chunk = "1\(eight)\r\na\r\n"
        #expect(decode(chunk + chunk + "0;123\r\n\r\n", limits: limits).end == .finished)
        #expect(refusal(chunk + chunk + "0;1234\r\n\r\n", limits: limits) == .chunkExtensionsTooLong)
    }

    @Test("the trailer section is bounded in bytes and fields (R6)")
    func trailerLimits() {
        var limits = WireLimits()
        limits.trailerBytes = 16
        limits.trailerFields = 2
        // 10 + 4 + 2 = 16
        #expect(decode("0\r\nX: 12345\r\nY:\r\n\r\n", limits: limits).end == .finished)
        #expect(refusal("0\r\nX: 123456\r\nY:\r\n\r\n", limits: limits) == .trailerTooLarge)
        #expect(refusal("0\r\nA:\r\nB:\r\nC", limits: limits) == .tooManyTrailerFields)
    }

    @Test("framing may not outweigh content (R8)")
    func framingShare() {
        var limits = WireLimits()
        limits.chunkedAllowance = 100
        // 22 bytes on the wire for one byte of content: 14 more than 8 times as much.
        let chunk = "0000000000000001\r\na\r\n"
        #expect(refusal(String(repeating: chunk, count: 7), limits: limits) == nil)
        #expect(refusal(String(repeating: chunk, count: 20), limits: limits) == .chunkFramingTooLarge)
        // One byte a chunk without padding takes 6 for 1, and goes on for ever.
        #expect(refusal(String(repeating: "1\r\na\r\n", count: 1000), limits: limits) == nil)
        // Trailers count too.
        let trailer = "0\r\nX: \(String(repeating: "v", count: 100))\r\n\r\n"
        #expect(refusal(trailer, limits: limits) == .chunkFramingTooLarge)
        #expect(decode(trailer).end == .finished)
    }

    @Test("a refusal stays (R27)")
    func refusalStays() {
        var decoder = ChunkedDecoder()
        #expect(bytes("x").withUnsafeBytes { decoder.decode($0) } == .refusal(.chunkSizeInvalid))
        #expect(bytes("0\r\n\r\n").withUnsafeBytes { decoder.decode($0) } == .refusal(.chunkSizeInvalid))
    }

    @Test("what the writer writes is decoded to the same content")
    func roundTrip() {
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<50 {
            var message: [UInt8] = []
            var content: [UInt8] = []
            for _ in 0..<Int.random(in: 0...5, using: &generator) {
                let piece = (0..<Int.random(in: 1...300, using: &generator)).map { _ in
                    UInt8.random(in: 0...255, using: &generator)
                }
                message += ChunkWriter.header(piece.count) + piece + bytes(ChunkWriter.trailer.description)
                content += piece
            }
            message += bytes(ChunkWriter.last.description)
            let transcript = chunked(message)
            #expect(transcript.content == content)
            #expect(transcript.consumed == message.count)
            #expect(transcript.end == .finished)
        }
    }

    @Test(
        "a chunk's size is written in hexadecimal without leading zeros",
        arguments: [
            (1, "1\r\n"), (9, "9\r\n"), (10, "a\r\n"), (15, "f\r\n"), (16, "10\r\n"), (26, "1a\r\n"), (256, "100\r\n"),
            (65535, "ffff\r\n"), (1_048_576, "100000\r\n"), (Int.max, "7fffffffffffffff\r\n"), (0, ""), (-1, ""),
        ]
    )
    func headers(_ count: Int, _ line: String) {
        #expect(text(ChunkWriter.header(count)) == line)
    }
}
