// Tests with peers wait on sockets, and sometimes for a stall to pass. Swift's own pool has as many threads as the machine
// has cores, and a test that blocks one of them takes it from every other test; so these run on threads of their own, all
// suites together, so that no machine plays more of them at once than it can. It knows nothing of tests.

import Foundation

/// Threads that may block, and take jobs from one queue.
///
/// `@unchecked`: the queue is reached only under its condition's lock.
package final class WaitingThreads: TaskExecutor, @unchecked Sendable {
    package static let shared = WaitingThreads(count: 16)

    private let condition = NSCondition()
    private var jobs: [UnownedJob] = []

    private init(count: Int) {
        for _ in 0..<count { Thread.detachNewThread { [self] in run() } }
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        condition.lock()
        jobs.append(job)
        condition.signal()
        condition.unlock()
    }

    private func run() {
        while true {
            condition.lock()
            while jobs.isEmpty { condition.wait() }
            let job = jobs.removeFirst()
            condition.unlock()
            job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }
}
