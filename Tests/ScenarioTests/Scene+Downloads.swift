// What the scenarios of fetching without a client have in common: what `downloads --json` says, and commands that run
// while the test goes on.

import Foundation
import ScriptedPeers

/// A line of `downloads --json`, as far as these tests look at it.
struct DownloadView: Decodable {
    struct Held: Decodable {
        let bytes: Int64
        let completeLength: Int64?
    }

    let id: Int
    let url: String
    let target: String?
    let state: String
    let reason: String?
    let held: Held?
}

extension Scene {
    func downloads() throws -> [DownloadView] {
        let result = try proxy.command("downloads", "--json")
        guard result.status == 0 else { throw PeerFailure("downloads: \(result.output)\(result.errors)") }
        return try result.output.split(separator: "\n").map {
            try JSONDecoder().decode(DownloadView.self, from: Data($0.utf8))
        }
    }

    @discardableResult
    func waitForDownload(_ what: String, _ id: Int = 1, _ holds: (DownloadView) -> Bool) throws -> DownloadView {
        var last: DownloadView?
        do {
            try waitUntil(what) {
                last = try self.downloads().first { $0.id == id }
                return last.map(holds) ?? false
            }
        } catch let failure as PeerFailure {
            throw PeerFailure("\(failure); the last answer was \(String(describing: last))")
        }
        guard let last else { throw PeerFailure("no download \(id)") }
        return last
    }

    /// `holdfast fetch` on a process of its own.
    func startFetch(_ arguments: String...) throws -> ChildProcess {
        try ChildProcess(ProxyProcess.executable(), ["fetch", "--cache", cacheDirectory] + arguments)
    }

    /// Whether a file is the content, byte for byte.
    static func isCopy(_ path: String, of content: Content) throws -> Bool {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        return Int64(data.count) == content.length && content.firstDifference([UInt8](data), at: 0) == nil
    }
}
