// What happens to a version that nobody reads: finished, parked or dropped (resume-rules 6), and what the
// index remembers of it. The decision is AbandonPolicy's.

import Configuration
import HTTPSemantics
import NIOCore
import Resume
import Store
import Synchronization
import Transport

extension VersionFills {
    // MARK: Without readers

    func abandon(_ state: inout State) -> Work {
        let missing = clip(state.asked, to: body.completeLength)
        let remaining = body.completeLength.map { _ in
            missing.ranges.reduce(Int64(0)) { sum, range in
                sum + body.held.gaps(in: range).reduce(0) { $0 + ($1.upperBound - $1.lowerBound) }
            }
        }
        if state.fills.isEmpty, remaining == 0 { return [] }
        guard !state.isClosed else { return abandonAll(state) }
        if state.isHalted, state.isRefused, table.configuration.resume.onDisconnect != .drop {
            state.background = .none
            let uri = state.requester.uri
            return [
                {
                    self.table.log("\(uri) is parked: The origin has just refused it.")
                    self.table.finisher.release(self.response.id)
                    self.table.parked(self.response, because: nil)
                    if self.isResumable { self.note(.parked) } else { self.clearUnfinished() }
                }
            ] + abandonAll(state)
        }
        // The lock is held: nothing here may ask for `uri`.
        let uri = state.requester.uri
        var policy = table.abandonPolicy(for: uri, response: response.metadata.head)
        if state.isAskedBeside { policy.finishShareUnresumable = 0 }
        let hasAuthorization = state.fills.values.contains { $0.fill.requester.credentials.contains(.authorization) }
        // Whoever finds no place waits for one.
        let verdict = policy.decide(
            AbandonedFill(
                resumable: response.isResumable && state.ranges != .refused,
                storable: isWorthFinishing(uri),
                credentialed: isCredentialed || hasAuthorization,
                validator: ValidatorStrength(
                    response.validator,
                    hasOther: ConditionalRequest.hasValidator(response.metadata.head.fields)
                ),
                completeLength: body.completeLength,
                held: body.held.byteCount,
                remaining: remaining,
                bytesPerSecond: state.fills.values.reduce(0) { $0 + $1.bytesPerSecond },
                room: table.store.room(beside: body.held.byteCount)
            ),
            minuteOfDay: Clock.localMinuteOfDay()
        )
        if verdict.decision == .finish {
            state.finishingSince = Clock.monotonicNanoseconds()
            // Never widened: what nobody asked for is not fetched (resume-rules 6).
            return cutClaimsToAsked(&state) + [{ self.finishes(verdict) }]
        }
        state.background = .none
        // First what is remembered: the last fill that ends may take the version out of the table.
        return [
            {
                // Resume-rules 10: the decision, and the rule that made it.
                self.table.log("\(uri) is \(verdict.decision.word): \(verdict.reason.sentence)")
                self.table.finisher.release(self.response.id)
                self.carryOut(verdict, isWaitingForItsHours: verdict.takeUpAfterMinutes != nil)
            }
        ] + abandonAll(state)
    }

    private func finishes(_ verdict: AbandonVerdict) {
        if verdict.reason != .nothingMissing { table.log("\(uri) is finished: \(verdict.reason.sentence)") }
        // Where only its rule says that it is finished, nothing was remembered when it was begun.
        if !state.withLock({ $0.isNotedUnfinished }) { note(.filling) }
        requestPlace(aborts: table.aborted(response.key))
    }

    /// What is stale at once and cannot be validated would never be used again.
    private func isWorthFinishing(_ uri: AbsoluteURI) -> Bool {
        let metadata = response.metadata
        if ConditionalRequest.hasValidator(metadata.head.fields) { return true }
        let request = RequestHead(
            method: .get,
            target: .absolute(uri),
            version: .http11,
            fields: response.requestFields
        )
        return Freshness.lifetime(
            request: request,
            response: metadata.head,
            responseTime: metadata.responseTime,
            policy: table.policy(for: uri, response: metadata.head)
        ).lifetime > 0
    }

