// From the index to a stored response in memory. On a disk thread. Nothing is believed that does not prove
// itself: a row by its checksum, a segment by its seal, pieces that were not flushed by their bytes (hardening
// 2.2 items 3, 4, 7, 8).

import HTTPSemantics
import Resume
import Synchronization
import Wire

/// Loads what the index has of one key.
struct ResponseLoader {
    let services: StoreServices
    let table: ResponseTable

    struct Loaded {
        var responses: [StoredResponse] = []
        var guards: [GuardRecord] = []
    }

    /// The rows of one key that are not superseded.
    func load(_ key: CacheKey) throws -> Loaded {
        var loaded = Loaded()
        let bytes = ResponseRow.bytes(of: key)
        loaded.responses = try responses(of: key, where: "superseded_until IS NULL")
        try services.connections.read { database in
            try database.query(
                "SELECT client, version, highest, at, open FROM guard WHERE key = ? ORDER BY at DESC LIMIT 1024",
                [.blob(bytes)]
            ) { row in
                loaded.guards.append(
                    GuardRecord(
                        client: row.text(0),
                        version: row.integer(1),
                        highestByte: row.integer(2),
                        at: row.integer(3),
                        isOpen: row.integer(4) != 0
                    )
                )
                return true
            }
        }
        return loaded
    }

    /// Those that are superseded, and kept for their guard time.
    func loadRetained(_ key: CacheKey) throws -> [StoredResponse] {
        try responses(of: key, where: "superseded_until > \(services.now())")
    }

    private func responses(of key: CacheKey, where condition: String) throws -> [StoredResponse] {
        var rows: [(row: ResponseRow, download: FoundDownload)] = []
        var unsound: [Int64] = []
        try services.connections.read { database in
            try database.query(
                """
                SELECT \(ResponseRow.columns) FROM stored_response
                WHERE key = ? AND uri = ? AND \(condition) ORDER BY id DESC LIMIT 256
                """,
                [.blob(ResponseRow.bytes(of: key)), .text(key.uri)]
            ) { row in
                let id = row.integer(0)
                if table.isKnown(id, key: key) { return true }
                if let sound = ResponseRow(reading: row) { rows.append((sound, .none)) } else { unsound.append(id) }
                return true
            }
            for index in rows.indices {
                rows[index].download = try download(of: rows[index].row.id, in: database)
            }
        }
        for id in unsound {
            services.log("A damaged row of \(key.uri) was deleted from the index.")
            services.mailbox.removed(Deletion(id: id, key: key, body: nil))
        }
        return try rows.compactMap { row, download in try response(row, key: key, download: download) }
    }

    private enum FoundDownload {
        case none
        case download(StoredResponse.Download)
        /// It cannot be taken up again, and has to go: it would keep the bytes from ever being evicted.
        case unreadable

        var value: StoredResponse.Download? { if case .download(let download) = self { download } else { nil } }
        var isUnreadable: Bool { if case .unreadable = self { true } else { false } }
    }

    private func download(of id: Int64, in database: Database) throws -> FoundDownload {
        var found = FoundDownload.none
        try database.query(
            "SELECT state, since, uri, wanted, request_fields FROM download WHERE response = ?",
            [.integer(id)]
        ) { row in
            guard let state = UnfinishedState(rawValue: row.integer(0)), let wanted = RangeCodec.decode(row.blob(3)),
                let fields = StoredHeadCodec.decodeFields(row.blob(4))
            else {
                found = .unreadable
                return false
            }
            found = .download(
                StoredResponse.Download(
                    wanted: wanted,
                    state: state,
                    requestFields: fields,
                    uri: row.text(2),
                    since: row.integer(1)
                )
            )
            return false
        }
        return found
    }

