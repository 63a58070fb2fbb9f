// The end of an answer, for good or ill: the rest is asked for again, with back-off, or the fill gives up
// (hardening R47, R55, R56). When, is RetryPolicy's decision.

import Configuration
import HTTPSemantics
import NIOCore
import Resume
import Store
import Transport
import Wire

extension Fill {
    // MARK: The end of an answer

    func originEnded() {
        guard !isOver else { return }
        afterComparing {
            self.call = nil
            if let offset = self.unprovenEnd { return self.confirmEnd(at: offset) }
            // What ends among bytes that are held already is a shorter attempt at the same, and no end.
            let isComparing = self.version.tell(self.number) { $0.isComparing } ?? false
            self.bodyEnded(isProven: self.framing != .untilClose || isComparing)
        }
    }

    /// - Parameter isProven: its framing says that this is the end, or the sentinel does.
    func bodyEnded(isProven: Bool) {
        let offset = (version.tell(number) { $0.extent?.offset } ?? nil) ?? writer?.offset ?? 0
        let resumable = isResumable || mayRestart
        let end = version.tell(number) { machine in
            isProven
                ? machine.bodyEnded(complete: true, resumable: resumable)
                : machine.bodyEndedByClose(resumable: resumable)
        }
        carryOut(end ?? .nothing, FillStop(.notResumable), unprovenAt: isProven ? nil : offset)
    }

    func originFailed(_ failure: UpstreamFailure) {
        guard !isOver else { return }
        afterComparing { self.broke(failure) }
    }

    func originWritable() {}

    func afterComparing(_ body: @escaping () -> Void) {
        if isComparing { pendingEnd = body } else { body() }
    }

    /// The connection broke, before the head or in the body.
    func broke(_ failure: UpstreamFailure) {
        call = nil
        stallTimer?.cancel()
        stallTimer = nil
        failed(failure.kind.asOriginFailure, FillStop(.upstream(failure)), retryAfter: nil)
    }

    func failed(_ failure: OriginFailure, _ stop: FillStop, retryAfter: Int64?) {
        guard !isOver else { return }
        let resumable = isResumable || mayRestart
        let end = version.tell(number) { $0.originFailed(failure, resumable: resumable) }
        carryOut(end ?? .nothing, stop, retryAfter: retryAfter, failure: failure)
    }

    func carryOut(
        _ end: FillEnd,
        _ stop: FillStop,
        retryAfter: Int64? = nil,
        failure: OriginFailure = .cutShort,
        unprovenAt offset: Int64? = nil
    ) {
        switch end {
        case .filled(let completeLength):
            if let completeLength { body.learn(completeLength: completeLength) }
            if let offset { return landUnproven(at: offset) }
            // What broke off while held bytes were compared has proven nothing of what it said.
            if completeLength == nil, !isConfirmed {
                lengthToLearn = nil
                return self.end(nil)
            }
            filledUp()
        case .wait:
            scheduleRetry(stop, retryAfter: retryAfter, failure)
        case .failed:
            if let offset { return landUnproven(at: offset) }
            self.end(stop)
        case .afterVerdict, .nothing:
            if let offset { landUnproven(at: offset) }
        }
    }

    private func landUnproven(at offset: Int64) {
        stopWork()
        land { self.version.endedUnproven(self.number, at: offset) }
    }

