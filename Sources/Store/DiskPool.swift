// The threads that make blocking calls on the disk (architecture "Threads": a bounded pool, in order per
// body, never on a loop). It knows jobs and their order, and nothing of what they do.

import Synchronization

/// Jobs of one body, run one after the other in the order in which they came.
final class DiskQueue: Sendable {
    private struct State {
        var jobs = Queue<DiskPool.Job>()
        var isScheduled = false
    }
    private let state = Mutex(State())

    /// true where the queue has to be handed to a thread.
    fileprivate func add(_ job: @escaping DiskPool.Job) -> Bool {
        state.withLock { state in
            state.jobs.append(job)
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
    }

    fileprivate func next() -> DiskPool.Job? {
        state.withLock { $0.jobs.popFirst() }
    }

    /// true where more is to be done: the queue goes to the end of the line, so that one body starves no other.
    fileprivate func finishOne() -> Bool {
        state.withLock { state in
            state.isScheduled = !state.jobs.isEmpty
            return state.isScheduled
        }
    }
}

/// A bounded set of threads.
final class DiskPool: Sendable {
    typealias Job = @Sendable () -> Void

    private struct Work {
        var ready = Queue<DiskQueue>()
        /// Jobs that wait or run.
        var outstanding = 0
        var isStopped = false
    }

    private let work = Monitor(Work())
    private let threads = Mutex<[Thread]>([])

    init(threads count: Int, named name: String) {
        let work = self.work
        threads.withLock { threads in
            for number in 0..<max(1, count) {
                guard let thread = Thread(named: "\(name)-\(number)", { Self.run(work) }) else { break }
                threads.append(thread)
            }
        }
    }

    /// Runs the job on one of the threads, in no order.
    func submit(_ job: @escaping Job) {
        submit(in: DiskQueue(), job)
    }

    /// Runs the job on one of the threads, after all earlier jobs of that queue.
    func submit(in queue: DiskQueue, _ job: @escaping Job) {
        // Counted first: `drain` must not see zero between the two steps.
        let isStopped = work.withLock { work in
            if !work.isStopped { work.outstanding += 1 }
            return work.isStopped
        }
        // Whoever still holds something of a closed store closes descriptors by itself.
        if isStopped { return job() }
        if queue.add(job) {
            work.change { $0.ready.append(queue) }
        }
    }

    /// Waits until no job is waiting or running.
    func drain() {
        work.waiting { $0.outstanding == 0 ? .go(()) : .wait(until: nil) }
    }

    /// Does what is waiting, then ends the threads.
    func stop() {
        drain()
        work.change { $0.isStopped = true }
        let ended = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for thread in ended { thread.join() }
    }

    private static func run(_ work: Monitor<Work>) {
        while true {
            let queue: DiskQueue? = work.waiting { work in
                if let queue = work.ready.popFirst() { return .go(queue) }
                return work.isStopped ? .go(nil) : .wait(until: nil)
            }
            guard let queue else { return }
            queue.next()?()
            let hasMore = queue.finishOne()
            work.change { work in
                work.outstanding -= 1
                if hasMore { work.ready.append(queue) }
            }
        }
    }
}

/// First in, first out.
struct Queue<Element> {
    private var elements: [Element?] = []
    private var head = 0

    var isEmpty: Bool { head == elements.count }
    var count: Int { elements.count - head }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func popFirst() -> Element? {
        guard head < elements.count else { return nil }
        defer {
            elements[head] = nil
            head += 1
            // The front is given back when it is the larger half: constant cost on average.
            if head > 32, head * 2 > elements.count {
                elements.removeFirst(head)
                head = 0
            }
        }
        return elements[head]
    }
}
