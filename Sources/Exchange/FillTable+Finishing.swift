// What happens to downloads without a client as time goes by: they are taken up at the start and when their hours begin,
// and stop when their hours are over or their time is. When, is AbandonPolicy's decision; this looks at the clock for it.

import Configuration
import HTTPSemantics
import NIOCore
import NIOPosix
import Resume
import Store
import Synchronization
import Transport

/// The look at the clock, once a second.
final class FinishClock: Sendable {
    struct State {
        var task: RepeatedTask?
        /// Local minute of the last look.
        var minute: Int?
        var isStopped = false
    }

    let state = Mutex(State())
}

extension FillTable {
    /// Takes up again what was unfinished when the proxy stopped, as far as the policy says so, and looks at the clock
    /// from now on. Reads the index: never on a loop.
    package func startFinishing() {
        let task = group.next().scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { [weak self] _ in
            self?.secondIsOver()
        }
        let isLate = clock.state.withLock { clock in
            clock.task = task
            clock.minute = Clock.localMinuteOfDay()
            return clock.isStopped
        }
        if isLate { return task.cancel() }
        takeUpUnfinished()
    }

    /// No download is begun without a client any more. What is remembered as unfinished stays so, and goes on at the
    /// next start.
    package func stopFinishing() {
        let task = clock.state.withLock { clock in
            clock.isStopped = true
            defer { clock.task = nil }
            return clock.task
        }
        task?.cancel()
        finisher.stop()
    }

    private func secondIsOver() {
        rates.link.roll(at: Clock.monotonicNanoseconds())
        guard finishesByTheClock else { return }
        let minute = Clock.localMinuteOfDay()
        for version in allVersions() { version.stopFinishingInTime(minuteOfDay: minute) }
        let before = clock.state.withLock { clock in
            defer { clock.minute = minute }
            return clock.minute ?? minute
        }
        guard finishWindows.contains(where: { $0.opened(from: before, to: minute) }) else { return }
        NIOThreadPool.singleton.submit { [weak self] _ in self?.takeUpUnfinished() }
    }

    /// Blocking.
    private func takeUpUnfinished() {
        let giveUpAt = Clock.unixSeconds() - configuration.resume.giveUpAfterSeconds
        let minute = Clock.localMinuteOfDay()
        for download in store.unfinished() where download.state == .filling {
            // Given up after so long without progress; a reader or a person may still take it up.
            guard max(download.since, download.response.lastUse) > giveUpAt else { continue }
            guard case .success(let uri) = AbsoluteURI.parse(download.uri) else {
                store.clearUnfinished(download.response)
                continue
            }
            // What stands under an operator's rule alone ends with it.
            if download.response.validator?.isByRule == true,
                !policy(for: uri, response: download.response.metadata.head).isImmutable
            {
                store.supersede(download.response)
                continue
            }
            let policy = abandonPolicy(for: uri, response: download.response.metadata.head)
            guard policy.onDisconnect == .finish, policy.window?.contains(minuteOfDay: minute) ?? true else { continue }
            if liveFills(of: download.response)?.isAtWork == true { continue }
            // It may have been done since the list was made.
            guard download.response.isNotedAsFilling else { continue }
            fills(of: download.response, uri: uri, template: download.requestFields)
                .finishInBackground(download.wanted)
        }
    }

    // MARK: Clients that leave the same URL, again and again

    /// So many keys a table remembers the leavings of.
    private static let abortedKeysAtMost = 1024

    /// One more client left it before it was whole. How many did in turn (resume-rules 6).
    func aborted(_ key: CacheKey) -> Int {
        aborts.withLock { aborts in
            if aborts.count >= Self.abortedKeysAtMost, aborts[key] == nil { aborts.removeAll() }
            aborts[key, default: 0] += 1
            return aborts[key] ?? 1
        }
    }

    func isWhole(_ key: CacheKey) {
        aborts.withLock { aborts in
            if !aborts.isEmpty { aborts[key] = nil }
        }
    }

    // MARK: Why something is parked

    /// So many reasons are remembered, for `status`; beyond it the memory starts anew.
    private static let reasonsAtMost = 1024

    func parked(_ response: StoredResponse, because reason: AbandonReason?) {
        parkReasons.withLock { reasons in
            if reasons.count >= Self.reasonsAtMost, reasons[response.id] == nil { reasons.removeAll() }
            if reason != nil || !reasons.isEmpty { reasons[response.id] = reason }
        }
    }

    /// nil where it is not known any more.
    func parkReason(of response: StoredResponse) -> AbandonReason? {
        parkReasons.withLock { $0[response.id] }
    }
}

extension VersionFills {
    /// Somebody reads it, something fills it, or it waits for a place.
    var isAtWork: Bool {
        state.withLock { !$0.readers.isEmpty || !$0.fills.isEmpty || $0.background != .none }
    }

    /// Parks what finishes without a client, where its hours or its time are over.
    func stopFinishingInTime(minuteOfDay: Int) {
        let isResumable = self.isResumable
        let stopped = state.withLock { state -> (work: Work, reason: AbandonReason, uri: AbsoluteURI)? in
            guard state.background != .none, state.readers.isEmpty, !state.hasEnded else { return nil }
            let uri = state.requester.uri
            let policy = table.abandonPolicy(for: uri, response: response.metadata.head)
            // Waiting for a place takes none of its time.
            let since = state.background == .finishing ? state.finishingSince : .max
            let seconds = max(0, Clock.monotonicNanoseconds() - since) / 1_000_000_000
            guard !policy.goesOn(afterSeconds: seconds, minuteOfDay: minuteOfDay, resumable: isResumable) else {
                return nil
            }
            state.background = .none
            let isTooLong = policy.maxSeconds.map { seconds >= $0 } ?? false
            return (abandonAll(state), isTooLong ? .tooLong : .outsideWindow, uri)
        }
        guard let (work, reason, uri) = stopped else { return }
        table.finisher.release(response.id)
        let verdict = AbandonVerdict(isResumable ? .park : .drop, reason)
        table.log("\(uri) is \(verdict.decision.word): \(reason.sentence)")
        // What waits for its hours is taken up when they begin.
        carryOut(verdict, isWaitingForItsHours: reason == .outsideWindow)
        // Not before: the last fill that ends may take the version out of the table, and then nothing is remembered.
        work.forEach { $0() }
        forgetIfIdle()
    }

    /// What is remembered of a download that is not finished now.
    func carryOut(_ verdict: AbandonVerdict, isWaitingForItsHours: Bool) {
        switch verdict.decision {
        case .finish: break
        case .park:
            table.parked(response, because: verdict.reason)
            note(isWaitingForItsHours ? .filling : .parked)
        case .drop:
            clearUnfinished()
        }
    }
}

extension AbandonDecision {
    var word: String {
        switch self {
        case .finish: "finished"
        case .park: "parked"
        case .drop: "dropped"
        }
    }
}
