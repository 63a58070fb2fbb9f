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

    /// What an own request to the origin is about.
    struct Asking {
        /// Stored responses whose validators it names; the first is the one that was to be used, where there is one.
        var validates: [StoredResponse] = []
        /// Of the client's several ranges, the one that was asked for: the others follow from what its answer says.
        var firstOfSeveral: RangeSpecifier?
        /// The request's condition is the client's own.
        var isClientsCondition = false
    }

    /// Nothing stored can answer: the request goes upstream as the client made it.
    func fetch(_ forward: CacheStatus.Forward) {
        if CacheControl.request(request.fields).onlyIfCached { return answerLocally(.onlyIfCached) }
        record.cacheStatus.forward = forward
        record.cacheStatus.ttl = nil
        guard request.method == .get else { return passInstead(forward) }
        var asking = Asking()
        var fields = forwardable()
        switch RangeRequest.of(request) {
        case .tooMany:
            // R10: of what is not held.
            return answerLocally(.tooManyRanges)
        case .several(let specifiers):
            // Resume-rules 4: origins see single ranges only. A condition on top is for the origin to judge.
            if let first = specifiers.first, !asksPlainly, !hasForeignConditions, !gaveUpSeveral {
                asking.firstOfSeveral = first
                fields.set(.range, "bytes=\(first.text)")
            } else if mayBeSpliced {
                // RFC 9110 §14.2: a server may leave them out.
                fields.removeAll(.range)
                fields.removeAll(.ifRange)
            } else {
                return passInstead(forward)
            }
        case .single where table.isDoubted(key) && mayBeSpliced:
            // The part would be what the origin makes of it, and this client may hold bytes that are none of it.
            fields.removeAll(.range)
            fields.removeAll(.ifRange)
        case .none, .ignored, .single:
            break
        }
        guard asksAlone || mayAsk() else { return }
        if asksPlainly {
            ConditionalRequest.plain(&fields)
        } else {
            asking.isClientsCondition = ConditionalRequest.isConditional(request.fields)
        }
        ask(fields, asking)
    }

    /// Conditions other than If-Range, which Range itself is subject to.
    private var hasForeignConditions: Bool {
        ConditionalRequest.isConditional(request.fields) || request.fields.contains(.ifMatch)
            || request.fields.contains(.ifUnmodifiedSince)
    }

    /// A conditional request for what is stored, beside whatever fills are under way.
    func validate(_ stored: StoredResponse) {
        guard ConditionalRequest.hasValidator(stored.metadata.head.fields) else {
            return fetch(record.cacheStatus.forward ?? .stale)
        }
        ask(validating: stored, beside: variants(but: stored))
    }

    /// RFC 9111 §4.1 and §4.3.1: what is stored answers other requests; one of it may be the answer to this one,
    /// too, and only the origin can say which.
    func fetchVariant(beside stored: [StoredResponse]) {
        let named = stored.filter { $0.body.isComplete && $0.metadata.head.fields.contains(.etag) }
        guard request.method == .get, !hasForeignConditions, RangeRequest.of(request) == .none, !named.isEmpty,
            !CacheControl.request(request.fields).onlyIfCached
        else { return fetch(.varyMiss) }
        record.cacheStatus.forward = .varyMiss
        record.cacheStatus.ttl = nil
        ask(validating: nil, beside: named)
    }

    /// The other complete responses of this key, whose tags may be named as well.
    private func variants(but stored: StoredResponse) -> [StoredResponse] {
        (hall.store.findInMemory(key) ?? []).filter {
            $0 !== stored && $0.body.isComplete && $0.metadata.head.fields.contains(.etag)
                && hall.mayBeGiven($0, to: stream.clientAddress, uri: uri)
        }
    }

    private func ask(validating selected: StoredResponse?, beside others: [StoredResponse]) {
        guard mayAsk() else { return }
        var fields = forwardable()
        ConditionalRequest.validate(
            &fields,
            selected: selected?.metadata.head.fields,
            others: others.map(\.metadata.head.fields)
        )
        ask(fields, Asking(validates: (selected.map { [$0] } ?? []) + others))
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
            waitedFor = record.cacheStatus.forward
            hall.after(table.configuration.collapse.waitNanoseconds, on: loop) { [weak self] in self?.released() }
            return false
        }
    }

    func released() {
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

    func ask(_ fields: FieldSection, _ asking: Asking) {
        attempts += 1
        // RFC 9211 §2.6: it waited, and could not use what came.
        if hasWaited { record.cacheStatus.collapsed = false }
        waitedFor = nil
        let upstream = hall.upstreamRequest(
            head: RequestHead(method: .get, target: .absolute(uri), version: .http11, fields: fields),
            uri: uri,
            body: .none,
            client: stream.clientAddress
        )
        let call = OriginCall.send(upstream, with: table.client, on: loop) { call, event in
            switch event {
            case .interim(let head): self.stream.sendInterim(self.hall.interim(head))
            case .head(let answer):
                if self.asksAgain(after: answer, by: call, fields: fields, asking) { return }
                self.answered(answer, by: call, asking)
            case .failed(let failure): self.failed(failure, fields: fields, asking)
            case .writable: break
            }
        }
        stage = .asking(call)
    }

    func failed(_ failure: UpstreamFailure, fields: FieldSection, _ asking: Asking) {
        // R56: idempotent, and nothing was received: twice more at the most.
        if asksAgain(after: failure, fields: fields, asking) { return }
        if failure.kind.firstAnswerTrouble == .broken, attempts <= 2, isAttached { return ask(fields, asking) }
        closeOpening(notStorable: false)
        if failure.kind != .addressDenied {
            // Asked first: the attempt uses the fallback up.
            let mustFail = mustFailWithoutValidation
            if answerStale(insteadOf: .unreachable) { return }
            if mustFail { return answerLocally(.notValidated(failure)) }
        }
        answerLocally(.upstream(failure))
    }

    /// Whether the client is still there.
    var isAttached: Bool {
        if case .ended = stage { false } else { true }
    }

    // MARK: 10: the first head of an own request

    func answered(_ answer: OriginCall.Answer, by call: OriginCall, _ asking: Asking) {
        record.cacheStatus.forwardStatus = answer.head.status
        if answer.head.status == 304, !asking.validates.isEmpty {
            call.body = DiscardedBody()
            return notModified(answer, asking.validates)
        }
        // RFC 9111 §4.3.3, RFC 5861 §4.
        if answer.head.status >= 500, isAttached, fallback != nil {
            // Whoever waits asks for himself.
            closeOpening(notStorable: false)
            if answerStale(insteadOf: .serverError(answer.head.status)) { return call.cancel() }
        }
        let askedRange = asking.validates.isEmpty && !asksPlainly ? asking.firstOfSeveral ?? singleRange : nil
        // A part that nobody asked for is never a whole (R30, R70), whether it may be stored or not.
        if answer.head.status == 206, askedRange == nil {
            call.cancel()
            closeOpening(notStorable: false)
            return answerLocally(.partialUnasked)
        }
        // A 304 answers a condition; nobody had one (resume-rules 5).
        if answer.head.status == 304, !asking.isClientsCondition {
            call.body = DiscardedBody()
            guard isAttached, !asksPlainly else {
                return answerLocally(.unaskedNotModified)
            }
            asksPlainly = true
            return look()
        }
        // A part that this client could join to another version, and under which nothing else can be fetched: the whole
        // instead (rule 11).
        if answer.head.status == 206, isAttached, isSplice(answer),
            StrongValidator.of(answer.head.fields, receivedAt: answer.responseTime) == nil
        {
            call.cancel()
            asksPlainly = true
            return look()
        }
        if asksAlone { return answeredAlone(answer, by: call, asking) }
        let question = FillTable.Question(
            request: request,
            uri: uri,
            key: key,
            template: RequestTemplate.of(forwardable()),
            isCredentialed: request.fields.contains(.authorization),
            client: stream.clientAddress,
            range: askedRange
        )
        let admission = table.admit(answer, of: call, for: question, until: { self.wantedEnd($0) }, on: loop)
        switch admission {
        case .stored(let fills):
            record.cacheStatus.stored = true
            closeOpening(notStorable: false)
            guard isAttached else {
                return fills.leaveUnread(
                    neededBytes(wantedPart(of: fills.response, fills.response.metadata.head), of: fills.response)
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
            if let stored = asking.validates.first, answer.saysUnsuitable { hall.store.invalidate(stored) }
            // A refusal, an error or a 304 says nothing of whether the next answer may be stored.
            closeOpening(notStorable: answer.head.status == 200)
            relay(answer, call, asking)
        case .unusable:
            closeOpening(notStorable: false)
            relay(answer, call, asking)
        }
    }

    /// RFC 9111 §4.3.4: which of the stored responses the 304 speaks of, and what it says of them.
    private func notModified(_ answer: OriginCall.Answer, _ named: [StoredResponse]) {
        let chosen = FreshenSelection.select(
            notModified: answer.head.fields,
            candidates: named.map(\.metadata.head.fields)
        )
        let policy = hall.policy(for: uri, response: answer.head)
        // Where nothing of the answer may be kept, what was held is valid for this request nonetheless.
        let mayKeep = Storability.mayKeep(answer: answer.head.fields, request: request.fields, policy: policy)
        let now = Clock.unixSeconds()
        let freshened = chosen.map { index -> (stored: StoredResponse, result: FillTable.Freshening) in
            let stored = named[index]
            // §4.3.4: only what could have been chosen for this request is updated; a variant for others serves it as it is.
            guard mayKeep, judge(stored, now: now).decision != .mismatch else { return (stored, .updated) }
            return (stored, table.freshen(stored, with: answer))
        }
        if let first = chosen.first {
            let fields = Forwarding.response(answer.head, pseudonym: hall.pseudonym)
            ownFields = (named[first].id, StoredHeadUpdate.ofOneRequest(fields, policy: policy))
        }
        guard isAttached else { return closeOpening(notStorable: false) }
        switch freshened.first {
        case (let stored, .updated)?:
            closeOpening(notStorable: false)
            validated = stored.id
            look()
        case (let stored, .forbidden)? where stored.body.isComplete:
            closeOpening(notStorable: false)
            // It was validated for this request, if for no other.
            validated = stored.id
            use(judge(stored, now: now), validation: nil)
        case (_, .forbidden)?, (_, .tooVague)?, nil:
            // It speaks of something that is not held: the whole is asked for.
            asksPlainly = true
            look()
        }
    }

    var singleRange: RangeSpecifier? {
        if case .single(let range) = RangeRequest.of(request) { range } else { nil }
    }

    /// A range that the origin answers with the whole is stored up to its end only (resume-rules 6).
    func wantedEnd(_ completeLength: Int64?) -> Int64? {
        guard let completeLength, !request.fields.contains(.ifRange) else { return nil }
        let specifiers: [RangeSpecifier] =
            switch RangeRequest.of(request) {
            case .single(let range): [range]
            case .several(let ranges): ranges
            case .none, .ignored, .tooMany: []
            }
        return specifiers.compactMap { $0.resolve(completeLength: completeLength)?.upperBound }.max()
    }

    func joinOwn(_ fills: VersionFills) {
        let stored = fills.response
        let needed = neededBytes(wantedPart(of: stored, stored.metadata.head), of: stored)
        let joined = fills.join(
            range: firstMissing(of: needed, in: stored),
            further: needed,
            need: .nothing,
            requester: requester,
            loop: loop,
            notify: { [weak self] notice in self?.noticed(notice, of: stored) }
        )
        guard case .confirmed(let reader) = joined else { return look() }
        membership = (fills, reader)
        deliver(stored)
    }

    func relay(_ answer: OriginCall.Answer, _ call: OriginCall, _ asking: Asking) {
        guard isAttached else { return call.cancel() }
        guard asking.firstOfSeveral == nil || answer.head.status == 200 else {
            // Nothing can be joined to the answer to one of several ranges: the origin is asked for all of them.
            call.cancel()
            gaveUpSeveral = true
            return fetch(record.cacheStatus.forward ?? .uriMiss)
        }
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
        let announced = ResponseRelay.announced(by: answer.head, answer.framing)
        stream.sendHead(head, body: announced.map { .length($0) } ?? ResponseRelay.body(of: answer.framing))
        stream.flush()
        let relay = ResponseRelay(
            stream: stream,
            call: call,
            expecting: announced,
            healing: hall.healing(answer, to: request, uri: uri, on: stream),
            rates: table.rates,
            origin: uri.hostField
        ) { [self] end in
            guard case .relaying(let relay) = stage else { return }
            record.bytesSent = relay.bytesRelayed
            record.bytesFromUpstream = relay.bytesRelayed
            closeGuard(start + relay.bytesRelayed)
            finished(end)
        }
        stage = .relaying(relay)
    }
}
