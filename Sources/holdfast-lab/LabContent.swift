// What a file of the laboratory holds: the byte at any offset is a pure function of the laboratory's seed, the path,
// the version and the offset. Nothing is kept, every offset is reached at once, and whoever knows these four can
// compute the same bytes in any language (docs/lab.md gives the lines in Python).
//
// A content is cut into blocks of 64 KiB. Each is a slice of one fixed pattern, begun at a place that is hashed from
// the content's seed and the block's number: two versions, a shift and a repeat differ at once.
// It knows nothing of HTTP.

import Glibc

/// The bytes of one version of one file.
package struct LabContent: Sendable, Equatable {
    /// What the bytes are made from, next to the offset.
    package let seed: UInt64
    /// Bytes in all.
    package let length: Int64

    package init(seed: UInt64, length: Int64) {
        self.seed = seed
        self.length = length
    }

    /// - Parameter path: without the query, such as `/f/35M/disk.iso`.
    package init(labSeed: UInt64, path: String, version: Int64, length: Int64) {
        let file = mixed(labSeed ^ hashed(path))
        self.init(seed: mixed(file &+ UInt64(bitPattern: version)), length: length)
    }

    /// Fills the buffer with the bytes from an offset on; the range must lie inside the content.
    package func copy(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) {
        var position = 0
        while position < buffer.count {
            let (start, size) = slice(at: offset + Int64(position), atMost: buffer.count - position)
            buffer.baseAddress?.advanced(by: position).copyMemory(from: start, byteCount: size)
            position += size
        }
    }

    /// The bytes of a range, which must lie inside the content.
    package func bytes(_ range: Range<Int64>) -> [UInt8] {
        let count = Int(range.upperBound - range.lowerBound)
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            copy(into: UnsafeMutableRawBufferPointer(buffer), at: range.lowerBound)
            initialized = count
        }
    }

    /// The offset in the content of the first byte that differs, or that lies beyond its end; nil where all are right.
    package func firstDifference(_ bytes: UnsafeRawBufferPointer, at offset: Int64) -> Int64? {
        let inside = Int(min(Int64(bytes.count), max(0, length - offset)))
        var position = 0
        while position < inside {
            let (expected, size) = slice(at: offset + Int64(position), atMost: inside - position)
            guard let found = bytes.baseAddress?.advanced(by: position) else { return nil }
            if memcmp(found, expected, size) != 0 {
                let place = (0..<size).first { found.load(fromByteOffset: $0, as: UInt8.self) != expected[$0] } ?? 0
                return offset + Int64(position + place)
            }
            position += size
        }
        return inside < bytes.count ? offset + Int64(inside) : nil
    }

    private func slice(at offset: Int64, atMost count: Int) -> (start: UnsafePointer<UInt8>, size: Int) {
        let inBlock = Int(offset % blockSize)
        let place = Int(mixed(seed &+ UInt64(offset / blockSize) &* increment) % UInt64(placeCount))
        return (pattern.start + place + inBlock, min(count, Int(blockSize) - inBlock))
    }
}

private let blockSize: Int64 = 65_536
private let placeCount = 1_048_576
private let increment: UInt64 = 0x9E37_79B9_7F4A_7C15

/// The pattern: made once, never freed, never changed.
private struct Pattern: @unchecked Sendable {
    let start: UnsafePointer<UInt8>

    init() {
        let words = (placeCount + Int(blockSize)) / 8
        let memory = UnsafeMutablePointer<UInt64>.allocate(capacity: words)
        for word in 0..<words { (memory + word).initialize(to: mixed(UInt64(word)).littleEndian) }
        start = UnsafePointer(UnsafeMutableRawPointer(memory).assumingMemoryBound(to: UInt8.self))
    }
}

private let pattern = Pattern()

/// The finishing step of splitmix64: every bit of the input changes half the bits of the output.
package func mixed(_ value: UInt64) -> UInt64 {
    var word = value &+ increment
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
}

/// FNV-1a of 64 bits over the UTF-8 of a text.
package func hashed(_ text: String) -> UInt64 {
    text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
}
