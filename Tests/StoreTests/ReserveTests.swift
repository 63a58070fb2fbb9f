// Room on the disk that writers ask for beforehand: it ends where their work ends, it goes back when they end, and no
// byte that is held goes with it (hardening 2.2 item 6, R57). What is measured is what the file system says.

import Dispatch
import Glibc
import HTTPSemantics
import Resume
import Synchronization
import Testing

@testable import Store

/// What the file system of the tests can do.
enum Disk {
    /// It gives room beforehand, and takes it back.
    static let takesBlocksBack: Bool = {
        do {
            let scratch = try Scratch()
            let store = try Surroundings().open(scratch.cache)
            defer { store.close() }
            let file = try BodyFile.create(1, in: store.services)
            guard try file.reserve(0..<1 << 20), let before = file.room, before.allocated >= 1 << 20 else {
                return false
            }
            file.giveBackBeyondEnd(at: 0)
            return file.giveBack(0..<4096) == 0 && file.room.map { $0.allocated <= StoredBody.slack } ?? false
        } catch {
            return false
        }
    }()

    /// What the body files of a cache occupy, bytes.
    static func allocated(in cache: String) -> Int64 {
        Scratch.bodyFiles(in: cache).reduce(0) { sum, name in
            var status = stat()
            return lstat(cache + "/" + name, &status) == 0 ? sum + Int64(status.st_blocks) * 512 : sum
        }
    }

    /// What these bytes occupy at most: whole blocks, and a little of the file system's own.
    static func most(_ held: ByteRangeSet) -> Int64 {
        let block: Int64 = 4096
        let blocks = held.ranges.map { $0.lowerBound / block * block..<($0.upperBound + block - 1) / block * block }
        return ByteRangeSet(blocks).byteCount + StoredBody.slack
    }
}

@Suite(
    "Hardening 2.2 item 6: what was asked for beforehand goes back",
    .onOwnThreads,
    .enabled(
        if: Disk.takesBlocksBack,
        "The file system of /tmp gives no room beforehand, or takes none back: nothing can be measured there."
    )
)
struct ReserveTests {
    private let scratch: Scratch
    private let store: Store
    private let bell = Bell()

    init() throws {
        scratch = try Scratch()
        store = try Surroundings().open(scratch.cache)
    }

    private func body(_ completeLength: Int64?, named name: String = "x") throws -> StoredBody {
        try store.make("http://a.example/\(name)", completeLength: completeLength, expectsSmallBody: false).body
    }

    /// A writer that has written this range, and is still open.
    private func begin(_ range: Range<Int64>, before end: Int64? = nil, in body: StoredBody) throws -> BodyWriter {
        let writer = body.openWriter(at: range.lowerBound, before: end) { _ in bell.ring() }
        try append(range, to: writer)
        return writer
    }

    private func append(_ range: Range<Int64>, to writer: BodyWriter) throws {
        writer.append(pattern(range))
        writer.flush()
        try bell.wait { writer.unwritten == 0 }
    }

    private var allocated: Int64 { Disk.allocated(in: scratch.cache) }

    @Test("A writer that ends early leaves nothing allocated behind it", arguments: [50_000_000, nil] as [Int64?])
    func endsEarly(completeLength: Int64?) throws {
        defer { store.close() }
        let body = try body(completeLength)
        let writer = try begin(0..<1_100_000, in: body)
        #expect(allocated > 1_900_000, "it asks for more than it has")
        writer.finish()
        store.settle()
        #expect(allocated <= Disk.most(body.held))
        #expect(body.held == ByteRangeSet([0..<1_100_000]))
        #expect(try body.get(0..<1_100_000) == pattern(0..<1_100_000))
        #expect(store.services.quota.reservedBytes == 0)
    }

