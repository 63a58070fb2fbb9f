// Sets of byte ranges, for counting what was wanted and what was sent. A simpler reading than the proxy's own, so that
// no mistake is made twice.

struct Spans {
    /// In order, apart from each other, none empty.
    private(set) var ranges: [Range<Int64>] = []

    var count: Int64 { ranges.reduce(0) { $0 + ($1.upperBound - $1.lowerBound) } }

    mutating func insert(_ range: Range<Int64>) {
        if range.isEmpty { return }
        var merged = range
        var kept: [Range<Int64>] = []
        for other in ranges {
            if other.upperBound < merged.lowerBound || merged.upperBound < other.lowerBound {
                kept.append(other)
            } else {
                merged = min(merged.lowerBound, other.lowerBound)..<max(merged.upperBound, other.upperBound)
            }
        }
        kept.append(merged)
        ranges = kept.sorted { $0.lowerBound < $1.lowerBound }
    }

    func shared(with range: Range<Int64>) -> Int64 {
        ranges.reduce(0) { sum, other in
            let both = other.clamped(to: range)
            return sum + (both.upperBound - both.lowerBound)
        }
    }

    func shared(with other: Spans) -> Int64 { other.ranges.reduce(0) { $0 + shared(with: $1) } }
}
