// Adopting a file of another program: what is compared, what the origin must prove, and what aria2's control file says.

import HTTPSemantics
import Resume
import Testing

@Suite("Adoption of a file (resume-rules 11)")
struct AdoptionTests {
    static let probe = AdoptionPlan.probe
    static let tag = EntityTag.parse("\"a\"").map { StrongValidator.etag($0) }

    @Test("The end and the start of a beginning are compared")
    func prefix() {
        let plan = AdoptionPlan(held: ByteRangeSet([0..<1_000_000]))
        #expect(plan?.runs == [0..<1_000_000])
        #expect(plan?.probes == [934_464..<1_000_000, 0..<65_536])
    }

    @Test("Where end and start overlap, the end alone is compared")
    func short() {
        #expect(AdoptionPlan(held: ByteRangeSet([0..<100_000]))?.probes == [34_464..<100_000])
        #expect(AdoptionPlan(held: ByteRangeSet([0..<Self.probe]))?.probes == [0..<Self.probe])
    }

    @Test("What is shorter than a probe is not adopted")
    func tooShort() {
        #expect(AdoptionPlan(held: ByteRangeSet([0..<Self.probe - 1])) == nil)
        #expect(AdoptionPlan(held: ByteRangeSet()) == nil)
        let plan = AdoptionPlan(held: ByteRangeSet([0..<10, 100..<100_100]))
        #expect(plan?.runs == [100..<100_100])
    }

    @Test("Of several runs each end is compared, the last one first, and the start of the first")
    func severalRuns() {
        let plan = AdoptionPlan(held: ByteRangeSet([0..<200_000, 300_000..<400_000]))
        #expect(plan?.probes == [334_464..<400_000, 134_464..<200_000, 0..<65_536])
    }

    @Test("Of many runs the largest are adopted, in order")
    func manyRuns() {
        let runs = (Int64(0)..<40).map { number -> Range<Int64> in
            let start = number * 1_000_000
            return start..<start + 100_000 + number
        }
        let plan = AdoptionPlan(held: ByteRangeSet(runs))
        #expect(plan?.runs == Array(runs.suffix(AdoptionPlan.runsAtMost)))
    }

    @Test(
        "resume-rules 1: a part needs a strong validator, a whole its complete length",
        arguments: [
            (held: Int64(100_000), complete: Int64?(200_000), isStrong: true, refusal: AdoptionPlan.Refusal?.none),
            (100_000, 100_000, true, nil),
            (100_000, 100_000, false, nil),
            (100_000, 200_000, false, .noStrongValidator),
            (100_000, 99_999, true, .tooLong(completeLength: 99_999)),
            (100_000, 99_999, false, .tooLong(completeLength: 99_999)),
            (100_000, nil, true, .lengthUnknown),
        ]
    )
    func judgement(held: Int64, complete: Int64?, isStrong: Bool, refusal: AdoptionPlan.Refusal?) {
        let plan = AdoptionPlan(held: ByteRangeSet([0..<held]))
        #expect(plan?.judge(completeLength: complete, validator: isStrong ? Self.tag : nil) == refusal)
    }

    @Test("A file that lacks its beginning is no whole, be its end the origin's")
    func holeAtTheStart() {
        let plan = AdoptionPlan(held: ByteRangeSet([100..<100_000]))
        #expect(plan?.judge(completeLength: 100_000, validator: nil) == .noStrongValidator)
    }
}

@Suite("aria2's control file")
struct Aria2ControlFileTests {
    /// As aria2 writes it: numbers in the byte order of the version.
    static func file(
        version: Int = 1,
        pieceLength: Int = 1_048_576,
        total: Int = 2_621_440,
        bitfield: [UInt8] = [0b1010_0000],
        claimed: Int? = nil
    ) -> [UInt8] {
        func number(_ value: Int, _ count: Int) -> [UInt8] {
            let big = (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * (count - 1 - $0))) }
            return version == 1 ? big : big.reversed()
        }
        var bytes: [UInt8] = [0, UInt8(version), 0, 0, 0, 0] + number(0, 4)
        bytes += number(pieceLength, 4)
        bytes += number(total, 8)
        bytes += number(0, 8)
        bytes += number(claimed ?? bitfield.count, 4)
        bytes += bitfield
        bytes += number(0, 4)
        return bytes
    }

    @Test("The bits name the pieces that are there; the last one may be short", arguments: [0, 1])
    func pieces(version: Int) {
        let read = Aria2ControlFile(Self.file(version: version))
        #expect(read?.completeLength == 2_621_440)
        #expect(read?.held == ByteRangeSet([0..<1_048_576, 2_097_152..<2_621_440]))
    }

    @Test("A hash of a torrent before them is passed over")
    func infoHash() {
        var bytes = Self.file()
        bytes.replaceSubrange(6..<10, with: [0, 0, 0, 20] + [UInt8](repeating: 7, count: 20))
        #expect(Aria2ControlFile(bytes)?.held.byteCount == Int64(1_048_576 + 524_288))
    }

    @Test("What contradicts itself is not read")
    func contradictions() {
        #expect(Aria2ControlFile([]) == nil)
        #expect(Aria2ControlFile(Self.file(version: 2)) == nil)
        #expect(Aria2ControlFile(Self.file(pieceLength: 0)) == nil)
        #expect(Aria2ControlFile(Self.file(total: 0)) == nil)
        #expect(Aria2ControlFile(Self.file(bitfield: [0b0001_0000])) == nil)
        #expect(Aria2ControlFile(Self.file(bitfield: [1, 0])) == nil)
        #expect(Aria2ControlFile(Self.file(claimed: 400)) == nil)
        #expect(Aria2ControlFile(Self.file(total: Int.max)) == nil)
    }

    @Test("A file that was cut short before the end of its bits is refused")
    func cutShort() {
        let whole = Self.file()
        // Behind the bits stands only the number of pieces under way, which is not read.
        for count in 0..<whole.count - 4 {
            #expect(Aria2ControlFile(Array(whole.prefix(count))) == nil, "\(count) bytes")
        }
    }
}
