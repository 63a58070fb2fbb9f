// SipHash-2-4 with 128 bits of output (Aumasson and Bernstein, 2012), over bytes that are already there.
// The cache key needs a hash that is the same in every process, which Swift's Hasher by design is not.
// It is no proof of equality: whoever compares keys compares what was hashed as well.

/// SipHash-2-4-128.
package enum SipHash128 {
    /// The hash of `bytes` under a key of two 64 bit words.
    package static func hash(_ bytes: UnsafeRawBufferPointer, key0: UInt64, key1: UInt64) -> (high: UInt64, low: UInt64)
    {
        var state = State(key0: key0, key1: key1)
        var offset = 0
        while bytes.count - offset >= 8 {
            state.compress(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
            offset += 8
        }
        var last = UInt64(truncatingIfNeeded: bytes.count) << 56
        for (index, byte) in bytes[offset...].enumerated() {
            last |= UInt64(byte) << UInt64(8 * index)
        }
        state.compress(last)
        return state.finish()
    }

    private struct State {
        private var v0: UInt64
        private var v1: UInt64
        private var v2: UInt64
        private var v3: UInt64

        init(key0: UInt64, key1: UInt64) {
            v0 = key0 ^ 0x736f_6d65_7073_6575
            v1 = key1 ^ 0x646f_7261_6e64_6f6d ^ 0xee
            v2 = key0 ^ 0x6c79_6765_6e65_7261
            v3 = key1 ^ 0x7465_6462_7974_6573
        }

        mutating func compress(_ word: UInt64) {
            v3 ^= word
            round()
            round()
            v0 ^= word
        }

        mutating func finish() -> (high: UInt64, low: UInt64) {
            v2 ^= 0xee
            for _ in 0..<4 { round() }
            let first = v0 ^ v1 ^ v2 ^ v3
            v1 ^= 0xdd
            for _ in 0..<4 { round() }
            return (first, v0 ^ v1 ^ v2 ^ v3)
        }

        private mutating func round() {
            v0 &+= v1
            v1 = Self.rotated(v1, 13) ^ v0
            v0 = Self.rotated(v0, 32)
            v2 &+= v3
            v3 = Self.rotated(v3, 16) ^ v2
            v0 &+= v3
            v3 = Self.rotated(v3, 21) ^ v0
            v2 &+= v1
            v1 = Self.rotated(v1, 17) ^ v2
            v2 = Self.rotated(v2, 32)
        }

        private static func rotated(_ word: UInt64, _ bits: UInt64) -> UInt64 {
            (word << bits) | (word >> (64 - bits))
        }
    }
}
