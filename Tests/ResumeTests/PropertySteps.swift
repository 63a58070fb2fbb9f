// How long the property tests run. `make property` asks for a million steps; without it, as many as every run of the
// tests can afford.

import Glibc

enum PropertySteps {
    /// Of each property test, over all its seeds: the environment's PROPERTY_STEPS, or 120,000.
    static let all: Int = {
        guard let text = getenv("PROPERTY_STEPS"), let steps = Int(String(cString: text)), steps > 0 else {
            return 120_000
        }
        return steps
    }()

    /// The share of one of so many blocks, rounded up.
    static func share(of blocks: Int) -> Int { (all + blocks - 1) / blocks }
}
