// What the process has done since its start, counted from the same records that the access log writes.

import HTTPSemantics
import Synchronization

/// Counters. May be used from any thread.
package final class TrafficCounters: Sendable {
    private let requests = Atomic<Int64>(0)
    private let hits = Atomic<Int64>(0)
    private let failures = Atomic<Int64>(0)
    private let bytesSent = Atomic<Int64>(0)
    private let bytesFromCache = Atomic<Int64>(0)
    private let bytesFromUpstream = Atomic<Int64>(0)

    package init() {}

    package func count(_ record: ExchangeRecord) {
        requests.add(1, ordering: .relaxed)
        if record.cacheStatus.hit { hits.add(1, ordering: .relaxed) }
        if record.status >= 500 { failures.add(1, ordering: .relaxed) }
        bytesSent.add(record.bytesSent, ordering: .relaxed)
        bytesFromCache.add(record.bytesFromCache, ordering: .relaxed)
        bytesFromUpstream.add(record.bytesFromUpstream, ordering: .relaxed)
    }

    package var traffic: Traffic {
        var traffic = Traffic()
        traffic.requests = requests.load(ordering: .relaxed)
        traffic.hits = hits.load(ordering: .relaxed)
        traffic.failures = failures.load(ordering: .relaxed)
        traffic.bytesSent = bytesSent.load(ordering: .relaxed)
        traffic.bytesFromCache = bytesFromCache.load(ordering: .relaxed)
        traffic.bytesFromUpstream = bytesFromUpstream.load(ordering: .relaxed)
        return traffic
    }
}
