// One GET or HEAD that may be answered from the store: look, judge, plan, join or ask, deliver. The steps
// are the ones of ARCHITECTURE.md's table, 5 to 13; every decision among them is made by HTTPSemantics or
// Resume, and this file carries it out. One object a request, bound to the loop of its client.

import Configuration
import HTTPSemantics
import NIOCore
import Resume
import Store
import Transport
import Wire

final class CachedExchange: DownstreamConsumer, @unchecked Sendable {
    let hall: ExchangeHall
    let stream: DownstreamStream
    let request: RequestHead
    let uri: AbsoluteURI
    let key: CacheKey
    var record: ExchangeRecord

    /// Where the exchange stands. Whatever arrives late from a stage that was left is ignored.
    enum Stage {
        /// The store is asked, or another request's first head is waited for.
        case looking
        /// Own request to the origin is out; its head is waited for.
        case asking(OriginCall)
        /// A fill's answer is waited for, which confirms the version, or not.
        case confirming(VersionFills, reader: Int, StoredResponse)
        case delivering(Delivery)
        case relaying(ResponseRelay)
        case ended
    }

    var stage = Stage.looking
    /// The fills that this exchange has joined, to be left at the end.
    private var membership: (fills: VersionFills, reader: Int)?
    /// The number under which it waits for another request's first head.
    private var openingNumber: Int?
    /// It waited once and waits no more (architecture: joining has an exit).
    private var hasWaited = false
    /// It holds the opening of its key, and must close it.
    private var holdsOpening = false
    /// The version that the origin confirmed for this very request.
    private var validated: Int64?
    /// What is stored did not lead to an answer: the origin is asked plainly.
    private var asksPlainly = false
    private var attempts = 0
    /// Bytes of the wanted part that were held when the delivery began.
    private var heldAtStart = ByteRangeSet()
    private var guardedVersion: Int64?
    /// The response was fetched by this very request.
    private var isOwnAnswer = false

    init(hall: ExchangeHall, stream: DownstreamStream, request: RequestHead, uri: AbsoluteURI, record: ExchangeRecord) {
        self.hall = hall
        self.stream = stream
        self.request = request
        self.uri = uri
        self.record = record
        key = CacheKey(uri)
    }

    private var loop: any EventLoop { stream.loop }
    private var table: FillTable { hall.table }

    // MARK: 5: find

    func start() { look() }

    private func look() {
        stage = .looking
        if let found = hall.store.findInMemory(key) { return decide(found) }
        let loop = self.loop
        hall.store.find(key) { found in
            loop.execute {
                guard case .looking = self.stage else { return }
                self.decide(found)
            }
        }
    }

    // MARK: 6 and 7: may it answer, and what is to be done

    private func decide(_ candidates: [StoredResponse]) {
        guard !asksPlainly else { return fetch(.miss) }
        let now = Clock.unixSeconds()
        var sawVariant = false
        for candidate in candidates where hall.mayBeGiven(candidate, to: stream.clientAddress, uri: uri) {
            switch judge(candidate, now: now) {
            case .mismatch: sawVariant = true
            case .fresh(_, let ttl):
                record.cacheStatus.ttl = ttl
                return use(candidate, validation: nil)
            case .validate(let reason):
                if candidate.id == validated { return use(candidate, validation: nil) }
                return use(candidate, validation: reason)
            }
        }
        fetch(sawVariant ? .varyMiss : .uriMiss)
    }

    private func judge(_ candidate: StoredResponse, now: Int64) -> ReuseDecision {
        let metadata = candidate.metadata
        let view = StoredView(
            head: metadata.head,
            requestFields: candidate.requestFields,
            requestTime: metadata.requestTime,
            responseTime: metadata.responseTime,
            lifetime: hall.lifetime(request: request, metadata: metadata),
            isInvalidated: metadata.isInvalidated
        )
        return Reuse.judge(request: request, stored: view, now: now)
    }

