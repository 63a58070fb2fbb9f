// Whom the cache directory belongs to (R100), and what becomes of an index or a file that is not what it should
// be (hardening 2.2 items 7 and 8, 2.4 item 4).

import Glibc
import HTTPSemantics
import Resume
import Store
import Testing

@Suite("R100 and hardening 2.2 items 7, 8: the directory, the index and the files", .onOwnThreads)
struct DirectoryTests {
    private let address = "http://a.example/x"

    private func kind(_ open: () throws -> Store) -> StoreError.Kind? {
        do {
            try open().close()
            return nil
        } catch let error as StoreError {
            return error.kind
        } catch {
            return nil
        }
    }

    private func rights(_ path: String) -> mode_t {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & 0o777 : 0
    }

    @Test("A directory that is in use is refused, and free again after the end")
    func locked() throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache)
        #expect(kind { try Surroundings().open(scratch.cache) } == .locked)
        store.close()
        store.close()
        #expect(kind { try Surroundings().open(scratch.cache) } == nil)
    }

    @Test("A symbolic link is refused, as the directory and inside of it")
    func links() throws {
        let scratch = try Scratch()
        try Surroundings().open(scratch.cache).close()
        let link = scratch.path + "/link"
        try #require(symlink(scratch.cache, link) == 0)
        #expect(kind { try Surroundings().open(link) } == .unsafe)
        for name in ["lock", "index.sqlite", "bodies"] {
            let path = scratch.cache + "/" + name
            try #require(rename(path, scratch.path + "/aside") == 0)
            try #require(symlink(scratch.path + "/aside", path) == 0)
            #expect(kind { try Surroundings().open(scratch.cache) } == .unsafe, "\(name)")
            unlink(path)
            try #require(rename(scratch.path + "/aside", path) == 0)
        }
        #expect(kind { try Surroundings().open(scratch.cache) } == nil)
    }

    @Test("A directory whose parent does not exist, or that is a file, is unusable")
    func unusable() throws {
        let scratch = try Scratch()
        #expect(kind { try Surroundings().open(scratch.path + "/no/where") } == .unusable)
        try [UInt8]().write(to: scratch.path + "/file")
        #expect(kind { try Surroundings().open(scratch.path + "/file") } == .unusable)
    }

    @Test("Rights that are too wide are narrowed; new files have narrow ones")
    func narrowed() throws {
        let scratch = try Scratch()
        try Surroundings().open(scratch.cache).close()
        for name in ["", "/lock", "/index.sqlite", "/bodies"] { chmod(scratch.cache + name, 0o777) }
        let store = try Surroundings().open(scratch.cache)
        let response = try store.make(address, completeLength: 20_000)
        try response.body.put(pattern(0..<20_000), at: 0)
        store.settle()
        #expect(rights(scratch.cache) == 0o700)
        #expect(rights(scratch.cache + "/bodies") == 0o700)
        for name in ["lock", "index.sqlite", "index.sqlite-wal"] {
            #expect(rights(scratch.cache + "/" + name) == 0o600, "\(name)")
        }
        let file = try #require(Scratch.bodyFiles(in: scratch.cache).first)
        #expect(rights(scratch.cache + "/" + file) == 0o600)
        #expect(rights(scratch.cache + "/" + file.prefix(9)) == 0o700)
        store.close()
    }

    private func fill(_ cache: String) throws {
        let store = try Surroundings().open(cache)
        let response = try store.make(address, completeLength: 100_000)
        try response.body.put(pattern(0..<100_000), at: 0)
        store.close()
    }

    @Test(
        "Item 7: an index that cannot be read, or of a later schema, is set aside and the cache starts empty",
        arguments: ["garbage", "later", "no tables", "marked"]
    )
    func setAside(how: String) throws {
        let scratch = try Scratch()
        try fill(scratch.cache)
        switch how {
        case "garbage": try [UInt8](repeating: 0x41, count: 20_000).write(to: scratch.cache + "/index.sqlite")
        case "later": try execute("PRAGMA user_version = 99", in: scratch.cache)
        case "no tables": try execute("DROP TABLE totals", in: scratch.cache)
        default: try [UInt8]().write(to: scratch.cache + "/index.damaged")
        }
        let surroundings = Surroundings()
        let store = try surroundings.open(scratch.cache)
        #expect(store.summary.entries == 0)
        #expect(store.summary.bytes == 0)
        #expect(try store.lookUp(address).isEmpty)
        #expect(surroundings.logged.contains { $0.contains("set aside") })
        // The bodies that nobody knows any more go, and new ones are stored.
        store.settle()
        let names = Scratch.names(in: scratch.cache)
        #expect(!names.contains { $0.hasPrefix("orphaned-bodies") })
        #expect(names.contains("unreadable-index.sqlite"))
        #expect(Scratch.bodyFiles(in: scratch.cache).isEmpty)
        store.close()
        try fill(scratch.cache)
        let again = try Surroundings().open(scratch.cache)
        defer { again.close() }
        #expect(try again.lookUp(address).first?.body.isComplete == true)
    }

    @Test(
        "Item 7: a row that does not agree with its checksum is deleted",
        arguments: [
            "head = X'00'", "complete_length = 99999", "validator = '\"two\"'", "origin_address = '127.0.0.1'",
            "response_time = response_time + 1",
        ]
    )
    func damagedRow(change: String) throws {
        let scratch = try Scratch()
        try fill(scratch.cache)
        try execute("UPDATE stored_response SET \(change)", in: scratch.cache)
        let store = try Surroundings().open(scratch.cache)
        defer { store.close() }
        #expect(try store.lookUp(address).isEmpty)
        store.settle()
        #expect(store.summary.entries == 0)
        #expect(store.summary.bytes == 0)
        #expect(Scratch.bodyFiles(in: scratch.cache).isEmpty)
    }

    @Test("Item 8: what was not flushed at a crash is checked and flushed by itself after the start")
    func openBodies() throws {
        let scratch = try Scratch()
        let first = try Surroundings().open(scratch.cache)
        let response = try first.make(address, completeLength: 100_000)
        try response.body.put(pattern(0..<100_000), at: 0)
        first.close()
        try execute("UPDATE segment SET flushed = 0", in: scratch.cache)
        let surroundings = Surroundings()
        let store = try surroundings.open(scratch.cache)
        store.settle()
        #expect(surroundings.logged == [])
        #expect(try store.findInMemory(key(address))?.count == 1)
        store.close()
    }

    @Test("A damaged row of a segment costs the bytes of that segment")
    func damagedSegment() throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache)
        let response = try store.make(address, completeLength: 9_000_000)
        try response.body.put(pattern(0..<100_000), at: 0)
        try response.body.put(pattern(4_200_000..<4_300_000), at: 4_200_000)
        store.close()
        try execute("UPDATE segment SET pieces = X'0100000000' WHERE number = 0", in: scratch.cache)
        let again = try Surroundings().open(scratch.cache)
        defer { again.close() }
        let found = try #require(try again.lookUp(address).first)
        #expect(found.body.held == ByteRangeSet([4_200_000..<4_300_000]))
        #expect(again.summary.bytes == 100_000)
        try found.body.put(pattern(0..<100_000), at: 0)
        #expect(try found.body.get(0..<100_000) == pattern(0..<100_000))
    }

    @Test("Item 8: a row whose file is missing or too short is deleted, found or not", arguments: [true, false])
    func missingFile(isFound: Bool) throws {
        for isShort in [true, false] {
            let scratch = try Scratch()
            try fill(scratch.cache)
            let file = try #require(Scratch.bodyFiles(in: scratch.cache).first)
            if isShort {
                try #require(truncate(scratch.cache + "/" + file, 99_999) == 0)
            } else {
                try #require(unlink(scratch.cache + "/" + file) == 0)
            }
            let store = try Surroundings().open(scratch.cache)
            if isFound { #expect(try store.lookUp(address).isEmpty) }
            store.settle()
            store.settle()
            #expect(store.summary.entries == 0)
            #expect(store.summary.bytes == 0)
            store.close()
        }
    }

    @Test("Item 8: a file that no row names is deleted; other people's names are left alone")
    func orphan() throws {
        let scratch = try Scratch()
        try fill(scratch.cache)
        let part = scratch.cache + "/bodies/07"
        mkdir(part, 0o700)
        try [1, 2, 3].write(to: part + "/0000000000000107")
        try [1, 2, 3].write(to: part + "/notes.txt")
        let store = try Surroundings().open(scratch.cache)
        defer { store.close() }
        store.settle()
        #expect(Scratch.names(in: part) == ["notes.txt"])
        #expect(try store.lookUp(address).first?.body.isComplete == true)
    }

    @Test("2.4 item 4: a directory that disappears costs the cache, and nothing else")
    func disappeared() throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache)
        let response = try store.make(address, completeLength: 100_000)
        try response.body.put(pattern(0..<50_000), at: 0)
        store.settle()
        let bell = Bell()
        let reader = response.body.openReader { bell.ring() }
        _ = reader.read(at: 0, atMost: 10)
        for file in Scratch.bodyFiles(in: scratch.cache) { unlink(scratch.cache + "/" + file) }
        for part in Scratch.names(in: scratch.cache + "/bodies") { rmdir(scratch.cache + "/bodies/" + part) }
        rmdir(scratch.cache + "/bodies")
        // The open file is still read and written.
        try response.body.put(pattern(50_000..<100_000), at: 50_000)
        #expect(try response.body.get(0..<100_000) == pattern(0..<100_000))
        // A new one gets new directories.
        let other = try store.make("http://a.example/other", completeLength: 100_000)
        try other.body.put(pattern(0..<100_000), at: 0)
        #expect(try other.body.get(0..<100_000) == pattern(0..<100_000))
        reader.close()
        store.close()
    }
}
