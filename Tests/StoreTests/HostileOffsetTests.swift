// Offsets and lengths come from foreign heads and may be any number: they are refused, and nothing is added to
// them that has no sum.

import HTTPSemantics
import Resume
import Store
import Testing

@Suite("R16, R57: offsets that no body has", .onOwnThreads)
struct HostileOffsetTests {
    private static let offsets: [Int64] = [
        .max, .max - 1, .max - 5000, .max - (1 << 20), .max - (8 << 20), .max - (9 << 20), 1 << 62, 1 << 40, -1, .min,
    ]

    @Test("A writer at such an offset fails, and the store goes on", arguments: offsets, [nil, Int64.max, 1_000_000])
    func writer(offset: Int64, completeLength: Int64?) throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache)
        defer { store.close() }
        let response = try store.make("http://a.example/x", completeLength: completeLength)
        let answer = Answer<StoreError.Kind>()
        let writer = response.body.openWriter(at: offset) { progress in
            if case .failed(let error) = progress { answer.give(error.kind) }
        }
        writer.append(pattern(0..<100_000))
        writer.finish()
        #expect(try answer.wait() == .tooLarge)
        #expect(writer.unwritten == 0)
        #expect(response.body.held.isEmpty)
        let other = try store.make("http://a.example/other", completeLength: 100_000)
        try other.body.put(pattern(0..<100_000), at: 0)
        #expect(other.body.isComplete)
    }

    @Test("A reader at such an offset finds nothing, and a comparison tells nothing", arguments: offsets)
    func reader(offset: Int64) throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache)
        defer { store.close() }
        for length in [5000, 100_000] as [Int64] {
            let response = try store.make("http://a.example/\(length)", completeLength: length)
            try response.body.put(pattern(0..<length), at: 0)
            let reader = response.body.openReader {}
            guard case .missing = reader.read(at: offset, atMost: .max) else {
                Issue.record("nothing is there")
                return
            }
            #expect(try response.body.compare(pattern(0..<5000), at: offset) == .notHeld)
        }
    }

    @Test("A quota and a reserve without a sum are no overflow")
    func limits() throws {
        let scratch = try Scratch()
        var configuration = Surroundings().configuration(scratch.cache, maxSize: .max)
        configuration.minFree = .max
        let store = try Store.open(configuration)
        defer { store.close() }
        #expect(!store.mayStore(completeLength: nil))
        let response = try store.make("http://a.example/x", completeLength: 100_000)
        #expect { try response.body.put(pattern(0..<100_000), at: 0) } throws: { ($0 as? StoreError)?.kind == .full }
    }
}
