// How fast one delivery may go: it asks before each slice, and is woken when its turn has come. It knows no bytes, only
// how many of them.

import HTTPSemantics
import NIOCore
import Transport

/// The pace of one delivery. Bound to the loop of its stream.
final class DownstreamPace: @unchecked Sendable {
    private let gate: RateGate<IPAddress>
    private let client: IPAddress
    private let loop: any EventLoop
    /// Bytes that may go now.
    private var granted: Int64 = 0
    /// Bytes whose turn has not come.
    private var awaited: Int64 = 0
    private var timer: Scheduled<Void>?
    /// Called when bytes may go again.
    var onTurn: (() -> Void)?

    init(_ gate: RateGate<IPAddress>, client: IPAddress?, loop: any EventLoop) {
        self.gate = gate
        self.client = Rates.client(client)
        self.loop = loop
    }

    /// How many of these bytes may go now; 0: none before `onTurn` is called.
    func allowance(_ wanted: Int64) -> Int64 {
        if granted == 0, timer == nil { ask(min(wanted, gate.slice)) }
        return min(granted, wanted)
    }

    func sent(_ bytes: Int64) { granted = max(0, granted - bytes) }

    /// Nothing more goes.
    func close() {
        timer?.cancel()
        timer = nil
        onTurn = nil
        if granted + awaited > 0 { gate.giveBack(granted + awaited, of: client) }
        (granted, awaited) = (0, 0)
    }

    private func ask(_ bytes: Int64) {
        let now = Clock.monotonicNanoseconds()
        let wait = gate.reserve(bytes, of: client, at: now) - now
        guard wait >= Rates.leastWait else {
            granted = bytes
            return
        }
        awaited = bytes
        timer = loop.scheduleTask(in: .nanoseconds(wait)) { [weak self] in
            guard let self, timer != nil else { return }
            timer = nil
            (granted, awaited) = (awaited, 0)
            onTurn?()
        }
    }
}
