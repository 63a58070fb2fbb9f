// What one transaction of the index consists of: rows written, rows deleted, and the one row of totals that is
// changed along with them (hardening 2.2 item 8).

import HTTPSemantics
import Resume
import Synchronization
import Wire

/// What a transaction changes in the totals.
struct Tally {
    var entries: Int64 = 0
    var bytes: Int64 = 0
    var unfinished: Int64 = 0
    /// Bytes of deleted rows that were not loaded; what is loaded is subtracted by its body.
    var unloadedBytes: Int64 = 0
}

/// What the index is to learn of a stored response.
struct ResponseChange {
    let response: StoredResponse
    let record: StoredResponse.Record
    let body: BodyChange
}

extension StoredResponse {
    /// On the index thread; nil where it was removed, or is nothing yet that would be worth a row.
    func takeChange() -> ResponseChange? {
        let change = body.takeChange()
        let copy = record.withLock { record -> Record? in
            guard !record.isRemoved, change.isWorthARow || record.download != nil || record.isInserted else {
                return nil
            }
            let copy = record
            record.isRowChanged = false
            record.isDownloadChanged = false
            return copy
        }
        guard let copy else {
            body.notClaimed()
            return nil
        }
        return ResponseChange(response: self, record: copy, body: change)
    }

    func claimed(_ change: ResponseChange) {
        body.claimed()
        record.withLock { record in
            record.isInserted = true
            record.sizeInIndex = change.body.size
            record.isContentInIndex = change.body.content != nil
            record.isUnfinishedInIndex = change.record.download != nil
            record.lastUseWritten = max(record.lastUseWritten, change.record.lastUse)
        }
    }

    func notClaimed(_ change: ResponseChange) {
        body.notClaimed()
        record.withLock { record in
            record.isRowChanged = record.isRowChanged || change.record.isRowChanged
            record.isDownloadChanged = record.isDownloadChanged || change.record.isDownloadChanged
        }
    }
}

extension IndexWriter {
    func write(_ change: ResponseChange, _ tally: inout Tally) throws {
        let record = change.record
        let id = change.response.id
        let row = ResponseRow(change.response, record: record, change: change.body)
        if !record.isInserted || (change.body.content != nil) != record.isContentInIndex {
            try row.insert(into: database)
            if !record.isInserted { tally.entries += 1 }
        } else {
            let isNewlyUsed = record.lastUse > record.lastUseWritten
            if record.isRowChanged || isNewlyUsed {
                try row.update(in: database)
            } else if change.body.size != record.sizeInIndex {
                try database.run(
                    "UPDATE stored_response SET size = ? WHERE id = ?",
                    [.integer(change.body.size), .integer(id)]
                )
            }
        }
        tally.bytes += change.body.size - record.sizeInIndex
        for (number, pieces, isFlushed) in change.body.segments {
            if let pieces {
                try database.run(
                    "INSERT OR REPLACE INTO segment (body, number, flushed, pieces) VALUES (?,?,?,?)",
                    [.integer(id), .integer(number), .integer(isFlushed ? 1 : 0), .blob(pieces)]
                )
            } else {
                try database.run(
                    "DELETE FROM segment WHERE body = ? AND number = ?",
                    [.integer(id), .integer(number)]
                )
            }
        }
        if record.isDownloadChanged || (record.download != nil) != record.isUnfinishedInIndex {
            // Counted as the index has it: a row that cannot be read is not known to the response.
            let known = try database.number("SELECT COUNT(*) FROM download WHERE response = ?", [.integer(id)]) ?? 0
            try write(record.download, id: id)
            tally.unfinished += (record.download != nil ? 1 : 0) - known
        }
    }

    private func write(_ download: StoredResponse.Download?, id: Int64) throws {
        guard let download else {
            return try database.run("DELETE FROM download WHERE response = ?", [.integer(id)])
        }
        try database.run(
            """
            INSERT OR REPLACE INTO download (response, state, since, uri, wanted, request_fields) \
            VALUES (?,?,?,?,?,?)
            """,
            [
                .integer(id), .integer(download.state.rawValue), .integer(download.since), .text(download.uri),
                .blob(RangeCodec.encode(download.wanted)),
                .blob(StoredHeadCodec.encodeFields(download.requestFields)),
            ]
        )
    }

    /// As it stands now, which may be later than when it was handed in.
    func write(_ record: GuardRecord, key: CacheKey) throws {
        let record = table.guardRecord(of: key, client: record.client, version: record.version) ?? record
        try database.run(
            """
            INSERT INTO guard (key, client, version, highest, at, open) VALUES (?,?,?,?,?,?)
            ON CONFLICT (key, client, version) DO UPDATE SET highest = max(highest, excluded.highest),
            at = max(at, excluded.at), open = excluded.open
            """,
            [
                .blob(ResponseRow.bytes(of: key)), .text(record.client), .integer(record.version),
                .integer(record.highestByte), .integer(record.at), .integer(record.isOpen ? 1 : 0),
            ]
        )
    }

    /// Every row of a key that is not loaded and not on its way out; superseded ones too.
    func rows(of key: CacheKey) throws -> [Deletion] {
        var found: [Deletion] = []
        try database.query(
            "SELECT id FROM stored_response WHERE key = ? AND uri = ?",
            [.blob(ResponseRow.bytes(of: key)), .text(key.uri)]
        ) { row in
            if let deletion = table.condemn(row.integer(0), key: key) { found.append(deletion) }
            return true
        }
        return found
    }

    func delete(_ deletion: Deletion, _ tally: inout Tally) throws {
        let id = SQLValue.integer(deletion.id)
        guard let size = try database.number("SELECT size FROM stored_response WHERE id = ?", [id]) else { return }
        if let body = deletion.body, body.needsItsRows {
            try database.query("SELECT number, pieces FROM segment WHERE body = ?", [id]) { row in
                body.keepRow(row.integer(0), row.blob(1))
                return true
            }
        }
        try database.run("DELETE FROM stored_response WHERE id = ?", [id])
        try database.run("DELETE FROM segment WHERE body = ?", [id])
        try database.run("DELETE FROM download WHERE response = ?", [id])
        tally.unfinished -= Int64(database.changes)
        tally.entries -= 1
        tally.bytes -= size
        if deletion.body == nil { tally.unloadedBytes += size }
    }

    func write(_ tally: Tally) throws {
        try database.run(
            "UPDATE totals SET entries = entries + ?, bytes = bytes + ?, unfinished = unfinished + ?",
            [.integer(tally.entries), .integer(tally.bytes), .integer(tally.unfinished)]
        )
    }
}
