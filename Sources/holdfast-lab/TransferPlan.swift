// How a body is disturbed while it is sent: drawn once for each response, from the laboratory's seed, the URL and the
// request's number, so that a run with the same seed meets the same faults.

/// The disturbances of one response.
package struct TransferPlan: Sendable, Equatable {
    /// The connection ends after so many body bytes.
    package struct Cut: Sendable, Equatable {
        package let after: Int64
        /// With a reset instead of an orderly end.
        package let isReset: Bool
    }

    /// Nothing is sent for so many seconds after so many body bytes.
    package struct Pause: Sendable, Equatable {
        package let after: Int64
        package let seconds: Double
    }

    package private(set) var cut: Cut?
    package private(set) var stall: Pause?
    /// The offset in the representation of the byte that is wrong.
    package private(set) var corruptOffset: Int64?
    /// Bytes a second.
    package private(set) var rate: Int64?
    package let piece: ByteSpan?
    private let key: UInt64

    package init(_ file: LabFile, _ moment: Moment, labSeed: UInt64) {
        let faults = file.faults
        let key = mixed(mixed(labSeed ^ hashed(file.key)) &+ UInt64(moment.requestNumber))
        self.key = key
        func drawn(_ span: ByteSpan?, _ purpose: String) -> Int64? { span?.drawn(key ^ hashed(purpose)) }
        let cuts = [
            drawn(faults.drop, "drop").map { Cut(after: $0, isReset: false) },
            drawn(faults.reset, "reset").map { Cut(after: $0, isReset: true) },
            drawn(faults.truncate, "truncate").map { Cut(after: $0, isReset: false) },
        ]
        cut = cuts.compactMap { $0 }.min { $0.after < $1.after }
        stall = faults.stall.map { Pause(after: $0.after.drawn(key ^ hashed("stall")), seconds: $0.seconds) }
        corruptOffset = drawn(faults.corrupt, "corrupt")
        rate = drawn(faults.rate, "rate")
        piece = faults.piece
    }

    /// Whether one of the disturbances that `times` counts meets this body.
    package func touches(_ answer: Answer) -> Bool {
        let length = answer.bodyLength
        if let cut, cut.after < length { return true }
        if let stall, stall.after < length { return true }
        guard let corruptOffset else { return false }
        return answer.parts.contains { part in
            if case .span(let range) = part { range.contains(corruptOffset) } else { false }
        }
    }

    /// The same response without the disturbances that `times` counts.
    package var undisturbed: TransferPlan {
        var plan = self
        plan.cut = nil
        plan.stall = nil
        plan.corruptOffset = nil
        return plan
    }

    /// How many bytes the next piece has, at most.
    package func pieceSize(at sent: Int64, atMost limit: Int64) -> Int64 {
        guard let piece else { return limit }
        return min(limit, max(1, piece.drawn(key &+ UInt64(sent))))
    }
}
