// Clients of the laboratory wait on sockets, and sometimes for a stall to pass. Swift's own pool has as many threads as
// the machine has cores, and a test that blocks one of them takes it from every other test; so they run on threads of
// their own.

import Foundation
import Testing

/// Runs the tests of a suite on threads that may block.
struct OwnThreads: SuiteTrait, TestTrait, TestScoping {
    var isRecursive: Bool { true }

    func scopeProvider(for test: Test, testCase: Test.Case?) -> OwnThreads? { testCase == nil ? nil : self }

    func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable () async throws -> Void
    ) async throws {
        try await withTaskExecutorPreference(LabThreads.shared) { try await function() }
    }
}

extension Trait where Self == OwnThreads {
    /// The suite's tests wait on sockets, and run on threads of their own.
    static var onOwnThreads: OwnThreads { OwnThreads() }
}

/// A few threads that take jobs from one queue.
///
/// `@unchecked`: the queue is reached only under its condition's lock.
private final class LabThreads: TaskExecutor, @unchecked Sendable {
    static let shared = LabThreads(count: 16)

    private let condition = NSCondition()
    private var jobs: [UnownedJob] = []

    private init(count: Int) {
        for _ in 0..<count { Thread.detachNewThread { [self] in run() } }
    }

    func enqueue(_ job: consuming ExecutorJob) {
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
