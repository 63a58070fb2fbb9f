// Steps 9 and 10 of an exchange: the origin is asked, alone or for all who wait, and its first head is
// judged: a 304 freshens, an answer that may be stored is stored, any other passes through.

import Configuration
import HTTPSemantics
import NIOCore
import Resume
import Store
import Transport
import Wire

extension CachedExchange {
    // MARK: 9: ask the origin

    /// The fields of the request as they go upstream.
    func forwardable() -> FieldSection {
        hall.forwardable(request)
    }

    /// Nothing stored can answer: the request goes upstream as the client made it.
    func fetch(_ forward: CacheStatus.Forward) {
        if CacheControl.request(request.fields).onlyIfCached { return answerLocally(.onlyIfCached) }
        record.cacheStatus.forward = forward
        record.cacheStatus.ttl = nil
        guard request.method == .get else { return passInstead(forward) }
        switch RangeRequest.of(request) {
        case .several, .tooMany: return passInstead(.bypass)
        case .none, .ignored, .single: break
        }
        guard mayAsk() else { return }
        var fields = forwardable()
        if asksPlainly { ConditionalRequest.plain(&fields) }
        ask(fields, validating: nil)
    }

    /// A conditional request for what is stored, beside whatever fills are under way.
    func validate(_ stored: StoredResponse) {
        guard ConditionalRequest.hasValidator(stored.metadata.head.fields) else {
            return fetch(record.cacheStatus.forward ?? .stale)
        }
        guard mayAsk() else { return }
        var fields = forwardable()
        ConditionalRequest.validate(&fields, stored: stored.metadata.head.fields)
        ask(fields, validating: stored)
    }

    /// Whether this request may ask now, or has to wait for the first head of another one.
    func mayAsk() -> Bool {
        guard !hasWaited, !holdsOpening, !request.fields.contains(.authorization) else { return true }
        let loop = self.loop
        let verdict = table.open(key) { [weak self] in
            loop.execute { [weak self] in self?.released() }
        }
        switch verdict {
        case .ask:
            holdsOpening = true
            // What was stored between the look and the opening is found now, and not fetched again.
            if let found = hall.store.findInMemory(key), found.contains(where: { !seen.contains($0.id) }) {
                closeOpening(notStorable: false)
                look()
                return false
            }
            return true
        case .pass:
            return true
        case .wait(let number):
            stage = .looking
            openingNumber = number
            hall.after(table.configuration.collapse.waitNanoseconds, on: loop) { [weak self] in self?.released() }
            return false
        }
    }

    func released() {
        guard case .looking = stage, let number = openingNumber else { return }
        table.leave(key, number: number)
        openingNumber = nil
        hasWaited = true
        record.cacheStatus.collapsed = true
        look()
    }

    func closeOpening(notStorable: Bool) {
        guard holdsOpening else { return }
        holdsOpening = false
        table.close(key, notStorable: notStorable)
    }

    func ask(_ fields: FieldSection, validating stored: StoredResponse?) {
        attempts += 1
        let upstream = hall.upstreamRequest(
            head: RequestHead(method: .get, target: .absolute(uri), version: .http11, fields: fields),
            uri: uri,
            body: .none,
            client: stream.clientAddress
        )
        let call = OriginCall.send(upstream, with: table.client, on: loop) { call, event in
            switch event {
            case .interim(let head): self.stream.sendInterim(self.hall.interim(head))
            case .head(let answer): self.answered(answer, by: call, validating: stored)
            case .failed(let failure): self.failed(failure, fields: fields, validating: stored)
            case .writable: break
            }
        }
        stage = .asking(call)
    }

    func failed(_ failure: UpstreamFailure, fields: FieldSection, validating stored: StoredResponse?) {
        // R56: idempotent, and nothing was received: twice more at the most.
        if failure.isTransient, failure.kind.isWorthAskingAgain, attempts <= 2, isAttached {
            return ask(fields, validating: stored)
        }
        closeOpening(notStorable: false)
        answerLocally(.upstream(failure))
    }

    /// Whether the client is still there.
    var isAttached: Bool {
        if case .ended = stage { false } else { true }
    }

    // MARK: 10: the first head of an own request

