// The simple model that FillPlan and ByteRangeSet are compared with: one body as a row of cells, one for each byte.
// Nothing here is sorted, merged or searched by halves, and nothing of the Resume target is used, so that what is wrong
// there cannot be wrong here in the same way.

struct NaiveBody {
    private struct Cell {
        var isHeld = false
        /// What the origin has at this offset.
        let truth: UInt8
        /// What is stored here; meaningless where nothing is held.
        var stored: UInt8 = 0
        /// How often the byte came while it was missing.
        var brought = 0
        var wasHeldBefore = false
    }

    private var cells: [Cell]

    init(length: Int64) {
        // Neighbours differ, so that a byte at another offset shows.
        cells = (0..<length).map { Cell(truth: UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 / 256)) }
    }

    var length: Int64 { Int64(cells.count) }

    func isHeld(_ offset: Int64) -> Bool {
        offset >= 0 && offset < length && cells[Int(offset)].isHeld
    }

    func isHeld(_ range: Range<Int64>) -> Bool { range.allSatisfy { isHeld($0) } }

    /// What the origin sends for this offset.
    func sent(_ offset: Int64) -> UInt8 { cells[Int(offset)].truth }

    mutating func holdBefore(_ range: Range<Int64>) {
        for offset in range {
            cells[Int(offset)].isHeld = true
            cells[Int(offset)].wasHeldBefore = true
            cells[Int(offset)].stored = cells[Int(offset)].truth
        }
    }

    /// A byte arrives. False where one that is held differs from it.
    mutating func arrived(_ byte: UInt8, at offset: Int64) -> Bool {
        let index = Int(offset)
        if cells[index].isHeld { return cells[index].stored == byte }
        cells[index].isHeld = true
        cells[index].stored = byte
        cells[index].brought += 1
        return true
    }

    /// The runs of held cells, found by walking.
    var runs: [Range<Int64>] {
        var runs: [Range<Int64>] = []
        var start: Int64?
        var offset: Int64 = 0
        for cell in cells {
            if cell.isHeld {
                if start == nil { start = offset }
            } else if let first = start {
                runs.append(first..<offset)
                start = nil
            }
            offset += 1
        }
        if let start { runs.append(start..<offset) }
        return runs
    }

    /// Whether a reader finds every byte of the range, each with the origin's value.
    func isServed(_ range: Range<Int64>) -> Bool {
        range.clamped(to: 0..<length).allSatisfy { cells[Int($0)].isHeld && cells[Int($0)].stored == sent($0) }
    }

    /// Whether every byte that is held was either there before, or was brought exactly once.
    var broughtOnce: Bool {
        cells.allSatisfy { $0.brought == ($0.isHeld && !$0.wasHeldBefore ? 1 : 0) }
    }
}
