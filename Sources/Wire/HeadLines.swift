// Where the lines of a head end. A head arrives in pieces of any size and is looked at after each of
// them; the place up to which it was searched is remembered, so that every byte is searched once however
// the head was cut (a client that sends one byte at a time must not cost the square of its length).
// It knows nothing of what the lines mean.

/// The search for the lines of one head, in the buffer that holds it from `start` on.
struct HeadLines: Sendable {
    /// Where the head begins in the buffer.
    private(set) var start = 0
    /// Where the line begins whose end is being searched.
    private(set) var lineStart = 0
    /// No LF stands between `lineStart` and here.
    private var searched = 0
    /// How many field lines have ended.
    private var fieldLines = 0

    enum Line {
        /// Its end has not arrived.
        case incomplete
        /// The bytes of the line without its CRLF.
        case line(Range<Int>)
    }

    /// The next line, at most `limit` bytes long. The head up to and with the line must fit into `headLimit`.
    ///
    /// The answer depends on the bytes alone, never on where they were cut: the bounds are tried before the
    /// content, and a line is judged only up to its bound.
    mutating func next(
        in bytes: UnsafeRawBufferPointer,
        limit: Int,
        over: WireRefusal,
        headLimit: Int
    ) throws(WireRefusal) -> Line {
        let lineEnd = Self.place(limit, and: 2, after: lineStart)
        let headEnd = Self.place(headLimit, and: 0, after: start)
        let bound = min(lineEnd, headEnd)
        guard let feed = bytes.firstLineFeed(from: searched, to: bound) else {
            guard bytes.count < bound else { throw lineEnd <= headEnd ? over : .headTooLarge }
            searched = max(searched, bytes.count)
            return .incomplete
        }
        // R22, RFC 9112 §2.2: a line ends with CRLF and with nothing else.
        guard feed > lineStart, bytes[feed - 1] == Byte.carriageReturn else { throw .bareLineFeed }
        let line = lineStart..<(feed - 1)
        lineStart = feed + 1
        searched = lineStart
        return .line(line)
    }

    /// Searches the empty line that ends the field lines. Answers the end of the head and the number of field
    /// lines, or nil where it has not arrived.
    mutating func endOfFields(
        in bytes: UnsafeRawBufferPointer,
        limits: WireLimits,
        headLimit: Int
    ) throws(WireRefusal) -> (end: Int, fieldLines: Int)? {
        while true {
            switch try next(in: bytes, limit: limits.field, over: .fieldTooLarge, headLimit: headLimit) {
            case .incomplete:
                return nil
            case .line(let line):
                if line.isEmpty { return (lineStart, fieldLines) }
                fieldLines += 1
                guard fieldLines <= limits.fieldCount else { throw .tooManyFields }  // R5
            }
        }
    }

    /// A bound as a place in the buffer. A limit that was set beyond all buffers is none.
    private static func place(_ limit: Int, and lineEnd: Int, after start: Int) -> Int {
        let (sum, overflow) = start.addingReportingOverflow(lineEnd)
        let (place, carry) = sum.addingReportingOverflow(max(limit, 0))
        return overflow || carry ? Int.max : place
    }

    /// Lets the head begin anew `count` bytes further on.
    mutating func skip(_ count: Int) {
        start += count
        lineStart = start
        searched = start
    }
}
