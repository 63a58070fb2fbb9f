// How fast a fill is, for the plan and for `status`. It knows no clock: instants are arguments.

/// How many bytes a second arrive, over the last second or so.
struct RateMeter {
    private(set) var bytesPerSecond: Int64 = 0
    private var windowStart: Int64 = 0
    private var windowBytes: Int64 = 0

    /// - Parameter now: monotonic nanoseconds.
    mutating func add(_ bytes: Int64, at now: Int64) {
        if windowStart == 0 { windowStart = now }
        windowBytes += bytes
        let elapsed = now - windowStart
        guard elapsed >= 250_000_000 else { return }
        let measured = Int64(Double(windowBytes) / (Double(elapsed) / 1_000_000_000))
        bytesPerSecond = bytesPerSecond == 0 ? measured : (bytesPerSecond + measured) / 2
        windowStart = now
        windowBytes = 0
    }
}
