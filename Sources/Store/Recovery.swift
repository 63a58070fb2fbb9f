// What is put right in the background after a start, while the store serves (hardening 2.2 item 8): bodies that
// were open at a crash are checked and flushed first; then files that no row names go, and rows whose file is
// missing or too short. No step needs another, and each may be interrupted by the next end of the process.

import HTTPSemantics
import Synchronization

/// The background work of a start.
struct Recovery: Sendable {
    let services: StoreServices
    let table: ResponseTable
    /// Files and rows with lower ids are of earlier runs. Of this run nothing is ever touched here.
    let firstID: Int64
    let find: @Sendable (CacheKey, @escaping ResponseTable.Completion) -> Void

    private static let page: Int64 = 500

    func start() {
        step { openBodies(after: 0) }
        step { orphanedDirectories() }
        step { files(in: 0) }
        step { rows(after: 0) }
    }

    /// One job at a time, so that requests come between.
    private func step(_ body: @escaping @Sendable () -> Void) {
        services.pool.submit {
            if !services.isClosed.load(ordering: .acquiring) { body() }
        }
    }

    /// Loading a body checks what was not flushed, and has it flushed.
    private func openBodies(after last: Int64) {
        var found: [(id: Int64, uri: String)] = []
        read(
            """
            SELECT DISTINCT stored_response.id, uri FROM segment
            JOIN stored_response ON stored_response.id = segment.body
            WHERE flushed = 0 AND stored_response.id > ? AND stored_response.id < ? ORDER BY stored_response.id LIMIT ?
            """,
            [.integer(last), .integer(firstID), .integer(Self.page)]
        ) { found.append(($0.integer(0), $0.text(1))) }
        for (_, uri) in found {
            if let key = key(uri) { find(key) { _ in } }
        }
        if let next = found.last?.id { step { openBodies(after: next) } }
    }

    /// Bodies of an index that was set aside.
    private func orphanedDirectories() {
        let orphaned = services.directory.names(in: ".").filter { $0.hasPrefix(IndexSchema.orphanedBodiesPrefix) }
        for directory in orphaned {
            for part in services.directory.names(in: directory) {
                for name in services.directory.names(in: "\(directory)/\(part)") {
                    services.directory.unlink("\(directory)/\(part)/\(name)")
                }
                services.directory.removeDirectory("\(directory)/\(part)")
            }
            services.directory.removeDirectory(directory)
        }
    }

    /// Files that no row names: made just before a crash, or left by one between a deletion and its unlinking.
    private func files(in number: Int64) {
        guard number < 256 else { return }
        let directory = BodyName.directory(number)
        let ids = services.directory.names(in: directory).compactMap(BodyName.id).filter { $0 < firstID }
        var orphans: [Int64] = []
        do {
            try services.connections.read { database in
                for id in ids
                where try database.number("SELECT 1 FROM stored_response WHERE id = ?", [.integer(id)]) == nil {
                    orphans.append(id)
                }
            }
        } catch {
            services.log("Looking for files without an entry failed: \(error)")
            return
        }
        for id in orphans where BodyName.directory(id) == directory { services.directory.unlink(BodyName.file(id)) }
        if !orphans.isEmpty { services.log("\(orphans.count) files without an entry were deleted.") }
        step { files(in: number + 1) }
    }

    /// Rows that name a file that is missing, or that is shorter than what was flushed of it; and bodies to which the disk
    /// has given more than they hold, since whoever asked for it did not live to give it back.
    private func rows(after last: Int64) {
        var found: [(id: Int64, uri: String, held: Int64)] = []
        read(
            """
            SELECT id, uri, size FROM stored_response WHERE id > ? AND id < ? AND in_row = 0 AND size > 0
            ORDER BY id LIMIT ?
            """,
            [.integer(last), .integer(firstID), .integer(Self.page)]
        ) { found.append(($0.integer(0), $0.text(1), $0.integer(2))) }
        for (id, uri, held) in found {
            guard let key = key(uri) else { continue }
            let room = services.directory.room(of: BodyName.file(id))
            if let room, flushedEnd(of: id) <= room.size {
                if room.allocated > held.addingSaturated(StoredBody.slack) { giveBack(id, key: key) }
                continue
            }
            // What is loaded has been compared with its file by the look-up.
            guard let deletion = table.condemn(id, key: key) else { continue }
            services.log("What is held of \(uri) has lost its file; it was deleted from the index.")
            services.mailbox.removed(deletion)
        }
        if let next = found.last?.id { step { rows(after: next) } }
    }

    /// By the body itself, which alone knows what is held when its turn comes.
    private func giveBack(_ id: Int64, key: CacheKey) {
        find(key) { responses in
            guard let response = responses.first(where: { $0.id == id }) else { return }
            response.body.submitGivingBackOfSurplus(for: response)
        }
    }

    private func flushedEnd(of id: Int64) -> Int64 {
        var end: Int64 = 0
        read(
            "SELECT number, pieces FROM segment WHERE body = ? ORDER BY number DESC LIMIT 1",
            [.integer(id)]
        ) { row in
            let number = row.integer(0)
            let segment = Segment(decoding: row.blob(1), body: id, number: number)
            if let last = segment?.pieces.last(where: { $0.state == .flushed }) {
                end = Segment.start(of: number) + Int64(last.end)
            }
        }
        return end
    }

    private func key(_ uri: String) -> CacheKey? {
        guard case .success(let uri) = AbsoluteURI.parse(uri) else { return nil }
        return CacheKey(uri)
    }

    private func read(_ sql: String, _ values: [SQLValue], _ body: (Row) -> Void) {
        do {
            try services.connections.read { database in
                try database.query(sql, values) { row in
                    body(row)
                    return true
                }
            }
        } catch {
            services.log("Reading the index failed: \(error)")
        }
    }
}
