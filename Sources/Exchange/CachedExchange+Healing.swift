// A response whose head was sent, and whose bytes can no longer be stored: its client gets the rest in the
// same response, passed through from the origin under the same validator (hardening 2.2 item 6), and again where that
// breaks off.

import HTTPSemantics
import NIOCore
import Resume
import Store
import Transport

extension CachedExchange {
    /// Asks the origin for what is missing from `position` on. Whether there is hope.
    func heal(_ stored: StoredResponse, _ position: Int64) -> Bool {
        // Under an operator's rule alone, bytes are joined only where held ones are compared: not in passing.
        guard case .delivering(let delivery) = stage, let validator = stored.validator, !validator.isByRule,
            !table.isDoubted(key)
        else {
            return false
        }
        // Nothing is compared in passing: what a mirror has written would be believed.
        guard membership?.fills.hasMirrorBytes != true else { return false }
        let end = delivery.wantedEnd
        record.bytesFromCache = bytesHeldBefore(delivery.delivered)
        leaveFills()
        let fields = stored.metadata.head.fields
        let known = KnownVersion(
            validator: validator,
            completeLength: stored.body.completeLength,
            highestHeldEnd: stored.body.held.ranges.last?.upperBound ?? 0,
            contentEncoding: fields.combined(.contentEncoding),
            contentType: fields.combined(.contentType)
        )
        let body = PassedBody(
            continuing: known,
            from: position,
            to: end == .max ? nil : end,
            probe: hall.relayProbe
        )
        let relay = ResponseRelay(
            stream: stream,
            healing: hall.healing(body, to: request, uri: uri, on: stream),
            rates: table.rates,
            origin: uri.hostField
        ) { [self] end in
            record.bytesSent = stream.bytesSent
            record.bytesFromUpstream = max(0, record.bytesSent - record.bytesFromCache)
            if case .relaying(let relay) = stage { closeGuard(position + relay.bytesRelayed) }
            finished(end)
        }
        stage = .relaying(relay)
        return true
    }
}
