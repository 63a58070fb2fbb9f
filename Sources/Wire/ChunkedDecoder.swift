// The chunked transfer coding (RFC 9112 §7.1), taken apart where it lies: the decoder copies nothing and
// says which bytes of the given buffer are content. Every byte of the framing is checked and counted, as
// the framing is where two readers come apart (hardening R6, R7, R8). Extensions and trailers are read
// and dropped.

/// The decoder of one chunked body.
package struct ChunkedDecoder: Sendable {
    /// What was found at the beginning of the given bytes.
    package enum Step: Hashable, Sendable {
        /// Content: this span of the given buffer. `consumed` is its end.
        case body(Range<Int>, consumed: Int)
        /// The line of the last chunk was read; trailers follow.
        case framing(consumed: Int)
        /// Everything that was given was framing; nothing is left of it.
        case needMore(consumed: Int)
        /// The message is complete. Bytes beyond `consumed` are not part of it.
        case finished(consumed: Int)
        /// The body is malformed; the connection is not to be used any further (R27).
        case refusal(WireRefusal)
    }

    private enum State: Sendable {
        /// Up to 16 digits of a chunk's size.
        case size(value: UInt64, digits: Int)
        /// Behind the size, before a semicolon or the CR: so many bytes of the line since the size.
        case beforeExtension(size: Int64, bytes: Int)
        /// Inside a chunk extension.
        case inExtension(size: Int64, bytes: Int)
        /// The CR of a size line was read.
        case sizeLineFeed(size: Int64)
        /// So many bytes of content are missing; more than 0.
        case content(remaining: Int64)
        /// Content is complete: CR and LF follow.
        case contentCarriageReturn
        case contentLineFeed
        /// The beginning of a trailer line, or of the empty line.
        case trailerStart
        case trailerName
        case trailerValue
        case trailerLineFeed
        /// The CR of the empty line was read.
        case lastLineFeed
        case finished
        case refused(WireRefusal)
    }

    private let limits: WireLimits
    private var state = State.size(value: 0, digits: 0)
    private var extensionBytes = 0
    private var trailerBytes = 0
    private var trailerFields = 0
    private var framingBytes: Int64 = 0
    private var contentBytes: Int64 = 0

    package init(limits: WireLimits = .standard) { self.limits = limits }

    /// Decodes up to the next content, the end, or the end of `bytes`. To be called again with what was not consumed
    /// until it answers `.needMore`, `.finished` or `.refusal`.
    package mutating func decode(_ bytes: UnsafeRawBufferPointer) -> Step {
        var index = 0
        do throws(WireRefusal) {
            while true {
                switch state {
                case .finished:
                    return .finished(consumed: index)
                case .refused(let refusal):
                    return .refusal(refusal)
                case .content(let remaining):
                    guard index < bytes.count else { return .needMore(consumed: index) }
                    return takeContent(remaining, from: index, of: bytes.count)
                case .size, .beforeExtension, .inExtension, .sizeLineFeed, .contentCarriageReturn, .contentLineFeed,
                    .trailerStart, .trailerName, .trailerValue, .trailerLineFeed, .lastLineFeed:
                    guard index < bytes.count else { return .needMore(consumed: index) }
                    let endsLastSizeLine = isAtEndOfLastSizeLine
                    try take(bytes[index])
                    index += 1
                    if endsLastSizeLine { return .framing(consumed: index) }
                }
            }
        } catch {
            state = .refused(error)
            return .refusal(error)
        }
    }

    private var isAtEndOfLastSizeLine: Bool {
        if case .sizeLineFeed(size: 0) = state { true } else { false }
    }

    /// Content from `index` on; at least one byte of it is there and one is missing.
    private mutating func takeContent(_ remaining: Int64, from index: Int, of count: Int) -> Step {
        let taken = Int(clamping: min(remaining, Int64(count - index)))
        let left = remaining - Int64(taken)
        state = left == 0 ? .contentCarriageReturn : .content(remaining: left)
        contentBytes = Self.sum(contentBytes, Int64(taken))
        return .body(index..<(index + taken), consumed: index + taken)
    }

    /// One byte of framing.
    private mutating func take(_ byte: UInt8) throws(WireRefusal) {
        framingBytes += 1
        switch state {
        case .size(let value, let digits):
            try takeSize(byte, value: value, digits: digits)
        case .beforeExtension(let size, let bytes):
            if ByteClass.isWhitespace(byte) {
                try countExtension(bytes + 1)
                state = .beforeExtension(size: size, bytes: bytes + 1)
            } else {
                // BWS is allowed before an extension and nowhere else (RFC 9112 §7.1.1).
                guard byte == Byte.semicolon else { throw .chunkExtensionInvalid }
                try countExtension(bytes + 1)
                state = .inExtension(size: size, bytes: bytes + 1)
            }
        case .inExtension(let size, let bytes):
            if byte == Byte.carriageReturn {
                state = .sizeLineFeed(size: size)
            } else {
                guard ByteClass.isText(byte) else {
                    throw byte == Byte.lineFeed ? .bareLineFeed : .chunkExtensionInvalid
                }
                try countExtension(bytes + 1)
                state = .inExtension(size: size, bytes: bytes + 1)
            }
        case .sizeLineFeed(let size):
            guard byte == Byte.lineFeed else { throw .bareCarriageReturn }
            try checkFramingShare()
            state = size == 0 ? .trailerStart : .content(remaining: size)
        case .contentCarriageReturn:
            guard byte == Byte.carriageReturn else { throw .chunkNotTerminated }
            state = .contentLineFeed
        case .contentLineFeed:
            guard byte == Byte.lineFeed else { throw .chunkNotTerminated }
            state = .size(value: 0, digits: 0)
        case .trailerStart, .trailerName, .trailerValue, .trailerLineFeed, .lastLineFeed:
            try takeTrailer(byte)
        case .content, .finished, .refused:
            // `decode` has dealt with these.
            return
        }
    }

    /// chunk-size = 1*HEXDIG (RFC 9112 §7.1); ours: 1 to 16 digits, below 2^63.
    private mutating func takeSize(_ byte: UInt8, value: UInt64, digits: Int) throws(WireRefusal) {
        if let digit = ByteClass.hexValue(byte) {
            guard digits < 16 else { throw .chunkSizeTooLarge }
            // 15 digits take 60 bits: the sixteenth fits.
            state = .size(value: value << 4 | UInt64(digit), digits: digits + 1)
            return
        }
        guard digits > 0 else { throw .chunkSizeInvalid }
        guard let size = Int64(exactly: value) else { throw .chunkSizeTooLarge }
        if byte == Byte.carriageReturn {
            state = .sizeLineFeed(size: size)
        } else if byte == Byte.semicolon {
            try countExtension(1)
            state = .inExtension(size: size, bytes: 1)
        } else if ByteClass.isWhitespace(byte) {
            try countExtension(1)
            state = .beforeExtension(size: size, bytes: 1)
        } else {
            throw byte == Byte.lineFeed ? .bareLineFeed : .chunkSizeInvalid
        }
    }

    /// R7
    private mutating func countExtension(_ bytesOfChunk: Int) throws(WireRefusal) {
        extensionBytes += 1
        guard bytesOfChunk <= limits.chunkExtension, extensionBytes <= limits.chunkExtensionsTotal else {
            throw .chunkExtensionsTooLong
        }
    }

    /// R6, RFC 9112 §7.1.2: the trailer section is checked as field lines are (R22), counted, and dropped.
    private mutating func takeTrailer(_ byte: UInt8) throws(WireRefusal) {
        trailerBytes += 1
        guard trailerBytes <= limits.trailerBytes else { throw .trailerTooLarge }
        switch state {
        case .trailerStart:
            if byte == Byte.carriageReturn {
                state = .lastLineFeed
                return
            }
            if byte == Byte.lineFeed { throw .bareLineFeed }
            if byte == Byte.colon { throw .emptyFieldName }
            if ByteClass.isWhitespace(byte) { throw .foldedField }
            guard ByteClass.isToken(byte) else { throw .invalidFieldName }
            trailerFields += 1
            guard trailerFields <= limits.trailerFields else { throw .tooManyTrailerFields }
            state = .trailerName
        case .trailerName:
            if byte == Byte.colon {
                state = .trailerValue
            } else if !ByteClass.isToken(byte) {
                if byte == Byte.carriageReturn { throw .missingColon }
                throw byte == Byte.lineFeed ? .bareLineFeed : .invalidFieldName
            }
        case .trailerValue:
            if byte == Byte.carriageReturn {
                state = .trailerLineFeed
            } else if !ByteClass.isText(byte) {
                throw byte == Byte.lineFeed ? .bareLineFeed : .invalidFieldValue
            }
        case .trailerLineFeed:
            guard byte == Byte.lineFeed else { throw .bareCarriageReturn }
            state = .trailerStart
        case .lastLineFeed:
            guard byte == Byte.lineFeed else { throw .bareCarriageReturn }
            try checkFramingShare()
            state = .finished
        case .size, .beforeExtension, .inExtension, .sizeLineFeed, .content, .contentCarriageReturn,
            .contentLineFeed, .finished, .refused:
            // `take` has dealt with these.
            return
        }
    }

    /// R8: bytes on the wire <= allowance + factor x content. Looked at once a line; a line is bounded itself.
    private func checkFramingShare() throws(WireRefusal) {
        let (share, overflow) = contentBytes.multipliedReportingOverflow(by: Int64(limits.chunkedFactor))
        if overflow { return }
        let allowed = Self.sum(share, Int64(limits.chunkedAllowance))
        guard Self.sum(framingBytes, contentBytes) <= allowed else { throw .chunkFramingTooLarge }
    }

    private static func sum(_ left: Int64, _ right: Int64) -> Int64 {
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? Int64.max : sum
    }
}
