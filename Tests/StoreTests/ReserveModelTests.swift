// Writers that begin, break off and end at random, on the same bodies and at the same time, beside readers: whatever of
// their room goes back, a byte that is held is the byte that was written, and nothing else stays allocated.

import Dispatch
import Glibc
import Resume
import Synchronization
import Testing

@testable import Store

@Suite("Hardening 2.2 item 6: giving room back beside everything else", .onOwnThreads)
struct ReserveModelTests {
    private static let lengths: [Int64?] = [12_000_000, 40_000_000, nil]

    /// What the threads of one run share.
    private final class Run: Sendable {
        let store: Store
        let bodies: [StoredBody]
        let wrong = Mutex<[String]>([])

        init(_ store: Store) throws {
            self.store = store
            bodies = try ReserveModelTests.lengths.enumerated().map { number, length in
                try store.make("http://a.example/\(number)", completeLength: length, expectsSmallBody: false).body
            }
        }

        func check(_ number: Int, _ range: Range<Int64>) {
            do {
                let bytes = try bodies[number].get(range)
                let part = range.lowerBound..<range.lowerBound + Int64(bytes.count)
                guard bytes != pattern(part, seed: UInt64(number)) else { return }
                wrong.withLock { $0.append("body \(number), \(range)") }
            } catch {
                wrong.withLock { $0.append("\(error)") }
            }
        }

        /// Many short writers in turn, the next one begun in the moment in which the last one ends.
        func write(_ dice: inout Dice) {
            for _ in 0..<60 {
                let number = Int.random(in: 0..<bodies.count, using: &dice)
                let start = Int64.random(in: 0..<11_000_000, using: &dice)
                let count = Int64.random(in: 1...200_000, using: &dice)
                let claim = Bool.random(using: &dice) ? start + Int64.random(in: 1...4_000_000, using: &dice) : nil
                var writer: BodyWriter? = bodies[number].openWriter(at: start, before: claim) { _ in }
                let bytes = pattern(start..<start + count, seed: UInt64(number))
                let piece = Int.random(in: 1000...100_000, using: &dice)
                for first in stride(from: 0, to: bytes.count, by: piece) {
                    writer?.append(Array(bytes[first..<min(bytes.count, first + piece)]))
                    if Int.random(in: 0..<4, using: &dice) == 0 { writer?.flush() }
                }
                // Half of them are dropped as a fill that breaks drops them.
                if Bool.random(using: &dice) { writer?.finish() }
                writer = nil
            }
        }

        func read(_ dice: inout Dice) {
            for _ in 0..<60 {
                let number = Int.random(in: 0..<bodies.count, using: &dice)
                guard let run = bodies[number].held.ranges.randomElement(using: &dice) else { continue }
                check(number, run.clamped(to: run.lowerBound..<run.lowerBound + 400_000))
            }
        }
    }

    @Test("Never a hole in what is held", arguments: 1...6 as ClosedRange<UInt64>)
    func random(seed: UInt64) throws {
        let scratch = try Scratch()
        let store = try Surroundings().open(scratch.cache)
        defer { store.close() }
        let run = try Run(store)
        DispatchQueue.concurrentPerform(iterations: 4) { worker in
            var dice = Dice(seed: seed * 100 + UInt64(worker))
            if worker < 3 { run.write(&dice) } else { run.read(&dice) }
        }
        store.settle()
        try expectSound(run.bodies, in: scratch.cache)
        #expect(run.wrong.withLock { $0 } == [])
        #expect(store.services.quota.reservedBytes == 0)

        // And what the index says of it is what a process that is killed now leaves.
        let copy = try scratch.copyOfCache(named: "killed")
        let again = try Surroundings().open(copy)
        defer { again.close() }
        again.settle()
        let found = try run.bodies.indices.map { number in
            try #require(try again.lookUp("http://a.example/\(number)").first)
        }
        #expect(found.map(\.body.held) == run.bodies.map(\.held))
        try expectSound(found.map(\.body), in: copy)
        #expect(again.summary.damagedPieces == 0)
    }

    private func expectSound(_ bodies: [StoredBody], in cache: String) throws {
        for (number, body) in bodies.enumerated() {
            #expect(!body.held.isEmpty)
            for range in body.held.ranges {
                let isRight = try body.get(range) == pattern(range, seed: UInt64(number))
                #expect(isRight, "body \(number), \(range)")
            }
            guard Disk.takesBlocksBack else { continue }
            var status = stat()
            #expect(lstat("\(cache)/\(BodyName.file(body.id))", &status) == 0)
            #expect(Int64(status.st_blocks) * 512 <= Disk.most(body.held), "body \(number)")
        }
    }
}
