// What all exchanges of a run share: the data files, one origin, one proxy, and the report.
//
// Environment: CONFORMANCE_PROXY=address:port plays the exchanges through that proxy instead of Holdfast;
// CONFORMANCE_REPORT=path writes one line an exchange there and lets the run succeed, so that proxies are compared;
// CONFORMANCE_ONLY=text plays only those whose name contains it; CONFORMANCE_SETTLE_MS=n waits between steps;
// CONFORMANCE_EXCHANGES=folder reads other data files.

import Foundation
import Glibc
import ScriptedPeers
import Synchronization
import Testing

/// An exchange and the group that it belongs to.
struct NamedExchange: Sendable, CustomTestStringConvertible {
    let group: String
    let exchange: Exchange

    var name: String { "\(group)/\(exchange.id)" }
    var testDescription: String { "\(name) (\(exchange.rule)): \(exchange.says)" }
}

/// The data files.
enum Catalogue {
    /// Every exchange, or the failure that reading them was.
    static let read: Result<[NamedExchange], any Error> = Result { try load() }

    static let all: [NamedExchange] = {
        let only = ProcessInfo.processInfo.environment["CONFORMANCE_ONLY"] ?? ""
        return ((try? read.get()) ?? []).filter { only.isEmpty || $0.name.contains(only) }
    }()

    static var folder: String {
        if let named = ProcessInfo.processInfo.environment["CONFORMANCE_EXCHANGES"] { return named }
        return URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Exchanges").path
    }

    private static func load() throws -> [NamedExchange] {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".json") }
        return try names.sorted().flatMap { name in
            let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))
            do {
                let file = try JSONDecoder().decode(ExchangeGroup.self, from: data)
                return file.exchanges.map { NamedExchange(group: file.group, exchange: $0) }
            } catch {
                throw PeerFailure("\(name): \(error)")
            }
        }
    }
}

/// The proxy and the origin that a run shares.
final class Stage: Sendable {
    /// Made when the first exchange is played; gone with the process.
    static let shared: Result<Stage, any Error> = Result { try Stage() }

    let runner: ExchangeRunner
    private let proxy: ProxyProcess?
    private let folder: TemporaryDirectory?
    private let report: String?
    private let played = Mutex<Int>(0)

    private init() throws {
        let environment = ProcessInfo.processInfo.environment
        let origin = try ExchangeOrigin()
        report = environment["CONFORMANCE_REPORT"]
        var address = "127.0.0.1"
        let port: UInt16
        if let external = environment["CONFORMANCE_PROXY"] {
            let parts = external.split(separator: ":")
            guard parts.count == 2, let number = UInt16(parts[1]) else {
                throw PeerFailure("CONFORMANCE_PROXY is not address:port: \(external)")
            }
            (address, port) = (String(parts[0]), number)
            (proxy, folder) = (nil, nil)
        } else {
            let folder = try TemporaryDirectory()
            // An origin that lets an exchange down is given up after four seconds, not after five minutes.
            // Each exchange is an origin of its own, on one port; and what the sentinel asks is no RFC's.
            let settings = [
                "resume.origin_memory=false", "resume.confirm_end=false", "upstream.heal_timeout=\"4s\"",
                "upstream.stall_timeout=\"3s\"",
            ]
            let proxy = try ProxyProcess(cacheDirectory: folder.file("cache"), settings: settings)
            port = proxy.port
            (self.proxy, self.folder) = (proxy, folder)
            EndOfRun.kill(proxy.child.processIdentifier, andRemove: folder.path)
        }
        let settle = environment["CONFORMANCE_SETTLE_MS"].flatMap { UInt32($0) } ?? 0
        runner = ExchangeRunner(
            proxyAddress: address,
            proxyPort: port,
            origin: origin,
            settleMicroseconds: settle * 1000
        )
    }

    /// Plays an exchange under a path of its own, and reports it.
    func play(_ named: NamedExchange) throws -> Outcome {
        let number = played.withLock { count in
            count += 1
            return count
        }
        let outcome = runner.run(named.exchange, under: "/\(named.group)/\(named.exchange.id).\(number)")
        if let report { try append(named, outcome, to: report) }
        return outcome
    }

    /// Whether failures are only reported.
    var onlyReports: Bool { report != nil }

    private func append(_ named: NamedExchange, _ outcome: Outcome, to path: String) throws {
        let reason = (outcome.complaint ?? "").map { $0 == "\t" || $0.isNewline ? " " : $0 }
        let result = outcome.passed ? "passed" : "failed"
        let columns = [named.group, named.exchange.id, named.exchange.level.rawValue, result, String(reason)]
        let line = Array((columns.joined(separator: "\t") + "\n").utf8)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        if descriptor < 0 { throw PeerFailure("the report cannot be written: \(path)") }
        defer { close(descriptor) }
        // One write a line: lines of exchanges that end together do not mix.
        if write(descriptor, line, line.count) != line.count { throw PeerFailure("the report is cut: \(path)") }
    }
}

/// What has to go when the run ends; values with a static home are not released then.
private enum EndOfRun {
    static let leftovers = Mutex<[(processIdentifier: Int32, path: String)]>([])

    static func kill(_ processIdentifier: Int32, andRemove path: String) {
        leftovers.withLock { $0.append((processIdentifier, path)) }
        atexit {
            for leftover in EndOfRun.leftovers.withLock({ $0 }) {
                _ = Glibc.kill(leftover.processIdentifier, SIGKILL)
                try? FileManager.default.removeItem(atPath: leftover.path)
            }
        }
    }
}
