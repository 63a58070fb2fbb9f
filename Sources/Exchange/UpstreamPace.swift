// How fast the body of one answer may come. What comes is counted when it is here, and paid for by a pause before more is
// read: the limits of its origin and of all, and, where no client waits for it, the rate of background work.

import HTTPSemantics
import NIOCore
import Transport

/// The pace of one body from an origin. Bound to the loop of its call.
final class UpstreamPace: @unchecked Sendable {
    private let rates: Rates
    /// Host and port.
    private let origin: String
    private let loop: any EventLoop
    /// The client that it is passed on to, whose limits hold for it as well; nil: it is stored.
    private let client: IPAddress?
    /// Monotonic nanoseconds: nothing is read before either.
    private var limitedUntil: Int64 = 0
    private var yieldingUntil: Int64 = 0
    private var timer: Scheduled<Void>?
    /// When it last was held back, monotonic nanoseconds.
    private(set) var heldBackAt: Int64 = 0
    /// Called when it is held back no more.
    var onTurn: (() -> Void)?

    init(_ rates: Rates, origin: String, client: IPAddress? = nil, loop: any EventLoop) {
        self.rates = rates
        self.origin = origin
        self.client = client.map { Rates.client($0) }
        self.loop = loop
    }

    /// Whether the call has to be paused, or to stay so.
    var isHeldBack: Bool { timer != nil }

    /// Bytes came, or, where there are none of them, are about to.
    ///
    /// - Parameter isForeground: a client waits for them.
    func came(_ bytes: Int64, isForeground: Bool, at now: Int64) {
        rates.link.carried(bytes, isForeground: isForeground)
        if let gate = rates.upstream { limitedUntil = gate.reserve(bytes, of: origin, at: now) }
        if let client, let gate = rates.downstream {
            limitedUntil = max(limitedUntil, gate.reserve(bytes, of: client, at: now))
        }
        if !isForeground, rates.link.limitsBackground { yieldingUntil = rates.link.reserve(bytes, at: now) }
        wait(now)
    }

    /// A client waits for it from now on: it yields to nobody any more.
    func isAwaited() {
        guard yieldingUntil > 0 else { return }
        yieldingUntil = 0
        guard timer != nil else { return }
        timer?.cancel()
        timer = nil
        wait(Clock.monotonicNanoseconds())
        if !isHeldBack { onTurn?() }
    }

    func close() {
        timer?.cancel()
        timer = nil
        onTurn = nil
    }

    private func wait(_ now: Int64) {
        let wait = max(limitedUntil, yieldingUntil) - now
        guard wait >= Rates.leastWait, timer == nil else { return }
        heldBackAt = now
        timer = loop.scheduleTask(in: .nanoseconds(wait)) { [weak self] in
            guard let self, timer != nil else { return }
            timer = nil
            let now = Clock.monotonicNanoseconds()
            heldBackAt = now
            // More may have come meanwhile.
            self.wait(now)
            if !isHeldBack { onTurn?() }
        }
    }
}
