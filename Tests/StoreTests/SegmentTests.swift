// Pieces, their checksums, and their row (hardening 2.2 item 2), as values.

import CChecksum
import Testing

@testable import Store

@Suite("Hardening 2.2 item 2: pieces and checksums", .onOwnThreads)
struct SegmentTests {
    @Test("CRC-32C is that of RFC 3720, by instruction and by table")
    func vectors() {
        #expect(Checksum.of(Array("123456789".utf8)) == 0xe306_9283)
        #expect(Checksum.of([UInt8](repeating: 0, count: 32)) == 0x8a91_36aa)
        #expect(Checksum.of([UInt8](repeating: 0xff, count: 32)) == 0x62a8_ab43)
        for count in [0, 1, 7, 8, 9, 63, 64, 65, 1000, 65_536] {
            let bytes = pattern(0..<Int64(count))
            let table = bytes.withUnsafeBytes { cchecksum_crc32c_portable(0, $0.baseAddress, $0.count) }
            #expect(Checksum.of(bytes) == table)
        }
    }

    @Test("Two checksums combine to that of both runs, whatever their lengths")
    func combination() {
        for first in [0, 1, 100, 65_535] {
            for second in [0, 1, 2, 63, 64, 4097, 65_535] {
                let bytes = pattern(0..<Int64(first + second), seed: 7)
                let combined = Checksum.combine(
                    Checksum.of(Array(bytes.prefix(first))),
                    Checksum.of(Array(bytes.dropFirst(first))),
                    secondLength: second
                )
                #expect(combined == Checksum.of(bytes))
                let continued = Checksum.of(
                    Array(bytes.dropFirst(first)),
                    continuing: Checksum.of(Array(bytes.prefix(first)))
                )
                #expect(continued == Checksum.of(bytes))
            }
        }
    }

    private func piece(_ range: Range<Int>, _ state: Piece.State = .written) -> Piece {
        let bytes = pattern(Int64(range.lowerBound)..<Int64(range.upperBound))
        return Piece(start: range.lowerBound, length: range.count, checksum: Checksum.of(bytes), state: state)
    }

    @Test("Neighbours inside a cell merge, across a boundary of the grid they do not")
    func merging() {
        var segment = Segment()
        segment.insert(piece(100..<200))
        segment.insert(piece(300..<400))
        segment.insert(piece(200..<300))
        #expect(segment.pieces == [piece(100..<400)])
        segment.insert(piece(400..<65_536))
        segment.insert(piece(65_536..<70_000))
        #expect(segment.pieces == [piece(100..<65_536), piece(65_536..<70_000)])
    }

    @Test("What was written during a flush is not called flushed by it")
    func flushing() {
        var segment = Segment()
        segment.insert(piece(0..<100))
        segment.beginFlush()
        segment.insert(piece(100..<200))
        segment.endFlush(flushed: true)
        #expect(segment.pieces == [piece(0..<100, .flushed), piece(100..<200)])
        #expect(!segment.isFlushed)
        segment.beginFlush()
        segment.endFlush(flushed: true)
        #expect(segment.pieces == [piece(0..<200, .flushed)])
        #expect(segment.isFlushed)
    }

    @Test("A row is read back as it was; a row of another place, or with any bit changed, is not believed")
    func row() throws {
        var segment = Segment()
        segment.insert(piece(0..<65_536))
        segment.insert(piece(65_536..<131_072))
        segment.insert(piece(131_072..<140_000))
        segment.beginFlush()
        segment.endFlush(flushed: true)
        segment.insert(piece(140_000..<141_000))
        segment.insert(piece(4_194_300..<4_194_304))
        segment.beginFlush()
        segment.insert(piece(141_000..<142_000))
        let row = segment.encode(body: 9, number: 3)
        let read = try #require(Segment(decoding: row, body: 9, number: 3))
        var expected = segment
        expected.endFlush(flushed: false)
        #expect(read == expected)
        #expect(Segment(decoding: row, body: 10, number: 3) == nil)
        #expect(Segment(decoding: row, body: 9, number: 4) == nil)
        for index in row.indices {
            for bit in 0..<8 {
                var changed = row
                changed[index] ^= 1 << UInt8(bit)
                #expect(Segment(decoding: changed, body: 9, number: 3) == nil)
            }
            #expect(Segment(decoding: Array(row.prefix(index)), body: 9, number: 3) == nil)
        }
    }

    @Test("Ids and file names")
    func names() {
        #expect(BodyName.file(0x0123_4567_89ab_cdef) == "bodies/ef/0123456789abcdef")
        #expect(BodyName.id("0123456789abcdef") == 0x0123_4567_89ab_cdef)
        #expect(BodyName.id("x123456789abcdef") == nil)
        #expect(BodyName.id("ffffffffffffffff") == nil)
    }
}
