// An origin that follows a script: one script for each connection, in the order in which they come, each
// on a thread of its own. What it received, and whether a script failed, can be asked afterwards.

import Foundation
import Synchronization

final class ScriptedOrigin: Sendable {
    typealias Script = @Sendable (RawSocket) throws -> Void

    let port: Int
    private let listener: RawSocket
    private let record = Record()

    private final class Record: Sendable {
        let state = Mutex<(accepted: Int, failures: [String])>((0, []))
        let finished = DispatchGroup()
    }

    init(_ scripts: Script...) throws {
        let (listener, port) = try RawSocket.listen()
        self.listener = listener
        self.port = port
        let record = self.record
        for _ in scripts { record.finished.enter() }
        Thread.detachNewThread {
            for script in scripts {
                guard let socket = try? listener.accept() else {
                    record.state.withLock { $0.failures.append("no further connection came") }
                    record.finished.leave()
                    continue
                }
                record.state.withLock { $0.accepted += 1 }
                Thread.detachNewThread {
                    do {
                        try script(socket)
                    } catch {
                        record.state.withLock { $0.failures.append("\(error)") }
                    }
                    record.finished.leave()
                }
            }
        }
    }

    /// How many connections have come so far.
    var accepted: Int { record.state.withLock { $0.accepted } }

    /// What went wrong in the scripts, once all of them have run to their ends.
    func failures() async -> [String] {
        await withCheckedContinuation { continuation in
            record.finished.notify(queue: .global()) { continuation.resume() }
        }
        return record.state.withLock { $0.failures }
    }
}

/// Runs a closure that blocks on a thread of its own, so that tasks go on meanwhile.
func onThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Swift.Result(catching: body)) }
    }
}

/// A gate that a script waits before and a test opens, or the other way about.
final class Barrier: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func open() { semaphore.signal() }

    /// - Returns: whether it was opened in time.
    @discardableResult
    func wait() -> Bool { semaphore.wait(timeout: .now() + 20) == .success }
}

/// A list that threads append to and a test waits on.
final class Journal<Entry: Sendable & Equatable>: Sendable {
    private let entries = Mutex<[Entry]>([])
    private let changed = DispatchSemaphore(value: 0)

    func append(_ entry: Entry) {
        entries.withLock { $0.append(entry) }
        changed.signal()
    }

    var all: [Entry] { entries.withLock { $0 } }

    /// Waits until the condition holds of the entries, and returns them; after 20 seconds in any case.
    @discardableResult
    func wait(until condition: ([Entry]) -> Bool) -> [Entry] {
        while true {
            let current = all
            if condition(current) { return current }
            if changed.wait(timeout: .now() + 20) == .timedOut { return all }
        }
    }

    @discardableResult
    func wait(for entry: Entry) -> [Entry] { wait { $0.contains(entry) } }
}