    func scheduleRetry(_ stop: FillStop, retryAfter: Int64?, _ failure: OriginFailure) {
        writer?.flush()
        backlog.removeAll()
        setAside = []
        isPaused = false
        // Nobody will find what was superseded meanwhile.
        if !version.hasReaders, !version.response.isCurrent { return giveUp(stop, failure) }
        // R56: while nothing was sent to any reader, three attempts are enough; a background fill has a day.
        let hasReaders = version.hasReaders
        // Resume-rules 4: credentials do not outlive the request that brought them.
        if !requester.credentials.isEmpty, !version.isAwaited(requester) {
            return giveUp(FillStop(.clientGone), failure)
        }
        if hasReaders, !version.hasConfirmedReaders, attempts >= 3 { return giveUp(stop, failure) }
        let configuration = table.configuration
        retry.healTimeoutNanoseconds =
            hasReaders
            ? configuration.upstream.healTimeoutNanoseconds : configuration.resume.giveUpAfterSeconds * 1_000_000_000
        retry.maxDelayNanoseconds = hasReaders ? 8_000_000_000 : 60_000_000_000
        let isAtOnce = turnsToNextSource()
        let decision = retry.failed(
            at: Clock.monotonicNanoseconds(),
            retryAfterNanoseconds: retryAfter.map { min($0, 86_400) * 1_000_000_000 },
            random: Double.random(in: 0..<1)
        )
        switch decision {
        case .at(let instant):
            isConfirmed = false
            version.asksAgain(number)
            let now = Clock.monotonicNanoseconds()
            let delay = isAtOnce ? 0 : max(0, instant - now)
            waiting.begins(stop.sentence, next: delay, limit: retry.deadline - now)
            retryTimer = loop.scheduleTask(in: .nanoseconds(delay)) { self.retryIsDue() }
        case .giveUp:
            giveUp(stop, failure)
        }
    }

    func giveUp(_ stop: FillStop, _ failure: OriginFailure) {
        _ = version.tell(number) { $0.gaveUp(after: failure) }
        end(stop)
    }

    /// A reader has come to a fill that nobody read: it is held for `heal_timeout` at most, and the wait may be one of
    /// hours. May be called from any thread.
    func readerCame() {
        loop.execute {
            guard !self.isOver, let timer = self.retryTimer else { return }
            timer.cancel()
            self.retry = self.retry.started(at: Clock.monotonicNanoseconds())
            self.attempts = 0
            self.retryIsDue()
        }
    }

    func retryIsDue() {
        guard !isOver else { return }
        retryTimer = nil
        // Only what is written can be compared with what comes.
        if let writer, writer.unwritten > 0 {
            writer.flush()
            afterLanding = { self.retryIsDue() }
            return
        }
        let overlapProbe = overlap(usual: version.fillPlan.probe)
        let held = body.held
        // What was received before is compared first, as far as it is written (resume-rules 4 and 11).
        let request = version.tell(number) { machine -> FillRequest? in
            let offset = machine.extent?.offset ?? 0
            return machine.retryDue(overlap: held.heldBefore(offset, limit: overlapProbe))
        }
        guard let request = request ?? nil else { return end(nil) }
        ask(request)
    }

    // MARK: Stalls

    /// R55: a resumable fill that receives nothing for `stall_timeout` is asked for anew.
    func watchForStall() {
        stallTimer?.cancel()
        guard version.hasProvenRanges, !isOver else { return }
        let timeout = table.configuration.upstream.stallTimeoutNanoseconds
        let due = max(0, min(lastReceived + timeout, rateWatch?.due ?? .max) - Clock.monotonicNanoseconds())
        stallTimer = loop.scheduleTask(in: .nanoseconds(due + 1_000_000)) { [weak self] in self?.checkStall(timeout) }
    }

    func checkStall(_ timeout: Int64) {
        guard !isOver, call != nil else { return }
        let now = Clock.monotonicNanoseconds()
        if !isPaused, !isComparing, let sentence = tooLittle(timeout, at: now) {
            call?.suspectAddress()
            closeCall()
            table.log("\(requester.uri): \(sentence)")
            let failure = UpstreamFailure(
                .bodyTimeout,
                host: requester.uri.authority.bareHost,
                port: requester.uri.port
            )
            return failed(.timeout, FillStop(.upstream(failure)), retryAfter: nil)
        }
        if isPaused || isComparing {
            lastReceived = now
            rateWatch?.restart(at: now)
        }
        watchForStall()
    }

    /// Why the connection is given up; nil where it is not.
    private func tooLittle(_ timeout: Int64, at now: Int64) -> String? {
        if now - lastReceived >= timeout { return "nothing came for \(timeout / 1_000_000_000) s" }
        guard case .tooSlow(let rate)? = rateWatch?.check(at: now) else { return nil }
        return "no more than \(HumanText.rate(rate)) came"
    }
}
