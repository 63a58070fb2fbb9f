// When a failed fill is tried again (hardening R47). Attempts without progress repeat at growing distances
// until `heal_timeout` after the last gain; after a gain the next attempt is made at once. Pure: instants
// are monotonic nanoseconds, randomness is an argument. What failed, and whether trying again makes sense
// at all, is decided elsewhere.

package enum RetryDecision: Equatable, Sendable {
    /// Try again at this monotonic instant (it may be now), in nanoseconds.
    case at(Int64)
    /// The client was held long enough.
    case giveUp
}

/// The policy and the history of one fill: a value that the fill carries.
package struct RetryPolicy: Sendable, Equatable {
    package var healTimeoutNanoseconds: Int64
    package var firstDelayNanoseconds: Int64
    package var maxDelayNanoseconds: Int64
    /// So many bytes are a gain.
    package var gainBytes: Int64
    package private(set) var history: History

    package struct History: Sendable, Equatable {
        /// How many attempts failed since the last gain.
        package var attemptsWithoutProgress: Int
        /// Monotonic; the start of the fill where nothing was gained so far.
        package var lastGainNanoseconds: Int64
        /// Bytes received since the last gain, over all attempts.
        package var bytesSinceGain: Int64
        /// Whether the running attempt has gained: its failure is followed by another attempt at once.
        package var hasJustGained: Bool
    }

    package init(
        healTimeoutNanoseconds: Int64 = 300_000_000_000,
        firstDelayNanoseconds: Int64 = 500_000_000,
        maxDelayNanoseconds: Int64 = 8_000_000_000,
        gainBytes: Int64 = 65536,
        startedAt nanoseconds: Int64 = 0
    ) {
        self.healTimeoutNanoseconds = healTimeoutNanoseconds
        self.firstDelayNanoseconds = firstDelayNanoseconds
        self.maxDelayNanoseconds = maxDelayNanoseconds
        self.gainBytes = gainBytes
        history = History(
            attemptsWithoutProgress: 0,
            lastGainNanoseconds: nanoseconds,
            bytesSinceGain: 0,
            hasJustGained: false
        )
    }

    /// The same policy with an empty history that begins at this monotonic instant.
    package func started(at nanoseconds: Int64) -> RetryPolicy {
        RetryPolicy(
            healTimeoutNanoseconds: healTimeoutNanoseconds,
            firstDelayNanoseconds: firstDelayNanoseconds,
            maxDelayNanoseconds: maxDelayNanoseconds,
            gainBytes: gainBytes,
            startedAt: nanoseconds
        )
    }

    /// Bytes were received that were missing; those of an overlap are no gain.
    package mutating func gained(_ bytes: Int64, at nanoseconds: Int64) {
        history.bytesSinceGain = Self.sum(history.bytesSinceGain, max(0, bytes))
        guard history.bytesSinceGain >= gainBytes else { return }
        history.bytesSinceGain = 0
        history.attemptsWithoutProgress = 0
        history.lastGainNanoseconds = nanoseconds
        history.hasJustGained = true
    }

    /// The attempt failed, and could be resumed.
    ///
    /// - Parameters:
    ///   - retryAfterNanoseconds: what the origin's `Retry-After` asks for, from now on. It can lengthen a
    ///     delay, not shorten it: a `Retry-After: 0` must not make a tight loop.
    ///   - random: 0..<1.
    package mutating func failed(
        at nanoseconds: Int64,
        retryAfterNanoseconds: Int64?,
        random: Double
    ) -> RetryDecision {
        var delay: Int64 = 0
        if history.hasJustGained {
            history.hasJustGained = false
        } else {
            history.attemptsWithoutProgress += 1
            delay = jittered(backOff(attempt: history.attemptsWithoutProgress), random: random)
        }
        delay = max(delay, retryAfterNanoseconds ?? 0)
        let instant = Self.sum(nanoseconds, delay)
        // An attempt that could only begin when nobody is held any more is not worth waiting for.
        return nanoseconds >= deadline || instant > deadline ? .giveUp : .at(instant)
    }

    /// When it is given up, where nothing is gained until then. Monotonic nanoseconds.
    package var deadline: Int64 { Self.sum(history.lastGainNanoseconds, healTimeoutNanoseconds) }

    /// The delay before jitter: doubling from the first to the longest.
    private func backOff(attempt: Int) -> Int64 {
        var delay = min(firstDelayNanoseconds, maxDelayNanoseconds)
        var doublings = attempt - 1
        while doublings > 0, delay > 0, delay < maxDelayNanoseconds {
            delay = min(Self.sum(delay, delay), maxDelayNanoseconds)
            doublings -= 1
        }
        return max(0, delay)
    }

    /// Between one half of the delay and the whole of it, so that fills that failed together do not return
    /// together.
    private func jittered(_ delay: Int64, random: Double) -> Int64 {
        let half = delay / 2
        let share = random.isFinite ? min(max(random, 0), 1) : 0
        // Below 2^62, so the conversion and the sum stay in range.
        return half + min(Int64(Double(delay - half) * share), delay - half)
    }

    private static func sum(_ one: Int64, _ other: Int64) -> Int64 {
        let (sum, overflow) = one.addingReportingOverflow(other)
        return overflow ? (other < 0 ? Int64.min : Int64.max) : sum
    }
}
