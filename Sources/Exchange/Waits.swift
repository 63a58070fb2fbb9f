// What is being waited for: downloads whose origin has failed, and which will be asked for again. `status` shows them,
// and the log says when a wait begins and when it is over. It decides nothing about waits.

import HTTPSemantics
import Synchronization
import Transport

/// One wait as `status` shows it. Times are seconds since 1970 UTC.
package struct WaitReport: Sendable {
    package let uri: String
    /// A sentence.
    package let why: String
    package let since: Int64
    package let nextAttemptAt: Int64
    /// How many attempts have failed in turn.
    package let attempts: Int
    /// When it is given up.
    package let until: Int64
}

/// All waits of the process. May be used from any thread.
final class Waits: Sendable {
    private struct State {
        var reports: [Int: WaitReport] = [:]
        var last = 0
    }

    private let state = Mutex(State())

    var reports: [WaitReport] {
        state.withLock { state in state.reports.sorted { $0.key < $1.key }.map(\.value) }
    }

    fileprivate func add(_ report: WaitReport) -> Int {
        state.withLock { state in
            state.last += 1
            state.reports[state.last] = report
            return state.last
        }
    }

    fileprivate func change(_ number: Int, to report: WaitReport) {
        state.withLock { $0.reports[number] = report }
    }

    fileprivate func remove(_ number: Int) {
        _ = state.withLock { $0.reports.removeValue(forKey: number) }
    }
}

/// The waits of one download, one after the other. Used on one loop.
final class Waiting {
    private let waits: Waits
    private let log: @Sendable (String) -> Void
    private let target: AbsoluteURI
    private var uri: String { target.description }
    private var number: Int?
    private var report: WaitReport?
    /// Monotonic nanoseconds.
    private var startedAt: Int64 = 0

    init(_ uri: AbsoluteURI, in table: FillTable) {
        waits = table.waits
        log = table.log
        target = uri
    }

    deinit { number.map(waits.remove) }

    /// An attempt has failed, and another will follow.
    ///
    /// - Parameters:
    ///   - why: a sentence.
    ///   - next: nanoseconds until the next attempt.
    ///   - limit: nanoseconds until it is given up.
    func begins(_ why: String, next: Int64, limit: Int64) {
        let now = Clock.unixSeconds()
        let before = report
        let report = WaitReport(
            uri: uri,
            why: why,
            since: before?.since ?? now,
            nextAttemptAt: now + Self.seconds(next),
            attempts: (before?.attempts ?? 0) + 1,
            until: now + Self.seconds(limit)
        )
        self.report = report
        if let number {
            waits.change(number, to: report)
        } else {
            startedAt = Clock.monotonicNanoseconds()
            number = waits.add(report)
        }
        // What is said once need not be said at every attempt.
        guard before?.why != why else { return }
        let when = next < 1_000_000_000 ? "" : " in \(HumanText.duration(seconds: Self.seconds(next)))"
        log("\(uri): \(why) Asking again\(when).")
    }

    var isWaiting: Bool { number != nil }

    /// What was waited for has come.
    func wentOn() {
        guard let report else { return }
        let waited = Clock.monotonicNanoseconds() - startedAt
        // After a mere reconnection there is nothing to tell.
        if report.attempts > 1 || waited >= 1_000_000_000 {
            log(
                "\(uri): went on after \(HumanText.duration(seconds: Self.seconds(waited))), "
                    + HumanText.count(report.attempts, "attempt") + "."
            )
        }
        ends()
    }

    /// Nothing is waited for any more.
    func ends() {
        number.map(waits.remove)
        number = nil
        report = nil
    }

    /// Rounded up: what is still to come is never "in 0 s".
    private static func seconds(_ nanoseconds: Int64) -> Int64 {
        max(0, nanoseconds) / 1_000_000_000 + (nanoseconds % 1_000_000_000 > 0 ? 1 : 0)
    }
}
