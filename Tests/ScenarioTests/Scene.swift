// The stage of a scenario: one origin of files and one proxy on a cache of its own, both on loopback, gone
// with the scene. A test says what the peers do; nothing here decides anything.

import Foundation
import ScriptedPeers

/// An origin, and the proxy before it.
final class Scene: @unchecked Sendable {
    let origin: FileOrigin
    private(set) var proxy: ProxyProcess
    private let folder: TemporaryDirectory

    /// - Parameters:
    ///   - settings: each becomes `--set key=value`.
    ///   - originAddress: a loopback address.
    ///   - file: what stands in proxy.conf; nil for none.
    init(settings: [String] = [], originAddress: String = "127.0.0.1", file: String? = nil) throws {
        folder = try TemporaryDirectory()
        origin = try FileOrigin(address: originAddress)
        var arguments: [String] = []
        if let file {
            let path = folder.file("proxy.conf")
            try file.write(toFile: path, atomically: true, encoding: .utf8)
            arguments = ["--config", path]
        }
        proxy = try ProxyProcess(cacheDirectory: folder.file("cache"), settings: settings, arguments: arguments)
    }

    deinit {
        origin.stop()
        try? proxy.kill()
    }

    var cacheDirectory: String { proxy.cacheDirectory }

    func url(_ target: String) -> String { origin.url(target) }

    func client() throws -> PeerClient { try PeerClient(port: proxy.port) }

    func get(_ target: String, _ fields: PeerFields = [:], method: String = "GET") throws -> ReceivedResponse {
        try PeerClient.get(url(target), through: proxy.port, fields: fields, method: method)
    }

    /// A GET whose body is compared with the content, from `offset` on.
    func check(
        _ target: String,
        _ content: Content,
        at offset: Int64 = 0,
        _ fields: PeerFields = [:]
    ) throws -> (head: ReceivedHead, body: CheckedBody) {
        try PeerClient.check(url(target), through: proxy.port, against: content, at: offset, fields: fields)
    }

    /// SIGKILL, and another process on the same cache.
    func killAndStartAgain(settings: [String]? = nil) throws {
        try proxy.kill()
        proxy = try proxy.startAgain(settings: settings)
    }

    func startAgain(settings: [String]? = nil) throws {
        proxy = try proxy.startAgain(settings: settings)
    }

    /// Waits until `holdfast ls --json` says that so many bytes of the target are held.
    func waitUntilHeld(_ target: String, _ bytes: Int64) throws {
        let url = self.url(target)
        try waitUntil("\(bytes) bytes of \(target) are held") { try heldBytes(url) >= bytes }
    }

    func heldBytes(_ url: String) throws -> Int64 {
        let listing = try proxy.command("ls", "--json").output
        for line in listing.split(separator: "\n") where line.contains("\"\(url)\"") {
            let parts = line.split(separator: ",")
            guard let field = parts.first(where: { $0.contains("\"held\":{\"bytes\":") }) else { continue }
            return Int64(field.drop { !$0.isNumber }.prefix(while: \.isNumber)) ?? 0
        }
        return 0
    }
}

let mebibyte: Int64 = 1 << 20
let kibibyte: Int64 = 1 << 10
