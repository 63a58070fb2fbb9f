// Versions of a representation: replaced, freshened, invalidated, removed (hardening 2.2 item 1, resume-rules
// 10 and 11, RFC 9111 §4.4).

import HTTPSemantics
import Resume
import Store
import Testing

@Suite("Versions: superseded, freshened, invalidated, removed", .onOwnThreads)
struct VersionTests {
    private let address = "http://a.example/x"

    @Test("Invariant 12: a new version stands beside the old one until the old one is superseded")
    func superseded() throws {
        let scratch = try Scratch()
        let surroundings = Surroundings()
        let store = try surroundings.open(scratch.cache)
        let old = try store.make(address, completeLength: 100_000, tag: "\"one\"")
        try old.body.put(pattern(0..<100_000, seed: 1), at: 0)
        let new = try store.make(address, completeLength: 100_000, tag: "\"two\"")
        #expect(new.id > old.id)
        #expect(try store.findInMemory(key(address))?.map(\.id) == nil)
        #expect(try store.lookUp(address).map(\.id) == [new.id, old.id])
        try new.body.put(pattern(0..<100_000, seed: 2), at: 0)
        store.supersede(old)
        #expect(!old.isCurrent)
        #expect(new.isCurrent)
        #expect(try store.findInMemory(key(address))?.map(\.id) == [new.id])
        // Whoever reads the old one still can.
        #expect(try old.body.get(0..<100_000) == pattern(0..<100_000, seed: 1))
        store.settle()
        #expect(Scratch.bodyFiles(in: scratch.cache).count == 2)
        store.close()

        let again = try surroundings.open(scratch.cache)
        #expect(try again.lookUp(address).map(\.id) == [new.id])
        again.close()
        // Its time is over: the next house-keeping, which a start does first, deletes it.
        surroundings.advance(seconds: 3601)
        let third = try surroundings.open(scratch.cache)
        defer { third.close() }
        third.settle()
        third.settle()
        #expect(third.summary.entries == 1)
        #expect(Scratch.bodyFiles(in: scratch.cache).count == 1)
        #expect(third.summary.bytes == 100_000)
        let found = try #require(try third.lookUp(address).first)
        #expect(try found.body.get(0..<100_000) == pattern(0..<100_000, seed: 2))
    }