    /// A stored response matches; `validation` says why the origin must be asked first, where it must.
    private func use(_ stored: StoredResponse, validation: ValidationReason?) {
        let metadata = stored.metadata
        let precondition = Preconditions.evaluate(
            request: request,
            storedFields: metadata.head.fields,
            storedStatus: metadata.head.status,
            receivedAt: metadata.responseTime,
            validator: stored.validator
        )
        if precondition == .forward { return passInstead(.bypass) }
        let wanted = wantedPart(of: stored, metadata)
        let needed: Range<Int64> = neededBytes(wanted, of: stored)
        let needsBytes = request.method == .get && precondition == .proceed && !needed.isEmpty
        let isHeld = !needsBytes || stored.body.held.contains(needed)

        if wanted == .several, !stored.body.isComplete, precondition == .proceed, request.method == .get {
            return passInstead(.bypass)
        }
        if validation == nil, isHeld {
            return answer(stored, wanted, precondition: precondition, isHit: validated != stored.id)
        }
        if CacheControl.request(request.fields).onlyIfCached { return answerLocally(.onlyIfCached) }
        guard let validation else {
            // Fresh, and bytes are missing: the origin confirms first (invariant 4), if only by a fill that it has confirmed.
            record.cacheStatus.forward = .partial
            guard stored.validator != nil || table.liveFills(of: stored)?.covers(needed) == true else {
                return fetch(.miss)
            }
            return join(stored, needed, need: validated == stored.id ? .nothing : .confirmation)
        }
        record.cacheStatus.forward = validation.forward
        if request.method == .head { return passInstead(record.cacheStatus.forward ?? .stale) }
        if isHeld || table.liveFills(of: stored)?.covers(needed) == true { return validate(stored) }
        guard stored.validator != nil else { return fetch(record.cacheStatus.forward ?? .stale) }
        record.cacheStatus.forward = .partial
        join(stored, needed, need: .newAnswer)
    }

    /// Rules 7 and 11: the range that is wanted, or the whole where a range could be spliced by its client.
    private func wantedPart(of stored: StoredResponse, _ metadata: StoredMetadata) -> WantedPart {
        let wanted = WantedPart.of(
            request,
            stored: metadata.head,
            validator: stored.validator,
            completeLength: stored.body.completeLength,
            held: { stored.body.held.contains($0) || stored.validator != nil }
        )
        guard request.method == .get, case .part(let range) = wanted, range.lowerBound > 0 else { return wanted }
        let verdict = hall.guardVerdict(
            key: key,
            client: stream.clientAddress,
            rangeStart: range.lowerBound,
            hasIfRange: request.fields.contains(.ifRange),
            version: stored.id
        )
        return verdict == .fullOfNewVersion ? .whole : wanted
    }

    /// The bytes that an answer carries, half-open; the upper bound is `Int64.max` while the length is not known.
    private func neededBytes(_ wanted: WantedPart, of stored: StoredResponse) -> Range<Int64> {
        switch wanted {
        case .whole, .several: 0..<(stored.body.completeLength ?? .max)
        case .part(let range): range
        case .unsatisfiable: 0..<0
        }
    }

    // MARK: 8: join the fills under way

    private func join(_ stored: StoredResponse, _ needed: Range<Int64>, need: VersionFills.Need) {
        let fills = table.fills(of: stored, uri: uri, template: RequestTemplate.of(forwardable()))
        let joined = fills.join(
            range: needed,
            need: need,
            credentials: RequestTemplate.credentials(of: request.fields),
            client: stream.clientAddress,
            loop: loop,
            notify: { [weak self] notice in self?.noticed(notice, of: stored) }
        )
        switch joined {
        case .confirmed(let reader):
            membership = (fills, reader)
            record.cacheStatus.collapsed = true
            deliver(stored)
        case .waiting(let reader):
            membership = (fills, reader)
            stage = .confirming(fills, reader: reader, stored)
        case .mustValidate:
            validate(stored)
        case .ended:
            look()
        }
    }

    private func noticed(_ notice: ReaderNotice, of stored: StoredResponse) {
        switch (stage, notice) {
        case (.confirming, .confirmed):
            record.cacheStatus.forwardStatus = 206
            record.cacheStatus.stored = true
            validated = stored.id
            deliver(stored)
        case (.confirming, .versionChanged(let new)):
            leaveFills()
            validated = new?.id
            asksPlainly = new == nil
            look()
        case (.confirming, .failed(let failure)):
            leaveFills()
            guard failure.asksPlainly, !asksPlainly else { return answerLocally(failure.localResponse) }
            asksPlainly = true
            look()
        case (.delivering(let delivery), .versionChanged):
            delivery.doom("the origin has another version now")
        case (.delivering(let delivery), .failed(let failure)):
            delivery.doom(failure.sentence)
        case (.delivering(let delivery), .endedUnproven(let offset)):
            delivery.endedUnproven(at: offset)
        case (.delivering, .confirmed), (.confirming, .endedUnproven), (.looking, _), (.asking, _), (.relaying, _),
            (.ended, _):
            break
        }
    }

