// What is remembered of unfinished downloads and of deliveries (resume-rules 4, 6, 11), and the list.

import HTTPSemantics
import Resume
import Store
import Testing

@Suite("Resume-rules 4, 6, 11: unfinished downloads, guard records, the list", .onOwnThreads)
struct MemoryOfWorkTests {
    private let address = "http://a.example/x"

    @Test("An unfinished download is remembered, without credentials, until it is cleared")
    func unfinished() throws {
        let scratch = try Scratch()
        let surroundings = Surroundings()
        let store = try surroundings.open(scratch.cache)
        let response = try store.make(address, completeLength: 1_000_000)
        try response.body.put(pattern(0..<300_000), at: 0)
        let wanted = ByteRangeSet([0..<500_000, 900_000..<Int64.max])
        store.setUnfinished(
            response,
            wanted: wanted,
            state: .filling,
            requestFields: fields(("Accept-Encoding", "gzip"), ("Authorization", "x"), ("Cookie", "y")),
            uri: address
        )
        store.settle()
        #expect(store.summary.unfinished == 1)
        let copy = try scratch.copyOfCache(named: "killed")
        store.close()

        let again = try surroundings.open(copy)
        #expect(again.summary.unfinished == 1)
        let found = try #require(again.unfinished().first)
        #expect(found.wanted == wanted)
        #expect(found.state == .filling)
        #expect(found.uri == address)
        #expect(found.key == (try key(address)))
        #expect(found.requestFields == fields(("Accept-Encoding", "gzip")))
        #expect(found.response.body.held == ByteRangeSet([0..<300_000]))
        again.setUnfinished(
            found.response,
            wanted: wanted,
            state: .parked,
            requestFields: FieldSection(),
            uri: address
        )
        #expect(again.unfinished().first?.state == .parked)
        #expect(again.summary.unfinished == 1)
        again.clearUnfinished(found.response)
        #expect(again.unfinished().isEmpty)
        #expect(again.summary.unfinished == 0)
        again.close()
        let third = try surroundings.open(copy)
        defer { third.close() }
        #expect(third.unfinished().isEmpty)
    }

    @Test("Guard records are there with their entry, an open one after a crash still open, old ones go")
    func guards() throws {
        let scratch = try Scratch()
        let surroundings = Surroundings()
        let store = try surroundings.open(scratch.cache)
        let key = try key(address)
        let open = GuardRecord(client: "192.0.2.7", version: 5, highestByte: 0, at: surroundings.now, isOpen: true)
        let ended = GuardRecord(client: "192.0.2.8", version: 5, highestByte: 10, at: surroundings.now, isOpen: false)
        store.record(open, key: key)
        store.record(GuardRecord(client: "192.0.2.8", version: 5, highestByte: 0, at: 1, isOpen: true), key: key)
        store.record(ended, key: key)
        #expect(store.guardRecords(for: key) == [open, ended])
        store.settle()
        let copy = try scratch.copyOfCache(named: "killed")
        store.close()
        let again = try surroundings.open(copy)
        _ = try again.lookUp(address)
        #expect(Set(again.guardRecords(for: key).map(\.client)) == ["192.0.2.7", "192.0.2.8"])
        #expect(again.guardRecords(for: key).contains(open))
        #expect(again.guardRecords(for: key).contains(ended))
        again.close()
        surroundings.advance(seconds: 3601)
        let third = try surroundings.open(copy)
        defer { third.close() }
        third.settle()
        _ = try third.lookUp(address)
        #expect(third.guardRecords(for: key).isEmpty)
    }

    @Test("The list has what is held, used last first, page by page")
    func list() throws {
        let scratch = try Scratch()
        let surroundings = Surroundings()
        let store = try surroundings.open(scratch.cache)
        defer { store.close() }
        for number in 0..<300 {
            surroundings.advance(seconds: 1)
            let response = try store.make("http://a.example/\(number)", completeLength: 4)
            let writer = response.body.openWriter(at: 0) { _ in }
            writer.append(pattern(0..<4))
            writer.finish()
        }
        let partial = try store.make("http://a.example/partial", completeLength: 1_000_000)
        try partial.body.put(pattern(500_000..<600_000), at: 500_000)
        surroundings.advance(seconds: 1)
        store.used(partial)
        var listed: [ListedResponse] = []
        store.list(limit: 1000) { entry in
            listed.append(entry)
            return true
        }
        #expect(listed.count == 301)
        #expect(Set(listed.map(\.uri)).count == 301)
        let first = try #require(listed.first { $0.uri.hasSuffix("partial") })
        #expect(first.held == ByteRangeSet([500_000..<600_000]))
        #expect(first.size == 100_000)
        #expect(first.completeLength == 1_000_000)
        #expect(first.hits == 1)
        #expect(first.lastUse == surroundings.now)
        #expect(listed.last?.uri == "http://a.example/0")
        var some: [String] = []
        store.list(limit: 5, offset: 10) { entry in
            some.append(entry.uri)
            return some.count < 3
        }
        #expect(some == listed[10..<13].map(\.uri))
    }
}
