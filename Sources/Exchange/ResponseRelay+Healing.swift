// A body that passes through broke off: the client stays attached while the rest is asked for under the same validator
// (hardening R47, resume-rules 4 and 5). Whether an answer continues the body is PassedBody's decision, when the next
// attempt is made RetryPolicy's; this file carries them out. Nothing is stored, so nothing could be restarted from
// byte 0 and compared: what is not a continuation ends the response.

import Configuration
import HTTPSemantics
import NIOCore
import Resume
import Transport
import Wire

extension ResponseRelay {
    // MARK: Asking

    func ask() {
        guard let healing, !isEnded, let asked = healing.body.asks() else { return }
        call = healing.send(asked) { [self] call, event in
            switch event {
            case .head(let answer): answered(answer, by: call, healing)
            case .failed(let failure):
                self.call = nil
                broke(healing, RelayTrouble(failure))
            case .interim, .writable: break
            }
        }
    }

    private func answered(_ answer: OriginCall.Answer, by call: OriginCall, _ healing: RelayHealing) {
        guard !isEnded else { return call.cancel() }
        let verdict = healing.body.answered(
            answer.head,
            contentLength: answer.framing.contentLength,
            receivedAt: answer.responseTime
        )
        switch verdict {
        case .readBody:
            call.body = self
            if isPaused { call.pause() }
            bodyBegins()
        case .askAgainLater(let status):
            call.cancel()
            self.call = nil
            let retryAfter = RetryAfter.of(answer.head.fields, now: answer.responseTime)
            broke(healing, RelayTrouble(status: status, retryAfter: retryAfter))
        case .otherVersion:
            cut(.otherVersion)
        case .useless:
            let sentence = "The origin's answer does not continue what was sent."
            cut(CutReason(sentence, .httpResponseIncomplete, receivedStatus: answer.head.status))
        }
    }

    // MARK: The body

    /// The body of an answer begins.
    func bodyBegins() {
        guard let healing else { return }
        let now = Clock.monotonicNanoseconds()
        healing.lastReceived = now
        healing.rateWatch?.restart(at: now)
        watch(healing)
    }

    /// What of these bytes is new; nil where there is none, or where the response ends here.
    func judged(_ bytes: ByteBuffer) -> ByteBuffer? {
        guard let healing else { return bytes }
        let now = Clock.monotonicNanoseconds()
        healing.lastReceived = now
        healing.rateWatch?.received(Int64(bytes.readableBytes))
        switch bytes.withUnsafeReadableBytes({ healing.body.bytesReceived($0) }) {
        case .send(let first):
            let count = bytes.readableBytes - first
            guard count > 0 else { return nil }
            healing.retry.gained(Int64(count), at: now)
            healing.waiting.wentOn()
            return bytes.getSlice(at: bytes.readerIndex + first, length: count)
        case .differ:
            healing.table.log("\(healing.uri): the overlap differs from what was sent: another version")
            cut(.otherVersion)
        case .tooMany:
            cut(CutReason("the origin sent more bytes than it had announced", .httpProtocolError))
        }
        return nil
    }

    func bodyEnded(_ healing: RelayHealing) {
        call = nil
        switch healing.body.bodyEnded() {
        case .complete: complete()
        case .askAgain:
            let sentence = "The origin sent fewer bytes than it had announced."
            askAgainLater(healing, RelayTrouble(sentence, .httpResponseIncomplete))
        case .nothing: break
        }
    }

    // MARK: Failures

    func broke(_ healing: RelayHealing, _ trouble: RelayTrouble) {
        call = nil
        switch healing.body.broke() {
        case .complete: complete()
        case .askAgain: askAgainLater(healing, trouble)
        case .nothing: break
        }
    }

    private func askAgainLater(_ healing: RelayHealing, _ trouble: RelayTrouble) {
        healing.stallTimer?.cancel()
        healing.stallTimer = nil
        guard !trouble.isHopeless else { return cut(trouble.reason) }
        let now = Clock.monotonicNanoseconds()
        // A client that took nothing was not kept waiting.
        if isPaused { healing.retry = healing.retry.started(at: now) }
        let decision = healing.retry.failed(
            at: now,
            retryAfterNanoseconds: trouble.retryAfter.map { min($0, 86_400) * 1_000_000_000 },
            random: Double.random(in: 0..<1)
        )
        guard case .at(let instant) = decision else { return cut(trouble.reason) }
        let delay = max(0, instant - now)
        healing.waiting.begins(trouble.sentence, next: delay, limit: healing.retry.deadline - now)
        healing.retryTimer = healing.loop.assumeIsolated().scheduleTask(in: .nanoseconds(delay)) { [weak self] in
            guard let self, !isEnded else { return }
            if isPaused { healing.isDue = true } else { ask() }
        }
    }

    /// The client takes more.
    func goesOn(_ healing: RelayHealing) {
        let now = Clock.monotonicNanoseconds()
        healing.lastReceived = now
        healing.rateWatch?.restart(at: now)
        guard healing.isDue else { return }
        healing.isDue = false
        ask()
    }

    // MARK: Stalls and slowness (R55)

    /// A connection that brings nothing for `stall_timeout`, or too little for a whole window, is given up, where ranges
    /// are proven. Our own pauses do not count.
    private func watch(_ healing: RelayHealing) {
        healing.stallTimer?.cancel()
        healing.stallTimer = nil
        guard healing.body.hasProvenRanges, !isEnded, call != nil else { return }
        let now = Clock.monotonicNanoseconds()
        let stall = healing.lastReceived + healing.table.configuration.upstream.stallTimeoutNanoseconds
        let due = max(now + 1_000_000, min(stall, healing.rateWatch?.due ?? .max) + 1_000_000)
        healing.stallTimer = healing.loop.assumeIsolated().scheduleTask(in: .nanoseconds(due - now)) { [weak self] in
            self?.look(healing)
        }
    }

    private func look(_ healing: RelayHealing) {
        guard !isEnded, call != nil else { return }
        let now = Clock.monotonicNanoseconds()
        if isPaused {
            healing.lastReceived = now
            healing.rateWatch?.restart(at: now)
            return watch(healing)
        }
        let timeout = healing.table.configuration.upstream.stallTimeoutNanoseconds
        if now - healing.lastReceived >= timeout {
            return giveConnectionUp(healing, "Nothing came for \(timeout / 1_000_000_000) s.")
        }
        if case .tooSlow(let rate)? = healing.rateWatch?.check(at: now) {
            return giveConnectionUp(healing, "The origin sends no more than \(HumanText.rate(rate)).")
        }
        watch(healing)
    }

    private func giveConnectionUp(_ healing: RelayHealing, _ sentence: String) {
        call?.suspectAddress()
        call?.cancel()
        broke(healing, RelayTrouble(sentence, .connectionReadTimeout))
    }
}
