// The bytes that are sent for one version: as they are, or wrapped in gzip. Both reach any offset at once, so that
// ranges of a coded body cost no more than those of a plain one. It knows nothing of HTTP.

/// The bytes of one representation.
package enum Representation: Sendable, Equatable {
    case identity(LabContent)
    case gzip(StoredGzip)

    package var length: Int64 {
        switch self {
        case .identity(let content): content.length
        case .gzip(let wrapped): wrapped.length
        }
    }

    /// Fills the buffer from an offset on; the range must lie inside.
    package func copy(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) {
        switch self {
        case .identity(let content): content.copy(into: buffer, at: offset)
        case .gzip(let wrapped): wrapped.copy(into: buffer, at: offset)
        }
    }

    /// Hands all bytes of a range to `take`, in pieces of at most 256 KiB.
    package func forEachPiece(of range: Range<Int64>, _ take: (UnsafeRawBufferPointer) -> Void) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 262_144, alignment: 16)
        defer { memory.deallocate() }
        var offset = range.lowerBound
        while offset < range.upperBound {
            let size = Int(min(Int64(memory.count), range.upperBound - offset))
            let piece = UnsafeMutableRawBufferPointer(rebasing: memory[..<size])
            copy(into: piece, at: offset)
            take(UnsafeRawBufferPointer(piece))
            offset += Int64(size)
        }
    }
}

/// A content as gzip (RFC 1952) of stored blocks (RFC 1951 §3.2.4): nothing is compressed, so its length and every
/// offset of it are known.
package struct StoredGzip: Sendable, Equatable {
    package let content: LabContent
    /// Of the whole content (`CyclicChecksum`).
    package let checksum: UInt32

    package init(_ content: LabContent, checksum: UInt32) {
        self.content = content
        self.checksum = checksum
    }

    private static let headLength: Int64 = 10
    private static let blockHeadLength: Int64 = 5
    private static let blockLength: Int64 = 32_768
    private static let tailLength: Int64 = 8

    private var blockCount: Int64 { max(1, (content.length + Self.blockLength - 1) / Self.blockLength) }

    package var length: Int64 {
        Self.headLength + blockCount * Self.blockHeadLength + content.length + Self.tailLength
    }

    func copy(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) {
        var position = 0
        while position < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[position...])
            position += copyPiece(into: rest, at: offset + Int64(position))
        }
    }

    /// Copies up to the end of the part in which the offset lies.
    private func copyPiece(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) -> Int {
        if offset < Self.headLength {
            // No name, no time, an unknown system.
            return copy([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255], from: offset, into: buffer)
        }
        let tail = length - Self.tailLength
        if offset >= tail {
            let size = UInt32(truncatingIfNeeded: content.length)
            let words = [checksum, size].flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
            return copy(words, from: offset - tail, into: buffer)
        }
        let stride = Self.blockHeadLength + Self.blockLength
        let block = (offset - Self.headLength) / stride
        let inBlock = (offset - Self.headLength) % stride
        let begin = block * Self.blockLength
        let size = min(Self.blockLength, content.length - begin)
        if inBlock < Self.blockHeadLength {
            let low = UInt8(truncatingIfNeeded: size)
            let high = UInt8(truncatingIfNeeded: size >> 8)
            let isLast: UInt8 = block == blockCount - 1 ? 1 : 0
            return copy([isLast, low, high, ~low, ~high], from: inBlock, into: buffer)
        }
        let done = inBlock - Self.blockHeadLength
        let count = Int(min(Int64(buffer.count), size - done))
        content.copy(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]), at: begin + done)
        return count
    }

    private func copy(_ bytes: [UInt8], from offset: Int64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let piece = bytes.dropFirst(Int(offset)).prefix(buffer.count)
        buffer.copyBytes(from: piece)
        return piece.count
    }
}

/// CRC-32 as gzip wants it (RFC 1952 §8).
package struct CyclicChecksum {
    private var register: UInt32 = 0xFFFF_FFFF

    package init() {}

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        register = table.withUnsafeBufferPointer { table in
            bytes.reduce(register) { table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] ^ ($0 >> 8) }
        }
    }

    package var value: UInt32 { ~register }
}

private let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { word, _ in word & 1 == 1 ? 0xEDB8_8320 ^ (word >> 1) : word >> 1 }
}
