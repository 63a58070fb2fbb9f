// Readers whose body is removed under them, readers whose file cannot be opened now, and what is done to bodies
// while nobody looks (hardening 2.2 items 4 and 6).

import Glibc
import HTTPSemantics
import Resume
import Store
import Synchronization
import Testing

@Suite("Hardening 2.2 items 4, 6: readers and what goes on behind them", .onOwnThreads)
struct UndisturbedReadingTests {
    private let address = "http://a.example/x"
    private let length: Int64 = 9_500_000

    enum Moment: CaseIterable, Sendable {
        case afterOpening
        /// The first read was answered with `.later`, and its job may or may not have run.
        case afterAsking
        case afterPreparing
        case afterFirstBytes
    }

    @Test(
        "A body that is removed under a reader is read to its end, whether its file was open or not",
        arguments: Moment.allCases,
        [true, false]
    )
    func removed(moment: Moment, isOpen: Bool) throws {
        let scratch = try Scratch()
        let surroundings = Surroundings()
        let other = "http://a.example/other"
        let first = try surroundings.open(scratch.cache)
        try first.make(address, completeLength: length).body.put(pattern(0..<length), at: 0)
        try first.make(other, completeLength: 100_000).body.put(pattern(0..<100_000), at: 0)
        first.close()
        var configuration = surroundings.configuration(scratch.cache)
        configuration.keptDescriptors = 1
        let store = try Store.open(configuration)
        defer { store.close() }
        let response = try #require(try store.lookUp(address).first)
        if !isOpen { _ = try store.lookUp(other) }
        let bell = Bell()
        let wakes = Atomic<Int>(0)
        let reader = response.body.openReader {
            wakes.add(1, ordering: .relaxed)
            bell.ring()
        }
        defer { reader.close() }
        // Nothing of it was proved since the start.
        if moment != .afterOpening {
            guard case .later = reader.read(at: 0, atMost: 1000) else {
                Issue.record("it is not proved yet")
                return
            }
        }
        if moment == .afterPreparing || moment == .afterFirstBytes {
            try bell.wait { wakes.load(ordering: .relaxed) > 0 }
        }
        if moment == .afterFirstBytes {
            #expect(try reader.get(0..<1000, bell: bell, wakes: wakes) == pattern(0..<1000))
        }
        store.remove(response)
        store.settle()
        store.settle()
        #expect(Scratch.bodyFiles(in: scratch.cache).count == 1, "the other one")
        #expect(try reader.get(0..<length, bell: bell, wakes: wakes) == pattern(0..<length))
        #expect(store.summary.damagedPieces == 0)
        #expect(store.summary.bytes == 100_000)
    }

