// A laboratory within the test's own process, on a port that the kernel picks, and a client for it.

import ScriptedPeers
import holdfast_lab

/// A running laboratory; stopped when it is released.
final class Lab: Sendable {
    let server: LabServer

    init(seed: UInt64 = 7, epoch: Double? = nil, down: Downtime? = nil) throws {
        server = try LabServer(listen: "127.0.0.1:0", seed: seed, epoch: epoch, down: down)
    }

    deinit { server.stop() }

    func url(_ target: String) -> String { "http://127.0.0.1:\(server.port)\(target)" }

    func client() throws -> PeerClient { try PeerClient(port: server.port) }

    /// One request on a connection of its own.
    func get(_ target: String, _ fields: PeerFields = [:], method: String = "GET") throws -> ReceivedResponse {
        try PeerClient.get(url(target), through: server.port, fields: fields, method: method)
    }

    /// The bytes of a version of a file.
    func content(_ target: String, version: Int64 = 1) throws -> LabContent {
        guard case .file(let file) = try LabTarget(target) else { throw PeerFailure("no file: \(target)") }
        return file.content(labSeed: server.seed, version: version)
    }

    func bytes(_ target: String, version: Int64 = 1) throws -> [UInt8] {
        let content = try content(target, version: version)
        return content.bytes(0..<content.length)
    }

    /// The log, once every answer has ended: a client has its last byte before the log has it.
    func log(count: Int) throws -> [LogEntry] {
        try waitUntil("\(count) answers in the log that have ended") {
            server.log.entries.count >= count && server.log.entries.allSatisfy { $0.end != .running }
        }
        return server.log.entries
    }
}
