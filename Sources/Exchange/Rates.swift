// How fast bytes may come from origins and go to clients, where the configuration says so: the budgets of Resume under
// locks, for all loops. Where nothing is configured there is no budget, and nobody asks for one.

import Configuration
import HTTPSemantics
import Resume
import Synchronization
import Transport

/// Limits of one direction. May be used from any thread.
final class RateGate<Key: Hashable & Sendable>: Sendable {
    private let ledger: Mutex<RateLedger<Key>>
    /// As many bytes as one of many should take at once.
    let slice: Int64

    /// nil where there is no limit.
    init?(rate: Int64?, ratePerKey: Int64?, startedAt now: Int64) {
        guard rate != nil || ratePerKey != nil else { return nil }
        let ledger = RateLedger<Key>(rate: rate, ratePerKey: ratePerKey, startedAt: now)
        slice = ledger.slice
        self.ledger = Mutex(ledger)
    }

    /// From which instant on these bytes are within the limits, monotonic nanoseconds.
    func reserve(_ bytes: Int64, of key: Key, at now: Int64) -> Int64 {
        ledger.withLock { $0.reserve(bytes, of: key, at: now) }
    }

    /// Bytes that were reserved and do not go.
    func giveBack(_ bytes: Int64, of key: Key) {
        ledger.withLock { $0.giveBack(bytes, of: key) }
    }
}

/// The rates of one proxy.
final class Rates: Sendable {
    let link: LinkMeter
    /// By origin: host and port.
    let upstream: RateGate<String>?
    /// By client.
    let downstream: RateGate<IPAddress>?

    /// A shorter wait is not worth a timer; it is owed, and waited for with the next one.
    static let leastWait: Int64 = 1_000_000

    init(_ configuration: Configuration) {
        let now = Clock.monotonicNanoseconds()
        let (upstream, downstream) = (configuration.upstream, configuration.downstream)
        link = LinkMeter(BackgroundRate(configuration.resume.backgroundRate), startedAt: now)
        self.upstream = RateGate(rate: upstream.maxRate, ratePerKey: upstream.maxRatePerOrigin, startedAt: now)
        self.downstream = RateGate(rate: downstream.maxRate, ratePerKey: downstream.maxRatePerClient, startedAt: now)
    }

    /// Whether what comes from origins may have to wait.
    var limitsUpstream: Bool { upstream != nil || link.limitsBackground }

    /// The client that a limit speaks of: an IPv6 network of 64 bits is one, as many addresses as it has.
    static func client(_ address: IPAddress?) -> IPAddress {
        switch address?.unmapped {
        case .v4(let bits)?: .v4(bits)
        case .v6(let high, _)?: .v6(high: high, low: 0)
        case nil: .v4(0)
        }
    }
}

extension BackgroundRate {
    /// nil: as if clients waited for it.
    init?(_ pace: Configuration.BackgroundPace) {
        switch pace {
        case .unlimited: return nil
        case .yield: self = .unlimited
        case .bytesPerSecond(let rate): self = .fixed(rate)
        case .percent(let percent): self = .share(Double(percent) / 100)
        }
    }
}
