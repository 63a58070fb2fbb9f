// A response whose head was sent, and whose bytes can no longer be stored: its client gets the rest in the
// same response, passed through from the origin under the same validator (hardening 2.2 item 6).

import HTTPSemantics
import NIOCore
import Resume
import Store
import Transport
import Wire

extension CachedExchange {
    /// Asks the origin for what is missing from `position` on. Whether there is hope.
    func heal(_ stored: StoredResponse, _ position: Int64) -> Bool {
        // Under an operator's rule alone, bytes are joined only where held ones are compared: not in passing.
        guard case .delivering(let delivery) = stage, let validator = stored.validator, !validator.isByRule else {
            return false
        }
        let end = delivery.wantedEnd
        record.bytesFromCache = bytesHeldBefore(delivery.delivered)
        leaveFills()
        let asked = AskedSpan(start: position, end: end == .max ? nil : end)
        var fields = forwardable()
        ConditionalRequest.completing(&fields, range: position..<end, openEnd: end == .max, validator: validator)
        let upstream = hall.upstreamRequest(
            head: RequestHead(method: .get, target: .absolute(uri), version: .http11, fields: fields),
            uri: uri,
            body: .none,
            client: stream.clientAddress
        )
        stage = .healing(
            OriginCall.send(upstream, with: table.client, on: loop) { call, event in
                switch event {
                case .head(let answer): self.healed(stored, asked, answer, call)
                case .failed(let failure): self.notHealed(CutReason(failure), asked)
                case .interim, .writable: break
                }
            }
        )
        return true
    }

    private func healed(_ stored: StoredResponse, _ asked: AskedSpan, _ answer: OriginCall.Answer, _ call: OriginCall) {
        guard case .healing = stage, let validator = stored.validator else { return call.cancel() }
        let length: Int64? = if case .length(let length) = answer.framing { length } else { nil }
        let fields = stored.metadata.head.fields
        let check = ContinuationCheck.check(
            asked: asked,
            known: KnownVersion(
                validator: validator,
                completeLength: stored.body.completeLength,
                highestHeldEnd: stored.body.held.ranges.last?.upperBound ?? 0,
                contentEncoding: fields.combined(.contentEncoding),
                contentType: fields.combined(.contentType)
            ),
            response: answer.head,
            contentLength: length,
            receivedAt: answer.responseTime
        )
        // Where nothing was sent but the head, the whole of the same version will do.
        if case .newVersion = check, asked.start == 0, stored.metadata.head.status == answer.head.status,
            let completeLength = stored.body.completeLength, length == completeLength, asked.end == completeLength,
            StrongValidator.of(answer.head.fields, receivedAt: answer.responseTime) == validator
        {
            return relayRest(call, from: 0, expected: completeLength)
        }
        // All that is missing, and nothing else: a shorter part would end the response too early.
        guard case .continues(let span, let completeLength) = check, span.upperBound == asked.end ?? completeLength,
            length == nil || length == span.upperBound - span.lowerBound
        else {
            call.cancel()
            let reason = CutReason(
                "The origin's answer does not continue what was sent.",
                .httpResponseIncomplete,
                receivedStatus: answer.head.status
            )
            return notHealed(reason, asked)
        }
        relayRest(call, from: asked.start, expected: span.upperBound - span.lowerBound)
    }

    private func relayRest(_ call: OriginCall, from start: Int64, expected: Int64) {
        let relay = ResponseRelay(
            stream: stream,
            call: call,
            expecting: expected,
            rates: table.rates,
            origin: uri.hostField
        ) { [self] end in
            record.bytesSent = stream.bytesSent
            record.bytesFromUpstream = max(0, record.bytesSent - record.bytesFromCache)
            if case .relaying(let relay) = stage { closeGuard(start + relay.bytesRelayed) }
            finished(end)
        }
        stage = .relaying(relay)
    }

    private func notHealed(_ reason: CutReason, _ asked: AskedSpan) {
        guard case .healing = stage else { return }
        closeGuard(asked.start)
        record.bytesSent = stream.bytesSent
        stream.abort()
        finished(.cut(reason))
    }
}