    private func leaveFills() {
        guard let (fills, reader) = membership else { return }
        membership = nil
        fills.leave(reader)
    }

    // MARK: 9: ask the origin

    /// The fields of the request as they go upstream.
    private func forwardable() -> FieldSection {
        hall.forwardable(request)
    }

    /// Nothing stored can answer: the request goes upstream as the client made it.
    private func fetch(_ forward: CacheStatus.Forward) {
        if CacheControl.request(request.fields).onlyIfCached { return answerLocally(.onlyIfCached) }
        record.cacheStatus.forward = forward
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
    private func validate(_ stored: StoredResponse) {
        guard ConditionalRequest.hasValidator(stored.metadata.head.fields) else {
            return fetch(record.cacheStatus.forward ?? .stale)
        }
        guard mayAsk() else { return }
        var fields = forwardable()
        ConditionalRequest.validate(&fields, stored: stored.metadata.head.fields)
        ask(fields, validating: stored)
    }

    /// Whether this request may ask now, or has to wait for the first head of another one.
    private func mayAsk() -> Bool {
        guard !hasWaited, !holdsOpening, !request.fields.contains(.authorization) else { return true }
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
            hall.after(table.configuration.collapse.waitNanoseconds, on: loop) { [weak self] in self?.released() }
            return false
        }
    }

    private func released() {
        guard case .looking = stage, let number = openingNumber else { return }
        table.leave(key, number: number)
        openingNumber = nil
        hasWaited = true
        record.cacheStatus.collapsed = true
        look()
    }

    private func closeOpening(notStorable: Bool) {
        guard holdsOpening else { return }
        holdsOpening = false
        table.close(key, notStorable: notStorable)
    }

