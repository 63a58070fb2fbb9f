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

    private func delivery(_ highest: Int64, _ isOpen: Bool, at instant: Int64) -> GuardRecord {
        GuardRecord(client: "192.0.2.7", version: 5, highestByte: highest, at: instant, isOpen: isOpen)
    }

    @Test("Several deliveries to one client: open until the last has ended, and the highest byte of all of them")
    func severalDeliveries() throws {
        let scratch = try Scratch()
        let surroundings = Surroundings()
        let now = surroundings.now
        let store = try surroundings.open(scratch.cache)
        let key = try key(address)
        _ = try store.lookUp(address)
        store.record(delivery(0, true, at: now), key: key)
        store.record(delivery(0, true, at: now + 1), key: key)
        store.record(delivery(1000, false, at: now + 2), key: key)
        #expect(store.guardRecords(for: key) == [delivery(1000, true, at: now + 2)])
        store.settle()
        let killed = try scratch.copyOfCache(named: "killed")
        store.record(delivery(10, false, at: now + 3), key: key)
        #expect(store.guardRecords(for: key) == [delivery(1000, false, at: now + 3)])
        store.close()

        let again = try surroundings.open(scratch.cache)
        _ = try again.lookUp(address)
        #expect(again.guardRecords(for: key) == [delivery(1000, false, at: now + 3)])
        again.close()

        // Left open by a crash: a further delivery that begins and ends does not tell how far that one came.
        let crashed = try surroundings.open(killed)
        _ = try crashed.lookUp(address)
        crashed.record(delivery(0, true, at: now + 4), key: key)
        crashed.record(delivery(20, false, at: now + 5), key: key)
        #expect(crashed.guardRecords(for: key) == [delivery(1000, true, at: now + 5)])
        crashed.close()
        let last = try surroundings.open(killed)
        defer { last.close() }
        _ = try last.lookUp(address)
        #expect(last.guardRecords(for: key) == [delivery(1000, true, at: now + 5)])
    }

    @Test("A record that is not loaded does not lower what the index has")
    func recordWithoutLoading() throws {
        let scratch = try Scratch()
        let surroundings = Surroundings()
        let now = surroundings.now
        let key = try key(address)
        for highest in [1000, 10] as [Int64] {
            let store = try surroundings.open(scratch.cache)
            store.record(delivery(highest, false, at: now), key: key)
            store.close()
        }
        let store = try surroundings.open(scratch.cache)
        defer { store.close() }
        _ = try store.lookUp(address)
        #expect(store.guardRecords(for: key) == [delivery(1000, false, at: now)])
    }

    @Test(
        "What is used while the list is read comes once, whether the instants of use differ or not",
        arguments: [0, 1]
    )
    func listWhileUsed(secondsApart: Int64) throws {
        let scratch = try Scratch()
        let surroundings = Surroundings()
        let store = try surroundings.open(scratch.cache)
        defer { store.close() }
        let addresses = (0..<400).map { "http://a.example/\($0)" }
        for address in addresses {
            surroundings.advance(seconds: secondsApart)
            let response = try store.make(address, completeLength: 4)
            let writer = response.body.openWriter(at: 0) { _ in }
            writer.append(pattern(0..<4))
            writer.finish()
        }
        store.settle()
        surroundings.advance(seconds: 4000)
        let used = addresses[10]
        var listed: [String] = []
        store.list(limit: .max) { entry in
            listed.append(entry.uri)
            if listed.count == 100, let response = try? store.lookUp(used).first {
                store.used(response)
                store.settle()
            }
            return true
        }
        #expect(Set(listed).count == listed.count, "none comes twice")
        // It was still to come, and is at the front now.
        #expect(Set(addresses).subtracting(listed) == [used])
        let order = addresses.filter { $0 != used }.reversed()
        #expect(listed == Array(order))
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
        // A use is written at most once an hour.
        surroundings.advance(seconds: 3600)
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
