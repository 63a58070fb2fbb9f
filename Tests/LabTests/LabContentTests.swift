// The content: the same in every language, and the same at every offset.

import ScriptedPeers
import Testing
import holdfast_lab

@Suite("The content of a file") struct LabContentTests {
    private let content = LabContent(labSeed: 7, path: "/f/300K/a", version: 3, length: 307_200)

    @Test("It is the one that docs/lab.md computes in Python")
    func isTheDocumentedOne() {
        #expect(content.seed == 7932465260748726490)
        #expect(content.bytes(0..<8) == [217, 244, 51, 108, 58, 192, 162, 197])
        #expect(content.bytes(65_530..<65_542) == [78, 214, 219, 149, 186, 0, 120, 140, 174, 196, 170, 104])
    }

    @Test("It is the one that the scripted peers compare bodies with")
    func isThatOfThePeers() {
        let other = Content(seed: content.seed, length: content.length)
        #expect(other.firstDifference(content.bytes(0..<content.length), at: 0) == nil)
    }

    @Test("A part is the same whether it is made alone or with the whole")
    func partsAgree() {
        let whole = content.bytes(0..<content.length)
        for range in [0..<1, 65_535..<65_537, 100_000..<300_000, 307_199..<307_200] {
            #expect(content.bytes(Int64(range.lowerBound)..<Int64(range.upperBound)) == Array(whole[range]))
        }
    }

    @Test("Seed, path and version each make another content")
    func dependsOnAll() {
        let seeds = [
            content.seed,
            LabContent(labSeed: 8, path: "/f/300K/a", version: 3, length: 1).seed,
            LabContent(labSeed: 7, path: "/f/300K/b", version: 3, length: 1).seed,
            LabContent(labSeed: 7, path: "/f/300K/a", version: 4, length: 1).seed,
        ]
        #expect(Set(seeds).count == 4)
    }

    @Test("The first wrong byte is found, and so is one beyond the end")
    func findsDifferences() {
        var bytes = content.bytes(65_000..<140_000)
        bytes[70_000] ^= 1
        #expect(bytes.withUnsafeBytes { content.firstDifference($0, at: 65_000) } == 135_000)
        let end = content.bytes(307_000..<307_200) + [0 as UInt8]
        #expect(end.withUnsafeBytes { content.firstDifference($0, at: 307_000) } == 307_200)
    }

    @Test("Every part of a gzip body is a part of the whole one")
    func gzipPartsAgree() {
        let representation = Representation.gzip(StoredGzip(content, checksum: 0))
        var whole: [UInt8] = []
        representation.forEachPiece(of: 0..<representation.length) { whole.append(contentsOf: $0) }
        for range in [0..<3, 8..<20, 32_770..<32_800, 200_000..<307_000, whole.count - 5..<whole.count] {
            var part: [UInt8] = []
            let span = Int64(range.lowerBound)..<Int64(range.upperBound)
            representation.forEachPiece(of: span) { part.append(contentsOf: $0) }
            #expect(part == Array(whole[range]))
        }
    }

    @Test("RFC 1952 §8: the checksum of 123456789 is CBF43926")
    func checksum() {
        var checksum = CyclicChecksum()
        Array("123456789".utf8).withUnsafeBytes { checksum.update($0) }
        #expect(checksum.value == 0xCBF4_3926)
    }
}
