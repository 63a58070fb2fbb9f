// The requests that the laboratory has seen, in order, as JSON lines: what was asked, what was answered, how many body
// bytes were sent, and how it ended. Memory is bounded: the oldest are forgotten.

import FoundationEssentials
import Synchronization

/// How a response ended.
package enum ResponseEnd: String, Sendable, Encodable {
    case running
    case complete
    /// `drop`, or a length that was a lie: closed before the body's end.
    case dropped
    case reset
    /// Closed too early where nobody can see it.
    case truncated
    /// Not answered, since the laboratory is down.
    case down
    /// The client left before the end.
    case clientLeft = "client-left"
}

/// One request and its answer.
package struct LogEntry: Sendable, Encodable {
    /// From 1, over all connections.
    package internal(set) var number = 0
    /// Seconds since 1970 at which the request had come.
    package let time: Double
    package let client: String
    /// Which connection of the laboratory, from 1.
    package let connection: Int
    package let method: String
    package let target: String
    package let fields: [HeadField]
    /// The Range field; it stands among the fields too.
    package let range: String?
    package let ifRange: String?
    package internal(set) var status: Int?
    package internal(set) var version: Int64?
    /// Body bytes that were handed to the kernel, without the framing; while it runs, up to 64 KiB behind.
    package internal(set) var sent: Int64 = 0
    package internal(set) var end = ResponseEnd.running

    package init(_ request: LabRequest, client: String, connection: Int) {
        time = secondsSince1970()
        self.client = client
        self.connection = connection
        method = request.method
        target = request.target
        fields = request.fields
        range = request["Range"]
        ifRange = request["If-Range"]
    }
}

/// Which of the requests are asked for.
package enum LogPart: Sendable, Equatable {
    case all
    /// All, which are forgotten then.
    case reset
    /// Those of this number and later ones: what a reader that comes again has not seen.
    case from(Int)

    /// Reads what stands behind `/log?`.
    init(query: String) throws(FaultError) {
        if query.isEmpty {
            self = .all
        } else if query == "reset" {
            self = .reset
        } else if query.hasPrefix("from="), let number = Int(query.dropFirst(5)) {
            self = .from(number)
        } else {
            throw FaultError(description: "/log is followed by nothing, ?reset or ?from=NUMBER: \(query)")
        }
    }
}

/// The latest requests.
package final class RequestLog: Sendable {
    private struct State {
        var entries: [LogEntry] = []
        var nextNumber = 1
    }

    /// How many are kept at most.
    private static let limit = 20_000

    private let state = Mutex(State())

    package init() {}

    /// - Returns: the entry's number.
    package func add(_ entry: LogEntry) -> Int {
        state.withLock { state in
            var entry = entry
            entry.number = state.nextNumber
            state.nextNumber += 1
            if state.entries.count >= Self.limit { state.entries.removeFirst(Self.limit / 4) }
            state.entries.append(entry)
            return entry.number
        }
    }

    /// Changes an entry, unless it has been forgotten; answers with what it is now.
    @discardableResult
    package func update(_ number: Int, _ change: (inout LogEntry) -> Void) -> LogEntry? {
        state.withLock { state in
            guard let first = state.entries.first?.number, number >= first,
                number - first < state.entries.count
            else { return nil }
            change(&state.entries[number - first])
            return state.entries[number - first]
        }
    }

    package var entries: [LogEntry] { state.withLock { $0.entries } }

    package func entries(_ part: LogPart) -> [LogEntry] {
        switch part {
        case .all: entries
        case .reset: taken()
        case .from(let number): state.withLock { state in Array(state.entries.drop { $0.number < number }) }
        }
    }

    /// Forgets all, after answering with them.
    package func taken() -> [LogEntry] {
        state.withLock { state in
            let all = state.entries
            state.entries = []
            return all
        }
    }
}

/// A value as one line of JSON, without the line's end.
package func jsonLine(_ value: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(value) else { return "{}" }
    return String(decoding: data, as: UTF8.self)
}