    @Test("A small body that is removed after a reader's first read is read to its end")
    func removedSmall() throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache)
        defer { store.close() }
        let response = try store.make(address, completeLength: 10_000)
        try response.body.put(pattern(0..<10_000), at: 0)
        store.settle()
        let reader = response.body.openReader {}
        guard case .bytes(let start) = reader.read(at: 0, atMost: 1000) else {
            Issue.record("it is in memory")
            return
        }
        store.remove(response)
        store.settle()
        guard case .bytes(let rest) = reader.read(at: 1000, atMost: .max) else {
            Issue.record("it is in memory still")
            return
        }
        #expect(Array(start + rest) == pattern(0..<10_000))
    }

    /// A store that keeps one descriptor, and has a body whose file is open no more.
    private func storeWithClosedBody(
        _ scratch: Scratch,
        _ surroundings: Surroundings,
        isProved: Bool
    ) throws -> (Store, StoredResponse) {
        var configuration = surroundings.configuration(scratch.cache)
        configuration.keptDescriptors = 1
        let other = "http://a.example/other"
        let first = try Store.open(configuration)
        for name in [address, other] {
            try first.make(name, completeLength: 100_000).body.put(pattern(0..<100_000), at: 0)
        }
        first.close()
        let store = try Store.open(configuration)
        let response = try #require(try store.lookUp(address).first)
        if isProved { #expect(try response.body.get(0..<100_000) == pattern(0..<100_000)) }
        _ = try #require(try store.lookUp(other).first).body.get(0..<100_000)
        store.settle()
        return (store, response)
    }

    private func file(of response: StoredResponse, in scratch: Scratch) throws -> String {
        let digits = String(response.id, radix: 16)
        return scratch.cache + "/" + (try #require(Scratch.bodyFiles(in: scratch.cache).first { $0.hasSuffix(digits) }))
    }

    @Test(
        "A file that cannot be opened: the reader is told after a few attempts, and asks no hundred times",
        arguments: [true, false]
    )
    func cannotBeOpened(isProved: Bool) throws {
        let scratch = try Scratch()
        let surroundings = Surroundings()
        let (store, response) = try storeWithClosedBody(scratch, surroundings, isProved: isProved)
        defer { store.close() }
        let path = try file(of: response, in: scratch)
        try #require(rename(path, scratch.path + "/aside") == 0)
        try #require(mkdir(path, 0o700) == 0)
        let bell = Bell()
        let wakes = Atomic<Int>(0)
        let reader = response.body.openReader {
            wakes.add(1, ordering: .relaxed)
            bell.ring()
        }
        var failure: StoreError?
        for _ in 0..<20 where failure == nil {
            let before = wakes.load(ordering: .relaxed)
            switch reader.read(at: 0, atMost: 1000) {
            case .failed(let error): failure = error
            case .later: try bell.wait { wakes.load(ordering: .relaxed) > before }
            case .bytes, .file, .missing: Issue.record("it cannot be opened")
            }
        }
        #expect(failure?.kind == .disk)
        #expect(wakes.load(ordering: .relaxed) == 1)
        // It is no longer so: whoever asks then gets the bytes.
        try #require(rmdir(path) == 0)
        try #require(rename(scratch.path + "/aside", path) == 0)
        #expect(try response.body.get(0..<100_000) == pattern(0..<100_000))
    }

    @Test("A file that can be opened again soon: the reader notices nothing", arguments: [true, false])
    func opensAgain(isProved: Bool) throws {
        let scratch = try Scratch()
        let surroundings = Surroundings()
        let (store, response) = try storeWithClosedBody(scratch, surroundings, isProved: isProved)
        defer { store.close() }
        let path = try file(of: response, in: scratch)
        try #require(rename(path, scratch.path + "/aside") == 0)
        try #require(mkdir(path, 0o700) == 0)
        let bell = Bell()
        let wakes = Atomic<Int>(0)
        let reader = response.body.openReader {
            wakes.add(1, ordering: .relaxed)
            bell.ring()
        }
        guard case .later = reader.read(at: 0, atMost: 1000) else {
            Issue.record("it cannot be opened")
            return
        }
        try surroundings.bell.wait { surroundings.logged.contains { $0.contains("tried again") } }
        try #require(rmdir(path) == 0)
        try #require(rename(scratch.path + "/aside", path) == 0)
        #expect(wakes.load(ordering: .relaxed) == 0)
        try bell.wait { wakes.load(ordering: .relaxed) == 1 }
        #expect(try reader.get(0..<100_000, bell: bell, wakes: wakes) == pattern(0..<100_000))
    }

    @Test("The background check drops a damaged piece that nobody asks for, and leaves alone what is written to")
    func scrub() throws {
        let scratch = try Scratch()
        let surroundings = Surroundings()
        let names = ["http://a.example/written", "http://a.example/idle"]
        let first = try surroundings.open(scratch.cache)
        var files: [String] = []
        for name in names {
            let response = try first.make(name, completeLength: 6_000_000)
            try response.body.put(pattern(0..<5_000_000), at: 0)
            files.append(try file(of: response, in: scratch))
        }
        first.close()
        var configuration = surroundings.configuration(scratch.cache)
        configuration.scrub = ScrubPace(bytesPerSecond: 1 << 40, startNanoseconds: 0, restNanoseconds: 1_000_000)
        let store = try Store.open(configuration)
        defer { store.close() }
        let written = try #require(try store.lookUp(names[0]).first)
        let idle = try #require(try store.lookUp(names[1]).first)
        let writer = written.body.openWriter(at: 5_000_000) { _ in }
        for file in files { try damage(file, at: 4_300_000) }
        try surroundings.bell.wait { store.summary.damagedPieces > 0 }
        #expect(idle.body.held == ByteRangeSet([0..<4_259_840, 4_325_376..<5_000_000]))
        #expect(written.body.held == ByteRangeSet([0..<5_000_000]))
        writer.finish()
        try surroundings.bell.wait { store.summary.damagedPieces == 2 }
        #expect(written.body.held == ByteRangeSet([0..<4_259_840, 4_325_376..<5_000_000]))
    }

    @Test("Pages of the index that are free are given back")
    func freePages() throws {
        let scratch = try Scratch()
        let surroundings = Surroundings()
        let store = try surroundings.open(scratch.cache)
        for number in 0..<400 {
            let writer = try store.make("http://a.example/\(number)", completeLength: 12_000).body.openWriter(at: 0) {
                _ in
            }
            writer.append(pattern(0..<12_000))
            writer.finish()
        }
        store.settle()
        #expect(store.purgeAll() == 400)
        store.close()
        let free = try number("PRAGMA freelist_count", in: scratch.cache)
        try #require(free > 1000)
        let again = try surroundings.open(scratch.cache)
        again.settle()
        again.close()
        #expect(try number("PRAGMA freelist_count", in: scratch.cache) <= free - 512)
    }
}
