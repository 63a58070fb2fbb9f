// How far is read ahead for a client that asks for a body piece by piece (`resume.read_ahead`): Resume's ReadAhead for each
// client of a version, under the lock of its shard.

import Configuration
import HTTPSemantics
import Resume
import Store
import Synchronization

extension FillTable {
    struct ReadAheadKey: Hashable {
        let version: Int64
        let client: IPAddress
    }

    private static let readAheadsPerShard = 1024

    /// A client asks for this range: so many bytes behind it are fetched, too.
    func readAhead(of response: StoredResponse, for client: IPAddress?, asking range: Range<Int64>) -> Int64 {
        let limit = configuration.resume.readAhead
        guard limit > 0, let client, response.isResumable else { return 0 }
        return shard(response.key).state.withLock { shard in
            let key = ReadAheadKey(version: response.id, client: client)
            if shard.readAheads[key] == nil, shard.readAheads.count >= Self.readAheadsPerShard {
                shard.readAheads.removeAll()
            }
            return shard.readAheads[key, default: ReadAhead(limit: limit)].asked(for: range)
        }
    }
}
