// The character classes of RFC 9110 §5.6 as tests on one byte, and the search for the end of a line.
// Bit masks instead of tables: no memory is touched, nothing is set up at the first use.

/// Bytes that have a name in the grammar.
package enum Byte {
    package static let tab: UInt8 = 0x09
    package static let lineFeed: UInt8 = 0x0A
    package static let carriageReturn: UInt8 = 0x0D
    package static let space: UInt8 = 0x20
    package static let comma: UInt8 = 0x2C
    package static let zero: UInt8 = 0x30
    package static let colon: UInt8 = 0x3A
    package static let semicolon: UInt8 = 0x3B
}

/// Character classes of RFC 9110 §5.6.
package enum ByteClass {
    /// tchar (RFC 9110 §5.6.2)
    @inline(__always)
    package static func isToken(_ byte: UInt8) -> Bool {
        let mask: UInt64 = byte & 0x40 == 0 ? 0x03FF_6CFA_0000_0000 : 0x57FF_FFFF_C7FF_FFFE
        return byte < 0x80 && mask >> UInt64(byte & 0x3F) & 1 == 1
    }

    /// What a field value, a reason phrase or a chunk extension may contain (RFC 9110 §5.5): HTAB, SP, VCHAR, obs-text.
    @inline(__always)
    package static func isText(_ byte: UInt8) -> Bool {
        byte >= 0x20 ? byte != 0x7F : byte == Byte.tab
    }

    /// VCHAR: visible ASCII.
    @inline(__always)
    package static func isVisible(_ byte: UInt8) -> Bool { byte &- 0x21 < 0x5E }

    /// SP or HTAB: what OWS and BWS consist of (RFC 9110 §5.6.3).
    @inline(__always)
    package static func isWhitespace(_ byte: UInt8) -> Bool { byte == Byte.space || byte == Byte.tab }

    @inline(__always)
    package static func isDigit(_ byte: UInt8) -> Bool { byte &- Byte.zero < 10 }

    /// The value of a hexadecimal digit (RFC 5234 HEXDIG, either case), or nil.
    @inline(__always)
    package static func hexValue(_ byte: UInt8) -> UInt8? {
        if byte &- Byte.zero < 10 { return byte &- Byte.zero }
        let letter = byte | 0x20
        return letter &- 0x61 < 6 ? letter &- 0x61 &+ 10 : nil
    }
}

extension UnsafeRawBufferPointer {
    /// The place of the first LF in `start..<end`, or nil. Eight bytes at a time: it reads every byte of every head.
    func firstLineFeed(from start: Int, to end: Int) -> Int? {
        var index = Swift.max(start, 0)
        let end = Swift.min(end, count)
        let feeds: UInt64 = 0x0A0A_0A0A_0A0A_0A0A
        while end - index >= 8 {
            // Bound: index + 8 <= end <= count.
            let word = UInt64(littleEndian: loadUnaligned(fromByteOffset: index, as: UInt64.self)) ^ feeds
            // A byte of `word` is zero where the input has a LF; the lowest marked bit is always a true one.
            let marks = (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
            if marks != 0 { return index + marks.trailingZeroBitCount / 8 }
            index += 8
        }
        while index < end {
            if self[index] == Byte.lineFeed { return index }
            index += 1
        }
        return nil
    }

    /// The bytes of a span that lies within this buffer; empty where it does not.
    @inline(__always)
    func slice(_ span: Range<Int>) -> UnsafeRawBufferPointer {
        guard span.lowerBound >= 0, span.upperBound <= count else {
            return UnsafeRawBufferPointer(start: nil, count: 0)
        }
        return UnsafeRawBufferPointer(rebasing: self[span])
    }

    /// Whether these bytes are `text`, letter for letter, in any case of ASCII letters. `text` must be lower case.
    func isCaseInsensitively(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { lowercase in
            for index in 0..<count {
                let byte = self[index]
                let folded = byte &- 0x41 < 26 ? byte | 0x20 : byte
                if folded != lowercase[index] { return false }
            }
            return true
        }
    }
}
