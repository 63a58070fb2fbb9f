// Decisions that are the same for the same seed. It draws numbers, and knows nothing of what they decide.

/// splitmix64: small, quick, and the same everywhere.
struct SoakRandom: RandomNumberGenerator {
    private var state: UInt64

    init(_ parts: UInt64...) {
        state = 0
        for part in parts { state = scrambled(state &+ part) }
    }

    mutating func next() -> UInt64 {
        state &+= goldenGamma
        return scrambled(state)
    }

    /// True in so many of a hundred cases.
    mutating func percent(_ share: Int) -> Bool { Int.random(in: 0..<100, using: &self) < share }

    mutating func number(_ range: ClosedRange<Int64>) -> Int64 { Int64.random(in: range, using: &self) }

    mutating func fraction(_ range: ClosedRange<Double>) -> Double { Double.random(in: range, using: &self) }

    mutating func one<Value>(of values: [Value]) -> Value { values[Int.random(in: 0..<values.count, using: &self)] }

    /// One of the values, each as often as its weight says.
    mutating func one<Value>(weighted values: [(Int, Value)]) -> Value {
        var place = Int.random(in: 0..<values.reduce(0) { $0 + $1.0 }, using: &self)
        for (weight, value) in values {
            if place < weight { return value }
            place -= weight
        }
        return values[0].1
    }
}

let goldenGamma: UInt64 = 0x9E37_79B9_7F4A_7C15

/// The finishing step of splitmix64 (docs/lab.md, `mixed`).
func scrambled(_ value: UInt64) -> UInt64 {
    var word = value &+ goldenGamma
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
}
