// Step 12 of an exchange: the head is written from what is stored, and a delivery carries the body. Who was
// given bytes of which version is recorded for the resume guard.

import Configuration
import HTTPSemantics
import NIOCore
import Resume
import Store
import Transport
import Wire

extension CachedExchange {
    // MARK: 12: deliver

    /// The head may be sent now.
    func deliver(_ stored: StoredResponse) {
        answer(
            stored,
            wantedPart(of: stored, stored.metadata.head),
            precondition: precondition(stored),
            isHit: false
        )
    }

    func answer(
        _ stored: StoredResponse,
        _ wanted: WantedPart,
        precondition: PreconditionResult,
        isHit: Bool
    ) {
        let metadata = stored.metadata
        let now = Clock.unixSeconds()
        if let waitedFor {
            // Another request's answer was awaited, and serves this one, too.
            record.cacheStatus.forward = waitedFor
            record.cacheStatus.collapsed = true
        } else if isHit {
            record.cacheStatus.hit = true
            record.cacheStatus.forward = nil
        }
        hall.store.used(stored)
        // What was fetched for this very request keeps the Age that it came with.
        let own = ownHead.flatMap { $0.version == stored.id ? $0.head : nil }
        // The head of a 206 is none of a whole.
        let storedHead = own.flatMap { $0.status == metadata.head.status ? $0 : nil } ?? metadata.head
        let age: Int64? =
            own != nil
            ? nil
            : Freshness.age(
                response: metadata.head.fields,
                requestTime: metadata.requestTime,
                responseTime: metadata.responseTime,
                now: now
            )
        let completeLength = stored.body.completeLength
        var head: ResponseHead
        var parts: [DeliveryPart] = []
        var framing: MultipartRanges?
        switch wanted {
        case _ where precondition == .notModified:
            head = AnswerHead.notModified(stored: storedHead, age: age)
        case .whole:
            head = AnswerHead.whole(stored: storedHead, age: age, completeLength: completeLength)
            parts = [DeliveryPart(range: 0..<(completeLength ?? .max))]
        case .part(let part):
            head = AnswerHead.partial(
                stored: storedHead,
                range: part,
                completeLength: completeLength,
                age: age,
                hasIfRange: request.fields.contains(.ifRange)
            )
            parts = [DeliveryPart(range: part)]
        case .several(let ranges):
            let multipart = MultipartRanges(
                parts: ranges,
                completeLength: completeLength ?? 0,
                contentType: storedHead.fields.combined(.contentType),
                boundary: MultipartRanges.boundary((.random(in: .min ... .max), .random(in: .min ... .max)))
            )
            head = AnswerHead.multipart(stored: storedHead, parts: multipart, age: age)
            parts = ranges.enumerated().map { DeliveryPart(range: $0.element, number: $0.offset) }
            framing = multipart
        case .unsatisfiable(let completeLength):
            head = AnswerHead.unsatisfiable(completeLength: completeLength)
        }
        parts.removeAll { $0.range.isEmpty }
        // It was made for a client whose request was another one in what Vary names.
        if crossesVariants { head.fields.removeAll(.setCookie) }
        if let ownFields, ownFields.version == stored.id {
            ownFields.fields.forEach { head.fields.append($0) }
        }
        head.fields.append(.cacheStatus, record.cacheStatus.value(cacheName: hall.cacheName))
        record.status = head.status
        guard request.method == .get, let first = parts.first else {
            let hasNoBody = request.method == .head || precondition == .notModified || head.status == 204
            stream.sendHead(head, body: hasNoBody ? .none : .length(0))
            stream.finish()
            return finished(.complete)
        }
        let isUnbounded = first.range.upperBound == .max
        stream.sendHead(
            head,
            body: isUnbounded
                ? .unknownLength : .length(framing?.contentLength ?? first.range.upperBound - first.range.lowerBound)
        )
        heldAtStart = record.cacheStatus.hit ? ByteRangeSet(parts.map(\.range)) : stored.body.held
        openGuard(stored)
        let delivery = Delivery(
            stream: stream,
            response: stored,
            parts: parts,
            framing: framing,
            pace: table.rates.downstream.map { DownstreamPace($0, client: stream.clientAddress, loop: loop) },
            rejoin: { [weak self] delivery, position in self?.rejoin(delivery, stored, position, delivery.partEnd) },
            onEnd: { end in self.delivered(end) }
        )
        // A body of unknown length has one now, and its version another number: the next request may come at once.
        delivery.onFinishing = { [weak self, weak delivery] in
            guard let self, let delivery else { return }
            closeGuard(delivery.deliveredEnd, of: delivery.response)
        }
        if parts.count > 1 {
            delivery.onNextPart = { [weak self, weak delivery] in
                guard let self, let delivery, let (fills, reader) = membership, fills.response === stored else {
                    return
                }
                fills.moves(reader, to: delivery.position..<delivery.partEnd)
            }
        } else if stored.isResumable {
            delivery.rescue = { [weak self] in self?.heal(stored, $0) ?? false }
        }
        stage = .delivering(delivery)
        awaitVerdict(delivery, of: stored, parts)
        delivery.begin()
    }

    /// How many of the delivered bytes were held when the delivery began.
    func bytesHeldBefore(_ delivered: ByteRangeSet) -> Int64 {
        delivered.ranges.reduce(0) { $0 + heldAtStart.intersection($1).byteCount }
    }

