// How the tests feed the parsers: whole, one byte at a time, and cut at random places from a seed, as a
// connection would: what was not consumed is given again, with more behind it.

import HTTPSemantics
import Wire

/// A message as bytes: "\r\n" is written as such; `\u{..}` below 0x100 stands for that one byte.
func bytes(_ text: String) -> [UInt8] {
    text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
}

func text(_ bytes: [UInt8]) -> String {
    String(decoding: bytes, as: UTF8.self)
}

/// A sequence of numbers that is the same in every run (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// How bytes arrive.
enum Cut: CaseIterable {
    case whole
    case singleBytes
    case random

    /// The lengths of what has arrived after each piece; the last is `count`.
    func arrivals(of count: Int, using generator: inout SeededGenerator) -> [Int] {
        switch self {
        case .whole:
            return [count]
        case .singleBytes:
            return Array(0...count)
        case .random:
            var arrivals: [Int] = []
            var arrived = 0
            while arrived < count {
                arrived = min(count, arrived + Int.random(in: 1...40, using: &generator))
                arrivals.append(arrived)
            }
            return arrivals.isEmpty ? [0] : arrivals
        }
    }
}

/// All heads that a connection's bytes give, and what ended them: `.needMore` or a refusal.
struct HeadTranscript<Head: Equatable>: Equatable {
    var heads: [Head] = []
    var consumed = 0
    var end: ParseResult<Head> = .needMore
    /// A parser claimed more bytes than it was given.
    var overran = false
}

func transcript<Head: Equatable>(
    of input: [UInt8],
    arrivals: [Int],
    parse: (UnsafeRawBufferPointer) -> ParseResult<Head>
) -> HeadTranscript<Head> {
    var transcript = HeadTranscript<Head>()
    for arrived in arrivals {
        while true {
            // A copy of exactly these bytes: what lies behind them is not there to be read.
            let given = Array(input[transcript.consumed..<arrived])
            let result = given.withUnsafeBytes { parse($0) }
            transcript.end = result
            switch result {
            case .head(let head, let consumed):
                transcript.heads.append(head)
                if consumed <= 0 || consumed > given.count {
                    transcript.overran = true
                    return transcript
                }
                transcript.consumed += consumed
                continue
            case .needMore: break
            case .refusal: return transcript
            }
            break
        }
    }
    return transcript
}

func requests(
    _ input: [UInt8],
    limits: WireLimits = .standard,
    arrivals: [Int]? = nil
) -> HeadTranscript<RequestHead> {
    var parser = RequestParser(limits: limits)
    return transcript(of: input, arrivals: arrivals ?? [input.count]) { parser.parse($0) }
}

func responses(
    _ input: [UInt8],
    limits: WireLimits = .standard,
    arrivals: [Int]? = nil
) -> HeadTranscript<ResponseHead> {
    var parser = ResponseParser(limits: limits)
    return transcript(of: input, arrivals: arrivals ?? [input.count]) { parser.parse($0) }
}

/// The only request in this text, or nil.
func request(_ message: String, limits: WireLimits = .standard) -> RequestHead? {
    let input = bytes(message)
    let transcript = requests(input, limits: limits)
    return transcript.heads.count == 1 && transcript.consumed == input.count ? transcript.heads.first : nil
}

/// The only response head in this text, or nil.
func response(_ message: String, limits: WireLimits = .standard) -> ResponseHead? {
    let input = bytes(message)
    let transcript = responses(input, limits: limits)
    return transcript.heads.count == 1 && transcript.consumed == input.count ? transcript.heads.first : nil
}

/// Why the text is refused as a request, the same however it is cut; nil where it is not.
func requestRefusal(_ message: String, limits: WireLimits = .standard) -> WireRefusal? {
    if case .refusal(let refusal) = requests(bytes(message), limits: limits).end { refusal } else { nil }
}

func responseRefusal(_ message: String, limits: WireLimits = .standard) -> WireRefusal? {
    if case .refusal(let refusal) = responses(bytes(message), limits: limits).end { refusal } else { nil }
}

/// What a chunked body decodes to.
struct ChunkedTranscript: Equatable {
    enum End: Equatable {
        case needMore
        case finished
        case refusal(WireRefusal)
    }

    var content: [UInt8] = []
    var consumed = 0
    var end = End.needMore
    /// The decoder claimed bytes outside of what it was given, or made no progress.
    var overran = false
}

func chunked(
    _ input: [UInt8],
    limits: WireLimits = .standard,
    arrivals: [Int]? = nil
) -> ChunkedTranscript {
    var decoder = ChunkedDecoder(limits: limits)
    var transcript = ChunkedTranscript()
    for arrived in arrivals ?? [input.count] {
        decoding: while true {
            let given = Array(input[transcript.consumed..<arrived])
            let step = given.withUnsafeBytes { decoder.decode($0) }
            switch step {
            case .body(let span, let consumed):
                guard span.lowerBound >= 0, !span.isEmpty, span.upperBound == consumed, consumed <= given.count else {
                    transcript.overran = true
                    return transcript
                }
                transcript.content += given[span]
                transcript.consumed += consumed
            case .framing(let consumed):
                guard consumed > 0, consumed <= given.count else {
                    transcript.overran = true
                    return transcript
                }
                transcript.consumed += consumed
            case .needMore(let consumed):
                transcript.overran = transcript.overran || consumed != given.count
                transcript.consumed += consumed
                break decoding
            case .finished(let consumed):
                transcript.overran = transcript.overran || consumed > given.count
                transcript.consumed += consumed
                transcript.end = .finished
                return transcript
            case .refusal(let refusal):
                transcript.end = .refusal(refusal)
                // A refusal consumes nothing: how much was taken before it depends on the cut, and means nothing.
                transcript.consumed = 0
                return transcript
            }
        }
    }
    return transcript
}
