// Is a connection so slow that another one should take its place (`upstream.min_rate`)? It counts over windows, and
// leaves be what does not become faster by asking again. Pure: instants are monotonic nanoseconds.

package struct RateWatch: Equatable, Sendable {
    package enum Verdict: Equatable, Sendable {
        /// The window is not over, or was fast enough, or asking anew has not helped.
        case fine
        /// Slower than the limit for a whole window: to be asked for anew.
        case tooSlow(bytesPerSecond: Int64)
    }

    /// Bytes a second.
    package let limit: Int64
    package let windowNanoseconds: Int64
    private var windowStart: Int64
    private var windowBytes: Int64 = 0
    /// The fastest of the slow windows since the last fast one; nil where there was none.
    private var best: Int64?
    /// How many new connections in turn were no faster than the one before.
    private var fruitless = 0

    /// - Parameter nanoseconds: monotonic, the beginning of the first window.
    package init(limit: Int64, windowNanoseconds: Int64, startedAt nanoseconds: Int64) {
        self.limit = limit
        self.windowNanoseconds = max(1, windowNanoseconds)
        windowStart = nanoseconds
    }

    package mutating func received(_ bytes: Int64) {
        windowBytes = min(windowBytes, Int64.max - max(0, bytes)) + max(0, bytes)
    }

    /// A new window begins: another connection, or a pause of our own, which does not count.
    package mutating func restart(at nanoseconds: Int64) {
        windowStart = nanoseconds
        windowBytes = 0
    }

    /// When the window is over, monotonic nanoseconds.
    package var due: Int64 {
        let (sum, overflow) = windowStart.addingReportingOverflow(windowNanoseconds)
        return overflow ? .max : sum
    }

    package mutating func check(at nanoseconds: Int64) -> Verdict {
        guard nanoseconds >= due else { return .fine }
        let seconds = Double(nanoseconds - windowStart) / 1_000_000_000
        let rate = Int64(min(Double(windowBytes) / seconds, 9e18))
        restart(at: nanoseconds)
        guard rate < limit else {
            best = nil
            fruitless = 0
            return .fine
        }
        if let best {
            // A quarter more is an improvement: another attempt is worth while.
            fruitless = rate > best + best / 4 ? 0 : fruitless + 1
        }
        best = max(best ?? 0, rate)
        return fruitless < Self.fruitlessAtMost ? .tooSlow(bytesPerSecond: rate) : .fine
    }

    /// So many new connections in turn may be as slow as the first; then it is the way that is slow.
    private static let fruitlessAtMost = 3
}
