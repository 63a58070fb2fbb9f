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

    func answer(
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
        let storedHead = ownHead ?? metadata.head
        let age: Int64? =
            ownHead != nil
            ? nil
            : Freshness.age(
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
            head = AnswerHead.notModified(stored: storedHead, age: age)
            range = 0..<0
        case .whole, .several:
            head = AnswerHead.whole(stored: storedHead, age: age, completeLength: completeLength)
            range = 0..<(completeLength ?? .max)
        case .part(let part):
            head = AnswerHead.partial(stored: storedHead, range: part, completeLength: completeLength, age: age)
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
        stream.sendHead(
            head,
            body: range.upperBound == .max ? .unknownLength : .length(range.upperBound - range.lowerBound)
        )
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
    func rejoin(_ delivery: Delivery, _ stored: StoredResponse, _ position: Int64, _ end: Int64) {
        if let (fills, reader) = membership, fills.response === stored {
            return fills.waits(reader, at: position)
        }
        guard stored.isResumable else { return doomLater(delivery, FillStop(.notResumable).sentence) }
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
    func doomLater(_ delivery: Delivery, _ reason: String) {
        loop.execute { delivery.doom(reason) }
    }

    func delivered(_ end: DeliveryEnd) {
        guard case .delivering(let delivery) = stage else { return }
        let range = delivery.delivered
        record.bytesSent = stream.bytesSent
        record.bytesFromCache = heldAtStart.intersection(range).byteCount
        record.bytesFromUpstream = max(0, record.bytesSent - record.bytesFromCache)
        closeGuard(range.upperBound)
        finished(end)
    }

    // MARK: Rule 11: who was given bytes of which version

    func openGuard(_ stored: StoredResponse) {
        guard let client = stream.clientAddress else { return }
        guardedVersion = stored.id
        hall.recordGuard(key: key, client: client, version: stored.id, highestByte: 0, isOpen: true)
    }

    func closeGuard(_ highestByte: Int64) {
        guard let client = stream.clientAddress, let version = guardedVersion else { return }
        hall.recordGuard(key: key, client: client, version: version, highestByte: highestByte, isOpen: false)
    }
}
