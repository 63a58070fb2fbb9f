// Random numbers that are the same in every run: a property test that fails names its seed.

/// SplitMix64.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func number(_ range: Range<Int64>) -> Int64 { Int64.random(in: range, using: &self) }

    /// True once in `count` times.
    mutating func chance(oneIn count: Int64) -> Bool { number(0..<count) == 0 }

    /// A range inside `0..<size`, possibly empty.
    mutating func range(below size: Int64) -> Range<Int64> {
        let one = number(0..<(size + 1))
        let other = number(0..<(size + 1))
        return min(one, other)..<max(one, other)
    }
}
