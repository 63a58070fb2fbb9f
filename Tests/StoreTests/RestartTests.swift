// What is written is there after an orderly end and after a SIGKILL, and never another byte (hardening 2.2
// items 2 to 4, resume-rules 10).

import HTTPSemantics
import Resume
import Store
import Testing

@Suite("Hardening 2.2: what survives a restart", .onOwnThreads)
struct RestartTests {
    @Test(
        "A body is read back after an orderly end",
        arguments: [0, 1, 1000, 16384, 16385, 65536, 200_000, 4 << 20, 9_000_001] as [Int64]
    )
    func orderly(length: Int64) throws {
        let scratch = try Scratch()
        let surroundings = Surroundings()
        let store = try surroundings.open(scratch.cache)
        let response = try store.make("http://a.example/x", completeLength: length)
        if length > 0 { try response.body.put(pattern(0..<length), at: 0) }
        #expect(response.body.isComplete)
        #expect(try response.body.get(0..<length) == pattern(0..<length))
        store.close()

        let again = try surroundings.open(scratch.cache)
        defer { again.close() }
        #expect(again.summary.entries == 1)
        #expect(again.summary.bytes == length)
        #expect(try again.findInMemory(key("http://a.example/x")) == nil)
        let found = try again.lookUp("http://a.example/x")
        let first = try #require(found.first)
        #expect(found.count == 1)
        #expect(first.id == response.id)
        #expect(first.validator == response.validator)
        #expect(first.metadata.head.fields.first(.contentType) == "text/plain")
        #expect(first.originAddress == "192.0.2.1")
        #expect(first.body.isComplete)
        #expect(first.body.completeLength == length)
        #expect(try first.body.get(0..<length) == pattern(0..<length))
        #expect(again.summary.damagedPieces == 0)
    }

    @Test(
        "Each kind of validator is read back as it was (resume-rules 1 and 11)",
        arguments: [
            EntityTag.parse("\"a\"").map { .etag($0) },
            .lastModified(text: "Tue, 15 Nov 1994 08:12:31 GMT", seconds: 784_887_151),
            .immutable,
            nil,
        ] as [StrongValidator?]
    )
    func validators(validator: StrongValidator?) throws {
        let scratch = try Scratch()
        let surroundings = Surroundings()
        let store = try surroundings.open(scratch.cache)
        let response = store.create(
            NewStoredResponse(
                key: try key("http://a.example/x"),
                requestFields: FieldSection(),
                head: ResponseHead(status: 200, fields: fields(("Content-Type", "text/plain"))),
                requestTime: 1_800_000_000,
                responseTime: 1_800_000_001,
                validator: validator,
                completeLength: 10,
                originAddress: "192.0.2.1",
                expectsSmallBody: true
            )
        )
        try response.body.put(pattern(0..<10), at: 0)
        store.close()

        let again = try surroundings.open(scratch.cache)
        defer { again.close() }
        let found = try #require(try again.lookUp("http://a.example/x").first)
        #expect(found.id == response.id)
        #expect(found.validator == validator)
    }

