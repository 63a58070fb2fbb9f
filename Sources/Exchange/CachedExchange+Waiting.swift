// A request of whose answer the client has seen nothing, and which may be repeated in a moment (hardening R56): the
// origin restarts, its name cannot be looked up just now, or it asks to be left alone for a few seconds.

import Configuration
import HTTPSemantics
import NIOCore
import Resume
import Transport

/// The attempts of one request for its first answer. Bound to the loop of its client.
final class FirstAttempts {
    private var policy: FirstAnswerPolicy
    private let waiting: Waiting
    private let loop: any EventLoop
    private var timer: Scheduled<Void>?
    private let longest: Int64

    init(_ uri: AbsoluteURI, table: FillTable, loop: any EventLoop) {
        longest = table.configuration.upstream.retryAfterWaitNanoseconds
        policy = FirstAnswerPolicy(retryAfterWaitNanoseconds: longest)
        waiting = Waiting(uri, in: table)
        self.loop = loop
    }

    /// The request failed before its head. Whether `again` will be called.
    func failed(_ failure: UpstreamFailure, again: @escaping () -> Void) -> Bool {
        guard let trouble = failure.kind.firstAnswerTrouble else { return false }
        return asksAgain(trouble, failure.sentence, again)
    }

    /// An answer came. Whether it is not passed on, and `again` will be called.
    func answered(_ answer: OriginCall.Answer, again: @escaping () -> Void) -> Bool {
        let status = answer.head.status
        // Without Retry-After it is for the client to say when it tries again.
        guard answer.mayAskToWait, let seconds = RetryAfter.of(answer.head.fields, now: answer.responseTime)
        else {
            waiting.wentOn()
            return false
        }
        let sentence = "The origin answered \(status), with a Retry-After of \(HumanText.duration(seconds: seconds))."
        return asksAgain(.busy(retryAfterSeconds: seconds), sentence, again)
    }

    /// The client has gone.
    func stop() {
        timer?.cancel()
        timer = nil
        waiting.ends()
    }

    private func asksAgain(_ trouble: FirstAnswerTrouble, _ sentence: String, _ again: @escaping () -> Void) -> Bool {
        guard let wait = policy.failed(trouble, random: Double.random(in: 0..<1)) else {
            waiting.ends()
            return false
        }
        waiting.begins(sentence, next: wait, limit: max(wait, longest))
        timer = loop.assumeIsolated().scheduleTask(in: .nanoseconds(wait)) { [self] in
            timer = nil
            again()
        }
        return true
    }
}

extension OriginCall.Answer {
    /// RFC 9110 §15.6.4, RFC 6585 §4: the statuses under which Retry-After means this very request.
    var mayAskToWait: Bool { head.status == 429 || head.status == 503 }
}

extension CachedExchange {
    private var attemptsSoFar: FirstAttempts {
        let attempts = firstAttempts ?? FirstAttempts(uri, table: table, loop: loop)
        firstAttempts = attempts
        return attempts
    }

    /// Waits and asks again, where that makes sense.
    func asksAgain(after failure: UpstreamFailure, fields: FieldSection, _ asking: Asking) -> Bool {
        // What is stale may be an answer at once.
        guard isAttached, fallback == nil else { return false }
        guard attemptsSoFar.failed(failure, again: { [weak self] in self?.waited(fields, asking) }) else {
            return false
        }
        stage = .waiting
        return true
    }

    /// The same for an answer that is to wait.
    func asksAgain(after answer: OriginCall.Answer, by call: OriginCall, fields: FieldSection, _ asking: Asking) -> Bool
    {
        guard isAttached, fallback == nil, firstAttempts != nil || answer.mayAskToWait else { return false }
        guard attemptsSoFar.answered(answer, again: { [weak self] in self?.waited(fields, asking) }) else {
            return false
        }
        call.cancel()
        stage = .waiting
        return true
    }

    private func waited(_ fields: FieldSection, _ asking: Asking) {
        guard case .waiting = stage else { return }
        ask(fields, asking)
    }
}
