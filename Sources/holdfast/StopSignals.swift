// SIGTERM and SIGINT: the first is a request, the second an order.

import Dispatch
import Glibc
import Synchronization

/// From its making on, the process no longer ends by itself at these signals.
final class StopSignals: Sendable {
    /// Kept, since a source that nobody holds is cancelled; used by nobody.
    nonisolated(unsafe) private let sources: [any DispatchSourceSignal]
    private let arrivals: AsyncStream<Void>

    init() {
        let (arrivals, continuation) = AsyncStream<Void>.makeStream()
        self.arrivals = arrivals
        let queue = DispatchQueue(label: "signals")
        let count = Counter()
        sources = [SIGTERM, SIGINT].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler {
                // Two that came as one are two.
                if count.add(Int(source.data)) > 1 { _exit(1) }
                continuation.yield()
            }
            source.resume()
            return source
        }
    }

    /// Returns when the first signal is there.
    func first() async {
        for await _ in arrivals { return }
    }

    private final class Counter: Sendable {
        private let value = Atomic<Int>(0)
        func add(_ more: Int) -> Int { value.add(more, ordering: .relaxed).newValue }
    }
}
