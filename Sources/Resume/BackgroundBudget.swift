// The budget of all work that no client waits for: BackgroundRate says how fast it may be at each moment, and this holds
// it to that. A value; instants are monotonic nanoseconds and come as arguments.

package struct BackgroundBudget: Sendable, Equatable {
    package let pace: BackgroundRate
    /// Bytes per second, as it was last asked; nil: without a limit.
    package private(set) var rate: Int64?
    private var budget: RateBudget?

    package init(_ pace: BackgroundRate) { self.pace = pace }

    /// From which instant on these bytes are within the rate that holds now.
    package mutating func reserve(_ bytes: Int64, on link: LinkEstimate, at nanoseconds: Int64) -> Int64 {
        follow(link, at: nanoseconds)
        return budget?.reserve(bytes, at: nanoseconds) ?? nanoseconds
    }

    /// Takes over the rate that the link allows now. Where there is none, nothing is owed any more.
    package mutating func follow(_ link: LinkEstimate, at nanoseconds: Int64) {
        let now = pace.rate(on: link)
        guard now != rate || budget == nil else { return }
        rate = now
        guard let now else {
            budget = nil
            return
        }
        if budget == nil { budget = RateBudget(bytesPerSecond: now, startedAt: nanoseconds) }
        budget?.limit(to: now, at: nanoseconds)
    }
}
