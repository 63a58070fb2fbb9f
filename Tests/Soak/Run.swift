// The order of a run: clients and fate begin, the clock runs out, all come to rest, and what is left is counted.

import Foundation
import Glibc
import ScriptedPeers
import Synchronization

struct Run {
    private let world: SoakWorld
    private let running: Counter

    private final class Counter: Sendable {
        private let count = Mutex(0)
        var value: Int { count.withLock { $0 } }
        func add(_ number: Int) { count.withLock { $0 += number } }
    }

    init(_ world: SoakWorld) {
        self.world = world
        running = Counter()
    }

    /// - Returns: the proxy as it was when it was last left alone, and at the end.
    func toTheEnd() throws -> (start: ProcessWatch?, end: ProcessWatch?) {
        // The last third shows whether memory grows: the proxy is not killed any more.
        let quietFrom = world.options.seconds * 2 / 3
        begin { [world] in world.disturb(quietFrom: quietFrom) }
        for number in 0..<world.options.clients {
            begin { [world] in SoakClient(number: number, world: world).run() }
        }
        begin { [world] in
            // Fate reads the log itself before it kills the laboratory.
            while !world.isOver {
                usleep(1_000_000)
                try? world.pollLedger()
            }
        }
        var report = SoakReport(world)
        var start: ProcessWatch?
        while world.elapsed < world.options.seconds, !world.isOver {
            usleep(500_000)
            report.progress()
            if start == nil, world.elapsed > quietFrom + 5 { start = ProcessWatch(world.proxy.child.processIdentifier) }
        }
        world.end()
        do {
            try waitUntil("all clients to come to their end", within: world.patience * 2) { running.value == 0 }
        } catch {
            world.findings.add(Finding(what: "\(error)"))
        }
        let end = try rest()
        try? world.pollLedger()
        try world.stop()
        report.progress()
        return (start, end)
    }

    /// Whatever the proxy still does by itself ends, or is not its to do.
    private func rest() throws -> ProcessWatch? {
        let identifier = world.proxy.child.processIdentifier
        do {
            // Listening sockets and what they wake by; idle connections are closed after 2 s.
            try waitUntil("the proxy to close its connections", within: 90) {
                usleep(200_000)
                return ProcessWatch(identifier).map { $0.sockets <= 8 } ?? true
            }
        } catch {
            world.findings.add(Finding(what: "\(error): \(String(describing: ProcessWatch(identifier)))"))
        }
        return ProcessWatch(identifier)
    }

    private func begin(_ work: @escaping @Sendable () -> Void) {
        running.add(1)
        let running = self.running
        Thread.detachNewThread {
            work()
            running.add(-1)
        }
    }
}