    /// Bytes are missing at a position: they are on their way, or were damaged, or their fill has ended.
    func rejoin(_ delivery: Delivery, _ stored: StoredResponse, _ position: Int64, _ end: Int64) {
        if let (fills, reader) = membership, fills.response === stored {
            return fills.waits(reader, at: position)
        }
        guard stored.isResumable else { return doomLater(delivery, CutReason(FillStop(.notResumable))) }
        let fills = table.fills(of: stored, uri: uri, template: RequestTemplate.of(forwardable()))
        let joined = fills.join(
            range: position..<end,
            need: .nothing,
            requester: requester,
            loop: loop,
            notify: { [weak self] notice in self?.noticed(notice, of: stored) }
        )
        guard case .confirmed(let reader) = joined else {
            return doomLater(delivery, .endedVersion)
        }
        membership = (fills, reader)
    }

    /// Not from inside the delivery's own loop.
    func doomLater(_ delivery: Delivery, _ reason: CutReason) {
        loop.execute { delivery.doom(reason) }
    }

    func delivered(_ end: DeliveryEnd) {
        guard case .delivering(let delivery) = stage else { return }
        let delivered = delivery.delivered
        record.bytesSent = stream.bytesSent
        record.bytesFromCache = bytesHeldBefore(delivered)
        record.bytesFromUpstream = max(0, delivered.byteCount - record.bytesFromCache)
        closeGuard(delivery.deliveredEnd, of: delivery.response)
        finished(end)
    }

    // MARK: Rule 11: who was given bytes of which version

    /// Which version a client was given bytes of, however often it was fetched.
    func identity(of stored: StoredResponse) -> Int64 {
        table.identity(key, stored.metadata.head.fields, completeLength: stored.body.completeLength) ?? stored.id
    }

    func openGuard(_ stored: StoredResponse) {
        // Rule 11 speaks of body files; what fits into a row of the index comes whole or is fetched again.
        guard stored.body.completeLength ?? .max > table.configuration.cache.smallBody else { return }
        openGuard(version: identity(of: stored))
    }

    /// What passes through counts as well. Returns the offset of its first byte.
    func openGuard(relaying answer: OriginCall.Answer) -> Int64 {
        let part = answer.head.fields.only(.contentRange).flatMap { ContentRange.parse($0) }
        var start: Int64 = 0
        var completeLength: Int64? = if case .length(let length) = answer.framing { length } else { nil }
        if answer.head.status == 206, case .satisfied(let range, let length)? = part {
            start = range.lowerBound
            completeLength = length
        }
        // What is small is fetched again rather than resumed.
        guard answer.head.status == 200 || answer.head.status == 206, completeLength ?? .max > Self.resumedSize,
            let version = table.identity(key, answer.head.fields, completeLength: completeLength)
        else { return start }
        openGuard(version: version)
        return start
    }

    private static let resumedSize: Int64 = 64 << 10

    /// Whether an answer that passes through is a part of another version than this client was given bytes of.
    func isSplice(_ answer: OriginCall.Answer) -> Bool {
        if answer.head.status == 206, !asksPlainly, isOfAnother(answer) { return true }
        guard answer.head.status == 206, !asksPlainly,
            let text = answer.head.fields.only(.contentRange),
            case .satisfied(let range, let completeLength)? = ContentRange.parse(text), range.lowerBound > 0
        else { return false }
        return hall.guardVerdict(
            key: key,
            client: stream.clientAddress,
            rangeStart: range.lowerBound,
            hasIfRange: request.fields.contains(.ifRange),
            version: table.identity(key, answer.head.fields, completeLength: completeLength) ?? -1
        ) == .fullOfNewVersion
    }

    /// Whether a part is not of the version that the client's If-Range names: an origin that did not look at that would have
    /// it continue one version with another (RFC 9110 §13.1.5).
    private func isOfAnother(_ answer: OriginCall.Answer) -> Bool {
        guard let asked = request.fields.only(.ifRange) else { return false }
        let fields = answer.head.fields
        if let tag = EntityTag.parse(asked) {
            guard fields.contains(.etag) else { return false }
            return fields.only(.etag).flatMap { EntityTag.parse($0) }.map { !$0.stronglyEquals(tag) } ?? true
        }
        return fields.contains(.lastModified) && fields.only(.lastModified) != asked
    }

    private func openGuard(version: Int64) {
        guard let client = stream.clientAddress else { return }
        guardedVersion = version
        hall.recordGuard(key: key, client: client, version: version, highestByte: 0, isOpen: true)
    }

    /// - Parameter stored: what was delivered; its complete length may have become known meanwhile.
    func closeGuard(_ highestByte: Int64, of stored: StoredResponse? = nil) {
        guard let client = stream.clientAddress, let version = guardedVersion else { return }
        guardedVersion = nil
        var reached = highestByte
        if let stored, stored.body.completeLength != nil,
            table.identity(key, stored.metadata.head.fields, completeLength: nil) == version
        {
            // From now on its number has the length in it.
            hall.recordGuard(
                key: key,
                client: client,
                version: identity(of: stored),
                highestByte: highestByte,
                isOpen: false
            )
            reached = 0
        }
        hall.recordGuard(key: key, client: client, version: version, highestByte: reached, isOpen: false)
    }
}