    private func response(
        _ row: ResponseRow,
        key: CacheKey,
        download: FoundDownload
    ) throws -> StoredResponse? {
        guard let head = StoredHeadCodec.decode(row.head),
            let requestFields = StoredHeadCodec.decodeFields(row.requestFields)
        else {
            services.mailbox.removed(Deletion(id: row.id, key: key, body: nil))
            return nil
        }
        guard let body = row.isInRow ? smallBody(row) : try fileBody(row, key: key) else {
            services.log("What is held of \(key.uri) has lost its file; it was deleted from the index.")
            services.mailbox.removed(Deletion(id: row.id, key: key, body: nil))
            return nil
        }
        let response = StoredResponse(
            id: row.id,
            key: key,
            requestFields: requestFields,
            validator: row.validator,
            originAddress: row.originAddress,
            body: body,
            record: StoredResponse.Record(
                metadata: StoredMetadata(
                    head: head,
                    requestTime: row.requestTime,
                    responseTime: row.responseTime,
                    isInvalidated: row.isInvalidated
                ),
                hits: row.hits,
                lastUse: row.lastUse,
                lastUseWritten: row.lastUse,
                supersededUntil: row.supersededUntil,
                digest: DigestFinding(text: row.digest),
                download: download.value,
                isInserted: true,
                isDownloadChanged: download.isUnreadable,
                sizeInIndex: row.size,
                isUnfinishedInIndex: download.value != nil,
                isContentInIndex: row.isInRow
            ),
            services: services
        )
        // What was not flushed before a crash is flushed now; what was dropped is told.
        if download.isUnreadable || body.state.withLock({ $0.hasUnflushed || !$0.dirtySegments.isEmpty }) {
            services.mailbox.changed(response, bytes: 0)
        }
        return response
    }

    private func smallBody(_ row: ResponseRow) -> StoredBody {
        let whole = ByteRangeSet(row.content.isEmpty ? [] : [0..<Int64(row.content.count)])
        var state = BodyState(storage: .memory(row.content), held: whole, completeLength: row.completeLength)
        state.verified = whole
        return StoredBody(id: row.id, services: services, state: state)
    }

    /// nil where the file contradicts what was flushed.
    private func fileBody(_ row: ResponseRow, key: CacheKey) throws -> StoredBody? {
        var state = BodyState(storage: .file, completeLength: row.completeLength)
        var end: Int64 = 0
        var flushedEnd: Int64 = 0
        try services.connections.read { database in
            try database.query(
                "SELECT number, pieces FROM segment WHERE body = ? ORDER BY number",
                [.integer(row.id)]
            ) { found in
                let number = found.integer(0)
                guard let segment = Segment(decoding: found.blob(1), body: row.id, number: number) else {
                    // A damaged row: its bytes are fetched again, and the row is written anew.
                    state.segments[max(0, number)] = Segment()
                    state.dirtySegments.insert(max(0, number))
                    return true
                }
                let base = Segment.start(of: number)
                for piece in segment.pieces {
                    state.held.insert((base + Int64(piece.start))..<(base + Int64(piece.end)))
                    end = base + Int64(piece.end)
                    if piece.state == .flushed { flushedEnd = end }
                }
                if !segment.isFlushed { state.segments[number] = segment }
                return true
            }
        }
        // The count follows what is there.
        services.quota.shrink(row.size - state.held.byteCount)
        if state.held.isEmpty {
            return StoredBody(id: row.id, services: services, state: state)
        }
        guard let file = try BodyFile.open(row.id, in: services), let size = file.size, size >= flushedEnd else {
            services.quota.grow(row.size - state.held.byteCount)
            return nil
        }
        let body = StoredBody(id: row.id, services: services, state: state)
        body.remember(file)
        body.state.withLock { state in if state.hasUnflushed { state.unflushedFile = file } }
        body.checkUnflushed()
        return body
    }
}

extension StoredBody {
    /// On a disk thread, before anybody knows this body: an unflushed piece is a hint, and held only when its
    /// checksum agrees (invariant 3).
    fileprivate func checkUnflushed() {
        let ranges = state.withLock { state in
            state.segments.flatMap { number, segment in
                segment.pieces.filter { $0.state != .flushed }.map { piece -> Range<Int64> in
                    let base = Segment.start(of: number)
                    return (base + Int64(piece.start))..<(base + Int64(piece.end))
                }
            }
        }
        // What cannot be read now is checked before it is delivered, like everything else.
        for range in ranges { _ = try? provedPart(of: range) }
        // Nobody can have begun to read what was dropped just now.
        state.withLock { $0.dropped = ByteRangeSet() }
    }
}
