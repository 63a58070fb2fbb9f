// The deadlines of one loop: armed, moved, disarmed, and told once.

import NIOCore
import NIOPosix
import Testing

@testable import Transport

@Suite("Deadlines", .onOwnThreads)
struct DeadlineTests {
    private final class Owner: DeadlineOwner {
        let name: String
        let journal: Journal<String>
        var whenPassed: () -> Void = {}

        init(_ name: String, _ journal: Journal<String>) {
            self.name = name
            self.journal = journal
        }

        func deadlinePassed(_ deadline: Deadline, now: Int64) {
            journal.append(name)
            whenPassed()
        }
    }

    private func onLoop(_ body: @escaping @Sendable (DeadlineList, Journal<String>) -> [AnyObject]) async throws
        -> [String]
    {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let journal = Journal<String>()
        let held = try await loop.submit {
            let list = DeadlineList(loop: loop, tickNanoseconds: 1_000_000)
            return NIOLoopBound((list, body(list, journal)), eventLoop: loop)
        }.get()
        journal.wait(for: "last")
        _ = held
        try await group.shutdownGracefully()
        return journal.all
    }

    @Test("each is told once, and only those that were not disarmed or moved beyond")
    func order() async throws {
        let told = try await onLoop { list, journal in
            let names = ["first", "disarmed", "moved", "last"]
            let pairs = names.map { (Owner($0, journal), Deadline(in: list)) }
            for (index, pair) in pairs.enumerated() {
                pair.1.arm(after: Int64(index) * 10_000_000, owner: pair.0)
            }
            pairs[1].1.disarm()
            pairs[2].1.arm(after: .max, owner: pairs[2].0)
            return pairs.flatMap { [$0.0, $0.1] as [AnyObject] }
        }
        #expect(told == ["first", "last"])
    }

    @Test("an owner may disarm another that is due in the same walk")
    func disarmedWhileWalking() async throws {
        let told = try await onLoop { list, journal in
            let one = (Owner("one of two", journal), Deadline(in: list))
            let other = (Owner("one of two", journal), Deadline(in: list))
            let last = (Owner("last", journal), Deadline(in: list))
            one.0.whenPassed = { other.1.disarm() }
            other.0.whenPassed = { one.1.disarm() }
            one.1.arm(after: 0, owner: one.0)
            other.1.arm(after: 0, owner: other.0)
            last.1.arm(after: 20_000_000, owner: last.0)
            return [one.0, one.1, other.0, other.1, last.0, last.1]
        }
        #expect(told == ["one of two", "last"])
    }

    @Test("one that arms itself again is told again")
    func again() async throws {
        let told = try await onLoop { list, journal in
            let owner = Owner("tick", journal)
            let deadline = Deadline(in: list)
            let last = (Owner("last", journal), Deadline(in: list))
            var ticks = 1
            owner.whenPassed = { [unowned owner] in
                if ticks == 3 {
                    last.1.arm(after: 0, owner: last.0)
                } else {
                    ticks += 1
                    deadline.arm(after: 0, owner: owner)
                }
            }
            deadline.arm(after: 0, owner: owner)
            return [owner, deadline, last.0, last.1]
        }
        #expect(told == ["tick", "tick", "tick", "last"])
    }
}
