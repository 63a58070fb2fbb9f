// A body that is read while it is written (invariant 11), and small bodies on their way through memory.

import Glibc
import HTTPSemantics
import Resume
import Store
import Synchronization
import Testing

@Suite("Invariant 11: reading what is being written", .onOwnThreads)
struct DeliveryTests {
    /// Follows a body from an offset to an end, as a delivery does, on the thread that asks.
    private func follow(_ body: StoredBody, _ range: Range<Int64>, bell: Bell, reader: BodyReader) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < range.count {
            let offset = range.lowerBound + Int64(bytes.count)
            switch reader.read(at: offset, atMost: range.count - bytes.count) {
            case .bytes(let slice): bytes += slice
            case .file: bytes += try body.get(offset..<body.held.runEnd(from: offset))
            case .later, .missing:
                // Rings are counted, so that one from before this read only costs another read.
                let isRead = Mutex(false)
                try bell.wait {
                    isRead.withLock { seen in
                        defer { seen = true }; return seen
                    }
                }
            case .failed(let error): throw error
            }
        }
        return Array(bytes.prefix(range.count))
    }

    @Test("A reader that waits is woken by the bytes it waits for", arguments: [10_000, 500_000] as [Int64])
    func woken(length: Int64) throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache)
        defer { store.close() }
        let response = try store.make("http://a.example/x", completeLength: length)
        let bell = Bell()
        let reader = response.body.openReader { bell.ring() }
        guard case .missing = reader.read(at: 0, atMost: 1000) else {
            Issue.record("nothing is held yet")
            return
        }
        let writer = response.body.openWriter(at: 0) { _ in }
        for start in stride(from: 0, to: length, by: 5000) {
            writer.append(pattern(start..<min(length, start + 5000)))
        }
        writer.finish()
        #expect(try follow(response.body, 0..<length, bell: bell, reader: reader) == pattern(0..<length))
        reader.close()
        guard case .failed = reader.read(at: 0, atMost: 1) else {
            Issue.record("a closed reader reads nothing")
            return
        }
    }

    @Test("Bytes that lie in a buffer are handed over as soon as a reader waits for them")
    func handedOver() throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache)
        defer { store.close() }
        let response = try store.make("http://a.example/x", completeLength: 1_000_000)
        let writer = response.body.openWriter(at: 0) { _ in }
        writer.append(pattern(0..<20_000))
        let bell = Bell()
        let reader = response.body.openReader { bell.ring() }
        #expect(try follow(response.body, 0..<20_000, bell: bell, reader: reader) == pattern(0..<20_000))
    }

    @Test("A reader is woken when a fill ends without the bytes it waits for")
    func ended() throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache)
        defer { store.close() }
        let response = try store.make("http://a.example/x", completeLength: 1_000_000)
        let wakes = Atomic<Int>(0)
        let reader = response.body.openReader { wakes.add(1, ordering: .relaxed) }
        guard case .missing = reader.read(at: 10, atMost: 1) else {
            Issue.record("nothing is held yet")
            return
        }
        response.body.notifyEnd()
        #expect(wakes.load(ordering: .relaxed) == 1)
        response.body.notifyEnd()
        #expect(wakes.load(ordering: .relaxed) == 1)
    }

    @Test("Several writers on ranges of one body, and each byte is written once")
    func writers() throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache)
        let response = try store.make("http://a.example/x", completeLength: 3_000_000)
        let bell = Bell()
        let starts: [Int64] = [2_000_000, 0, 1_000_000]
        let writers = starts.map { response.body.openWriter(at: $0) { _ in bell.ring() } }
        for part in 0..<100 {
            for (writer, start) in zip(writers, starts) {
                let from = start + Int64(part) * 10_000
                writer.append(pattern(from..<from + 10_000))
            }
        }
        for writer in writers { writer.finish() }
        try bell.wait { writers.allSatisfy { $0.unwritten == 0 } }
        #expect(response.body.isComplete)
        // A byte that is held never changes (invariant 1).
        try response.body.put([UInt8](repeating: 0, count: 100_000), at: 500_000)
        #expect(try response.body.get(0..<3_000_000) == pattern(0..<3_000_000))
        #expect(store.summary.bytes == 3_000_000)
        store.close()
    }

    @Test("Bytes beyond the complete length are not stored")
    func trimmed() throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache)
        defer { store.close() }
        let response = try store.make("http://a.example/x", completeLength: 100_000)
        try response.body.put(pattern(90_000..<110_000), at: 90_000)
        #expect(response.body.held == ByteRangeSet([90_000..<100_000]))
    }

    @Test("Hardening 2.2 item 2: at most 4,096 extents; what touches one of them is still taken")
    func scattered() throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache)
        defer { store.close() }
        let response = try store.make("http://a.example/x", completeLength: 1_000_000)
        for number in 0..<Int64(4096) {
            let writer = response.body.openWriter(at: number * 100 + 1) { _ in }
            writer.append(pattern(number * 100 + 1..<number * 100 + 2))
            writer.finish()
        }
        store.settle()
        #expect(response.body.held.ranges.count == 4096)
        #expect { try response.body.put(pattern(900_000..<900_001), at: 900_000) } throws: {
            ($0 as? StoreError)?.kind == .full
        }
        try response.body.put(pattern(2..<101), at: 2)
        #expect(response.body.held.ranges.count == 4095)
        #expect(try response.body.get(1..<102) == pattern(1..<102))
    }

    @Test("Comparing with what is held")
    func comparison() throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache)
        defer { store.close() }
        for (name, length) in [("small", 5000), ("large", 200_000)] as [(String, Int64)] {
            let response = try store.make("http://a.example/\(name)", completeLength: length)
            try response.body.put(pattern(0..<length), at: 0)
            #expect(try response.body.compare(pattern(1000..<4000), at: 1000) == .equal)
            #expect(try response.body.compare([], at: 1000) == .equal)
            #expect(try response.body.compare(pattern(1001..<4001), at: 1000) == .different)
            var changed = pattern(1000..<4000)
            changed[2999] ^= 1
            #expect(try response.body.compare(changed, at: 1000) == .different)
            #expect(try response.body.compare(pattern(length - 10..<length + 10), at: length - 10) == .notHeld)
        }
    }

    @Test("Bytes that fail their check are neither equal nor different")
    func comparisonWithDamage() throws {
        let scratch = try Scratch()
        let surroundings = Surroundings()
        let store = try surroundings.open(scratch.cache)
        try store.make("http://a.example/x", completeLength: 200_000).body.put(pattern(0..<200_000), at: 0)
        store.close()
        try damage(scratch.cache + "/" + #require(Scratch.bodyFiles(in: scratch.cache).first), at: 70_000)
        let again = try surroundings.open(scratch.cache)
        defer { again.close() }
        let body = try #require(try again.lookUp("http://a.example/x").first?.body)
        #expect(try body.compare(pattern(60_000..<80_000), at: 60_000) == .notHeld)
        #expect(try body.compare(pattern(140_000..<150_000), at: 140_000) == .equal)
        #expect(try body.compare(pattern(140_001..<150_001), at: 140_000) == .different)
    }
}

