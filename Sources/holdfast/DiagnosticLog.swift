// What the program says about itself: one line a sentence on standard error, with the time, escaped and bounded
// (R101). The proxy says it through a spool, since sentences come from event loops too.

import Exchange
import Glibc
import Transport

/// May be used from any thread.
final class DiagnosticLog: Sendable {
    private struct Entry: Sendable {
        let sentence: String
        /// Nanoseconds since 1970 UTC.
        let at: Int64
    }

    private let spool = LogSpool<Entry>(
        sink: DescriptorSink(descriptor: STDERR_FILENO),
        capacity: 1 << 20,
        delayNanoseconds: 0,
        format: { AccessLogLine.diagnostic($0.sentence, at: $0.at) },
        // There is nowhere else to say it.
        lost: { _, _ in }
    )

    func write(_ sentence: String) {
        spool.append(Entry(sentence: sentence, at: Clock.unixNanoseconds()), cost: 64 + sentence.utf8.count)
    }

    func close() { spool.close() }

    /// For commands, which have nobody to wait for.
    static func writeAtOnce(_ sentence: String) {
        try? DescriptorSink(descriptor: STDERR_FILENO)
            .write(AccessLogLine.diagnostic(sentence, at: Clock.unixNanoseconds()))
    }
}
