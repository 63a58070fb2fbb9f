// What the store has, for people: the list of what is held, and the downloads that are unfinished. Read from the
// index page by page, so that memory does not grow with it.

package import HTTPSemantics
package import Resume
import Synchronization
import Wire

/// One stored response, as a list shows it.
package struct ListedResponse: Sendable {
    package let id: Int64
    package let key: CacheKey
    package let uri: String
    package let head: ResponseHead
    package let requestFields: FieldSection
    /// Seconds since 1970 UTC.
    package let requestTime: Int64
    package let responseTime: Int64
    /// Bytes held.
    package let size: Int64
    package let completeLength: Int64?
    package let held: ByteRangeSet
    /// Seconds since 1970 UTC.
    package let lastUse: Int64
    package let hits: Int64
    package let isInvalidated: Bool
    /// nil where nothing is owed.
    package let unfinished: UnfinishedState?
    package let digest: DigestFinding
}

extension Store {
    private static let page = 128

    /// Calls `body` with what is held, used last first, until it answers false. Blocking; never on a loop.
    package func list(limit: Int, offset: Int = 0, _ body: (ListedResponse) -> Bool) {
        services.mailbox.settle(hard: false)
        var place: ListPlace?
        var skipped = offset
        var rest = limit
        while rest > 0 {
            let count = min(rest, Self.page)
            let page = page(after: place, limit: count, skipping: skipped)
            for row in page.sound where !body(row) { return }
            guard page.count == count else { return }
            place = page.last
            skipped = 0
            rest -= count
        }
    }

    /// The row that was listed last. The next page begins behind it, wherever that is then: no page is counted
    /// off, and what is used meanwhile, which puts it in front, does not come a second time.
    private struct ListPlace {
        var lastUse: Int64
        var id: Int64
    }

    private struct Page {
        var sound: [ListedResponse] = []
        var count = 0
        var last: ListPlace?
    }

    private func page(after place: ListPlace?, limit: Int, skipping offset: Int) -> Page {
        var page = Page()
        var rows: [ResponseRow] = []
        do {
            try services.connections.read { database in
                func query(_ condition: String, _ values: [SQLValue]) throws {
                    try database.query(
                        """
                        SELECT \(ResponseRow.columns) FROM stored_response
                        WHERE (superseded_until IS NULL) = 1 AND \(condition)
                        ORDER BY last_use DESC, id DESC LIMIT ? OFFSET ?
                        """,
                        values + [.integer(Int64(limit - page.count)), .integer(Int64(offset))]
                    ) { row in
                        page.count += 1
                        page.last = ListPlace(lastUse: row.integer(15), id: row.integer(0))
                        if let sound = ResponseRow(reading: row) { rows.append(sound) }
                        return true
                    }
                }
                if let place {
                    // Two questions, each of which the index answers without looking at rows that were listed.
                    try query("last_use = ? AND id < ?", [.integer(place.lastUse), .integer(place.id)])
                    if page.count < limit { try query("last_use < ?", [.integer(place.lastUse)]) }
                } else {
                    try query("1", [])
                }
                for row in rows {
                    if let listed = try listed(row, in: database) { page.sound.append(listed) }
                }
            }
        } catch {
            services.log("Reading the index failed: \(error)")
        }
        return page
    }

    private func listed(_ row: ResponseRow, in database: Database) throws -> ListedResponse? {
        guard case .success(let uri) = AbsoluteURI.parse(row.uri), let head = StoredHeadCodec.decode(row.head),
            let requestFields = StoredHeadCodec.decodeFields(row.requestFields)
        else { return nil }
        let key = CacheKey(uri)
        var held = ByteRangeSet()
        if row.isInRow {
            if !row.content.isEmpty { held.insert(0..<Int64(row.content.count)) }
        } else {
            try database.query("SELECT number, pieces FROM segment WHERE body = ?", [.integer(row.id)]) { found in
                let number = found.integer(0)
                for piece in Segment(decoding: found.blob(1), body: row.id, number: number)?.pieces ?? [] {
                    let base = Segment.start(of: number)
                    held.insert((base + Int64(piece.start))..<(base + Int64(piece.end)))
                }
                return true
            }
        }
        let state = try database.number("SELECT state FROM download WHERE response = ?", [.integer(row.id)])
        let loaded = table.find(key)?.first { $0.id == row.id }
        return ListedResponse(
            id: row.id,
            key: key,
            uri: row.uri,
            head: head,
            requestFields: requestFields,
            requestTime: row.requestTime,
            responseTime: row.responseTime,
            size: held.byteCount,
            completeLength: row.completeLength,
            held: held,
            lastUse: loaded?.lastUse ?? row.lastUse,
            hits: loaded?.hits ?? row.hits,
            isInvalidated: row.isInvalidated,
            unfinished: state.flatMap(UnfinishedState.init(rawValue:)),
            digest: loaded?.digest ?? DigestFinding(text: row.digest)
        )
    }

