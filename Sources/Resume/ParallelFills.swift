// How many fills of one large body run side by side: as many as the operator wished for, where the origin tolerates them,
// and no more than bring something. It begins with few, adds one where the last one made the whole faster, takes one away
// where it did not or where the origin slowed down, and half of them at a 429. Values and events; instants are monotonic
// nanoseconds and come as arguments. Where the body is cut is FillPlan's matter.

package struct ParallelFills: Equatable, Sendable {
    private enum Phase: Equatable, Sendable {
        /// One more may still make it faster. `baseline`: bytes per second before the last one was added; nil at first.
        case climbing(baseline: Int64?)
        /// It stays so, and falls where the whole becomes slower than two thirds of the best.
        case settled(best: Int64)
    }

    /// A number of fills is judged after they have all run for so long.
    package static let settleNanoseconds: Int64 = 5_000_000_000

    /// The directive `parallel`.
    private let wished: Int
    /// At most so many at once now: for `FillPlan.parallel`.
    package private(set) var limit: Int
    private var phase: Phase
    private var since: Int64

    /// - Parameters:
    ///   - wished: of the directive; 1 turns it off.
    ///   - start: `OriginCapabilities.parallelStart`.
    package init(wished: Int, start: Int, startedAt nanoseconds: Int64) {
        self.wished = max(1, wished)
        limit = max(1, min(start, wished))
        phase = .climbing(baseline: nil)
        since = nanoseconds
    }

    /// So many fills receive now, and so many bytes per second in all. Told about once a second.
    ///
    /// - Returns: what it says of the origin; nil where it says nothing new.
    package mutating func observed(open: Int, bytesPerSecond: Int64, at nanoseconds: Int64) -> OriginEvent? {
        // Fewer than may be say nothing of as many: one has ended, or another is still asking.
        guard open == limit else {
            since = nanoseconds
            return nil
        }
        let (elapsed, overflow) = nanoseconds.subtractingReportingOverflow(since)
        guard overflow || elapsed >= Self.settleNanoseconds else { return nil }
        since = nanoseconds
        switch phase {
        case .climbing(let baseline):
            // One more that brings less than a tenth is a burden to the origin, and nothing else.
            if let baseline, bytesPerSecond / 11 < baseline / 10 {
                limit = max(1, limit - 1)
                phase = .settled(best: baseline)
                return nil
            }
            if limit < wished {
                limit += 1
                phase = .climbing(baseline: bytesPerSecond)
            } else {
                phase = .settled(best: bytesPerSecond)
            }
            return open > 1 ? .toleratedConnections(open) : nil
        case .settled(let best):
            guard bytesPerSecond < best / 3 * 2 else {
                phase = .settled(best: max(best, bytesPerSecond))
                return nil
            }
            limit = max(1, limit - 1)
            phase = .settled(best: bytesPerSecond)
            return nil
        }
    }

    /// 429, or 503, or a refused connection, while so many were open. Nothing is added any more.
    package mutating func refused(open: Int, at nanoseconds: Int64) -> OriginEvent {
        limit = max(1, min(limit, open / 2))
        phase = .settled(best: 0)
        since = nanoseconds
        return .tooManyConnections(open)
    }
}
