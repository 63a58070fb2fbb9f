// How many bytes may go now, and when more may: a token bucket, and what several of them allow together (one of the
// client, one of the host, one of all). Exact in whole numbers, however long it runs. Values and events: instants are
// monotonic nanoseconds and come as arguments. It knows no socket, and not what the bytes are.

/// What may be sent now.
package enum RateAllowance: Equatable, Sendable {
    /// At most so many bytes, at least one; `Int64.max` where nothing limits them.
    case send(Int64)
    /// None before this instant, in monotonic nanoseconds.
    case waitUntil(Int64)

    /// What both allow.
    package func and(_ other: RateAllowance) -> RateAllowance {
        switch (self, other) {
        case (.send(let one), .send(let two)): .send(min(one, two))
        case (.waitUntil(let one), .waitUntil(let two)): .waitUntil(max(one, two))
        case (.waitUntil, .send): self
        case (.send, .waitUntil): other
        }
    }
}

package struct RateBudget: Equatable, Sendable {
    private static let second: Int128 = 1_000_000_000

    /// At least 1.
    package private(set) var bytesPerSecond: Int64
    /// So many bytes may go at once after a pause.
    package private(set) var burst: Int64
    /// Bytes times nanoseconds per second: so nothing is lost by rounding. Below zero: more went than was allowed.
    private var credit: Int128
    private var at: Int64

    /// - Parameters:
    ///   - burst: bytes; nil: those of a quarter of a second, and at least 64 KiB, so that a buffer goes whole.
    ///   - nanoseconds: when it begins, with a full burst.
    package init(bytesPerSecond: Int64, burst: Int64? = nil, startedAt nanoseconds: Int64) {
        self.bytesPerSecond = max(1, bytesPerSecond)
        self.burst = max(1, burst ?? max(bytesPerSecond / 4, 65536))
        credit = Int128(self.burst) * Self.second
        at = nanoseconds
    }

    /// What may be sent at this instant.
    ///
    /// - Parameter least: it is not worth sending fewer bytes than this; bounded by the burst.
    package mutating func allowance(at nanoseconds: Int64, least: Int64 = 1) -> RateAllowance {
        refill(at: nanoseconds)
        let wanted = Int128(min(max(1, least), burst)) * Self.second
        if credit >= wanted { return .send(Int64(clamping: credit / Self.second)) }
        let rate = Int128(bytesPerSecond)
        return .waitUntil(Int64(clamping: Int128(at) + (wanted - credit + rate - 1) / rate))
    }

    /// So many bytes went, whether they were allowed or not: what was already under way has to be counted too, and is
    /// paid for by a longer wait.
    package mutating func spent(_ bytes: Int64, at nanoseconds: Int64) {
        refill(at: nanoseconds)
        // A debt of more than ten bursts is forgiven: a wrong count must not stop a client for hours.
        credit = max(credit - Int128(max(0, bytes)) * Self.second, -10 * Int128(burst) * Self.second)
    }

    /// Takes these bytes out of the budget, and says from which instant on they are within it: this one, or a later one.
    /// Whoever waits that long for each of its slices has its turn among all who do the same.
    package mutating func reserve(_ bytes: Int64, at nanoseconds: Int64) -> Int64 {
        refill(at: nanoseconds)
        let rate = Int128(bytesPerSecond)
        // Nobody waits longer than an hour, whatever was counted.
        credit = max(credit - Int128(max(0, bytes)) * Self.second, -3600 * rate * Self.second)
        guard credit < 0 else { return nanoseconds }
        return max(nanoseconds, Int64(clamping: Int128(at) + (rate - 1 - credit) / rate))
    }

    /// Bytes that were reserved and do not go.
    package mutating func giveBack(_ bytes: Int64) {
        credit = min(credit + Int128(max(0, bytes)) * Self.second, Int128(burst) * Self.second)
    }

    /// Whether nothing of it is in use.
    package mutating func isFull(at nanoseconds: Int64) -> Bool {
        refill(at: nanoseconds)
        return credit == Int128(burst) * Self.second
    }

    /// From this instant on another rate holds; what was saved or is owed stays.
    package mutating func limit(to bytesPerSecond: Int64, burst: Int64? = nil, at nanoseconds: Int64) {
        refill(at: nanoseconds)
        self.bytesPerSecond = max(1, bytesPerSecond)
        self.burst = max(1, burst ?? max(bytesPerSecond / 4, 65536))
        credit = min(credit, Int128(self.burst) * Self.second)
    }

    private mutating func refill(at nanoseconds: Int64) {
        // Instants of several threads may come a little out of order.
        guard nanoseconds > at else { return }
        let elapsed = Int128(nanoseconds) - Int128(at)
        // Below 2^127 by itself; with the credit it may be more, and is then more than any burst.
        let (sum, overflow) = credit.addingReportingOverflow(elapsed * Int128(bytesPerSecond))
        credit = overflow ? Int128(burst) * Self.second : min(sum, Int128(burst) * Self.second)
        at = nanoseconds
    }
}
