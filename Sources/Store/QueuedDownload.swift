// The queue of downloads that a person asked for without a client (`holdfast fetch`), as the index remembers it over
// days and restarts. It is a list of wishes: what is held of them is the business of stored responses, when they are
// worked on is the business of whoever reads the list.

import Synchronization

/// One download of the queue.
package struct QueuedDownload: Sendable, Equatable {
    package enum State: Int64, Sendable {
        case queued = 0
        case running = 1
        /// An attempt failed; another one is due.
        case waiting = 2
        case paused = 3
        case done = 4
        case failed = 5
        case cancelled = 6

        /// Nothing more happens to it.
        package var isOver: Bool {
            switch self {
            case .queued, .running, .waiting, .paused: false
            case .done, .failed, .cancelled: true
            }
        }
    }

    package let id: Int64
    /// As it was asked for.
    package let url: String
    /// Where redirects led; the URL itself where there were none.
    package var target: String
    package var state: State
    /// The id of the stored response that it was completed as; 0 before that.
    package var version: Int64
    /// The order in which downloads are begun: the lowest first.
    package var position: Int64
    /// Seconds since 1970 UTC.
    package var added: Int64
    /// When it came into its state; seconds since 1970 UTC.
    package var changed: Int64
    /// 64 hexadecimal digits in lower case, or empty.
    package var sha256: String
    /// Why it waits or failed; empty where there is nothing to say.
    package var reason: String

    package init(id: Int64, url: String, position: Int64, added: Int64, sha256: String) {
        self.id = id
        self.url = url
        target = url
        state = .queued
        version = 0
        self.position = position
        self.added = added
        changed = added
        self.sha256 = sha256
        reason = ""
    }
}

/// What the index is to learn of the queue.
enum QueueChange: Sendable {
    case put(QueuedDownload)
    case remove(id: Int64)
}

extension Store {
    /// The queue, in order. Blocking; never on a loop.
    package func queuedDownloads() -> [QueuedDownload] {
        services.mailbox.settle(hard: false)
        var found: [QueuedDownload] = []
        do {
            try services.connections.read { database in
                try database.query(
                    """
                    SELECT id, url, target, state, position, added, changed, sha256, reason, version
                    FROM queued_download
                    ORDER BY position, id
                    """,
                    []
                ) { row in
                    guard let state = QueuedDownload.State(rawValue: row.integer(3)) else { return true }
                    var download = QueuedDownload(
                        id: row.integer(0),
                        url: row.text(1),
                        position: row.integer(4),
                        added: row.integer(5),
                        sha256: row.text(7)
                    )
                    download.target = row.text(2)
                    download.state = state
                    download.changed = row.integer(6)
                    download.reason = row.text(8)
                    download.version = row.integer(9)
                    found.append(download)
                    return true
                }
            }
        } catch {
            services.log("Reading the index failed: \(error)")
        }
        return found
    }

    /// Blocking: what was put before is in the index, as far as the end of the process goes.
    package func settleQueue() { services.mailbox.settle(hard: false) }

    /// Written with the next claim, in order; `settleQueue` waits for it.
    package func put(_ download: QueuedDownload) { services.mailbox.queueChanged(.put(download)) }

    package func removeQueued(_ id: Int64) { services.mailbox.queueChanged(.remove(id: id)) }
}

extension IndexWriter {
    func write(_ change: QueueChange) throws {
        switch change {
        case .remove(let id):
            try database.run("DELETE FROM queued_download WHERE id = ?", [.integer(id)])
        case .put(let download):
            try database.run(
                """
                INSERT OR REPLACE INTO queued_download
                (id, url, target, state, position, added, changed, sha256, reason, version)
                VALUES (?,?,?,?,?,?,?,?,?,?)
                """,
                [
                    .integer(download.id), .text(download.url), .text(download.target),
                    .integer(download.state.rawValue), .integer(download.position), .integer(download.added),
                    .integer(download.changed), .text(download.sha256), .text(download.reason),
                    .integer(download.version),
                ]
            )
        }
    }
}
