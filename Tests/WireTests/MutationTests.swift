// Damaged messages from a seed: thousands of them, each fed whole, byte by byte and cut at random. No
// damage may make a parser trap, claim more bytes than it was given, or answer differently because of the
// places where the bytes were cut.

import HTTPSemantics
import Testing
import Wire

@Suite("Damaged input, however it is cut")
struct MutationTests {
    private static let requestSeeds = [
        "GET http://example.org/a?b HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\nRange: bytes=0-\r\n\r\n",
        "\r\nPOST /p HTTP/1.1\r\nHost: a:80\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nGET / HTTP/1.1",
        "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\nHEAD http://a/ HTTP/1.0\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nhost: b\r\nX: \u{E9}\t \r\nx:\r\n\r\n",
    ]
    private static let responseSeeds = [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"a\"\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.0 206 Partial Content\r\nX: \u{FF} \r\n\r\n",
        "HTTP/1.1 304\r\n\r\n",
    ]
    private static let chunkedSeeds = [
        "5\r\nhello\r\n1;x=\"y\"\r\n \r\n0\r\nExpires: never\r\n\r\nGET",
        "00A ; a=b\r\n0123456789\r\nffff\r\nxx",
        "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n",
    ]
    /// What is put in: the bytes that a parser looks for.
    private static let fragments = [
        "\r\n", "\n", "\r", " ", "\t", ":", ";", "\0", "\u{7F}", "\u{FF}", "0", "f", "HTTP/1.1", "Host: a\r\n",
        "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "\r\n\r\n", "X: y\r\n", "#", "@", ",",
    ].map(bytes)

    private static func damaged(_ seed: [UInt8], using generator: inout SeededGenerator) -> [UInt8] {
        var message = seed
        for _ in 0..<Int.random(in: 0...3, using: &generator) where !message.isEmpty {
            let place = Int.random(in: 0..<message.count, using: &generator)
            switch Int.random(in: 0..<5, using: &generator) {
            case 0: message[place] = UInt8.random(in: 0...255, using: &generator)
            case 1: message.remove(at: place)
            case 2: message.insert(contentsOf: fragments.randomElement(using: &generator) ?? [], at: place)
            case 3: message.removeSubrange(place..<min(message.count, place + 8))
            default:
                let end = min(message.count, place + Int.random(in: 1...30, using: &generator))
                message.insert(contentsOf: message[place..<end], at: place)
            }
        }
        return message
    }

    /// Small ones, so that damage reaches them.
    private static let limits: WireLimits = {
        var limits = WireLimits()
        limits.requestLine = 60
        limits.requestHead = 160
        limits.responseHead = 120
        limits.field = 40
        limits.fieldCount = 5
        limits.trailerBytes = 30
        limits.trailerFields = 2
        limits.chunkExtension = 10
        limits.chunkExtensionsTotal = 15
        limits.chunkedAllowance = 40
        limits.emptyLines = 1
        return limits
    }()

    /// Feeds damaged messages in each way, and expects the same of all. Answers how many came to which end.
    private func compare<Transcript: Equatable>(
        _ seeds: [String],
        rounds: Int,
        seed: UInt64,
        feed: (_ message: [UInt8], _ limits: WireLimits, _ arrivals: [Int]) -> Transcript,
        overran: (Transcript) -> Bool,
        isRefused: (Transcript) -> Bool
    ) -> (refused: Int, others: Int) {
        var generator = SeededGenerator(seed: seed)
        var refused = 0
        var others = 0
        for round in 0..<rounds {
            let original = bytes(seeds[round % seeds.count])
            let message = Self.damaged(original, using: &generator)
            let limits = round % 2 == 0 ? WireLimits.standard : Self.limits
            let whole = feed(message, limits, Cut.whole.arrivals(of: message.count, using: &generator))
            #expect(!overran(whole), "round \(round): \(message)")
            for cut in Cut.allCases where cut != .whole {
                let other = feed(message, limits, cut.arrivals(of: message.count, using: &generator))
                #expect(other == whole, "round \(round), \(cut): \(message)")
            }
            if isRefused(whole) { refused += 1 } else { others += 1 }
        }
        return (refused, others)
    }

    @Test("requests give the same heads and the same refusal")
    func requestsAnyCut() {
        let counts = compare(
            Self.requestSeeds,
            rounds: 4000,
            seed: 1,
            feed: { requests($0, limits: $1, arrivals: $2) },
            overran: \.overran,
            isRefused: { if case .refusal = $0.end { true } else { false } }
        )
        // The damage is neither so slight nor so heavy that only one end is ever reached.
        #expect(counts.refused > 500 && counts.others > 500, "\(counts)")
    }

    @Test("responses give the same heads and the same refusal")
    func responsesAnyCut() {
        let counts = compare(
            Self.responseSeeds,
            rounds: 4000,
            seed: 2,
            feed: { responses($0, limits: $1, arrivals: $2) },
            overran: \.overran,
            isRefused: { if case .refusal = $0.end { true } else { false } }
        )
        #expect(counts.refused > 500 && counts.others > 500, "\(counts)")
    }

    @Test("chunked bodies give the same content and the same end")
    func chunkedAnyCut() {
        let counts = compare(
            Self.chunkedSeeds,
            rounds: 4000,
            seed: 3,
            feed: { chunked($0, limits: $1, arrivals: $2) },
            overran: \.overran,
            isRefused: { if case .refusal = $0.end { true } else { false } }
        )
        #expect(counts.refused > 500 && counts.others > 500, "\(counts)")
    }

    @Test("an accepted head, written again, is read as the same head (R25)")
    func acceptedHeadsRoundTrip() {
        var generator = SeededGenerator(seed: 4)
        var accepted = 0
        for round in 0..<3000 {
            let seed = bytes(Self.requestSeeds[round % Self.requestSeeds.count])
            for head in requests(Self.damaged(seed, using: &generator)).heads {
                accepted += 1
                var written: [UInt8] = []
                HeadWriter.request(head, originForm: false, into: &written)
                var expected = head
                expected.version = .http11
                // An HTTP/1.0 request without a Host is not one in HTTP/1.1: there the caller builds the Host.
                guard head.fields.contains(.host) else { continue }
                #expect(requests(written).heads == [expected], "\(written)")
            }
        }
        #expect(accepted > 500)
    }

    @Test("bytes without any form are refused or waited for, nothing else")
    func noise() {
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<2000 {
            let message = (0..<Int.random(in: 0...200, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            #expect(requests(message).heads.isEmpty)
            #expect(responses(message).heads.isEmpty)
            #expect(!chunked(message).overran)
        }
    }
}