    @Test("A freshened head and its times are kept")
    func freshened() throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache)
        let response = try store.make(address, completeLength: 5)
        try response.body.put(pattern(0..<5), at: 0)
        store.settle()
        let before = response.revision
        let head = ResponseHead(status: 200, fields: fields(("ETag", "\"one\""), ("X-New", "1")))
        store.update(response, head: head, requestTime: 1_800_000_500, responseTime: 1_800_000_501)
        #expect(response.revision > before)
        #expect(response.metadata.head == head)
        store.close()
        let again = try Surroundings().open(scratch.cache)
        defer { again.close() }
        let found = try #require(try again.lookUp(address).first)
        #expect(found.metadata.head == head)
        #expect(found.metadata.requestTime == 1_800_000_500)
        #expect(found.metadata.responseTime == 1_800_000_501)
        #expect(try found.body.get(0..<5) == pattern(0..<5))
    }

    @Test("RFC 9111 §4.4: invalidated ones are found as such, also after a restart, until they are freshened")
    func invalidated() throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache)
        let response = try store.make(address, completeLength: 5)
        try response.body.put(pattern(0..<5), at: 0)
        store.setUnfinished(
            response,
            wanted: ByteRangeSet([0..<5]),
            state: .parked,
            requestFields: FieldSection(),
            uri: address
        )
        store.settle()
        store.invalidate(try key(address))
        let found = try store.lookUp(address)
        #expect(found.first === response)
        #expect(response.metadata.isInvalidated)
        #expect(!response.isCurrent)
        #expect(store.unfinished().isEmpty)
        store.close()
        let again = try Surroundings().open(scratch.cache)
        defer { again.close() }
        let later = try #require(try again.lookUp(address).first)
        #expect(later.metadata.isInvalidated)
        #expect(!later.isCurrent)
        let metadata = later.metadata
        again.update(later, head: metadata.head, requestTime: 1, responseTime: 2)
        #expect(later.isCurrent)
        #expect(!later.metadata.isInvalidated)
    }

    @Test("Purged: not found, the file is gone, and a reader inside goes on", arguments: [true, false])
    func purged(all: Bool) throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache)
        let first = try store.make(address, completeLength: 200_000, requestFields: fields(("Accept", "a")))
        let second = try store.make(address, completeLength: 5, requestFields: fields(("Accept", "b")))
        let other = try store.make("http://a.example/other", completeLength: 5)
        try first.body.put(pattern(0..<200_000), at: 0)
        try second.body.put(pattern(0..<5), at: 0)
        try other.body.put(pattern(0..<5), at: 0)
        store.settle()
        let bell = Bell()
        let reader = first.body.openReader { bell.ring() }
        guard case .file(let descriptor, _) = reader.read(at: 0, atMost: 1000) else {
            Issue.record("what was just written is in memory")
            return
        }
        #expect(all ? store.purgeAll() == 3 : store.purge(try key(address)) == 2)
        #expect(!first.isCurrent)
        #expect(!second.isCurrent)
        #expect(other.isCurrent == !all)
        #expect(try store.lookUp(address).isEmpty)
        store.settle()
        #expect(Scratch.bodyFiles(in: scratch.cache).isEmpty)
        guard case .file(descriptor, 0..<1000) = reader.read(at: 0, atMost: 1000) else {
            Issue.record("the reader keeps its descriptor")
            return
        }
        #expect(throws: StoreError.self) { try first.body.put(pattern(0..<10), at: 0) }
        #expect(store.summary.entries == (all ? 0 : 1))
        #expect(store.summary.bytes == (all ? 0 : 5))
        store.close()
        let again = try Surroundings().open(scratch.cache)
        defer { again.close() }
        #expect(try again.lookUp(address).isEmpty)
        #expect(try again.lookUp("http://a.example/other").count == (all ? 0 : 1))
    }

    @Test("Purging reaches what is not loaded", arguments: [true, false])
    func purgedUnloaded(all: Bool) throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache)
        for number in 0..<5 {
            let response = try store.make("http://a.example/\(number)", completeLength: 30_000)
            try response.body.put(pattern(0..<30_000), at: 0)
        }
        store.close()
        let again = try Surroundings().open(scratch.cache)
        defer { again.close() }
        if all { #expect(again.purgeAll() == 5) } else { #expect(again.purge(try key("http://a.example/3")) == 1) }
        again.settle()
        #expect(Scratch.bodyFiles(in: scratch.cache).count == (all ? 0 : 4))
        #expect(again.summary.bytes == (all ? 0 : 120_000))
        #expect(again.summary.entries == (all ? 0 : 4))
        #expect(try again.lookUp("http://a.example/3").isEmpty)
    }

    @Test("What something holds is found as the same object, however little memory there is")
    func identity() throws {
        let scratch = try Scratch()
        var configuration = Surroundings().configuration(scratch.cache)
        configuration.hotBytes = 0
        let store = try Store.open(configuration)
        defer { store.close() }
        let held = try store.make("http://a.example/held", completeLength: 5)
        try held.body.put(pattern(0..<5), at: 0)
        for number in 0..<2000 {
            let response = try store.make("http://a.example/\(number)", completeLength: 2)
            let writer = response.body.openWriter(at: 0) { _ in }
            writer.append(pattern(0..<2))
            writer.finish()
        }
        store.settle()
        for number in 0..<2000 {
            let found = try store.lookUp("http://a.example/\(number)")
            #expect(found.count == 1)
            #expect(found.first?.body.isComplete == true)
        }
        #expect(try store.lookUp("http://a.example/held").first === held)
        #expect(store.summary.entries == 2001)
        #expect(store.summary.bytes == 4005)
    }

    @Test("Uses are counted, and reach the index at most once an hour")
    func uses() throws {
        let scratch = try Scratch()
        let surroundings = Surroundings()
        let store = try surroundings.open(scratch.cache)
        let response = try store.make(address, completeLength: 5)
        try response.body.put(pattern(0..<5), at: 0)
        store.settle()
        surroundings.advance(seconds: 10)
        store.used(response)
        surroundings.advance(seconds: 4000)
        store.used(response)
        store.used(response)
        #expect(response.hits == 3)
        #expect(response.lastUse == surroundings.now)
        store.close()
        let again = try surroundings.open(scratch.cache)
        defer { again.close() }
        let found = try #require(try again.lookUp(address).first)
        #expect(found.lastUse == surroundings.now)
        #expect(found.hits >= 2)
    }
}
