// What is held, what is missing: a set of byte offsets of one body, kept as sorted runs. It is the
// vocabulary of everything that is partial here: held bytes, readable bytes, wanted bytes. It knows
// nothing of where the bytes are or who fetches them. Every look-up is a binary search; the store
// bounds a body to 4,096 runs (hardening 2.2 item 2), so that a change in the middle stays cheap too.

/// A set of byte offsets, all of them at or above 0 and below `Int64.max`.
package struct ByteRangeSet: Sendable, Equatable {
    /// The runs: sorted, disjoint, not touching, none of them empty.
    package private(set) var ranges: [Range<Int64>] = []

    package init() {}

    /// The union of these ranges, in any order; empty ones and offsets below 0 count for nothing.
    package init(_ ranges: [Range<Int64>]) {
        self.ranges = Self.coalesced(
            ranges.map(Self.valid).filter { !$0.isEmpty }.sorted { $0.lowerBound < $1.lowerBound }
        )
    }

    package var isEmpty: Bool { ranges.isEmpty }

    /// How many bytes the set has. The runs are disjoint and not negative: the sum cannot overflow.
    package var byteCount: Int64 {
        ranges.reduce(0) { $0 + ($1.upperBound - $1.lowerBound) }
    }

    // MARK: Changing

    package mutating func insert(_ range: Range<Int64>) {
        let range = Self.valid(range)
        guard !range.isEmpty else { return }
        // Runs that touch are merged too, hence "at or after" and "beyond" rather than strict overlap.
        let first = partition { $0.upperBound >= range.lowerBound }
        let beyond = partition { $0.lowerBound > range.upperBound }
        guard first < beyond else {
            ranges.insert(range, at: first)
            return
        }
        let merged =
            min(ranges[first].lowerBound, range.lowerBound)..<max(ranges[beyond - 1].upperBound, range.upperBound)
        if beyond - first == 1 {
            ranges[first] = merged
        } else {
            ranges.replaceSubrange(first..<beyond, with: CollectionOfOne(merged))
        }
    }

    package mutating func remove(_ range: Range<Int64>) {
        let range = Self.valid(range)
        guard !range.isEmpty else { return }
        let first = partition { $0.upperBound > range.lowerBound }
        let beyond = partition { $0.lowerBound >= range.upperBound }
        guard first < beyond else { return }
        var remainders: [Range<Int64>] = []
        if ranges[first].lowerBound < range.lowerBound {
            remainders.append(ranges[first].lowerBound..<range.lowerBound)
        }
        if range.upperBound < ranges[beyond - 1].upperBound {
            remainders.append(range.upperBound..<ranges[beyond - 1].upperBound)
        }
        ranges.replaceSubrange(first..<beyond, with: remainders)
    }

    package mutating func formUnion(_ other: ByteRangeSet) {
        if other.ranges.count <= 1 {
            if let only = other.ranges.first { insert(only) }
        } else {
            ranges = Self.coalesced((ranges + other.ranges).sorted { $0.lowerBound < $1.lowerBound })
        }
    }

    package mutating func subtract(_ other: ByteRangeSet) {
        if other.ranges.count <= 1 {
            if let only = other.ranges.first { remove(only) }
        } else {
            ranges = ranges.flatMap { other.gaps(in: $0) }
        }
    }

    // MARK: Asking

    /// Whether every byte of the range is in the set; an empty range always is.
    package func contains(_ range: Range<Int64>) -> Bool {
        guard !range.isEmpty else { return true }
        guard let run = run(at: range.lowerBound) else { return false }
        return range.upperBound <= run.upperBound
    }

    package func contains(_ offset: Int64) -> Bool {
        run(at: offset) != nil
    }

    /// The run that contains the offset.
    package func run(at offset: Int64) -> Range<Int64>? {
        guard let run = next(atOrAfter: offset), run.lowerBound <= offset else { return nil }
        return run
    }

    /// The end of the run that contains the offset; the offset itself where no run does. In other words:
    /// the first byte at or after the offset that is missing.
    package func runEnd(from offset: Int64) -> Int64 {
        run(at: offset)?.upperBound ?? offset
    }

    /// The first run that ends after the offset: the one that contains it, or the next one.
    package func next(atOrAfter offset: Int64) -> Range<Int64>? {
        let index = partition { $0.upperBound > offset }
        return index < ranges.count ? ranges[index] : nil
    }

    /// The first maximal missing span inside the range.
    package func firstGap(in range: Range<Int64>) -> Range<Int64>? {
        let start = runEnd(from: range.lowerBound)
        guard start < range.upperBound else { return nil }
        guard let following = next(atOrAfter: start) else { return start..<range.upperBound }
        return start..<min(following.lowerBound, range.upperBound)
    }

    /// All missing spans inside the range, in order.
    package func gaps(in range: Range<Int64>) -> [Range<Int64>] {
        var gaps: [Range<Int64>] = []
        var position = range.lowerBound
        var index = partition { $0.upperBound > range.lowerBound }
        while index < ranges.count, ranges[index].lowerBound < range.upperBound {
            if position < ranges[index].lowerBound { gaps.append(position..<ranges[index].lowerBound) }
            position = ranges[index].upperBound
            index += 1
        }
        if position < range.upperBound { gaps.append(position..<range.upperBound) }
        return gaps
    }

    /// The part of the set that lies inside the range.
    package func intersection(_ range: Range<Int64>) -> ByteRangeSet {
        var inside = ByteRangeSet()
        var index = partition { $0.upperBound > range.lowerBound }
        while index < ranges.count, ranges[index].lowerBound < range.upperBound {
            let clamped = ranges[index].clamped(to: range)
            if !clamped.isEmpty { inside.ranges.append(clamped) }
            index += 1
        }
        return inside
    }

    /// How many bytes are held without a gap right before the offset; at most `limit`.
    package func heldBefore(_ offset: Int64, limit: Int64) -> Int64 {
        guard offset > 0, limit > 0, let run = run(at: offset - 1) else { return 0 }
        return min(limit, offset - run.lowerBound)
    }

    // MARK: Inside

    /// The index of the first run for which the condition holds. It must be false up to some run and true
    /// from there on.
    private func partition(_ condition: (Range<Int64>) -> Bool) -> Int {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = low + (high - low) / 2
            if condition(ranges[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    private static func valid(_ range: Range<Int64>) -> Range<Int64> {
        range.clamped(to: 0..<Int64.max)
    }

    private static func coalesced(_ sorted: [Range<Int64>]) -> [Range<Int64>] {
        var merged: [Range<Int64>] = []
        merged.reserveCapacity(sorted.count)
        for range in sorted {
            if let last = merged.last, range.lowerBound <= last.upperBound {
                merged[merged.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        return merged
    }
}
