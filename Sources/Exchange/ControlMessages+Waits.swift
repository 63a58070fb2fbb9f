// What `status` says of downloads whose origin has failed, and which will be asked for again.
//
// Times are seconds since 1970 UTC.

/// One wait.
package struct StatusWait: Codable, Sendable, Equatable {
    package var url: String
    /// A sentence.
    package var reason: String
    package var since: Int64
    package var nextAttemptAt: Int64
    /// How many attempts have failed in turn.
    package var attempts: Int
    /// When it is given up.
    package var until: Int64

    package init(url: String, reason: String, since: Int64, nextAttemptAt: Int64, attempts: Int, until: Int64) {
        self.url = url
        self.reason = reason
        self.since = since
        self.nextAttemptAt = nextAttemptAt
        self.attempts = attempts
        self.until = until
    }

    init(_ report: WaitReport) {
        url = report.uri
        reason = report.why
        since = report.since
        nextAttemptAt = report.nextAttemptAt
        attempts = report.attempts
        until = report.until
    }
}

extension ControlRendering {
    /// One wait, as lines.
    func wait(_ wait: StatusWait, now: Int64) -> [String] {
        func time(_ seconds: Int64) -> String { HumanText.duration(seconds: max(0, seconds)) }
        let next = wait.nextAttemptAt <= now ? "now" : "in \(time(wait.nextAttemptAt - now))"
        return [
            "  \(AccessLogLine.escaped(wait.url))",
            "    \(AccessLogLine.escaped(wait.reason))",
            "    for \(time(now - wait.since)), \(HumanText.count(wait.attempts, "attempt")); asked again \(next), "
                + "given up in \(time(wait.until - now))",
        ]
    }
}
