// What a run has done so far, in numbers, and what it has found.

import ScriptedPeers
import Synchronization

/// Counts of all clients.
final class SoakTally: Sendable {
    struct Counts: Sendable {
        var statuses: [Int: Int] = [:]
        var requests = 0
        var whole = 0
        var bytes: Int64 = 0
        var interrupted = 0
        var switches = 0
        var unprovable = 0
        var proxyRestarts = 0
        var labRestarts = 0
        /// Nanoseconds that some client waited for its next byte.
        var longestSilence: Int64 = 0
    }

    private let counts = Mutex(Counts())

    var now: Counts { counts.withLock { $0 } }

    func add(status: Int, to object: SoakObject) {
        counts.withLock {
            $0.requests += 1
            $0.statuses[status, default: 0] += 1
        }
    }

    func received(_ bytes: Int64, switches: Int, whole: Bool, of object: SoakObject) {
        counts.withLock {
            $0.bytes += bytes
            $0.switches += switches
            if whole { $0.whole += 1 }
        }
    }

    func interrupted() { counts.withLock { $0.interrupted += 1 } }
    func unprovable() { counts.withLock { $0.unprovable += 1 } }
    func silence(_ nanoseconds: Int64) { counts.withLock { $0.longestSilence = max($0.longestSilence, nanoseconds) } }
    func proxyRestarted() { counts.withLock { $0.proxyRestarts += 1 } }
    func labRestarted() { counts.withLock { $0.labRestarts += 1 } }
}

/// What must not be.
struct Finding: Sendable {
    var what: String
    var client = ""
    var url = ""
    var request = ""
    /// In the content.
    var offset: Int64 = 0
    /// Body bytes of the response.
    var received: Int64 = 0
    var head: String?
}

final class Findings: Sendable {
    private struct State {
        var all: [Finding] = []
        var isNew: [Finding] = []
        var kinds: Set<String> = []
    }

    private static let atMost = 40
    private let state = Mutex(State())

    var count: Int { state.withLock { $0.all.count } }
    /// One cause has many victims: after so many the run ends.
    var isTooMany: Bool { count >= Self.atMost }

    func add(_ finding: Finding) {
        state.withLock {
            $0.all.append(finding)
            $0.isNew.append(finding)
        }
    }

    /// Those that were not taken yet; of those alike in one file, the first.
    func taken() -> [Finding] {
        state.withLock { state in
            defer { state.isNew = [] }
            return state.isNew.filter { state.kinds.insert($0.what.filter { !$0.isNumber } + $0.url).inserted }
        }
    }
}
