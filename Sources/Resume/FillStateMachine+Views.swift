// What the plan and the people see of a fill: how far it came, what it claims, whether a connection is in use. It changes
// nothing.

extension FillStateMachine {
    /// How far the fill came; nil where it ended.
    package var extent: FillExtent? {
        switch state {
        case .queued(let extent, _), .asking(let extent, _), .receiving(let extent, _), .waiting(let extent, _),
            .parked(let extent, _), .comparing(let extent, _, _, _, _):
            extent
        case .filled, .failed:
            nil
        }
    }

    /// Whether the fill claims bytes.
    package var isActive: Bool {
        switch state {
        case .queued, .asking, .comparing, .receiving, .waiting: true
        case .parked, .filled, .failed: false
        }
    }

    /// Whether a retry is awaited.
    package var isWaiting: Bool {
        if case .waiting = state { true } else { false }
    }

    /// Whether held bytes are being compared.
    package var isComparing: Bool {
        if case .comparing = state { true } else { false }
    }

    /// Whether a connection of this fill is in use.
    package var hasConnection: Bool {
        switch state {
        case .asking, .comparing, .receiving: true
        case .queued, .waiting, .parked, .filled, .failed: false
        }
    }

    /// The claim for the plan; nil where the fill claims nothing.
    package func claim(fill: Int, bytesPerSecond: Int64, mayBeCut: Bool) -> Claim? {
        guard isActive, let extent else { return nil }
        return Claim(
            fill: fill,
            offset: extent.offset,
            end: extent.end,
            bytesPerSecond: bytesPerSecond,
            mayBeCut: mayBeCut
        )
    }
}
