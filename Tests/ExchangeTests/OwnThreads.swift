// Tests that wait run on threads that may block (`WaitingThreads`); the tests say so themselves, by this trait. What
// imports Testing can only be a target of tests, so that each has its own.

import ScriptedPeers
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
        try await withTaskExecutorPreference(WaitingThreads.shared) { try await function() }
    }
}

extension Trait where Self == OwnThreads {
    /// The suite's tests wait, and run on threads that may block.
    static var onOwnThreads: OwnThreads { OwnThreads() }
}
