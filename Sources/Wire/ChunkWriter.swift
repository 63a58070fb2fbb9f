// The chunked transfer coding written (RFC 9112 §7.1): sizes in lower-case hexadecimal, no extensions, no
// trailers, so that of a peer's framing nothing is passed on (hardening R7).

/// What stands around the content of each chunk.
package enum ChunkWriter {
    /// What follows the content of a chunk.
    package static let trailer: StaticString = "\r\n"
    /// The last chunk and the empty trailer section.
    package static let last: StaticString = "0\r\n\r\n"

    /// The line before `count` bytes of content. `count` is at least 1: a chunk of nothing would end the body, so for
    /// that nothing is written, which the peer sees as a fault instead of an early end.
    package static func header(_ count: Int) -> [UInt8] {
        var line: [UInt8] = []
        appendHeader(count, to: &line)
        return line
    }

    /// Appends what `header` answers.
    package static func appendHeader(_ count: Int, to bytes: inout [UInt8]) {
        guard count > 0 else { return }
        var shift = (Int.bitWidth - count.leadingZeroBitCount - 1) / 4 * 4
        while shift >= 0 {
            let digit = UInt8(truncatingIfNeeded: count >> shift & 0xF)
            bytes.append(digit < 10 ? Byte.zero + digit : 0x61 - 10 + digit)
            shift -= 4
        }
        bytes.append(Byte.carriageReturn)
        bytes.append(Byte.lineFeed)
    }
}
