import Testing

@testable import Resume

@Suite("Whose turn it is among several sources of the same bytes") struct SourceOrderTests {
    enum Step { case failed, rejected, gained }

    struct Turn: Equatable {
        var source: Int
        var isAtOnce: Bool
    }

    /// Whose turn it is after each step, and whether it is asked at once.
    private static func turns(_ count: Int, _ steps: [Step]) -> [Turn] {
        var order = SourceOrder(count: count)
        return steps.map { step in
            var isAtOnce = false
            switch step {
            case .failed: isAtOnce = order.failed()
            case .rejected: order.reject()
            case .gained: order.gained()
            }
            return Turn(source: order.current, isAtOnce: isAtOnce)
        }
    }

    @Test("Round and round in the operator's order; at once as long as one has not failed since the last byte")
    func round() {
        #expect(
            Self.turns(3, [.failed, .failed, .failed, .gained, .failed]) == [
                Turn(source: 1, isAtOnce: true), Turn(source: 2, isAtOnce: true), Turn(source: 0, isAtOnce: false),
                Turn(source: 0, isAtOnce: false), Turn(source: 1, isAtOnce: true),
            ]
        )
    }

    @Test("What has something else is passed over, the origin never")
    func rejected() {
        #expect(
            Self.turns(3, [.rejected, .failed, .rejected, .failed, .rejected, .failed, .failed]).map(\.source) == [
                0, 1, 1, 2, 2, 0, 0,
            ]
        )
    }

    @Test("Alone there is nowhere to go")
    func alone() {
        #expect(
            Self.turns(1, [.failed, .failed]) == [Turn(source: 0, isAtOnce: false), Turn(source: 0, isAtOnce: false)]
        )
    }
}