    @Test("What lies before a later range goes back as well")
    func betweenRanges() throws {
        defer { store.close() }
        let body = try body(50_000_000)
        try body.put(pattern(30_000_000..<30_000_100), at: 30_000_000)
        let writer = try begin(5000..<100_001, in: body)
        #expect(allocated > 8_000_000)
        writer.finish()
        store.settle()
        #expect(allocated <= Disk.most(body.held))
        for range in body.held.ranges { #expect(try body.get(range) == pattern(range)) }
    }

    @Test("Who ends while another one writes gives back its own room, and not the other's")
    func another() throws {
        defer { store.close() }
        let body = try body(50_000_000)
        let ending = try begin(0..<100_000, in: body)
        let staying = try begin(20_000_000..<20_100_000, in: body)
        ending.finish()
        store.settle()
        #expect(allocated <= 100_000 + 8 << 20 + StoredBody.slack)
        #expect(allocated > 8_000_000)
        try append(20_100_000..<21_000_000, to: staying)
        staying.finish()
        store.settle()
        #expect(allocated <= Disk.most(body.held))
        for range in body.held.ranges { #expect(try body.get(range) == pattern(range)) }
    }

    enum Limit: CaseIterable { case claim, held, another, body }

    @Test("No room is asked for where the writer has no business", arguments: Limit.allCases)
    func limits(limit: Limit) throws {
        defer { store.close() }
        let body = try body(limit == .body ? 200_000 : 50_000_000)
        var other: BodyWriter?
        var end: Int64?
        switch limit {
        case .claim: end = 200_000
        case .held:
            try body.put(pattern(200_000..<200_010), at: 200_000)
            store.settle()
        case .another: other = body.openWriter(at: 200_000) { _ in }
        case .body: break
        }
        let writer = try begin(100_000..<110_000, before: end, in: body)
        #expect(allocated <= 100_000 + StoredBody.slack)
        #expect(allocated >= 90_000)
        // One that goes on all the same is not hindered.
        try append(110_000..<200_000, to: writer)
        if limit == .claim { try append(200_000..<250_000, to: writer) }
        writer.finish()
        other?.finish()
        store.settle()
        #expect(allocated <= Disk.most(body.held))
        for range in body.held.ranges { #expect(try body.get(range) == pattern(range)) }
    }

    @Test("What many writers have in reserve stays below the quota, and none of them is refused for it")
    func quota() throws {
        store.close()
        let small = try Surroundings().open(scratch.cache, maxSize: 10_000_000)
        defer { small.close() }
        var writers: [BodyWriter] = []
        for number in 0..<6 {
            let response = try small.make("http://a.example/\(number)", completeLength: 5_000_000)
            writers.append(try begin(0..<100_000, in: response.body))
        }
        #expect(small.summary.bytes == 600_000)
        #expect(small.services.quota.reservedBytes > 1_000_000)
        #expect(allocated <= 10_000_000 + 6 * StoredBody.slack)
        writers.removeAll()
        small.settle()
        #expect(small.services.quota.reservedBytes == 0)
        #expect(allocated <= 600_000 + 6 * StoredBody.slack)
    }

    @Test("A body that is removed while it is written is counted as a reserve no more")
    func removed() throws {
        defer { store.close() }
        let response = try store.make("http://a.example/x", completeLength: 50_000_000)
        let writer = try begin(0..<100_000, in: response.body)
        let reader = response.body.openReader {}
        #expect(store.services.quota.reservedBytes > 0)
        store.remove(response)
        store.settle()
        writer.finish()
        store.settle()
        #expect(store.services.quota.reservedBytes == 0)
        reader.close()
    }

    @Test("What a reader may still be sending keeps its bytes, although it is held no more")
    func dropped() throws {
        defer { store.close() }
        let body = try body(4_000_000)
        try body.put(pattern(0..<4_000_000), at: 0)
        let wakes = Atomic<Int>(0)
        let reader = body.openReader {
            wakes.add(1, ordering: .relaxed)
            bell.ring()
        }
        defer { reader.close() }
        _ = try reader.get(1_000_000..<1_300_000, bell: bell, wakes: wakes)
        guard case .file(let descriptor, let window) = reader.read(at: 1_000_000, atMost: 300_000) else {
            Issue.record("no window of the file")
            return
        }
        let answer = Answer<ByteRangeSet>()
        body.distrust(1_000_000..<1_200_000) { answer.give($0) }
        let first = try #require(try answer.wait().ranges.first)
        let writer = try begin(first.lowerBound..<first.lowerBound + 5000, in: body)
        writer.finish()
        store.settle()
        #expect(!body.isComplete)
        var bytes = [UInt8](repeating: 0, count: window.count)
        #expect(pread(descriptor, &bytes, bytes.count, off_t(window.lowerBound)) == bytes.count)
        let isAsItWas = bytes == pattern(window)
        #expect(isAsItWas)
    }

    @Test("What a killed run left allocated goes back after the next start")
    func killed() throws {
        defer { store.close() }
        let ranges: [Range<Int64>] = [4097..<100_000, 7_000_000..<7_000_001, 20_000_000..<20_100_000]
        let writers = try ranges.map { try begin($0, in: try store.lookUpOrMake(50_000_000)) }
        store.settle()
        // The copy has no holes: what was not written is allocated in it.
        let copy = try scratch.copyOfCache(named: "killed")
        #expect(Disk.allocated(in: copy) > 20_000_000)
        let again = try Surroundings().open(copy)
        defer { again.close() }
        again.settle()
        let found = try #require(try again.lookUp("http://a.example/x").first)
        #expect(found.body.held == ByteRangeSet(ranges))
        #expect(Disk.allocated(in: copy) <= Disk.most(found.body.held))
        for range in ranges { #expect(try found.body.get(range) == pattern(range)) }
        #expect(again.summary.damagedPieces == 0)
        withExtendedLifetime(writers) {}
    }

    @Test("So does what it left beyond the end of a whole body")
    func killedAtTheEnd() throws {
        let body = try body(300_000)
        try body.put(pattern(0..<300_000), at: 0)
        let file = try #require(try BodyFile.open(body.id, in: store.services))
        #expect(try file.reserve(300_000..<3_000_000))
        store.close()
        #expect(allocated > 2_900_000)
        let again = try Surroundings().open(scratch.cache)
        defer { again.close() }
        again.settle()
        #expect(allocated <= 300_000 + StoredBody.slack)
        let found = try #require(try again.lookUp("http://a.example/x").first)
        #expect(found.body.isComplete)
        #expect(try found.body.get(0..<300_000) == pattern(0..<300_000))
    }

    @Test("An orderly end gives back what is still in reserve")
    func orderlyEnd() throws {
        let body = try body(50_000_000)
        let writer = try begin(0..<100_000, in: body)
        store.close()
        #expect(allocated <= 100_000 + StoredBody.slack)
        withExtendedLifetime(writer) {}
    }
}

extension Store {
    fileprivate func lookUpOrMake(_ completeLength: Int64) throws -> StoredBody {
        try lookUp("http://a.example/x").first?.body
            ?? make("http://a.example/x", completeLength: completeLength, expectsSmallBody: false).body
    }
}
