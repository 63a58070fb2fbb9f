// What the store keeps of digests, and reading what is held because somebody wants to know (`holdfast verify`).

import HTTPSemantics
import Resume
import Store
import Testing

@Suite("Digests that were found out, and examining what is held", .onOwnThreads)
struct DigestAndExaminingTests {
    static let address = "http://example.org/a"
    static let finding = DigestFinding.matches("sha-256:00ff", namedBy: "its URL")

    @Test("What was found out about a digest is there after a restart; that nobody named one is found out anew")
    func kept() throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache)
        let response = try store.make(Self.address, completeLength: 100_000)
        #expect(response.digest == .unknown)
        try response.body.put(pattern(0..<100_000), at: 0)
        store.note(.nothingNamed, of: response)
        #expect(response.digest == .nothingNamed)
        store.note(Self.finding, of: response)
        let other = try store.make("http://example.org/b", completeLength: 10)
        try other.body.put(pattern(0..<10), at: 0)
        store.note(.nothingNamed, of: other)
        store.close()
        let again = try Surroundings().open(scratch.cache)
        defer { again.close() }
        #expect(try again.lookUp(Self.address).first?.digest == Self.finding)
        #expect(try again.lookUp("http://example.org/b").first?.digest == .unknown)
        var listed: [DigestFinding] = []
        again.list(limit: 10) { row in
            listed.append(row.digest)
            return true
        }
        #expect(listed.contains(Self.finding))
    }

    @Test("A finding in the index that was changed there is not believed, nor is its row (hardening 2.2 item 7)")
    func forged() throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache)
        let response = try store.make(Self.address, completeLength: 100_000)
        try response.body.put(pattern(0..<100_000), at: 0)
        store.close()
        try execute("UPDATE stored_response SET digest = 'sha-256:00ff its URL'", in: scratch.cache)
        let again = try Surroundings().open(scratch.cache)
        defer { again.close() }
        #expect(try again.lookUp(Self.address).isEmpty)
    }

    @Test("A head that names another digest is compared anew; one that names the same is not")
    func renamed() throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache)
        defer { store.close() }
        let response = try store.make(Self.address, completeLength: 10)
        store.note(Self.finding, of: response)
        var head = response.metadata.head
        head.fields.append(.age, "7")
        store.update(response, head: head, requestTime: 1, responseTime: 2)
        #expect(response.digest == Self.finding)
        head.fields.append(.reprDigest, "sha-256=:AAAA:")
        store.update(response, head: head, requestTime: 1, responseTime: 2)
        #expect(response.digest == .unknown)
    }

    @Test("A damaged piece is found although it was checked before; it alone is dropped")
    func damaged() throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache)
        defer { store.close() }
        let length: Int64 = 5 << 20
        let response = try store.make(Self.address, completeLength: length)
        try response.body.put(pattern(0..<length), at: 0)
        store.settle()
        #expect(try response.body.get(0..<length) == pattern(0..<length))
        let file = try #require(Scratch.bodyFiles(in: scratch.cache).first)
        try damage(scratch.cache + "/" + file, at: 4_300_000)
        let first = response.body.examine(from: 0)
        #expect(first.examined == 4 << 20)
        #expect(first.damaged.isEmpty)
        let second = response.body.examine(from: try #require(first.next))
        let cell = (4_300_000 / 65_536 * 65_536)..<((4_300_000 / 65_536 + 1) * 65_536)
        #expect(second.damaged.ranges == [Int64(cell.lowerBound)..<Int64(cell.upperBound)])
        #expect(second.next == nil)
        #expect(response.body.held.byteCount == length - 65_536)
        #expect(!response.body.isComplete)
        #expect(store.summary.damagedPieces == 1)
    }

    @Test("What holds nothing, and what is small, is examined in one step")
    func little() throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache)
        defer { store.close() }
        let empty = try store.make(Self.address, completeLength: 100_000)
        #expect(empty.body.examine(from: 0).next == nil)
        let small = try store.make("http://example.org/b", completeLength: 10)
        try small.body.put(pattern(0..<10), at: 0)
        #expect(small.body.examine(from: 0).examined == 10)
        store.settle()
        #expect(store.rowsToExamine(after: 0, key: small.key).map(\.isSound) == [true])
    }

    @Test("A damaged row of what is loaded is written anew from memory")
    func rewritten() throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache)
        let responses = try [("http://example.org/b", Int64(10)), (Self.address, 100_000)].map { address, length in
            let response = try store.make(address, completeLength: length)
            try response.body.put(pattern(0..<length), at: 0)
            return response
        }
        store.settle()
        try execute("UPDATE stored_response SET origin_address = '192.0.2.99'", in: scratch.cache)
        #expect(store.rowsToExamine(after: 0, key: nil).map(\.isSound) == [false, false])
        for response in responses { #expect(store.rewriteRow(of: response)) }
        #expect(store.rowsToExamine(after: 0, key: nil).map(\.isSound) == [true, true])
        store.close()
        let again = try Surroundings().open(scratch.cache)
        defer { again.close() }
        for response in responses { #expect(try again.lookUp(response.key.uri).first?.body.isComplete == true) }
        #expect(again.summary.entries == 2)
    }

    @Test("Bytes that are distrusted are held no longer, with their pieces; the others stay")
    func distrusted() throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache)
        defer { store.close() }
        let length: Int64 = 9 << 20
        let response = try store.make(Self.address, completeLength: length)
        try response.body.put(pattern(0..<length), at: 0)
        store.settle()
        let done = Answer<ByteRangeSet>()
        // Across the boundary of two segments.
        response.body.distrust((4 << 20) - 65_536..<(4 << 20) + 65_536) { done.give($0) }
        #expect(try done.wait().ranges == [(4 << 20) - 65_536..<(4 << 20) + 65_536])
        #expect(response.body.held.ranges == [0..<(4 << 20) - 65_536, (4 << 20) + 65_536..<length])
        #expect(try response.body.get(0..<100) == pattern(0..<100))
    }
}
