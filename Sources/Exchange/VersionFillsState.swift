// What stands under the lock of one version's fills: who reads, what runs, and what was asked for. Values
// only; VersionFills and its aspects change them, and carry out what follows after the unlock.

import HTTPSemantics
import NIOCore
import Resume
import Transport

extension VersionFills {
    struct Reader {
        var position: Int64
        /// Exclusive; nil: to the end of a body whose length is not known.
        var end: Int64?
        let requester: Requester
        /// The origin refused what was asked on its behalf: nothing more is.
        var isRefused = false
        let loop: any EventLoop
        let notify: @Sendable (ReaderNotice) -> Void
        var isConfirmed: Bool
        /// So many bytes behind `end` are fetched, too.
        var readAhead: Int64 = 0
        /// False: a download of the queue, which nobody waits for.
        var isClient = true
    }

    /// On whose behalf the origin is asked: one client's URI, fields and credentials, never mixed with another's (R24).
    struct Requester: Sendable {
        let uri: AbsoluteURI
        /// What is kept of the request's fields, without credentials.
        let template: FieldSection
        /// Authorization and Cookie: used only while the client that sent them waits (resume-rules 4).
        var credentials = FieldSection()
        var client: IPAddress?

        /// As it goes upstream, before Range and conditions.
        var fields: FieldSection {
            var fields = template
            credentials.forEach { fields.append($0) }
            return fields
        }

        var anonymous: Requester { Requester(uri: uri, template: template) }

        /// Whether the origin can tell the two apart.
        func isLike(_ other: Requester) -> Bool {
            uri == other.uri && credentials == other.credentials
        }
    }

    enum Background: Equatable {
        case none, queued, finishing
    }

    struct State {
        /// On whose behalf is asked what no reader waits for: without credentials.
        var requester: Requester
        /// Ranges of it were fetched beside it, unstored: without the whole they will be again.
        var isAskedBeside = false
        /// Some client's request had credentials: without them the origin may have something else to say.
        var hasCredentials = false
        var fills: [Int: Running] = [:]
        var readers: [Int: Reader] = [:]
        var nextNumber = 1
        /// What readers have asked for, present or gone: what a finisher completes (resume-rules 6).
        var asked = ByteRangeSet()
        var ranges: RangeSupport
        /// Nobody may join any more; present readers are served to their end.
        var isClosed = false
        var hasEnded = false
        /// The origin has another version, which one of the fills has begun.
        var hasChanged = false
        /// It has ended because nobody read it and nothing filled it: it can begin anew.
        var isForgotten = false
        /// The end of a body that ended with its connection, exclusive: nothing is asked beyond it.
        var unprovenEnd: Int64?
        /// Bytes of a body of unknown length that came since its last reader left.
        var unreadBytes: Int64 = 0
        /// How many fills ended in turn without having brought a byte.
        var fruitlessEnds = 0
        /// After a failure nothing is started until somebody asks anew.
        var isHalted = false
        /// That failure was the origin's plain no (401, 404, a redirect): to ask the same again at once is to get the same.
        var isRefused = false
        var background = Background.none
        var hasMirrorBytes = false
        /// How many fills share the body; nil: one.
        var parallelFills: ParallelFills?
        var isPacing = false
        /// Since when no reader waits for what is finished, monotonic nanoseconds.
        var finishingSince: Int64 = 0
        /// The index knows of a rest that is owed, or may know.
        var isNotedUnfinished: Bool

        /// The origin has confirmed the version in its answer to a fill that is under way (invariant 4).
        var isConfirmed: Bool { fills.values.contains { !$0.isUnconfirmed && !$0.isElsewhere } }
        var awaitsAnswer: Bool { fills.values.contains { $0.isUnconfirmed && !$0.isElsewhere } }
    }

    /// What is known of the ranges of this version at its origin.
    enum RangeSupport: Equatable {
        case unknown
        /// A 206 came, or Accept-Ranges said so: a claim may be cut, its rest can be asked for.
        case proven
        /// The whole was sent in answer to a range, under the same validator: nothing can be continued.
        case refused
    }

    /// A fill with its machine. The machine stands here, under the lock, because its claim is everybody's
    /// concern: a cut holds from the moment on in which it is decided.
    struct Running {
        let fill: Fill
        var machine: FillStateMachine
        /// The first byte of the claim.
        let start: Int64
        /// Bytes below are on disk (and in `held`); those from here to the machine's offset are on their way there.
        var written: Int64
        /// Bytes below were given to the writer.
        var received: Int64
        var bytesPerSecond: Int64 = 0
        /// Whether it has run long enough for that to say how fast it is.
        var isRateSettled = false
        /// It goes on at a mirror, whose word is not the origin's.
        var isElsewhere = false
        /// It ends without having failed: others do what it was to do.
        var isGivenBack = false
        /// It waits for an answer that will confirm the version, or not.
        var isUnconfirmed: Bool

        /// What nobody else may fetch: from the first byte that is not held yet.
        func claim(held: ByteRangeSet, mayBeCut: Bool) -> Claim? {
            let offset = min(received, held.runEnd(from: written))
            // Nobody overtakes at a rate that may be none.
            let rate = mayBeCut && !isRateSettled ? 0 : bytesPerSecond
            guard var claim = machine.claim(fill: fill.number, bytesPerSecond: rate, mayBeCut: mayBeCut)
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