    func answered(_ answer: OriginCall.Answer, by call: OriginCall, validating stored: StoredResponse?) {
        record.cacheStatus.forwardStatus = answer.head.status
        if let stored, answer.head.status == 304 {
            guard
                FreshenSelection.selects(
                    notModified: answer.head.fields,
                    candidate: stored.metadata.head.fields,
                    // It is the only one that our condition named.
                    isOnlyCandidate: true
                ),
                table.freshen(stored, with: answer)
            else {
                // It speaks of something that is not held (RFC 9111 §4.3.4): the whole is asked for.
                call.body = DiscardedBody()
                guard isAttached else { return closeOpening(notStorable: false) }
                asksPlainly = true
                return look()
            }
            call.body = DiscardedBody()
            validated = stored.id
            closeOpening(notStorable: false)
            guard isAttached else { return }
            return look()
        }
        // A part that nobody asked for is never a whole (R30, R70), whether it may be stored or not.
        let asksForRange = singleRange != nil && stored == nil && !asksPlainly
        if answer.head.status == 206, !asksForRange {
            call.cancel()
            closeOpening(notStorable: false)
            return answerLocally(.partialUnasked)
        }
        // A 304 answers a condition; nobody had one (resume-rules 5).
        if answer.head.status == 304, stored != nil || asksPlainly || !ConditionalRequest.isConditional(request.fields)
        {
            call.body = DiscardedBody()
            guard isAttached, !asksPlainly else {
                return answerLocally(
                    .notContinued("The origin answered 304 to a request without a condition.", status: 502)
                )
            }
            asksPlainly = true
            return look()
        }
        let question = FillTable.Question(
            request: request,
            uri: uri,
            key: key,
            template: RequestTemplate.of(forwardable()),
            isCredentialed: request.fields.contains(.authorization),
            range: asksForRange ? singleRange : nil
        )
        let admission = table.admit(answer, of: call, for: question, until: { self.wantedEnd($0) }, on: loop)
        switch admission {
        case .stored(let fills):
            record.cacheStatus.stored = true
            closeOpening(notStorable: false)
            guard isAttached else {
                return fills.leaveUnread(
                    neededBytes(wantedPart(of: fills.response, fills.response.metadata), of: fills.response)
                )
            }
            validated = fills.response.id
            let head = StoredAnswerHead.passing(
                answer.head,
                pseudonym: hall.pseudonym,
                receivedAt: answer.responseTime
            )
            ownHead = (fills.response.id, head)
            joinOwn(fills)
        case .notStorable(let reason):
            record.cacheStatus.detail = reason.detail
            // A refusal, an error or a 304 says nothing of whether the next answer may be stored.
            closeOpening(notStorable: answer.head.status == 200)
            relay(answer, call)
        case .unusable:
            closeOpening(notStorable: false)
            relay(answer, call)
        }
    }

    var singleRange: RangeSpecifier? {
        if case .single(let range) = RangeRequest.of(request) { range } else { nil }
    }

    /// A range that the origin answers with the whole is stored up to its end only (resume-rules 6).
    func wantedEnd(_ completeLength: Int64?) -> Int64? {
        guard let range = singleRange, let completeLength, !request.fields.contains(.ifRange) else { return nil }
        return range.resolve(completeLength: completeLength)?.upperBound
    }

    func joinOwn(_ fills: VersionFills) {
        let stored = fills.response
        let wanted = wantedPart(of: stored, stored.metadata)
        let needed = neededBytes(wanted, of: stored)
        let joined = fills.join(
            range: needed,
            need: .nothing,
            credentials: RequestTemplate.credentials(of: request.fields),
            client: stream.clientAddress,
            loop: loop,
            notify: { [weak self] notice in self?.noticed(notice, of: stored) }
        )
        guard case .confirmed(let reader) = joined else { return look() }
        membership = (fills, reader)
        deliver(stored)
    }

    func relay(_ answer: OriginCall.Answer, _ call: OriginCall) {
        guard isAttached else { return call.cancel() }
        guard !isSplice(answer) else {
            // The whole instead, in one piece (rule 11).
            call.cancel()
            asksPlainly = true
            return look()
        }
        let start = openGuard(relaying: answer)
        var head = StoredAnswerHead.passing(answer.head, pseudonym: hall.pseudonym, receivedAt: answer.responseTime)
        head.fields.append(.cacheStatus, record.cacheStatus.value(cacheName: hall.cacheName))
        record.status = head.status
        stream.sendHead(head, body: ResponseRelay.body(of: answer.framing))
        stream.flush()
        let relay = ResponseRelay(stream: stream, call: call) { [self] end in
            guard case .relaying(let relay) = stage else { return }
            record.bytesSent = relay.bytesRelayed
            record.bytesFromUpstream = relay.bytesRelayed
            closeGuard(start + relay.bytesRelayed)
            finished(end)
        }
        stage = .relaying(relay)
    }
}
