// How fast a fill is, for the plan and for `status`. It knows no clock: instants are arguments.

/// How many bytes a second arrive, over the last second or so.
struct RateMeter {
    private(set) var bytesPerSecond: Int64 = 0
    /// A connection begins slowly, on a busy machine more so. Whoever took that for its rate would cut a fill off to
    /// overtake it, and what is already on its way would cross the link twice.
    private(set) var isSettled = false
    private var began: Int64 = 0
    private var windowStart: Int64 = 0
    private var windowBytes: Int64 = 0

    /// Nanoseconds from the first byte on.
    private static let settling: Int64 = 1_000_000_000

    /// - Parameter now: monotonic nanoseconds.
    mutating func add(_ bytes: Int64, at now: Int64) {
        if windowStart == 0 { (began, windowStart) = (now, now) }
        windowBytes += bytes
        let elapsed = now - windowStart
        guard elapsed >= 250_000_000 else { return }
        let measured = Int64(Double(windowBytes) / (Double(elapsed) / 1_000_000_000))
        bytesPerSecond = bytesPerSecond == 0 ? measured : (bytesPerSecond + measured) / 2
        isSettled = now - began >= Self.settling
        windowStart = now
        windowBytes = 0
    }
}