    func abandonAll(_ state: State) -> Work {
        state.fills.values.map { running in
            let fill = running.fill
            return { fill.abandon() }
        }
    }

    func cutClaimsToAsked(_ state: inout State) -> Work {
        var work: Work = []
        for (number, running) in state.fills {
            guard let extent = running.machine.extent else { continue }
            let wantedEnd = max(state.asked.runEnd(from: extent.offset), extent.offset)
            if wantedEnd < extent.end ?? .max { work += cut(&state, number, at: wantedEnd) }
        }
        return work
    }

    /// Asks for a finisher's place; what is under way goes on when it is granted, and stops until then where it is not.
    ///
    /// - Parameter aborts: how many clients in turn left it before it was whole.
    func requestPlace(aborts: Int = 0) {
        let granted = table.finisher.request(response.id, origin: uri.hostField, aborts: aborts) { [weak self] in
            self?.placeGranted()
        }
        if granted {
            placeGranted()
        } else {
            let work = state.withLock { state -> Work in
                guard state.readers.isEmpty else { return [] }
                state.background = .queued
                return abandonAll(state)
            }
            work.forEach { $0() }
            note(.filling)
        }
    }

    func placeGranted() {
        let work = state.withLock { state -> Work in
            guard !state.hasEnded, !state.isClosed else {
                return [{ self.table.finisher.release(self.response.id) }]
            }
            // What was superseded while it waited for a place would be found by nobody.
            guard response.isCurrent || !state.readers.isEmpty else {
                state.background = .none
                return abandonAll(state) + [{ self.table.finisher.release(self.response.id) }]
            }
            if state.background == .queued { state.finishingSince = Clock.monotonicNanoseconds() }
            state.background = .finishing
            state.isHalted = false
            return plan(&state)
        }
        work.forEach { $0() }
        forgetIfIdle()
    }

    /// Under the lock of its shard, too.
    var isForgotten: Bool { state.withLock { $0.isForgotten } }

    /// A version that nobody reads and nobody fills leaves the table.
    func forgetIfIdle() {
        let isIdle = state.withLock { state -> Bool in
            guard !state.hasEnded, state.readers.isEmpty, state.fills.isEmpty, state.background != .queued else {
                return false
            }
            // Whoever comes now looks it up anew.
            state.hasEnded = true
            state.isForgotten = true
            state.background = .none
            return true
        }
        guard isIdle else { return }
        table.finisher.release(response.id)
        table.forget(self)
    }

    // MARK: Remembering what is owed

    func noteUnfinished() {
        guard isResumable, table.configuration.resume.onDisconnect != .drop else { return }
        note(.filling)
    }

    func note(_ unfinished: UnfinishedState) {
        let (wanted, requester, hasEnded, unprovenEnd) = state.withLock {
            ($0.asked, $0.requester, $0.hasEnded, $0.unprovenEnd)
        }
        guard !hasEnded, isResumable else { return }
        let lacks = clip(wanted, to: body.completeLength ?? unprovenEnd).ranges.contains { !body.held.contains($0) }
        guard lacks else { return clearUnfinished() }
        // What was asked for with credentials is not taken up without them (resume-rules 4): a client has to come.
        let needsClient = state.withLock { state in
            state.isNotedUnfinished = true
            return state.hasCredentials
        }
        table.store.setUnfinished(
            response,
            wanted: wanted,
            state: needsClient ? .parked : unfinished,
            requestFields: requester.template,
            uri: requester.uri.description
        )
    }

    func clearUnfinished() {
        let wasNoted = state.withLock { state in
            defer { state.isNotedUnfinished = false }
            return state.isNotedUnfinished
        }
        if wasNoted { table.store.clearUnfinished(response) }
    }
}