@Suite("Architecture, storage: small bodies", .onOwnThreads)
struct SmallBodyTests {
    @Test("A small complete body is in the index and not in a file")
    func inRow() throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache)
        defer { store.close() }
        let response = try store.make("http://a.example/x", completeLength: 16_384)
        try response.body.put(pattern(0..<16_384), at: 0, pieces: 1000)
        store.settle()
        #expect(Scratch.bodyFiles(in: scratch.cache).isEmpty)
        let copy = try scratch.copyOfCache(named: "killed")
        let again = try Surroundings().open(copy)
        defer { again.close() }
        let found = try #require(try again.lookUp("http://a.example/x").first)
        #expect(try found.body.get(0..<16_384) == pattern(0..<16_384))
    }

    @Test("A body of unknown length becomes a file when it turns out larger", arguments: [true, false])
    func spilled(isLarge: Bool) throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache)
        let length: Int64 = isLarge ? 40_000 : 9000
        let response = try store.make("http://a.example/x", completeLength: nil)
        let bell = Bell()
        let writer = response.body.openWriter(at: 0) { _ in bell.ring() }
        for start in stride(from: 0, to: length, by: 1000) { writer.append(pattern(start..<start + 1000)) }
        #expect(writer.offset == length)
        try bell.wait { writer.unwritten == 0 }
        #expect(!response.body.isComplete)
        response.body.learn(completeLength: length)
        response.body.learn(completeLength: length + 1)
        writer.finish()
        #expect(response.body.isComplete)
        #expect(response.body.completeLength == length)
        store.settle()
        #expect(Scratch.bodyFiles(in: scratch.cache).count == (isLarge ? 1 : 0))
        #expect(try response.body.get(0..<length) == pattern(0..<length))
        store.close()
        let again = try Surroundings().open(scratch.cache)
        defer { again.close() }
        let found = try #require(try again.lookUp("http://a.example/x").first)
        #expect(found.body.isComplete)
        #expect(try found.body.get(0..<length) == pattern(0..<length))
    }

    @Test(
        "Invariant 5: what was cut short is kept as incomplete, whether the writer ended or was dropped",
        arguments: [true, false]
    )
    func cut(isFinished: Bool) throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache)
        let response = try store.make("http://a.example/x", completeLength: 10_000)
        func write() {
            let writer = response.body.openWriter(at: 0) { _ in }
            writer.append(pattern(0..<4000))
            if isFinished { writer.finish() }
        }
        write()
        // A writer that is dropped lands what it has behind its owner's back.
        for _ in 0..<30_000 where response.body.held != ByteRangeSet([0..<4000]) { usleep(1000) }
        store.settle()
        #expect(Scratch.bodyFiles(in: scratch.cache).count == 1)
        store.close()
        let again = try Surroundings().open(scratch.cache)
        defer { again.close() }
        let found = try #require(try again.lookUp("http://a.example/x").first)
        #expect(!found.body.isComplete)
        #expect(found.body.held == ByteRangeSet([0..<4000]))
        try found.body.put(pattern(4000..<10_000), at: 4000)
        #expect(found.body.isComplete)
        #expect(try found.body.get(0..<10_000) == pattern(0..<10_000))
    }

    @Test("A range of a small body is a file")
    func range() throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache)
        defer { store.close() }
        let response = try store.make("http://a.example/x", completeLength: 10_000)
        try response.body.put(pattern(5000..<6000), at: 5000)
        store.settle()
        #expect(Scratch.bodyFiles(in: scratch.cache).count == 1)
        #expect(try response.body.get(5000..<6000) == pattern(5000..<6000))
    }

    @Test("What is being written when the store is closed is there afterwards")
    func closed() throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache)
        let small = try store.make("http://a.example/small", completeLength: nil)
        let large = try store.make("http://a.example/large", completeLength: 1_000_000)
        let smallWriter = small.body.openWriter(at: 0) { _ in }
        let largeWriter = large.body.openWriter(at: 0) { _ in }
        smallWriter.append(pattern(0..<3000))
        largeWriter.append(pattern(0..<70_000))
        store.close()
        smallWriter.append(pattern(3000..<4000))
        largeWriter.append(pattern(70_000..<80_000))
        smallWriter.finish()
        largeWriter.finish()
        let again = try Surroundings().open(scratch.cache)
        defer { again.close() }
        #expect(try again.lookUp("http://a.example/small").first?.body.held == ByteRangeSet([0..<3000]))
        let found = try #require(try again.lookUp("http://a.example/large").first)
        #expect(found.body.held == ByteRangeSet([0..<70_000]))
        #expect(try found.body.get(0..<70_000) == pattern(0..<70_000))
    }
}
