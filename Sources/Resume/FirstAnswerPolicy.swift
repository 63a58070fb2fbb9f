// When a request is repeated of whose answer the client has seen nothing (hardening R56): at most twice, and so that an
// origin which restarts is waited for, while one that is gone is reported within a few seconds. Pure: durations are
// nanoseconds, randomness is an argument. Whether the request may be repeated at all is decided elsewhere.

/// Why there is no answer to pass on yet.
package enum FirstAnswerTrouble: Equatable, Sendable {
    /// Nobody answers at the address, or the name cannot be looked up at this moment.
    case absent
    /// The connection broke before a byte of the answer came.
    case broken
    /// 429 or 503 with Retry-After, in seconds (RFC 9110 §10.2.3).
    case busy(retryAfterSeconds: Int64)
}

package struct FirstAnswerPolicy: Equatable, Sendable {
    /// Longest sum of the waits that origins ask for by Retry-After; 0: none.
    package let retryAfterWaitNanoseconds: Int64
    private var attempts = 1
    private var waitedNanoseconds: Int64 = 0

    package init(retryAfterWaitNanoseconds: Int64) {
        self.retryAfterWaitNanoseconds = retryAfterWaitNanoseconds
    }

    /// The request failed so.
    ///
    /// - Parameter random: 0..<1.
    /// - Returns: how long to wait before the next attempt; nil where what came is passed on.
    package mutating func failed(_ trouble: FirstAnswerTrouble, random: Double) -> Int64? {
        guard attempts < Self.attemptsAtMost else { return nil }
        let wait: Int64
        switch trouble {
        case .absent:
            // Together two seconds at least: an origin that restarts is there again.
            wait = attempts == 1 ? Self.between(500, 1000, random) : Self.between(1500, 2500, random)
        case .broken:
            // A new connection may do better at once. If it does not, somebody restarts.
            wait = attempts == 1 ? Self.between(50, 100, random) : Self.between(2000, 3000, random)
        case .busy(let seconds):
            let asked = seconds.multipliedReportingOverflow(by: 1_000_000_000)
            // `Retry-After: 0` makes no tight loop.
            wait = asked.overflow ? .max : max(asked.partialValue, Self.between(500, 1000, random))
            guard wait <= retryAfterWaitNanoseconds - waitedNanoseconds else { return nil }
            waitedNanoseconds += wait
        }
        attempts += 1
        return wait
    }

    /// R56: the first one included.
    private static let attemptsAtMost = 3

    /// In milliseconds, so that requests that failed together do not return together.
    private static func between(_ low: Int64, _ high: Int64, _ random: Double) -> Int64 {
        let share = random.isFinite ? min(max(random, 0), 1) : 0
        return (low + Int64(Double(high - low) * share)) * 1_000_000
    }
}