    private func ask(_ fields: FieldSection, validating stored: StoredResponse?) {
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

    private func failed(_ failure: UpstreamFailure, fields: FieldSection, validating stored: StoredResponse?) {
        // R56: idempotent, and nothing was received: twice more at the most.
        if failure.isTransient, failure.kind.isWorthAskingAgain, attempts <= 2, isAttached {
            return ask(fields, validating: stored)
        }
        closeOpening(notStorable: false)
        answerLocally(.upstream(failure))
    }

    /// Whether the client is still there.
    private var isAttached: Bool {
        if case .ended = stage { false } else { true }
    }

    // MARK: 10: the first head of an own request

    private func answered(_ answer: OriginCall.Answer, by call: OriginCall, validating stored: StoredResponse?) {
        record.cacheStatus.forwardStatus = answer.head.status
        if let stored, answer.head.status == 304 {
            let isOnly = (hall.store.findInMemory(key) ?? [stored]).count <= 1
            guard
                FreshenSelection.selects(
                    notModified: answer.head.fields,
                    candidate: stored.metadata.head.fields,
                    isOnlyCandidate: isOnly
                )
            else {
                // It speaks of something that is not held (RFC 9111 §4.3.4): the whole is asked for.
                call.body = DiscardedBody()
                asksPlainly = true
                return look()
            }
            call.body = DiscardedBody()
            hall.freshen(stored, with: answer)
            validated = stored.id
            closeOpening(notStorable: false)
            guard isAttached else { return }
            return look()
        }
        let question = FillTable.Question(
            request: request,
            uri: uri,
            key: key,
            template: RequestTemplate.of(forwardable()),
            isCredentialed: request.fields.contains(.authorization),
            range: stored == nil && !asksPlainly ? singleRange : nil
        )
        let admission = table.admit(answer, of: call, for: question, until: { self.wantedEnd($0) }, on: loop)
        switch admission {
        case .stored(let fills):
            record.cacheStatus.stored = true
            closeOpening(notStorable: false)
            guard isAttached else { return fills.leaveUnread() }
            validated = fills.response.id
            isOwnAnswer = true
            joinOwn(fills)
        case .notStorable(let reason):
            record.cacheStatus.detail = reason.detail
            // A refusal, an error or a 304 says nothing of whether the next answer may be stored.
            closeOpening(notStorable: answer.head.status == 200)
            relay(answer, call)
        case .unusable:
            closeOpening(notStorable: false)
            if singleRange != nil, stored == nil, !asksPlainly { return relay(answer, call) }
            call.cancel()
            answerLocally(.partialUnasked)
        }
    }

    private var singleRange: RangeSpecifier? {
        if case .single(let range) = RangeRequest.of(request) { range } else { nil }
    }

    /// A range that the origin answers with the whole is stored up to its end only (resume-rules 6).
    private func wantedEnd(_ completeLength: Int64?) -> Int64? {
        guard let range = singleRange, let completeLength, !request.fields.contains(.ifRange) else { return nil }
        return range.resolve(completeLength: completeLength)?.upperBound
    }

    private func joinOwn(_ fills: VersionFills) {
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

    private func relay(_ answer: OriginCall.Answer, _ call: OriginCall) {
        guard isAttached else { return call.cancel() }
        var head = StoredAnswerHead.passing(answer.head, pseudonym: hall.pseudonym, receivedAt: answer.responseTime)
        head.fields.append(.cacheStatus, record.cacheStatus.value(cacheName: hall.cacheName))
        record.status = head.status
        stream.sendHead(head, body: ResponseRelay.body(of: answer.framing))
        stream.flush()
        let relay = ResponseRelay(stream: stream, call: call) { [self] end in
            guard case .relaying(let relay) = stage else { return }
            record.bytesSent = relay.bytesRelayed
            record.bytesFromUpstream = relay.bytesRelayed
            finished(end)
        }
        stage = .relaying(relay)
    }

    // MARK: 12: deliver

    /// The head may be sent now.
    private func deliver(_ stored: StoredResponse) {
        let metadata = stored.metadata
        let precondition = Preconditions.evaluate(
            request: request,
            storedFields: metadata.head.fields,
            storedStatus: metadata.head.status,
            receivedAt: metadata.responseTime,
            validator: stored.validator
        )
        answer(stored, wantedPart(of: stored, metadata), precondition: precondition, isHit: false)
    }

    private func answer(
        _ stored: StoredResponse,
        _ wanted: WantedPart,
        precondition: PreconditionResult,
        isHit: Bool
    ) {
        let metadata = stored.metadata
        let now = Clock.unixSeconds()
        if isHit {
            record.cacheStatus.hit = true
            record.cacheStatus.forward = nil
        }
        hall.store.used(stored)
        // What was fetched for this very request keeps the Age that it came with.
        let age: Int64? = isOwnAnswer ? nil : Freshness.age(
            response: metadata.head.fields,
            requestTime: metadata.requestTime,
            responseTime: metadata.responseTime,
            now: now
        )
        let completeLength = stored.body.completeLength
        var head: ResponseHead
        var range: Range<Int64>
        switch wanted {
        case _ where precondition == .notModified:
            head = AnswerHead.notModified(stored: metadata.head, age: age)
            range = 0..<0
        case .whole, .several:
            head = AnswerHead.whole(stored: metadata.head, age: age, completeLength: completeLength)
            range = 0..<(completeLength ?? .max)
        case .part(let part):
            head = AnswerHead.partial(stored: metadata.head, range: part, completeLength: completeLength, age: age)
            range = part
        case .unsatisfiable(let completeLength):
            head = AnswerHead.unsatisfiable(completeLength: completeLength)
            range = 0..<0
        }
        head.fields.append(.cacheStatus, record.cacheStatus.value(cacheName: hall.cacheName))
        record.status = head.status
        guard request.method == .get, precondition != .notModified, !range.isEmpty else {
            let hasNoBody = request.method == .head || precondition == .notModified || head.status == 204
            stream.sendHead(head, body: hasNoBody ? .none : .length(0))
            stream.finish()
            return finished(.complete)
        }
        stream.sendHead(head, body: range.upperBound == .max ? .unknownLength : .length(range.upperBound - range.lowerBound))
        heldAtStart = record.cacheStatus.hit ? ByteRangeSet([range]) : stored.body.held.intersection(range)
        openGuard(stored)
        let delivery = Delivery(
            stream: stream,
            response: stored,
            range: range,
            rejoin: { [weak self] delivery, position in self?.rejoin(delivery, stored, position, range.upperBound) },
            onEnd: { end in self.delivered(end) }
        )
        stage = .delivering(delivery)
        delivery.pump()
    }

    /// Bytes are missing at a position: they are on their way, or were damaged, or their fill has ended.
    private func rejoin(_ delivery: Delivery, _ stored: StoredResponse, _ position: Int64, _ end: Int64) {
        if let (fills, reader) = membership, fills.response === stored {
            return fills.waits(reader, at: position)
        }
        guard stored.validator != nil else { return doomLater(delivery, FillStop(.notResumable).sentence) }
        let fills = table.fills(of: stored, uri: uri, template: RequestTemplate.of(forwardable()))
        let joined = fills.join(
            range: position..<end,
            need: .nothing,
            credentials: RequestTemplate.credentials(of: request.fields),
            client: stream.clientAddress,
            loop: loop,
            notify: { [weak self] notice in self?.noticed(notice, of: stored) }
        )
        guard case .confirmed(let reader) = joined else {
            return doomLater(delivery, "the stored version has come to its end")
        }
        membership = (fills, reader)
    }

    /// Not from inside the delivery's own loop.
    private func doomLater(_ delivery: Delivery, _ reason: String) {
        loop.execute { delivery.doom(reason) }
    }

    private func delivered(_ end: DeliveryEnd) {
        guard case .delivering(let delivery) = stage else { return }
        let range = delivery.delivered
        record.bytesSent = stream.bytesSent
        record.bytesFromCache = heldAtStart.intersection(range).byteCount
        record.bytesFromUpstream = max(0, record.bytesSent - record.bytesFromCache)
        closeGuard(range.upperBound)
        finished(end)
    }

    // MARK: Rule 11: who was given bytes of which version

    private func openGuard(_ stored: StoredResponse) {
        guard let client = stream.clientAddress else { return }
        guardedVersion = stored.id
        hall.recordGuard(key: key, client: client, version: stored.id, highestByte: 0, isOpen: true)
    }

    private func closeGuard(_ highestByte: Int64) {
        guard let client = stream.clientAddress, let version = guardedVersion else { return }
        hall.recordGuard(key: key, client: client, version: version, highestByte: highestByte, isOpen: false)
    }

    // MARK: 13: the end

    private func answerLocally(_ response: LocalResponse) {
        leaveFills()
        closeOpening(notStorable: false)
        guard isAttached else { return }
        record.cacheStatus.detail = response.detail
        record.status = hall.send(response, on: stream, method: request.method, cacheStatus: record.cacheStatus)
        finished(.complete)
    }

    /// Not ours to answer after all: the request goes through as it is.
    private func passInstead(_ forward: CacheStatus.Forward) {
        closeOpening(notStorable: false)
        record.cacheStatus.forward = forward
        stage = .ended
        let pass = Pass(hall: hall, stream: stream, request: request, uri: uri, framing: .none, record: record)
        stream.consumer = pass
        pass.start()
    }

    private func finished(_ end: DeliveryEnd) {
        if case .ended = stage { return }
        stage = .ended
        leaveFills()
        record.end = end.logText
        hall.log(record)
    }

    // MARK: DownstreamConsumer

    func requestBody(_ bytes: ByteBuffer) {}
    func requestBodyEnded() {}
    func requestBodyFailed(_ failure: RequestBodyFailure) {}

    func writable() {
        switch stage {
        case .delivering(let delivery): delivery.pump()
        case .relaying(let relay): relay.writable()
        case .looking, .asking, .confirming, .ended: break
        }
    }

    func downstreamGone() {
        switch stage {
        case .delivering(let delivery): delivery.downstreamGone()
        case .relaying(let relay): relay.downstreamGone()
        case .looking, .confirming:
            if let number = openingNumber { table.leave(key, number: number) }
            closeOpening(notStorable: false)
            finished(.clientLeft)
        case .asking:
            // The answer is for all: its head is awaited, and then decides (a fill belongs to the table).
            finished(.clientLeft)
        case .ended: break
        }
    }
}

/// A body that nobody wants: read to its end so that the connection can be used again.
final class DiscardedBody: OriginBodyReceiver {
    func originBody(_ bytes: ByteBuffer) {}
    func originEnded() {}
    func originFailed(_ failure: UpstreamFailure) {}
    func originWritable() {}
}

extension DeliveryEnd {
    var logText: String {
        switch self {
        case .complete: "complete"
        case .cut(let reason): "cut: \(reason)"
        case .clientLeft: "client-left"
        }
    }
}
