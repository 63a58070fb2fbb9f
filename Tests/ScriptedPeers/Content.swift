// Deterministic bodies: the byte at any offset is a pure function of seed and offset, so that a test can check
// every delivered byte of a body of any length without keeping the body.
//
// A body is cut into blocks of 64 KiB; each is a slice of one fixed random pattern, begun at a place that is hashed
// from the seed and the block's number. Making and comparing are therefore memcpy and memcmp, quick even in a debug
// build, and a splice of two versions, a shift or a repeat shows at once.

import Glibc

/// The content of one version of a file.
package struct Content: Sendable, Equatable {
    package let seed: UInt64
    /// Bytes in all.
    package let length: Int64

    package init(seed: UInt64, length: Int64) {
        self.seed = seed
        self.length = length
    }

    /// The bytes of a range, which must lie inside the content.
    package func bytes(_ range: Range<Int64>) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Int(range.upperBound - range.lowerBound)) { buffer, count in
            copy(into: UnsafeMutableRawBufferPointer(buffer), at: range.lowerBound)
            count = Int(range.upperBound - range.lowerBound)
        }
    }

    /// All bytes; for small contents.
    package var allBytes: [UInt8] { bytes(0..<length) }

    /// Fills the buffer with the content from an offset on.
    package func copy(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) {
        forEachSlice(offset: offset, count: buffer.count) { position, slice in
            buffer.baseAddress?.advanced(by: position).copyMemory(from: slice.start, byteCount: slice.count)
            return true
        }
    }

    /// The offset (in the content) of the first byte that differs; nil if all are right.
    ///
    /// Bytes beyond the content's length are wrong.
    package func firstDifference(_ bytes: UnsafeRawBufferPointer, at offset: Int64) -> Int64? {
        let inside = min(Int64(bytes.count), max(0, length - offset))
        var different: Int64?
        forEachSlice(offset: offset, count: Int(inside)) { position, slice in
            guard let start = bytes.baseAddress?.advanced(by: position) else { return false }
            if memcmp(start, slice.start, slice.count) == 0 { return true }
            let expected = UnsafeRawBufferPointer(start: slice.start, count: slice.count)
            let found = UnsafeRawBufferPointer(start: start, count: slice.count)
            different = zip(expected, found).enumerated().first { $0.element.0 != $0.element.1 }
                .map { offset + Int64(position + $0.offset) }
            return false
        }
        return different ?? (inside < Int64(bytes.count) ? offset + inside : nil)
    }

    package func firstDifference(_ bytes: [UInt8], at offset: Int64) -> Int64? {
        bytes.withUnsafeBytes { firstDifference($0, at: offset) }
    }

    private func forEachSlice(
        offset: Int64,
        count: Int,
        _ work: (Int, (start: UnsafeRawPointer, count: Int)) -> Bool
    ) {
        var position = 0
        while position < count {
            let at = offset + Int64(position)
            let inBlock = Int(at % blockSize)
            let size = min(count - position, Int(blockSize) - inBlock)
            let place = Int(mixed(seed &+ UInt64(at / blockSize) &* 0x9E37_79B9_7F4A_7C15) % UInt64(placeCount))
            if !work(position, (pattern.start.advanced(by: place + inBlock), size)) { return }
            position += size
        }
    }
}

private let blockSize: Int64 = 65_536
private let placeCount = 1_048_576

/// The pattern: made once, never freed, never changed.
private struct Pattern: @unchecked Sendable {
    let start: UnsafeRawPointer

    init() {
        let words = (placeCount + Int(blockSize)) / 8
        let memory = UnsafeMutablePointer<UInt64>.allocate(capacity: words)
        for word in 0..<words { (memory + word).initialize(to: mixed(UInt64(word))) }
        start = UnsafeRawPointer(memory)
    }
}

private let pattern = Pattern()

/// The finishing step of splitmix64: every bit of the input changes half the bits of the output.
private func mixed(_ value: UInt64) -> UInt64 {
    var word = value &+ 0x9E37_79B9_7F4A_7C15
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
}
