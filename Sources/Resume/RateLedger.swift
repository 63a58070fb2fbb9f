// Limits of one kind for many: one budget of all, and one of each client, or each origin. Who is slow in using what it was
// given takes nothing from the others. Values and events; instants are monotonic nanoseconds and come as arguments.

package struct RateLedger<Key: Hashable & Sendable>: Sendable {
    /// Bytes per second; nil: no limit.
    package let rate: Int64?
    package let ratePerKey: Int64?
    private var all: RateBudget?
    private var budgets: [Key: RateBudget] = [:]
    /// So many keys may be remembered before those that use nothing are forgotten.
    private var keysAtMost = leastKeys

    private static var leastKeys: Int { 1024 }

    package init(rate: Int64?, ratePerKey: Int64?, startedAt nanoseconds: Int64) {
        self.rate = rate
        self.ratePerKey = ratePerKey
        all = rate.map { RateBudget(bytesPerSecond: $0, startedAt: nanoseconds) }
    }

    /// As much as one of many takes at once, so that all have their turn soon: what goes in a 20th of a second, between
    /// 4 KiB and 256 KiB. `Int64.max` without a limit.
    package var slice: Int64 {
        guard let rate = [rate, ratePerKey].compactMap({ $0 }).min() else { return .max }
        return min(max(rate / 20, 4096), 256 << 10)
    }

    package var keyCount: Int { budgets.count }

    /// From which instant on these bytes are within all limits; they are taken out of the budgets at once.
    package mutating func reserve(_ bytes: Int64, of key: Key, at nanoseconds: Int64) -> Int64 {
        var instant = all?.reserve(bytes, at: nanoseconds) ?? nanoseconds
        guard let ratePerKey else { return instant }
        var budget = budgets[key] ?? RateBudget(bytesPerSecond: ratePerKey, startedAt: nanoseconds)
        instant = max(instant, budget.reserve(bytes, at: nanoseconds))
        if budgets.updateValue(budget, forKey: key) == nil { forget(at: nanoseconds) }
        return instant
    }

    /// Bytes that were reserved and do not go.
    package mutating func giveBack(_ bytes: Int64, of key: Key) {
        all?.giveBack(bytes)
        budgets[key]?.giveBack(bytes)
    }

    /// A budget that is full is as good as a new one.
    private mutating func forget(at nanoseconds: Int64) {
        guard budgets.count > keysAtMost else { return }
        budgets = budgets.filter { _, budget in
            var budget = budget
            return !budget.isFull(at: nanoseconds)
        }
        keysAtMost = max(Self.leastKeys, 2 * budgets.count)
    }
}
