// How far is read ahead before a reader that jumps: a player that seeks, a tool that takes a body piece by piece. After a
// jump a little; where the next request goes on behind the last one, twice as much, up to the directive. 0, the default,
// reads nothing ahead (R59). A value for each client of a version; it knows no clock and no socket.

package struct ReadAhead: Equatable, Sendable {
    /// What is read ahead after a jump.
    package static let first: Int64 = 256 << 10
    /// A request that begins at most so far behind the last one goes on from there.
    package static let nearness: Int64 = 64 << 10

    /// The directive `read_ahead`: bytes at most.
    private let limit: Int64
    private var lastEnd: Int64?
    /// For `FillPlan`'s wants: so many bytes behind the end of the present one.
    package private(set) var bytes: Int64 = 0

    package init(limit: Int64) { self.limit = max(0, limit) }

    /// The client asked for this range; the upper bound is `Int64.max` where it is open. The answer is `bytes`.
    @discardableResult
    package mutating func asked(for range: Range<Int64>) -> Int64 {
        defer { lastEnd = range.upperBound }
        // An open one asks for everything by itself.
        guard limit > 0, range.upperBound < Int64.max else {
            bytes = 0
            return 0
        }
        let goesOn: Bool
        if let lastEnd, lastEnd < Int64.max {
            let distance = range.lowerBound.subtractingReportingOverflow(lastEnd)
            goesOn = !distance.overflow && abs(distance.partialValue) <= Self.nearness
        } else {
            goesOn = false
        }
        bytes = min(limit, goesOn ? (bytes > Int64.max / 2 ? Int64.max : max(bytes * 2, Self.first)) : Self.first)
        return bytes
    }
}
