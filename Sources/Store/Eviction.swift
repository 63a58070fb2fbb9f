// The disk is full, or the quota is reached: what was superseded longest goes first, then what was used least
// recently, never what is being filled (R57, architecture "Storage"). And what goes by age: superseded versions
// and guard records (resume-rules 11). An extension of the index thread.

import HTTPSemantics

extension IndexWriter {
    private static let houseInterval: Int64 = 10_000_000_000
    /// Guard records that are kept at most.
    private static let guardLimit: Int64 = 100_000
    /// Pages that the index keeps for its next rows, and how many go at a time.
    private static let sparePages: Int64 = 256
    private static let pagesAtATime = 512

    func answer(_ room: IndexMailbox.RoomRequest) {
        var wanted = services.quota.excessOnDisk(for: room.bytes)
        if wanted > 0 {
            // A little more, so that the next fill does not have to ask at once.
            wanted = wanted.addingSaturated(min(services.quota.limit / 64, 64 << 20))
            _ = evict(wanted)
        }
        let isEnough = services.quota.excess(for: room.bytes) == 0
        room.answer.change { $0 = isEnough }
    }

    /// Deletes entries of this many bytes. What it freed.
    private func evict(_ bytes: Int64) -> Int64 {
        var freed: Int64 = 0
        var skipped: Int64 = 0
        do {
            while freed < bytes {
                let candidates = try candidates(after: skipped)
                if candidates.isEmpty { break }
                var gone: [Deletion] = []
                var tally = Tally()
                try transaction(isHard: false) {
                    for candidate in candidates where freed < bytes {
                        switch table.evict(candidate.id, key: candidate.key, lastUse: candidate.lastUse) {
                        case .busy:
                            skipped += 1
                        case .usedLater(let lastUse):
                            try database.run(
                                "UPDATE stored_response SET last_use = ? WHERE id = ?",
                                [.integer(lastUse), .integer(candidate.id)]
                            )
                        case .gone(let deletion):
                            freed += candidate.size
                            gone.append(deletion)
                            try delete(deletion, &tally)
                        }
                    }
                    try write(tally)
                }
                count(tally)
                finish(gone)
            }
        } catch {
            services.log("Making room failed: \(error)")
        }
        if freed > 0 { services.log("\(freed) bytes were evicted.") }
        return freed
    }

    private struct Candidate {
        let id: Int64
        let key: CacheKey
        let size: Int64
        let lastUse: Int64
    }

    private func candidates(after skipped: Int64) throws -> [Candidate] {
        var found: [Candidate] = []
        try database.query(
            """
            SELECT id, uri, size, last_use FROM stored_response WHERE pinned = 0
            AND (complete_length <= size
            OR NOT EXISTS (SELECT 1 FROM download WHERE response = stored_response.id AND state = 0))
            ORDER BY (superseded_until IS NULL), last_use LIMIT 64 OFFSET ?
            """,
            [.integer(skipped)]
        ) { row in
            guard case .success(let uri) = AbsoluteURI.parse(row.text(1)) else { return true }
            found.append(
                Candidate(id: row.integer(0), key: CacheKey(uri), size: row.integer(2), lastUse: row.integer(3))
            )
            return true
        }
        return found
    }

    /// What is due by its age, and an overdraft of the quota.
    func keepHouse(now: Int64) {
        housekeepingDue = now + Self.houseInterval
        let wall = services.now()
        do {
            try expireSuperseded(now: wall)
            table.releaseRetired()
            try transaction(isHard: false) {
                try database.run(
                    "DELETE FROM guard WHERE at < ?",
                    [.integer(wall - services.configuration.guardSeconds)]
                )
                let surplus = (try database.number("SELECT COUNT(*) FROM guard") ?? 0) - Self.guardLimit
                if surplus > 0 {
                    try database.run(
                        """
                        DELETE FROM guard WHERE (key, client, version) IN
                        (SELECT key, client, version FROM guard ORDER BY at LIMIT ?)
                        """,
                        [.integer(surplus)]
                    )
                }
            }
        } catch {
            services.log("Keeping house in the index failed: \(error)")
        }
        let excess = services.quota.excessOnDisk(for: 0)
        if excess > 0 { _ = evict(excess) }
        giveBackPages()
    }

    /// Pages of the index that nothing uses any more go back to the file system, a few at a time.
    private func giveBackPages() {
        do {
            guard try database.number("PRAGMA freelist_count") ?? 0 > Self.sparePages else { return }
            try database.execute("PRAGMA incremental_vacuum(\(Self.pagesAtATime))")
        } catch {
            services.log("Giving back pages of the index failed: \(error)")
        }
    }

    private func expireSuperseded(now: Int64) throws {
        var gone = table.expired(now: now).compactMap { table.discard($0) }
        try database.query(
            "SELECT id, uri FROM stored_response WHERE (superseded_until IS NULL) = 0 AND superseded_until <= ?",
            [.integer(now)]
        ) { row in
            let id = row.integer(0)
            guard case .success(let uri) = AbsoluteURI.parse(row.text(1)) else { return true }
            let key = CacheKey(uri)
            // What is loaded and in use stays; what is loaded and not in use is in the list already.
            if !table.isKnown(id, key: key) {
                gone.append(Deletion(id: id, key: key, body: nil))
            }
            return true
        }
        guard !gone.isEmpty else { return }
        var tally = Tally()
        try transaction(isHard: false) {
            for deletion in gone { try delete(deletion, &tally) }
            try write(tally)
        }
        count(tally)
        finish(gone)
    }
}
