// The control file that aria2 keeps beside an unfinished download (`NAME.aria2`): which pieces of it are there. The
// file itself has its full length from the start, so its length says nothing. Format versions 0 (in the byte order of
// the machine, here little endian) and 1 (big endian), as aria2's technical notes describe them.

/// What a control file says of its download.
package struct Aria2ControlFile: Sendable, Equatable {
    /// Bytes.
    package let completeLength: Int64
    /// Whole pieces that are there; those under way are left out.
    package let held: ByteRangeSet

    /// nil where it cannot be read as what it should be.
    package init?(_ bytes: [UInt8]) {
        var rest = bytes[...]
        guard let version = Self.take(&rest, 2, isBig: true), version <= 1 else { return nil }
        let isBig = version == 1
        guard Self.skip(&rest, 4), let hashLength = Self.take(&rest, 4, isBig: isBig), hashLength <= 64,
            Self.skip(&rest, Int(hashLength)),
            let pieceLength = Self.take(&rest, 4, isBig: isBig), pieceLength > 0,
            let total = Self.take(&rest, 8, isBig: isBig), total > 0, total <= UInt64(Int64.max) - pieceLength,
            Self.skip(&rest, 8),
            let bitfieldLength = Self.take(&rest, 4, isBig: isBig), bitfieldLength <= UInt64(rest.count)
        else { return nil }
        let pieces = (total + pieceLength - 1) / pieceLength
        guard bitfieldLength == (pieces + 7) / 8 else { return nil }
        var held = ByteRangeSet()
        for (index, byte) in rest.prefix(Int(bitfieldLength)).enumerated() where byte != 0 {
            for bit in 0..<8 where byte & (0x80 >> bit) != 0 {
                let piece = UInt64(index * 8 + bit)
                guard piece < pieces else { return nil }
                held.insert(Int64(piece * pieceLength)..<Int64(min((piece + 1) * pieceLength, total)))
            }
        }
        completeLength = Int64(total)
        self.held = held
    }

    private static func take(_ rest: inout ArraySlice<UInt8>, _ count: Int, isBig: Bool) -> UInt64? {
        guard rest.count >= count else { return nil }
        let bytes = rest.prefix(count)
        rest = rest.dropFirst(count)
        return (isBig ? Array(bytes) : bytes.reversed()).reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func skip(_ rest: inout ArraySlice<UInt8>, _ count: Int) -> Bool {
        guard rest.count >= count else { return false }
        rest = rest.dropFirst(count)
        return true
    }
}
