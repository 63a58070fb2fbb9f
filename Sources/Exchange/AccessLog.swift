// The access log: takes the record of every finished exchange on its event loop, which must cost next to nothing, and
// has it formatted and written by a thread of its own.

package import Configuration
import Glibc
import Transport

/// Writes a line a request. May be used from any thread.
package final class AccessLog: Sendable {
    private struct Entry: Sendable {
        let record: ExchangeRecord
        /// Nanoseconds since 1970 UTC.
        let endedAt: Int64
        let nanoseconds: Int64
    }

    /// nil: the log is off.
    private let spool: LogSpool<Entry>?

    /// - Parameter diagnose: is given a sentence where lines are lost.
    package init(
        _ configuration: Configuration.Log,
        cacheName: String,
        diagnose: @escaping @Sendable (String) -> Void
    ) throws(AccessLogFailure) {
        let sink: any LogSink
        var delayNanoseconds: Int64 = 200_000_000
        switch configuration.access {
        case .off:
            spool = nil
            return
        case .standardOutput:
            sink = DescriptorSink(descriptor: STDOUT_FILENO)
            // Whoever looks at a terminal wants to see the line at once.
            if isatty(STDOUT_FILENO) == 1 { delayNanoseconds = 0 }
        case .file(let path):
            do throws(LogWriteFailure) {
                sink = try RotatingFileSink(path: path, maxSize: configuration.maxSize)
            } catch {
                throw AccessLogFailure(path: path, code: error.code)
            }
        }
        let keepsQuery = configuration.query
        spool = LogSpool(
            sink: sink,
            delayNanoseconds: delayNanoseconds,
            format: { entry in
                AccessLogLine.bytes(
                    entry.record,
                    endedAt: entry.endedAt,
                    nanoseconds: entry.nanoseconds,
                    cacheName: cacheName,
                    keepsQuery: keepsQuery
                )
            },
            lost: { lines, why in diagnose("\(HumanText.count(lines, "line")) of the access log were lost: \(why)") }
        )
    }

    /// Called when an exchange has ended.
    package func write(_ record: ExchangeRecord) {
        guard let spool else { return }
        let entry = Entry(
            record: record,
            endedAt: Clock.unixNanoseconds(),
            nanoseconds: Clock.monotonicNanoseconds() - record.startedAt
        )
        spool.append(entry, cost: 256 + record.uri.utf8.count)
    }

    /// Writes what waits. What is written after that is lost.
    package func close() { spool?.close() }
}

/// Why the log could not be opened.
package struct AccessLogFailure: Error {
    let path: String
    /// errno
    let code: Int32

    package var sentence: String {
        "The access log \(path) (log.access) cannot be opened: \(String(cString: strerror(code)))."
    }
}
