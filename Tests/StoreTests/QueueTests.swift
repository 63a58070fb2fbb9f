// The queue of downloads in the index: kept over ends of the process, in order, and added to an older index.

import Store
import Testing

@Suite("The queue of downloads", .onOwnThreads)
struct QueueTests {
    private func download(_ id: Int64, at position: Int64, sha256: String = "") -> QueuedDownload {
        QueuedDownload(id: id, url: "http://example.org/\(id)", position: position, added: 1000 + id, sha256: sha256)
    }

    @Test("What is put is there after a start, with all that was said of it, in order of position")
    func keeps() throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache)
        var second = download(2, at: 1, sha256: String(repeating: "a", count: 64))
        store.put(download(1, at: 5))
        store.put(second)
        second.state = .waiting
        second.target = "http://mirror.example.org/2"
        second.reason = "The origin answered 503."
        second.version = 77
        second.changed = 2000
        store.put(second)
        store.close()
        let again = try Surroundings().open(scratch.cache)
        defer { again.close() }
        #expect(again.queuedDownloads() == [second, download(1, at: 5)])
    }

    @Test("What is removed is gone after a start")
    func removes() throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache)
        store.put(download(1, at: 1))
        store.put(download(2, at: 2))
        store.removeQueued(1)
        store.close()
        let again = try Surroundings().open(scratch.cache)
        defer { again.close() }
        #expect(again.queuedDownloads().map(\.id) == [2])
    }

    @Test("What is settled survives the end of the process at any moment")
    func survivesAKill() throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache)
        defer { store.close() }
        store.put(download(1, at: 1))
        store.settleQueue()
        let copy = try scratch.copyOfCache(named: "killed")
        let again = try Surroundings().open(copy)
        defer { again.close() }
        #expect(again.queuedDownloads().map(\.id) == [1])
    }

    @Test("An index of before the queue gets one, and keeps what it holds")
    func migrates() throws {
        let scratch = try Scratch()
        let address = "http://example.org/a"
        let store = try Surroundings().open(scratch.cache)
        let response = try store.make(address, completeLength: 100_000)
        try response.body.put(pattern(0..<100_000), at: 0)
        store.close()
        try execute(
            """
            DROP TABLE queued_download; DROP TABLE origin; ALTER TABLE stored_response DROP COLUMN digest; \
            PRAGMA user_version = 1
            """,
            in: scratch.cache
        )
        let again = try Surroundings().open(scratch.cache)
        defer { again.close() }
        #expect(try again.lookUp(address).first?.body.isComplete == true)
        #expect(again.queuedDownloads().isEmpty)
        again.put(download(1, at: 1))
        #expect(again.queuedDownloads().map(\.id) == [1])
    }
}