    /// The keys of the next rows by id, and the last id among them; nil where there are no more.
    func keysOfRows(after last: Int64, before end: Int64) -> (keys: Set<CacheKey>, last: Int64)? {
        var found: Set<CacheKey> = []
        var reached = last
        do {
            try services.connections.read { database in
                try database.query(
                    "SELECT id, uri FROM stored_response WHERE id > ? AND id < ? ORDER BY id LIMIT 1000",
                    [.integer(last), .integer(end)]
                ) { row in
                    reached = row.integer(0)
                    if case .success(let uri) = AbsoluteURI.parse(row.text(1)) { found.insert(CacheKey(uri)) }
                    return true
                }
            }
        } catch {
            services.log("Reading the index failed: \(error)")
        }
        return reached > last ? (found, reached) : nil
    }

    // MARK: Unfinished downloads

    /// Remembers what a fill still owes. `requestFields` are the fields to replay: never Authorization or Cookie
    /// (resume-rules 4). Written with the next claim.
    package func setUnfinished(
        _ response: StoredResponse,
        wanted: ByteRangeSet,
        state: UnfinishedState,
        requestFields: FieldSection,
        uri: String
    ) {
        var fields = requestFields
        fields.removeAll(.authorization)
        fields.removeAll(.cookie)
        fields.removeAll(.proxyAuthorization)
        let now = services.now()
        response.changeDownload { download in
            download = StoredResponse.Download(
                wanted: wanted,
                state: state,
                requestFields: fields,
                uri: uri,
                since: download?.since ?? now
            )
        }
    }

    /// Nothing is owed any more.
    package func clearUnfinished(_ response: StoredResponse) {
        // Always, also of what was superseded or removed meanwhile: nothing that is noted may keep it from going.
        let isChanged = response.record.withLock { record in
            record.download = nil
            record.isDownloadChanged = true
            return !record.isRemoved
        }
        if isChanged { services.mailbox.changed(response, bytes: 0) }
    }

    /// The downloads that are remembered, the oldest first. Blocking; never on a loop.
    package func unfinished(limit: Int = 1000) -> [UnfinishedDownload] {
        services.mailbox.settle(hard: false)
        var uris: [(id: Int64, uri: String)] = []
        do {
            try services.connections.read { database in
                try database.query(
                    """
                    SELECT stored_response.id, stored_response.uri FROM download
                    JOIN stored_response ON stored_response.id = response ORDER BY since, response LIMIT ?
                    """,
                    [.integer(Int64(limit))]
                ) { row in
                    uris.append((row.integer(0), row.text(1)))
                    return true
                }
            }
        } catch {
            services.log("Reading the index failed: \(error)")
        }
        return uris.compactMap { id, text in
            guard case .success(let uri) = AbsoluteURI.parse(text) else { return nil }
            let key = CacheKey(uri)
            guard let response = findBlocking(key).first(where: { $0.id == id }),
                let download = response.record.withLock({ $0.download })
            else { return nil }
            return UnfinishedDownload(
                key: key,
                uri: download.uri,
                response: response,
                wanted: download.wanted,
                state: download.state,
                requestFields: download.requestFields,
                since: download.since
            )
        }
    }
}

extension StoredResponse {
    fileprivate func changeDownload(_ body: (inout Download?) -> Void) {
        let isChanged = record.withLock { record in
            guard !record.isRemoved, record.supersededUntil == nil else { return false }
            body(&record.download)
            record.isDownloadChanged = true
            return true
        }
        if isChanged { services.mailbox.changed(self, bytes: 0) }
    }
}
