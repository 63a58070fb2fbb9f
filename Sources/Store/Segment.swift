// The pieces of one 4 MiB segment of a body, with their checksums, and how they stand in the index (hardening
// 2.2 items 2 and 3). A piece is a run of held bytes inside one cell of a 64 KiB grid. Pure: no file, no SQL.

/// A run of held bytes inside one cell, with the CRC-32C of exactly those bytes.
struct Piece: Equatable, Sendable {
    enum State: Equatable, Sendable {
        /// Written, and not part of a flush.
        case written
        /// Written before a flush that is under way began.
        case flushing
        /// On the disk.
        case flushed
    }

    /// From the start of the segment.
    var start: Int
    var length: Int
    var checksum: UInt32
    var state: State

    var end: Int { start + length }
    var range: Range<Int> { start..<end }
}

/// The pieces of one segment, in order. Neighbours of one cell and one state are always merged.
struct Segment: Equatable, Sendable {
    static let size: Int64 = 4 << 20
    static let cell = 64 << 10

    private(set) var pieces: [Piece] = []

    var isEmpty: Bool { pieces.isEmpty }
    var isFlushed: Bool { pieces.allSatisfy { $0.state == .flushed } }

    static func number(of offset: Int64) -> Int64 { offset / size }
    /// Saturated: the number of a damaged row may be any number.
    static func start(of number: Int64) -> Int64 {
        let (start, isTooFar) = number.multipliedReportingOverflow(by: size)
        return isTooFar ? .max : start
    }

    /// Numbers below this one are of segments whose end is an offset that can be added to.
    static let numberLimit = Int64.max / size - 1

    /// Adds a piece that lies inside one cell and over no other piece.
    mutating func insert(_ piece: Piece) {
        var index = pieces.firstIndex { $0.start >= piece.end } ?? pieces.count
        pieces.insert(piece, at: index)
        if index > 0, mergeIfPossible(index - 1) { index -= 1 }
        _ = mergeIfPossible(index)
    }

    /// Pieces that have been written become part of the flush that begins now.
    mutating func beginFlush() {
        for index in pieces.indices where pieces[index].state == .written { pieces[index].state = .flushing }
    }

    /// The flush has succeeded (`true`) or is not to count (`false`).
    mutating func endFlush(flushed: Bool) {
        for index in pieces.indices where pieces[index].state == .flushing {
            pieces[index].state = flushed ? .flushed : .written
        }
        mergeAll()
    }

    /// Takes out the pieces that the condition names and returns their ranges.
    mutating func remove(where condition: (Piece) -> Bool) -> [Range<Int>] {
        let removed = pieces.filter(condition).map(\.range)
        pieces.removeAll(where: condition)
        return removed
    }

    private mutating func mergeAll() {
        var index = 0
        while index < pieces.count {
            if !mergeIfPossible(index) { index += 1 }
        }
    }

    /// Merges the piece at `index` with the next one by combining their checksums.
    private mutating func mergeIfPossible(_ index: Int) -> Bool {
        guard index + 1 < pieces.count else { return false }
        let first = pieces[index]
        let second = pieces[index + 1]
        guard first.end == second.start, first.state == second.state,
            first.start / Self.cell == second.start / Self.cell
        else { return false }
        pieces[index].length += second.length
        pieces[index].checksum = Checksum.combine(first.checksum, second.checksum, secondLength: second.length)
        pieces.remove(at: index + 1)
        return true
    }
}

// MARK: The row of the index

extension Segment {
    // version, the number of extents, then each extent as start and length (its highest bit: flushed), then the
    // checksum of every piece, then a checksum over the place of the row and all of this: a row that was damaged
    // or came to a wrong place is not believed. Numbers are little-endian.
    private static let formatVersion: UInt8 = 1
    private static let flushedBit: UInt32 = 1 << 31

    func encode(body: Int64, number: Int64) -> [UInt8] {
        var plain = self
        plain.endFlush(flushed: false)
        var extents: [(start: UInt32, length: UInt32, isFlushed: Bool)] = []
        for piece in plain.pieces {
            let isFlushed = piece.state == .flushed
            if let last = extents.last, Int(last.start + last.length) == piece.start, last.isFlushed == isFlushed {
                extents[extents.count - 1].length += UInt32(piece.length)
            } else {
                extents.append((UInt32(piece.start), UInt32(piece.length), isFlushed))
            }
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(9 + extents.count * 8 + plain.pieces.count * 4)
        bytes.append(Self.formatVersion)
        bytes.appendLittleEndian(UInt32(extents.count))
        for extent in extents {
            bytes.appendLittleEndian(extent.start)
            bytes.appendLittleEndian(extent.length | (extent.isFlushed ? Self.flushedBit : 0))
        }
        for piece in plain.pieces { bytes.appendLittleEndian(piece.checksum) }
        bytes.appendLittleEndian(Self.seal(bytes[...], body: body, number: number))
        return bytes
    }

    /// nil where the row is not what `encode` wrote for this body and number.
    init?(decoding bytes: [UInt8], body: Int64, number: Int64) {
        guard number >= 0, number < Self.numberLimit, bytes.count >= 9, bytes.first == Self.formatVersion else {
            return nil
        }
        var reader = LittleEndianReader(bytes.dropLast(4).dropFirst())
        var seal = LittleEndianReader(bytes.suffix(4))
        guard seal.uint32() == Self.seal(bytes.dropLast(4), body: body, number: number),
            let count = reader.uint32(), count <= UInt32(Self.size)
        else { return nil }
        var previousEnd = 0
        var found: [Piece] = []
        for _ in 0..<count {
            guard let start = reader.uint32(), let packed = reader.uint32() else { return nil }
            let length = packed & ~Self.flushedBit
            let end = Int(start) + Int(length)
            guard length > 0, Int(start) >= previousEnd, end <= Int(Self.size) else { return nil }
            previousEnd = end
            var next = Int(start)
            while next < end {
                let cellEnd = min(end, (next / Self.cell + 1) * Self.cell)
                found.append(
                    Piece(
                        start: next,
                        length: cellEnd - next,
                        checksum: 0,
                        state: packed & Self.flushedBit != 0 ? .flushed : .written
                    )
                )
                next = cellEnd
            }
        }
        for index in found.indices {
            guard let checksum = reader.uint32() else { return nil }
            found[index].checksum = checksum
        }
        guard reader.isAtEnd else { return nil }
        pieces = found
    }

    private static func seal(_ bytes: ArraySlice<UInt8>, body: Int64, number: Int64) -> UInt32 {
        var place: [UInt8] = []
        place.appendLittleEndian(UInt64(bitPattern: body))
        place.appendLittleEndian(UInt64(bitPattern: number))
        return bytes.withUnsafeBytes { Checksum.of($0, continuing: Checksum.of(place)) }
    }
}

extension [UInt8] {
    mutating func appendLittleEndian<Number: FixedWidthInteger>(_ number: Number) {
        Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
    }
}

/// Reads little-endian numbers from bytes that may be anything.
struct LittleEndianReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func uint32() -> UInt32? {
        integer(4).map { UInt32(truncatingIfNeeded: $0) }
    }

    mutating func uint64() -> UInt64? { integer(8) }

    private mutating func integer(_ count: Int) -> UInt64? {
        guard rest.count >= count else { return nil }
        let value = rest.prefix(count).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        rest = rest.dropFirst(count)
        return value
    }
}
