// The quota and what makes room for more (R57, hardening 2.2 item 6).

import HTTPSemantics
import Resume
import Store
import Testing

@Suite("R57: quota and eviction", .onOwnThreads)
struct EvictionTests {
    private func address(_ number: Int) -> String { "http://a.example/\(number)" }

    @Test("What was used least recently goes, and what is held stays below the quota", arguments: [true, false])
    func leastRecentlyUsed(isRestarted: Bool) throws {
        let scratch = try Scratch()
        let surroundings = Surroundings()
        var store = try surroundings.open(scratch.cache, maxSize: 10_000_000)
        for number in 0..<8 {
            surroundings.advance(seconds: 10)
            let response = try store.make(address(number), completeLength: 1_000_000)
            try response.body.put(pattern(0..<1_000_000), at: 0)
        }
        surroundings.advance(seconds: 4000)
        store.used(try #require(try store.lookUp(address(0)).first))
        store.settle()
        if isRestarted {
            store.close()
            store = try surroundings.open(scratch.cache, maxSize: 10_000_000)
        }
        defer { store.close() }
        for number in 8..<12 {
            surroundings.advance(seconds: 10)
            let response = try store.make(address(number), completeLength: 1_000_000)
            try response.body.put(pattern(0..<1_000_000), at: 0)
            store.settle()
            #expect(store.summary.bytes <= 10_000_000)
        }
        let present = try (0..<12).filter { try !store.lookUp(address($0)).isEmpty }
        #expect(present.contains(0), "it was used again")
        #expect(!present.contains(1))
        #expect(present.suffix(5) == [7, 8, 9, 10, 11])
        #expect(Scratch.bodyFiles(in: scratch.cache).count == present.count)
        #expect(store.summary.entries == present.count)
        for number in present {
            let found = try #require(try store.lookUp(address(number)).first)
            #expect(try found.body.get(0..<1_000_000) == pattern(0..<1_000_000))
        }
    }

    @Test("What was superseded goes first")
    func supersededFirst() throws {
        let scratch = try Scratch()
        let surroundings = Surroundings()
        let store = try surroundings.open(scratch.cache, maxSize: 3_000_000)
        defer { store.close() }
        let oldest = try store.make(address(0), completeLength: 1_000_000)
        try oldest.body.put(pattern(0..<1_000_000), at: 0)
        surroundings.advance(seconds: 10)
        let old = try store.make(address(1), completeLength: 1_000_000)
        try old.body.put(pattern(0..<1_000_000), at: 0)
        store.supersede(old)
        store.settle()
        let new = try store.make(address(2), completeLength: 1_500_000)
        try new.body.put(pattern(0..<1_500_000), at: 0)
        #expect(oldest.isCurrent)
        #expect(throws: StoreError.self) { try old.body.put(pattern(0..<1), at: 0) }
    }

    @Test("Nothing that is being filled goes; a fill that finds no room fails, and what it held stays")
    func filled() throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache, maxSize: 4_000_000)
        defer { store.close() }
        let open = try store.make(address(0), completeLength: 3_000_000)
        let bell = Bell()
        let writer = open.body.openWriter(at: 0) { _ in bell.ring() }
        writer.append(pattern(0..<2_000_000))
        writer.flush()
        try bell.wait { writer.unwritten == 0 }
        let noted = try store.make(address(1), completeLength: 1_500_000)
        try noted.body.put(pattern(0..<1_000_000), at: 0)
        store.setUnfinished(
            noted,
            wanted: ByteRangeSet([0..<1_500_000]),
            state: .filling,
            requestFields: FieldSection(),
            uri: address(1)
        )
        store.settle()
        let other = try store.make(address(2), completeLength: 2_000_000)
        #expect { try other.body.put(pattern(0..<2_000_000), at: 0) } throws: { ($0 as? StoreError)?.kind == .full }
        #expect(open.isCurrent && noted.isCurrent)
        #expect(try open.body.get(0..<2_000_000) == pattern(0..<2_000_000))
        // When the fill is over, it makes room like any other.
        writer.finish()
        store.clearUnfinished(noted)
        store.settle()
        let last = try store.make(address(3), completeLength: 3_500_000)
        try last.body.put(pattern(0..<3_500_000), at: 0)
        #expect(last.body.isComplete)
        #expect(!open.isCurrent && !noted.isCurrent)
    }

    @Test("What is complete goes, whatever is noted of its fill", arguments: [true, false])
    func completeAndNoted(isRestarted: Bool) throws {
        let scratch = try Scratch()
        let surroundings = Surroundings()
        var store = try surroundings.open(scratch.cache, maxSize: 4_000_000)
        let noted = try store.make(address(0), completeLength: 2_000_000)
        try noted.body.put(pattern(0..<2_000_000), at: 0)
        note(noted, in: store)
        store.settle()
        if isRestarted {
            store.close()
            store = try surroundings.open(scratch.cache, maxSize: 4_000_000)
        }
        defer { store.close() }
        let next = try store.make(address(1), completeLength: 3_000_000)
        try next.body.put(pattern(0..<3_000_000), at: 0)
        #expect(next.body.isComplete)
        #expect(try store.lookUp(address(0)).isEmpty)
        #expect(store.summary.unfinished == 0)
    }

    @Test("A note of a fill that cannot be read does not keep bytes for ever")
    func unreadableNote() throws {
        let scratch = try Scratch()
        let surroundings = Surroundings()
        let store = try surroundings.open(scratch.cache, maxSize: 4_000_000)
        let noted = try store.make(address(0), completeLength: 2_500_000)
        try noted.body.put(pattern(0..<2_000_000), at: 0)
        note(noted, in: store)
        store.close()
        try execute("UPDATE download SET wanted = x'00'", in: scratch.cache)
        let again = try surroundings.open(scratch.cache, maxSize: 4_000_000)
        defer { again.close() }
        #expect(again.summary.unfinished == 1)
        _ = try again.lookUp(address(0))
        again.settle()
        #expect(again.summary.unfinished == 0)
        let next = try again.make(address(1), completeLength: 3_000_000)
        try next.body.put(pattern(0..<3_000_000), at: 0)
        #expect(next.body.isComplete)
    }

    private func note(_ response: StoredResponse, in store: Store) {
        store.setUnfinished(
            response,
            wanted: ByteRangeSet([0..<2_000_000]),
            state: .filling,
            requestFields: FieldSection(),
            uri: address(0)
        )
    }

    @Test("One body is at most 90 % of the quota", arguments: [true, false])
    func tooLarge(isKnown: Bool) throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache, maxSize: 1_000_000)
        defer { store.close() }
        let response = try store.make(address(0), completeLength: isKnown ? 900_001 : nil)
        #expect { try response.body.put(pattern(0..<900_001), at: 0) } throws: {
            ($0 as? StoreError)?.kind == .tooLarge
        }
        let fitting = try store.make(address(1), completeLength: 900_000)
        try fitting.body.put(pattern(0..<900_000), at: 0)
        #expect(fitting.body.isComplete)
    }

    @Test("A disk with less free space than is to stay free takes nothing")
    func freeSpace() throws {
        let scratch = try Scratch()
        var configuration = Surroundings().configuration(scratch.cache)
        configuration.minFree = 1 << 60
        let store = try Store.open(configuration)
        defer { store.close() }
        let response = try store.make(address(0), completeLength: 100_000)
        #expect { try response.body.put(pattern(0..<100_000), at: 0) } throws: {
            ($0 as? StoreError)?.kind == .full
        }
    }

    @Test("The room for more of a body is what the quota and the disk leave, if all else that is held goes (R57)")
    func room() throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache, maxSize: 1_000_000)
        defer { store.close() }
        #expect(store.room(beside: 0) == 1_000_000)
        try store.make(address(0), completeLength: 400_000).body.put(pattern(0..<400_000), at: 0)
        #expect(store.room(beside: 300_000) == 700_000)
        #expect(store.room(beside: 2_000_000) == 0)
    }

    @Test("A disk with less free space than is to stay free has no room for more of a body")
    func noRoom() throws {
        let scratch = try Scratch()
        var configuration = Surroundings().configuration(scratch.cache)
        configuration.minFree = 1 << 60
        let store = try Store.open(configuration)
        defer { store.close() }
        #expect(store.room(beside: 0) == 0)
    }

    @Test("What is evicted while somebody reads it is still read")
    func readerInside() throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache, maxSize: 3_000_000)
        defer { store.close() }
        let old = try store.make(address(0), completeLength: 1_000_000)
        try old.body.put(pattern(0..<1_000_000), at: 0)
        store.settle()
        let reader = old.body.openReader {}
        _ = reader.read(at: 0, atMost: 1)
        let new = try store.make(address(1), completeLength: 2_500_000)
        // The bytes count until the descriptor is closed: there is no room yet.
        #expect { try new.body.put(pattern(0..<2_500_000), at: 0) } throws: { ($0 as? StoreError)?.kind == .full }
        #expect(!old.isCurrent)
        #expect(try old.body.get(0..<1_000_000) == pattern(0..<1_000_000))
        reader.close()
        store.settle()
        let next = try store.make(address(2), completeLength: 2_500_000)
        try next.body.put(pattern(0..<2_500_000), at: 0)
        #expect(next.body.isComplete)
    }
}