    @Test("A SIGKILL after the soft claim loses nothing of a file, whole or with holes")
    func killed() throws {
        let scratch = try Scratch()
        let surroundings = Surroundings()
        let store = try surroundings.open(scratch.cache)
        defer { store.close() }
        let response = try store.make("http://a.example/x", completeLength: 20_000_000)
        let ranges: [Range<Int64>] = [0..<70_001, 100_000..<100_001, 4_194_300..<4_194_310, 9_999_999..<12_000_000]
        for range in ranges { try response.body.put(pattern(range), at: range.lowerBound, pieces: 7777) }
        store.settle()
        let copy = try scratch.copyOfCache(named: "killed")

        let again = try surroundings.open(copy)
        defer { again.close() }
        let found = try #require(try again.lookUp("http://a.example/x").first)
        #expect(found.body.held == ByteRangeSet(ranges))
        #expect(!found.body.isComplete)
        for range in ranges { #expect(try found.body.get(range) == pattern(range)) }
        #expect(try found.body.get(70_000..<80_000) == pattern(70_000..<70_001))
    }

    @Test("What was not claimed yet is simply not held, and can be written")
    func unclaimed() throws {
        let scratch = try Scratch()
        let surroundings = Surroundings()
        let store = try surroundings.open(scratch.cache)
        defer { store.close() }
        let response = try store.make("http://a.example/x", completeLength: 1_000_000)
        try response.body.put(pattern(0..<300_000), at: 0)
        store.settle()
        let copy = try scratch.copyOfCache(named: "killed")
        let again = try surroundings.open(copy)
        let found = try #require(try again.lookUp("http://a.example/x").first)
        try found.body.put(pattern(300_000..<1_000_000), at: 300_000)
        #expect(found.body.isComplete)
        #expect(try found.body.get(0..<1_000_000) == pattern(0..<1_000_000))
        again.close()
        let third = try surroundings.open(copy)
        defer { third.close() }
        let last = try #require(try third.lookUp("http://a.example/x").first)
        #expect(try last.body.get(0..<1_000_000) == pattern(0..<1_000_000))
    }

    @Test("A byte that changed on the disk costs its piece and is never delivered", arguments: [true, false])
    func damaged(isFlushed: Bool) throws {
        let scratch = try Scratch()
        let surroundings = Surroundings()
        let store = try surroundings.open(scratch.cache)
        let response = try store.make("http://a.example/x", completeLength: 300_000)
        try response.body.put(pattern(0..<300_000), at: 0)
        var cache = scratch.cache
        if isFlushed {
            store.close()
        } else {
            store.settle()
            cache = try scratch.copyOfCache(named: "killed")
            store.close()
        }
        let file = try #require(Scratch.bodyFiles(in: cache).first)
        try damage(cache + "/" + file, at: 70_000)

        let again = try surroundings.open(cache)
        let found = try #require(try again.lookUp("http://a.example/x").first)
        #expect(try found.body.get(0..<300_000) == pattern(0..<65_536))
        #expect(found.body.held == ByteRangeSet([0..<65_536, 131_072..<300_000]))
        #expect(again.summary.damagedPieces == 1)
        #expect(again.summary.bytes == 300_000 - 65_536)
        // The hole is filled as any other, and stays filled.
        try found.body.put(pattern(65_536..<131_072), at: 65_536)
        #expect(try found.body.get(0..<300_000) == pattern(0..<300_000))
        again.close()
        let third = try surroundings.open(cache)
        defer { third.close() }
        let last = try #require(try third.lookUp("http://a.example/x").first)
        #expect(try last.body.get(0..<300_000) == pattern(0..<300_000))
        #expect(third.summary.bytes == 300_000)
    }

    @Test("Offsets beyond 4 GiB")
    func large() throws {
        let scratch = try Scratch()
        let surroundings = Surroundings()
        let store = try surroundings.open(scratch.cache, maxSize: 1 << 40)
        let total: Int64 = 50 << 30
        let response = try store.make("http://a.example/x", completeLength: total)
        let ranges: [Range<Int64>] = [
            0..<100_000, (4 << 30) - 50_000..<(4 << 30) + 50_000, total - 1_000_000..<total,
        ]
        for range in ranges { try response.body.put(pattern(range), at: range.lowerBound) }
        store.close()
        let again = try surroundings.open(scratch.cache, maxSize: 1 << 40)
        defer { again.close() }
        let found = try #require(try again.lookUp("http://a.example/x").first)
        #expect(found.body.held == ByteRangeSet(ranges))
        for range in ranges { #expect(try found.body.get(range) == pattern(range)) }
    }

    @Test("Ids grow and are never given again")
    func ids() throws {
        let scratch = try Scratch()
        let surroundings = Surroundings()
        var last: Int64 = 0
        for _ in 0..<3 {
            let store = try surroundings.open(scratch.cache)
            let id = try store.make("http://a.example/x", completeLength: 10).id
            #expect(id > last)
            last = id
            store.close()
        }
    }
}
