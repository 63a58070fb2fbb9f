// Places for downloads that are finished without a client: bounds in all and per origin, order, priority.

import Resume
import Testing

@Suite("FinishQueue: how many finish at once, and who is next (resume-rules 6)")
struct FinishQueueTests {
    @Test("Places in all are given in the order of asking")
    func order() {
        var queue = FinishQueue(limit: 2, limitPerOrigin: 2)
        let asked = (1...5).map { queue.request($0, origin: "a") }
        let granted = [queue.release(1), queue.release(2), queue.release(9), queue.release(3)]
        #expect(asked == [true, true, false, false, false])
        #expect(granted == [[3], [4], [], [5]])
        #expect(queue.runningCount == 2)
        #expect(queue.waitingCount == 0)
    }

    @Test("An origin with all its places taken does not stand in another's way")
    func origins() {
        var queue = FinishQueue(limit: 3, limitPerOrigin: 1)
        let asked = [
            queue.request(1, origin: "a"), queue.request(2, origin: "a"), queue.request(3, origin: "b"),
            queue.request(4, origin: "b"), queue.request(5, origin: "c"), queue.request(6, origin: "d"),
        ]
        let granted = [queue.release(5), queue.release(3), queue.release(1)]
        #expect(asked == [true, false, true, false, true, false])
        #expect(granted == [[6], [4], [2]])
    }

    @Test("Who has a place, or waits already, is not counted twice; who leaves the queue is not called")
    func again() {
        var queue = FinishQueue(limit: 1, limitPerOrigin: 1)
        let asked = [
            queue.request(1, origin: "a"), queue.request(1, origin: "a"), queue.request(2, origin: "a"),
            queue.request(2, origin: "a"), queue.request(3, origin: "a"),
        ]
        #expect(asked == [true, true, false, false, false])
        #expect(queue.waitingCount == 2)
        let left = queue.release(2)
        let granted = queue.release(1)
        #expect(left == [])
        #expect(granted == [3])
        #expect(queue.runningCount == 1)
    }

    @Test("Three aborts in turn halve the priority, and nobody waits forever")
    func priority() {
        var queue = FinishQueue(limit: 1, limitPerOrigin: 1)
        _ = queue.request(1, origin: "a")
        _ = queue.request(2, origin: "a", aborts: 3)
        _ = queue.request(3, origin: "a", aborts: 2)
        var order: [Int64] = []
        var last: Int64 = 1
        // Newcomers without aborts go on coming; 2 is passed over by some of them, not by all.
        for newcomer in Int64(10)..<30 {
            _ = queue.request(newcomer, origin: "a")
            let granted = queue.release(last)
            order += granted
            last = granted.last ?? last
        }
        #expect(order.first == 3)
        #expect(order.contains(2))
        #expect(order.firstIndex(of: 2) ?? 0 > 1)
    }

    @Test("Nobody is called once the queue is cleared")
    func clearing() {
        var queue = FinishQueue(limit: 1, limitPerOrigin: 1)
        _ = queue.request(1, origin: "a")
        _ = queue.request(2, origin: "a")
        queue.clear()
        let granted = queue.release(1)
        #expect(granted == [])
    }

    @Test(
        "Whatever is asked and released, the bounds hold and no free place is left while somebody waits",
        arguments: 1...20 as ClosedRange<UInt64>
    )
    func bounds(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var queue = FinishQueue(limit: 5, limitPerOrigin: 2)
        var origins: [Int64: Int64] = [:]
        var running: Set<Int64> = []
        var waiting: Set<Int64> = []
        for id in Int64(0)..<500 {
            if random.chance(oneIn: 2) {
                let origin = random.number(0..<6)
                origins[id] = origin
                let hasPlace = queue.request(id, origin: "\(origin)", aborts: Int(random.number(0..<10)))
                if hasPlace { running.insert(id) } else { waiting.insert(id) }
            } else if let leaver = running.union(waiting).sorted().randomElement(using: &random) {
                running.remove(leaver)
                waiting.remove(leaver)
                let granted = queue.release(leaver)
                #expect(waiting.isSuperset(of: granted))
                waiting.subtract(granted)
                running.formUnion(granted)
            }
            let perOrigin = Dictionary(grouping: running) { origins[$0] ?? -1 }.mapValues(\.count)
            #expect(running.count <= 5 && perOrigin.values.allSatisfy { $0 <= 2 })
            #expect(queue.runningCount == running.count && queue.waitingCount == waiting.count)
            let couldRun = running.count < 5 && waiting.contains { perOrigin[origins[$0] ?? -1] ?? 0 < 2 }
            #expect(!couldRun, "seed \(seed), step \(id)")
        }
    }
}
