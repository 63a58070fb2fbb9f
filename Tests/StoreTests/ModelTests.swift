// Random work on a few bodies against a model in memory: whatever the order of writes, reads, orderly ends,
// kills and damage, a byte that is read is the byte that was written (promise 1 of hardening 2.4).

import HTTPSemantics
import Resume
import Store
import Testing

/// A small generator, so that a seed repeats a run.
struct Dice: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}

@Suite("Hardening 2.4 promise 1: random work against a model", .onOwnThreads)
struct ModelTests {
    private struct Model {
        var length: Int64
        var held = ByteRangeSet()
        let seed: UInt64
    }

    @Test("Never a wrong byte", arguments: 1...6 as ClosedRange<UInt64>)
    func random(seed: UInt64) throws {
        var dice = Dice(seed: seed)
        let scratch = try Scratch()
        let surroundings = Surroundings()
        var cache = scratch.cache
        var store = try surroundings.open(cache)
        var models = (0..<4).map { number in
            Model(length: [9000, 150_000, 700_000, 9_000_000][number], seed: UInt64(number) + seed * 10)
        }
        for number in models.indices {
            _ = try store.make("http://a.example/\(number)", completeLength: models[number].length)
        }
        var copies = 0
        for _ in 0..<120 {
            let number = Int.random(in: 0..<models.count, using: &dice)
            let model = models[number]
            let response = try #require(try store.lookUp("http://a.example/\(number)").first)
            let start = Int64.random(in: 0..<model.length, using: &dice)
            let end = min(model.length, start + Int64.random(in: 1...200_000, using: &dice))
            switch Int.random(in: 0..<10, using: &dice) {
            case 0..<5:
                let bytes = pattern(start..<end, seed: model.seed)
                try response.body.put(bytes, at: start, pieces: Int.random(in: 500...100_000, using: &dice))
                models[number].held.insert(start..<end)
            case 5..<8:
                let bytes = try response.body.get(start..<end, window: Int.random(in: 1000...400_000, using: &dice))
                let expected = model.held.runEnd(from: start)
                #expect(bytes == pattern(start..<min(end, max(start, expected)), seed: model.seed))
            case 8:
                // Every body has to have a row before it can be found again.
                guard models.allSatisfy({ !$0.held.isEmpty }) else { continue }
                store.close()
                store = try surroundings.open(cache)
            default:
                guard models.allSatisfy({ !$0.held.isEmpty }) else { continue }
                store.settle()
                copies += 1
                let copy = try scratch.copyOfCache(cache, named: "copy\(copies)")
                store.close()
                cache = copy
                try damageSomewhere(in: cache, &dice)
                store = try surroundings.open(cache)
                // What was damaged is found by reading all; it is held no longer, and nothing else is lost.
                for number in models.indices {
                    let found = try #require(try store.lookUp("http://a.example/\(number)").first)
                    for range in models[number].held.ranges {
                        try readAround(found.body, range, seed: models[number].seed)
                    }
                    #expect(models[number].held.byteCount - found.body.held.byteCount <= 65_536)
                    models[number].held = found.body.held
                }
            }
            let held = try store.lookUp("http://a.example/\(number)").first?.body.held
            #expect(held == models[number].held)
        }
        let total = models.reduce(0) { $0 + $1.held.byteCount }
        #expect(store.summary.bytes == total)
        store.close()
    }

    /// Reads everything of a range that can be read, past what was damaged.
    private func readAround(_ body: StoredBody, _ range: Range<Int64>, seed: UInt64) throws {
        var offset = range.lowerBound
        while offset < range.upperBound {
            let bytes = try body.get(offset..<range.upperBound)
            #expect(bytes == pattern(offset..<offset + Int64(bytes.count), seed: seed))
            offset += Int64(bytes.count)
            if offset < range.upperBound {
                guard let next = body.held.next(atOrAfter: offset), next.lowerBound < range.upperBound else { return }
                offset = max(offset, next.lowerBound)
            }
        }
    }

    private func damageSomewhere(in cache: String, _ dice: inout Dice) throws {
        let files = Scratch.bodyFiles(in: cache).sorted()
        guard let file = files.randomElement(using: &dice) else { return }
        let size = try Scratch.contents(of: cache + "/" + file).count
        guard size > 0 else { return }
        try damage(cache + "/" + file, at: Int.random(in: 0..<size, using: &dice))
    }
}
