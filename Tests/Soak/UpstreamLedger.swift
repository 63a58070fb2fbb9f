// What crossed the upstream link, by the laboratory's log, and what had to. Of each version of a file a byte has to cross
// once, if some client wanted it; whatever came again is counted, and set against what may come again: the overlap
// that a resume compares, and what a kill took before it was claimed.

import Foundation
import ScriptedPeers
import Synchronization

/// A line of /log, as far as it is needed.
private struct LogLine: Decodable {
    let number: Int
    let method: String
    let target: String
    let range: String?
    let status: Int?
    let version: Int64?
    let sent: Int64
    let end: String
}

/// The sums of some files.
struct UpstreamSums: Sendable {
    /// Body bytes that the laboratory sent.
    var sent: Int64 = 0
    /// Bytes that had to be fetched: sent at least once, and wanted.
    var needed: Int64 = 0
    /// Sent at least once, and wanted by nobody.
    var unwanted: Int64 = 0
    /// Came again, and was compared: at most 16 KiB for each answer with a part.
    var probed: Int64 = 0
    /// Came again after a kill, within what a kill may cost.
    var lost: Int64 = 0
    /// Came again for no good reason.
    var repeated: Int64 = 0
    /// Of which file, the most of it.
    var worst: (target: String, repeated: Int64) = ("", 0)

    /// What crossed the link, over what had to.
    var ratio: Double { needed == 0 ? 1 : Double(sent) / Double(needed) }
    /// The same without what a kill may cost.
    var ratioWithoutKills: Double { needed == 0 ? 1 : Double(sent - lost) / Double(needed) }
}

final class UpstreamLedger: Sendable {
    private struct Version {
        var sent: Int64 = 0
        var union = Spans()
        var probed: Int64 = 0
        var mayBeLost: Int64 = 0
    }

    private struct File {
        var isSound: Bool
        var size: Int64
        var wanted = Spans()
        var versions: [Int64: Version] = [:]
    }

    private struct State {
        var files: [String: File] = [:]
        var running: [Int: LogLine] = [:]
        var next = 1
    }

    /// Hardening 2.2: at most 1 MiB or 100 ms of a body, and what is on its way in the sockets.
    private static let lostAtMost: Int64 = 3 << 20
    private static let probe: Int64 = 16 << 10

    private let port: UInt16
    private let state = Mutex(State())

    init(port: UInt16) { self.port = port }

    func wants(_ object: SoakObject, _ wish: Wish, held: Int64) {
        state.withLock { state in
            var file = state.files[object.target] ?? File(isSound: object.isSound, size: object.size)
            for range in wish.wanted(held: held, length: object.size) where !range.isEmpty { file.wanted.insert(range) }
            state.files[object.target] = file
        }
    }

    /// Reads what is new in the laboratory's log. One caller at a time, and none while the laboratory is away.
    func poll() throws {
        let from = state.withLock { min($0.next, $0.running.keys.min() ?? .max) }
        let answer = try PeerClient.get("http://127.0.0.1:\(port)/log?from=\(from)", through: port)
        let decoder = JSONDecoder()
        let lines = try answer.text.split(separator: "\n").map { try decoder.decode(LogLine.self, from: Data($0.utf8)) }
        state.withLock { state in
            for line in lines where line.number >= state.next || state.running[line.number] != nil {
                state.next = max(state.next, line.number + 1)
                if line.end == "running" {
                    state.running[line.number] = line
                } else {
                    state.running[line.number] = nil
                    Self.count(line, in: &state)
                }
            }
        }
    }

    /// Whatever runs now ends with the laboratory, and its counts begin anew. After a `poll`.
    func labWasKilled() {
        state.withLock { state in
            for line in state.running.values { Self.count(line, in: &state) }
            state.running = [:]
            state.next = 1
        }
    }

    /// After a `poll`: what runs now was being received when the proxy was killed.
    func proxyWasKilled() {
        state.withLock { state in
            for line in state.running.values {
                guard let version = line.version else { continue }
                state.files[line.target]?.versions[version, default: Version()].mayBeLost += Self.lostAtMost
            }
        }
    }

    private static func count(_ line: LogLine, in state: inout State) {
        guard line.method == "GET", let version = line.version, line.status == 200 || line.status == 206, line.sent > 0,
            var file = state.files[line.target]
        else { return }
        let start = line.status == 200 ? 0 : firstByte(line.range, size: file.size)
        let range = start..<start + line.sent
        var counted = file.versions[version] ?? Version()
        counted.sent += line.sent
        if line.status == 206 {
            counted.probed += min(probe, counted.union.shared(with: start..<min(start + probe, range.upperBound)))
        }
        counted.union.insert(range)
        file.versions[version] = counted
        state.files[line.target] = file
    }

    private static func firstByte(_ range: String?, size: Int64) -> Int64 {
        guard let range, let mark = range.firstIndex(of: "=") else { return 0 }
        let ends = range[range.index(after: mark)...].split(separator: "-", omittingEmptySubsequences: false)
        if let first = ends.first.flatMap({ Int64($0) }) { return first }
        return ends.count == 2 ? max(0, size - (Int64(ends[1]) ?? 0)) : 0
    }

    func sums(sound: Bool) -> UpstreamSums {
        state.withLock { state in
            var sums = UpstreamSums()
            for (target, file) in state.files where file.isSound == sound {
                var repeatedHere: Int64 = 0
                for version in file.versions.values {
                    let union = version.union.count
                    let needed = version.union.shared(with: file.wanted)
                    let again = version.sent - union
                    let probed = min(again, version.probed)
                    let lost = min(again - probed, version.mayBeLost)
                    sums.sent += version.sent
                    sums.needed += needed
                    sums.unwanted += union - needed
                    sums.probed += probed
                    sums.lost += lost
                    repeatedHere += again - probed - lost
                }
                sums.repeated += repeatedHere
                if repeatedHere > sums.worst.repeated { sums.worst = (target, repeatedHere) }
            }
            return sums
        }
    }
}
