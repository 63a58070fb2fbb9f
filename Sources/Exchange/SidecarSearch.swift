// A file of digests beside a URL (`file.sha256`, `SHA256SUMS`), fetched as `holdfast fetch` fetches: through the cache,
// under the same rules of access. How such files are read is HTTPSemantics' (DigestSidecar).

import HTTPSemantics
import NIOCore
import Resume
import Store
import Synchronization

/// Blocks while the network does: never on a loop.
struct SidecarSearch {
    let table: FillTable
    let uri: AbsoluteURI

    /// A list of digests of a whole distribution has some hundred KiB.
    private static let largest: Int64 = 4 << 20

    /// The first that names this file.
    func find() throws(CommandRefusal) -> ExpectedDigest {
        let places = DigestSidecar.places(of: uri)
        guard !places.isEmpty else { throw CommandRefusal("Its URL names no file that digests could stand beside.") }
        var reasons: [String] = []
        for place in places {
            switch fetch(place) {
            case .success(let text):
                if let value = DigestSidecar.find(DigestSidecar.name(of: uri), in: text) {
                    return ExpectedDigest(value, from: .sidecar(place.description))
                }
                reasons.append("\(place): it does not name this file.")
            case .failure(let refusal):
                reasons.append("\(place): \(refusal.sentence)")
            }
        }
        throw CommandRefusal("No file of digests was found. " + reasons.joined(separator: " "))
    }

    private func fetch(_ place: AbsoluteURI) -> Result<String, CommandRefusal> {
        let end = Ending()
        let run = DownloadRun(uri: place, table: table, loop: table.group.next()) { _, how in end.put(how) }
        run.loop.execute { run.look() }
        switch end.wait() {
        case .later(let sentence, _), .failed(let sentence):
            return .failure(CommandRefusal(sentence))
        case .complete(let response, _):
            guard let length = StoredContent.length(of: response), length <= Self.largest else {
                return .failure(CommandRefusal("It is too large for a file of digests."))
            }
            var bytes: [UInt8] = []
            do throws(StoreError) {
                try StoredContent.read(response, to: length) { part in
                    bytes += part
                    return true
                }
            } catch {
                return .failure(CommandRefusal(error.sentence))
            }
            return .success(String(decoding: bytes, as: UTF8.self))
        }
    }

    /// What a run came to, for the thread that waits for it.
    private final class Ending: Sendable {
        private let condition = LogCondition()
        private let how = Mutex<DownloadRun.End?>(nil)

        func put(_ end: DownloadRun.End) {
            condition.lock()
            how.withLock { $0 = end }
            condition.broadcast()
            condition.unlock()
        }

        func wait() -> DownloadRun.End {
            condition.lock()
            defer { condition.unlock() }
            while true {
                if let end = how.withLock({ $0 }) { return end }
                condition.wait(until: nil)
            }
        }
    }
}
