// How long a response is taken for fresh whose origin does not say it (RFC 9111 §4.2.2): a share of the time
// since it was last modified, within a bound (hardening R72).

package struct HeuristicFreshness: Sendable, Hashable {
    /// 0 to 1.
    package let share: Double
    /// Seconds.
    package let longest: Int64

    package init(share: Double, longest: Int64) {
        self.share = share.isFinite ? min(max(share, 0), 1) : 0
        self.longest = max(0, longest)
    }

    /// A tenth, at most a day.
    package static let standard = HeuristicFreshness(share: 0.1, longest: 86_400)

    /// - Parameter seconds: between Last-Modified and Date, 0 to 2^31.
    func lifetime(sinceModification seconds: Int64) -> Int64 {
        min(Int64(Double(seconds) * share), longest)
    }
}
