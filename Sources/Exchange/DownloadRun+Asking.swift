// The request of a download's attempt to the origin, and what its first head means. Whether the answer may be stored,
// and as what, is said by FillTable; this file takes the ways that follow.

import Configuration
import HTTPSemantics
import NIOCore
import Resume
import Store
import Transport
import Wire

extension DownloadRun {
    // MARK: Asking

    /// - Parameter stored: whose validators are named; nil asks for the whole.
    func ask(validating stored: StoredResponse?) {
        guard mayAsk() else { return }
        var fields = forwardable
        let validates = stored.flatMap { ConditionalRequest.hasValidator($0.metadata.head.fields) ? $0 : nil }
        if let validates { ConditionalRequest.validate(&fields, stored: validates.metadata.head.fields) }
        let upstream = UpstreamRequest(
            host: uri.authority.bareHost,
            port: uri.port,
            head: RequestHead(method: .get, target: .absolute(uri), version: .http11, fields: fields),
            check: table.check(client: client, uri: uri, knownOrigin: nil),
            deniedAddressRefusesAll: true
        )
        let call = OriginCall.send(upstream, with: table.client, on: loop) { call, event in
            guard case .asking(let own) = self.stage, own === call else { return call.cancel() }
            switch event {
            case .head(let answer): self.answered(answer, by: call, validating: validates)
            case .failed(let failure):
                self.end(
                    self.mayPass(failure) ? .later(failure.sentence, retryAfter: nil) : .failed(failure.sentence)
                )
            case .interim, .writable: break
            }
        }
        stage = .asking(call)
    }

    /// Whether it may ask now, or waits for the first head of another request for the same.
    private func mayAsk() -> Bool {
        guard !hasWaited, !holdsOpening else { return true }
        let loop = self.loop
        let verdict = table.open(key) { [weak self] in
            loop.execute { [weak self] in self?.released() }
        }
        switch verdict {
        case .ask:
            holdsOpening = true
            return true
        case .pass:
            return true
        case .wait(let number):
            stage = .looking
            openingNumber = number
            loop.scheduleTask(in: .nanoseconds(table.configuration.collapse.waitNanoseconds)) { [weak self] in
                self?.released()
            }
            return false
        }
    }

    private func released() {
        guard case .looking = stage, let number = openingNumber else { return }
        table.leave(key, number: number)
        openingNumber = nil
        hasWaited = true
        look()
    }

    func closeOpening(notStorable: Bool) {
        guard holdsOpening else { return }
        holdsOpening = false
        table.close(key, notStorable: notStorable)
    }

    // MARK: The first head

    private func answered(_ answer: OriginCall.Answer, by call: OriginCall, validating stored: StoredResponse?) {
        switch answer.head.status {
        case 200:
            admit(answer, by: call)
        case 304:
            call.body = DiscardedBody()
            closeOpening(notStorable: false)
            notModified(answer, stored)
        case 301, 302, 303, 307, 308:
            call.body = DiscardedBody()
            closeOpening(notStorable: false)
            redirected(answer)
        // Resume-rules 5: transient.
        case 408, 425, 429, 500...599:
            call.cancel()
            let wait = RetryAfter.of(answer.head.fields, now: answer.responseTime)
            end(.later("The origin answered \(answer.head.status).", retryAfter: wait))
        default:
            call.cancel()
            end(.failed("The origin answered \(answer.head.status)."))
        }
    }

    private func notModified(_ answer: OriginCall.Answer, _ stored: StoredResponse?) {
        let isMeant =
            stored.map {
                !FreshenSelection.select(
                    notModified: answer.head.fields,
                    candidates: [$0.metadata.head.fields]
                ).isEmpty
            } ?? false
        guard let stored, isMeant, table.freshen(stored, with: answer) == .updated else {
            // It speaks of something that is not held, or that may not be kept: the whole is asked for.
            guard !asksPlainly else { return end(.later("The origin answered 304 to no condition.", retryAfter: nil)) }
            asksPlainly = true
            return look()
        }
        validated = stored.id
        look()
    }

    private func admit(_ answer: OriginCall.Answer, by call: OriginCall) {
        let question = FillTable.Question(
            request: request,
            uri: uri,
            key: key,
            template: RequestTemplate.of(forwardable),
            isCredentialed: false,
            client: client,
            range: nil
        )
        switch table.admit(answer, of: call, for: question, until: { _ in nil }, on: loop) {
        case .stored(let fills):
            closeOpening(notStorable: false)
            validated = fills.response.id
            stage = .looking
            if fills.body.isComplete { return end(.complete(fills.response, isProven: true)) }
            join(fills.response, need: .nothing)
        case .notStorable(let reason):
            call.cancel()
            closeOpening(notStorable: true)
            end(reason == .noRoom ? .later(reason.sentence, retryAfter: nil) : .failed(reason.sentence))
        case .unusable:
            call.cancel()
            end(.failed("The origin's answer cannot be used."))
        }
    }
}

extension AdmissionRefusal {
    /// For the person whose download cannot be kept.
    var sentence: String {
        switch self {
        case .semantics(let reason): "It may not be stored. \(reason.sentence)"
        case .partialWithoutStrongValidator: "It has no strong validator, so that no part of it can be stored."
        case .partialOfUnknownLength: "The origin sends a part of it, and not how long it is."
        case .tooLarge: "It is larger than cache.max_object_size."
        case .noRoom: "There is no room for it on the disk, or in cache.max_size."
        case .otherDigest: "What the origin sends does not have the digest that is named for it."
        }
    }
}
