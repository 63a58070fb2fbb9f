// The stage of a scenario in which every byte of the origin's answer is written by the test: one scripted origin and
// one proxy on a cache of its own, both on loopback, gone with the scene. Nothing here decides anything.

import Foundation
import ScriptedPeers

/// A scripted origin, and the proxy before it.
final class ScriptedScene: @unchecked Sendable {
    let origin: ScriptedOrigin
    let proxy: ProxyProcess
    let folder: TemporaryDirectory

    /// - Parameters:
    ///   - settings: each becomes `--set key=value`.
    ///   - listen: the proxy's own address; port 0 picks a free one.
    ///   - file: what stands in proxy.conf; nil for none.
    ///   - readsBodies: whether requests' bodies are read before the handler is called.
    init(
        settings: [String] = [],
        listen: String = "127.0.0.1:0",
        readsBodies: Bool = true,
        file: String? = nil,
        handler: @escaping ScriptedOrigin.Handler
    ) throws {
        folder = try TemporaryDirectory()
        origin = try ScriptedOrigin(readsBodies: readsBodies, handler: handler)
        var arguments: [String] = []
        if let file {
            let path = folder.file("proxy.conf")
            try file.write(toFile: path, atomically: true, encoding: .utf8)
            arguments = ["--config", path]
        }
        proxy = try ProxyProcess(
            cacheDirectory: folder.file("cache"),
            settings: settings,
            arguments: arguments,
            listen: listen
        )
    }

    deinit {
        origin.stop()
        try? proxy.kill()
    }

    func url(_ target: String) -> String { origin.url(target) }

    func client() throws -> PeerClient { try PeerClient(port: proxy.port) }

    func get(_ target: String, _ fields: PeerFields = [:], method: String = "GET") throws -> ReceivedResponse {
        try PeerClient.get(url(target), through: proxy.port, fields: fields, method: method)
    }

    /// Sends bytes as they stand on a connection of its own; the first response, and what came after it.
    func raw(_ bytes: [UInt8], method: String = "GET") throws -> (response: ReceivedResponse, rest: [UInt8]) {
        let client = try client()
        defer { client.close() }
        try client.send(bytes)
        let response = try client.response(method: method)
        return (response, try client.rest().bytes)
    }

    func raw(_ text: String, method: String = "GET") throws -> (response: ReceivedResponse, rest: [UInt8]) {
        try raw(Array(text.utf8), method: method)
    }

    /// The lines of the access log that end so far, each without its line feed; the start-up line left out.
    var accessLog: [String] {
        var lines = proxy.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        lines.removeLast()
        return lines.filter { !$0.hasPrefix("holdfast: ") }
    }

    func waitForAccessLog(_ count: Int) throws -> [String] {
        try waitUntil("\(count) lines of the access log") { accessLog.count >= count }
        return accessLog
    }
}

/// An origin that answers every request with the same short text, which may be stored.
func answering(_ text: String = "hello\n", _ fields: PeerFields = [:]) -> ScriptedOrigin.Handler {
    { _, connection in try connection.respond(fields: fields, text: text) }
}

/// An origin that answers every request with the same bytes and then closes.
func sending(_ text: String) -> ScriptedOrigin.Handler {
    { _, connection in
        try connection.send(text)
        connection.close()
    }
}

/// A port of loopback on which nobody listens.
func unusedPort() throws -> UInt16 {
    let origin = try ScriptedOrigin { _, _ in }
    origin.stop()
    try waitUntil("port \(origin.port) is free") { (try? PeerClient(port: origin.port)) == nil }
    return origin.port
}

/// What a command printed, read as JSON.
func jsonObject(_ text: String) throws -> [String: Any] {
    guard let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] else {
        throw PeerFailure("not a JSON object: \(text)")
    }
    return object
}

/// Kibibytes of memory that belong to a process alone (RssAnon).
func privateKibibytes(of process: Int32) throws -> Int {
    let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
    for line in status.split(separator: "\n") where line.hasPrefix("RssAnon:") || line.hasPrefix("VmRSS:") {
        let digits = line.drop { !$0.isNumber }.prefix(while: \.isNumber)
        if let value = Int(digits), line.hasPrefix("RssAnon:") || !status.contains("RssAnon:") { return value }
    }
    throw PeerFailure("no memory figure for process \(process)")
}
