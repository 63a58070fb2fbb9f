// `background_rate`: how fast work goes on that no client waits for. A fixed rate, or a share of what the link is seen to
// carry; in either case clients come first: what they take is taken from it. Values and events; instants are monotonic
// nanoseconds and come as arguments.

package enum BackgroundRate: Equatable, Sendable {
    case unlimited
    /// Bytes per second.
    case fixed(Int64)
    /// 0 to 1, of what the link is seen to carry.
    case share(Double)
}

/// What the link was seen to carry, second by second.
package struct LinkEstimate: Equatable, Sendable {
    private static let second: Int64 = 1_000_000_000
    /// After each second with clients, a 64th of the distance to what was seen in it is given up: a link that became
    /// slower is noticed within minutes. A second in which only background work ran says how fast that was let run, and
    /// nothing of the link, unless it ran faster than anything before.
    private static let forgetting: Int64 = 64

    /// Bytes per second; 0 until a whole second was seen.
    package private(set) var capacity: Int64 = 0
    /// Of clients, in the last whole second; bytes per second.
    package private(set) var foreground: Int64 = 0
    /// What clients have to be taken to want now. Until a second with them has been seen, that is all there is: background
    /// work gives way at once.
    package var claimed: Int64 { foreground == 0 && foregroundBytes > 0 ? capacity : foreground }
    private var startedAt: Int64
    private var foregroundBytes: Int64 = 0
    private var backgroundBytes: Int64 = 0

    package init(startedAt nanoseconds: Int64) { startedAt = nanoseconds }

    /// So many bytes came from origins.
    ///
    /// - Parameter isForeground: a client waits for them.
    package mutating func carried(_ bytes: Int64, isForeground: Bool, at nanoseconds: Int64) {
        roll(to: nanoseconds)
        let bytes = max(0, bytes)
        if isForeground {
            foregroundBytes = Self.sum(foregroundBytes, bytes)
        } else {
            backgroundBytes = Self.sum(backgroundBytes, bytes)
        }
    }

    /// Closes the seconds that are over at this instant.
    package mutating func roll(to nanoseconds: Int64) {
        let (elapsed, overflow) = nanoseconds.subtractingReportingOverflow(startedAt)
        guard !overflow, elapsed >= Self.second else { return }
        // One that nobody closed in time is longer than a second, and so slower.
        let all = Self.rate(Self.sum(foregroundBytes, backgroundBytes), in: elapsed)
        foreground = Self.rate(foregroundBytes, in: elapsed)
        if all > capacity {
            capacity = all
        } else if foregroundBytes > 0 {
            capacity -= (capacity - all) / Self.forgetting
        }
        (foregroundBytes, backgroundBytes, startedAt) = (0, 0, nanoseconds)
    }

    private static func rate(_ bytes: Int64, in nanoseconds: Int64) -> Int64 {
        Int64(clamping: Int128(bytes) * Int128(second) / Int128(max(1, nanoseconds)))
    }

    fileprivate static func sum(_ one: Int64, _ other: Int64) -> Int64 {
        let (sum, overflow) = one.addingReportingOverflow(other)
        return overflow ? Int64.max : sum
    }
}

extension BackgroundRate {
    /// Work in the background never stands still: bytes per second.
    package static let least: Int64 = 65536

    /// How fast background work may be now, in bytes per second; nil: without a limit.
    package func rate(on link: LinkEstimate) -> Int64? {
        // What clients leave over, and a 16th of the link beyond it: else a link that was seen too small would never be
        // seen larger. Nothing is known of it at first, and without clients there is nobody to yield to.
        let leftOver: Int64? =
            link.capacity > 0 && link.claimed > 0
            ? max(Self.least, LinkEstimate.sum(link.capacity - link.claimed, link.capacity / 16)) : nil
        let wished: Int64?
        switch self {
        case .unlimited: wished = nil
        case .fixed(let rate): wished = max(1, rate)
        case .share(let share):
            guard link.capacity > 0, share.isFinite else { return leftOver }
            // Below 1 the product is below 2^63.
            wished = share >= 1 ? link.capacity : max(Self.least, Int64(Double(link.capacity) * max(share, 0)))
        }
        guard let wished else { return leftOver }
        return min(wished, leftOver ?? wished)
    }
}
