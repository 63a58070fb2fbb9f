// What stands under the lock of one version's fills: who reads, what runs, and what was asked for. Values
// only; VersionFills and its aspects change them, and carry out what follows after the unlock.

import HTTPSemantics
import NIOCore
import Resume
import Transport

extension VersionFills {
    struct Reader {
        var position: Int64
        let end: Int64?
        let credentials: FieldSection
        let client: IPAddress?
        let loop: any EventLoop
        let notify: @Sendable (ReaderNotice) -> Void
        var isConfirmed: Bool
    }

    enum Background: Equatable {
        case none, queued, finishing
    }

    struct State {
        var template: FieldSection
        var fills: [Int: Running] = [:]
        var readers: [Int: Reader] = [:]
        var nextNumber = 1
        /// What readers have asked for, present or gone: what a finisher completes (resume-rules 6).
        var asked = ByteRangeSet()
        var isConfirmed = false
        var hasEnded = false
        /// After a failure nothing is started until somebody asks anew.
        var isHalted = false
        var background = Background.none
        /// The index knows of a rest that is owed, or may know.
        var isNotedUnfinished: Bool
    }

    /// A fill with its machine. The machine stands here, under the lock, because its claim is everybody's
    /// concern: a cut holds from the moment on in which it is decided.
    struct Running {
        let fill: Fill
        var machine: FillStateMachine
        /// Bytes below are on disk (and in `held`); those from here to the machine's offset are on their way there.
        var written: Int64
        /// Bytes below were given to the writer.
        var received: Int64
        var bytesPerSecond: Int64 = 0
        /// It waits for an answer that will confirm the version, or not.
        var isUnconfirmed: Bool

        /// What nobody else may fetch: from the first byte that is not held yet.
        func claim(held: ByteRangeSet, mayBeCut: Bool) -> Claim? {
            let offset = min(received, held.runEnd(from: written))
            guard var claim = machine.claim(fill: fill.number, bytesPerSecond: bytesPerSecond, mayBeCut: mayBeCut)
            else {
                // It is over, and what it received is still being written.
                guard offset < received else { return nil }
                return Claim(fill: fill.number, offset: offset, end: received, bytesPerSecond: 0, mayBeCut: false)
            }
            claim.offset = min(claim.offset, offset)
            return claim
        }
    }

    typealias Work = [@Sendable () -> Void]
}
