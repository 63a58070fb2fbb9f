// A client that gets a body under a named digest gets its last bytes when it is known that the body has that digest.
// What was sent before cannot be taken back, but as long as the end is not sent the client knows that it has no whole.

import HTTPSemantics
import NIOCore
import Resume
import Store

extension CachedExchange {
    /// Before a delivery begins.
    func awaitVerdict(_ delivery: Delivery, of stored: StoredResponse, _ parts: [DeliveryPart]) {
        guard parts.count == 1, let range = parts.first?.range else { return }
        awaitParts(delivery, of: stored, range)
        let reachesEnd = range.upperBound == .max || range.upperBound == stored.body.completeLength
        let watch = reachesEnd ? table.digests.watch(of: stored) : table.digests.runningWatch(of: stored)
        guard let watch, !delivery.awaitsPart else { return }
        // The last bytes of a large body that lies there complete are not worth reading all of it first; whoever had the
        // beginning from us before it was complete may be about to join the two.
        delivery.holdsEnd = reachesEnd && (range.lowerBound == 0 || !stored.body.isComplete)
        obey(watch, delivery)
    }

    /// A part whose digest the origin has named, and which ends where this delivery does.
    private func awaitParts(_ delivery: Delivery, of stored: StoredResponse, _ range: Range<Int64>) {
        for watch in table.digests.partWatches(of: stored) where watch.part?.upperBound == range.upperBound {
            delivery.holdsEnd = true
            delivery.awaitsPart = true
            return obey(watch, delivery)
        }
    }

    private func obey(_ watch: DigestWatch, _ delivery: Delivery) {
        let loop = self.loop
        watch.whenKnown { [weak delivery] verdict in
            loop.execute { [weak delivery] in
                if case .differs = verdict {
                    delivery?.condemn(.otherDigest(watch.expected))
                } else {
                    delivery?.releaseEnd()
                }
            }
        }
        watch.advance()
    }
}
