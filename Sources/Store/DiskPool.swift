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
        /// Jobs whose time has not come. They are not waited for; at the end they are done at once.
        var delayed: [Delayed] = []
        var isStopped = false

        mutating func takeDue() -> Delayed? {
            guard !delayed.isEmpty else { return nil }
            let now = monotonicNanoseconds()
            guard let index = delayed.firstIndex(where: { isStopped || $0.due <= now }) else { return nil }
            outstanding += 1
            return delayed.remove(at: index)
        }
    }

    private struct Delayed {
        /// Monotonic, nanoseconds.
        let due: Int64
        let queue: DiskQueue
        let job: Job
    }

    private enum Turn {
        case run(DiskQueue)
        case schedule(Delayed)
        case end
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

    /// The same, after so many nanoseconds.
    func submit(in queue: DiskQueue, after nanoseconds: Int64, _ job: @escaping Job) {
        let due = monotonicNanoseconds().addingSaturated(nanoseconds)
        let isStopped = work.change { work in
            if !work.isStopped { work.delayed.append(Delayed(due: due, queue: queue, job: job)) }
            return work.isStopped
        }
        if isStopped { job() }
    }

    /// Nothing but the job that asks is waiting or running.
    var isQuiet: Bool { work.withLock { $0.outstanding <= 1 } }

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
            let turn: Turn = work.waiting { work in
                if let delayed = work.takeDue() { return .go(.schedule(delayed)) }
                if let queue = work.ready.popFirst() { return .go(.run(queue)) }
                return work.isStopped ? .go(.end) : .wait(until: work.delayed.map(\.due).min())
            }
            switch turn {
            case .end:
                return
            case .schedule(let delayed):
                if delayed.queue.add(delayed.job) { work.change { $0.ready.append(delayed.queue) } }
            case .run(let queue):
                queue.next()?()
                let hasMore = queue.finishOne()
                work.change { work in
                    work.outstanding -= 1
                    if hasMore { work.ready.append(queue) }
                }
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
