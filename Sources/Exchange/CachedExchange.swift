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
        /// The origin was asked in vain, and will be asked again in a moment.
        case waiting
        case ended
    }

    var stage = Stage.looking
    /// What the last look found.
    var seen: Set<Int64> = []
    /// The fills that this exchange has joined, to be left at the end.
    var membership: (fills: VersionFills, reader: Int)?
    /// The number under which it waits for another request's first head.
    var openingNumber: Int?
    /// It waited once and waits no more (architecture: joining has an exit).
    var hasWaited = false
    /// It holds the opening of its key, and must close it.
    var holdsOpening = false
    /// The version that the origin confirmed for this very request.
    var validated: Int64?
    /// What may take the place of an error, though it is stale (RFC 9111 §4.2.4).
    var fallback: Judged?
    /// What is stored did not lead to an answer: the origin is asked plainly.
    var asksPlainly = false
    /// Several ranges cannot be put together here: the origin is asked for them as the client did.
    var gaveUpSeveral = false
    var attempts = 0
    /// Once an attempt has failed that may be repeated.
    var firstAttempts: FirstAttempts?
    /// Bytes of the wanted part that were held when the delivery began.
    var heldAtStart = ByteRangeSet()
    var guardedVersion: Int64?
    /// The head of the answer to this very request, where it was fetched for it: complete with what a cache does not
    /// keep for others (RFC 9111 §3.1).
    var ownHead: (version: Int64, head: ResponseHead)?
    /// Fields of the 304 to this very request that are not kept for others.
    var ownFields: (version: Int64, fields: FieldSection)?
    /// How often a version came to its end just when it was to be joined.
    var endedJoins = 0
    /// The origin has said that a response for other requests (Vary) answers this one, too.
    var crossesVariants = false
    /// Why it would have asked, where another request's answer was awaited instead.
    var waitedFor: CacheStatus.Forward?
    /// What it needs may not be kept with what is stored: it is fetched for this request alone.
    var asksAlone = false
    /// The version that its client holds a part of was looked for.
    var hasLookedForRetained = false
    /// The fills beside which it is so fetched.
    var aloneBeside: VersionFills?

    init(hall: ExchangeHall, stream: DownstreamStream, request: RequestHead, uri: AbsoluteURI, record: ExchangeRecord) {
        self.hall = hall
        self.stream = stream
        self.request = request
        self.uri = uri
        self.record = record
        key = hall.table.rules.key(of: uri)
        if hall.configuration.forward.cacheStatusKey { self.record.cacheStatus.key = key.uri }
    }

    var loop: any EventLoop { stream.loop }
    var table: FillTable { hall.table }

    // MARK: 5: find

    func start() { look() }

    func look() {
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

    // MARK: 8: join the fills under way

    func join(_ stored: StoredResponse, _ needed: [Range<Int64>], need: VersionFills.Need) {
        let fills = table.fills(of: stored, uri: uri, template: RequestTemplate.of(forwardable()))
        let joined = fills.join(
            range: firstMissing(of: needed, in: stored),
            further: needed,
            need: need,
            requester: requester,
            readAhead: singleRange == nil || needed.count != 1
                ? 0 : table.readAhead(of: stored, for: stream.clientAddress, asking: needed[0]),
            // A seek does not wait for a fill that is far behind it.
            mayAskAlone: singleRange != nil && !asksAlone,
            loop: loop,
            notify: { [weak self] notice in self?.noticed(notice, of: stored) }
        )
        switch joined {
        case .confirmed(let reader):
            membership = (fills, reader)
            // What this very request has brought about is nobody else's.
            if validated != stored.id { record.cacheStatus.collapsed = true }
            deliver(stored)
        case .waiting(let reader):
            membership = (fills, reader)
            stage = .confirming(fills, reader: reader, stored)
        case .mustValidate:
            validate(stored)
        case .alone:
            asksAlone = true
            aloneBeside = fills
            look()
        case .ended:
            // Not at once: whoever ended it may be about to take it out of the table.
            stage = .looking
            endedJoins += 1
            if endedJoins > 2 { asksPlainly = true }
            loop.execute { if case .looking = self.stage { self.look() } }
        }
    }

    /// On whose behalf fills ask that this request causes.
    var requester: VersionFills.Requester {
        VersionFills.Requester(
            uri: uri,
            template: RequestTemplate.of(forwardable()),
            credentials: RequestTemplate.credentials(of: request.fields),
            client: stream.clientAddress
        )
    }

    /// The first of several ranges that is not held: the fill that brings it confirms the version.
    func firstMissing(of needed: [Range<Int64>], in stored: StoredResponse) -> Range<Int64> {
        needed.first { !stored.body.held.contains($0) } ?? needed.first ?? 0..<0
    }

    func noticed(_ notice: ReaderNotice, of stored: StoredResponse) {
        // What a version says that was left meanwhile means nothing to another one's delivery.
        guard membership?.fills.response === stored else { return }
        switch (stage, notice) {
        case (.confirming, .confirmed):
            record.cacheStatus.forwardStatus = 206
            record.cacheStatus.stored = true
            // The answer has made it fresh anew.
            record.cacheStatus.ttl = nil
            validated = stored.id
            deliver(stored)
        case (.confirming, .unanswered):
            leaveFills()
            validate(stored)
        case (.confirming, .versionChanged(let new)):
            leaveFills()
            // It may be the answer to another client's request, and no answer to this one (RFC 9111 §4.1).
            validated = new.flatMap { answers($0) ? $0.id : nil }
            asksPlainly = new == nil
            record.cacheStatus.ttl = nil
            if let new {
                record.cacheStatus.forwardStatus = new.metadata.head.status
                record.cacheStatus.stored = true
            }
            look()
        case (.confirming, .failed(let failure)):
            leaveFills()
            if failure.asksAlone, !asksAlone {
                asksAlone = true
                return look()
            }
            guard failure.asksPlainly, !asksPlainly else { return answerLocally(failure.localResponse) }
            asksPlainly = true
            look()
        case (.delivering(let delivery), .versionChanged):
            delivery.rescue = nil
            delivery.doom(.otherVersion)
        case (.delivering(let delivery), .failed(let failure)):
            if !failure.leavesTheOriginSound { delivery.rescue = nil }
            delivery.doom(CutReason(failure))
        case (.delivering(let delivery), .endedUnproven(let offset)):
            delivery.endedUnproven(at: offset)
        case (.delivering(let delivery), .distrusted(let part, let expected)):
            if !delivery.delivered.intersection(part).isEmpty { delivery.condemn(.otherDigest(expected)) }
        case (.delivering, .confirmed), (.delivering, .unanswered), (.confirming, .endedUnproven),
            (.confirming, .distrusted), (.looking, _), (.asking, _), (.relaying, _), (.waiting, _), (.ended, _):
            break
        }
    }

    func leaveFills() {
        guard let (fills, reader) = membership else { return }
        membership = nil
        fills.leave(reader)
    }

    // MARK: 13: the end

    func answerLocally(_ response: LocalResponse) {
        leaveFills()
        closeOpening(notStorable: false)
        guard isAttached else { return }
        hall.send(response, on: stream, method: request.method, record: &record)
        record.bytesSent = stream.bytesSent
        finished(.complete)
    }

    /// Not ours to answer after all: the request goes through as it is.
    func passInstead(_ forward: CacheStatus.Forward) {
        closeOpening(notStorable: false)
        record.cacheStatus.forward = forward
        stage = .ended
        let pass = Pass(hall: hall, stream: stream, request: request, uri: uri, framing: .none, record: record)
        if fallback != nil {
            pass.onTrouble = { [self] trouble in
                stage = .looking
                if case .serverError(let status) = trouble { record.cacheStatus.forwardStatus = status }
                guard answerStale(insteadOf: trouble) else {
                    stage = .ended
                    return false
                }
                return true
            }
        }
        stream.consumer = pass
        pass.start()
    }

    func finished(_ end: DeliveryEnd) {
        if case .ended = stage { return }
        stage = .ended
        firstAttempts?.stop()
        leaveFills()
        record.ended(end)
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
        case .looking, .asking, .confirming, .waiting, .ended: break
        }
    }

    func downstreamGone() {
        switch stage {
        case .delivering(let delivery): delivery.downstreamGone()
        case .relaying(let relay): relay.downstreamGone()
        case .looking, .confirming, .waiting:
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
