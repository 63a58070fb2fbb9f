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
        if stored.isResumable { delivery.rescue = { [weak self] in self?.heal(stored, $0) ?? false } }
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
        closeGuard(range.upperBound, of: delivery.response)
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
