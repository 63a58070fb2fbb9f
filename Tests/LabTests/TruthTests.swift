// The truth, the log, the page, and `holdfast-lab check`.

import Crypto
import Foundation
import ScriptedPeers
import Testing
import holdfast_lab

@Suite("What the laboratory says of itself", .onOwnThreads) struct TruthTests {
    let lab: Lab

    init() throws {
        lab = try Lab()
    }

    private func truth(_ target: String) throws -> Truth {
        try JSONDecoder().decode(Truth.self, from: Data(try lab.get(target).body))
    }

    @Test("/truth: version, length, seed and SHA-256 of what the next request gets")
    func tellsTruth() throws {
        let found = try truth("/truth/100K/a?change=after:1")
        let body = try lab.get("/f/100K/a?change=after:1").body
        #expect(found.version == 1)
        #expect(found.length == 102_400)
        #expect(found.sha256 == hexadecimal(Array(SHA256.hash(data: body))))
        #expect(found.contentSeed == (try lab.content("/f/100K/a").seed))
        #expect(try truth("/truth/100K/a?change=after:1").version == 2)
    }

    @Test("/truth: of any version, and without the hash")
    func tellsTruthOfVersion() throws {
        let found = try truth("/truth/1K/a?grow=10&for=4&hash=no")
        #expect(found.version == 4)
        #expect(found.length == 1054)
        #expect(found.presentVersion == 1)
        #expect(found.sha256 == nil)
    }

    @Test("/log: each request for a file with its fields, its answer and its bytes")
    func log() throws {
        _ = try lab.get("/f/100K/a?drop=10K", ["Range": "bytes=100-", "If-Range": "\"x\""])
        _ = try lab.log(count: 1)
        let line = try lab.get("/log").text
        let entry = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        #expect(entry["target"] as? String == lab.url("/f/100K/a?drop=10K"))
        #expect(entry["range"] as? String == "bytes=100-")
        #expect(entry["ifRange"] as? String == "\"x\"")
        #expect(entry["status"] as? Int == 200)
        #expect(entry["sent"] as? Int == 10_240)
        #expect(entry["end"] as? String == "dropped")
        #expect(entry["version"] as? Int == 1)
        #expect((entry["fields"] as? [[String: String]])?.contains(["name": "Range", "value": "bytes=100-"]) == true)
    }

    @Test("/log?reset: forgets after telling")
    func logReset() throws {
        _ = try lab.get("/f/1K/a")
        #expect(try lab.get("/log?reset").text.isEmpty == false)
        #expect(try lab.get("/log").text.isEmpty)
    }

    @Test("/: the page lists every fault, and may not be stored")
    func page() throws {
        let response = try lab.get("/")
        for entry in FaultCatalogue.entries { #expect(response.text.contains("  \(entry.name)=")) }
        #expect(response["Cache-Control"] == "no-store")
    }

    @Test("docs/lab.md explains every fault and every word of ranges")
    func documentation() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appendingPathComponent("docs/lab.md"), encoding: .utf8)
        for entry in FaultCatalogue.entries { #expect(text.contains("| `\(entry.name)=`"), "\(entry.name)") }
        for word in RangeConduct.allCases { #expect(text.contains("`\(word.rawValue)`"), "\(word.rawValue)") }
    }

    @Test("A file of 2 GiB is reached at any offset at once")
    func largeFile() throws {
        let response = try lab.get("/f/2G/a", ["Range": "bytes=2147483000-"])
        #expect(response["Content-Range"] == "bytes 2147483000-2147483647/2147483648")
        #expect(response.body == (try lab.content("/f/2G/a").bytes(2_147_483_000..<2_147_483_648)))
    }
}

@Suite("Comparing a file with the truth") struct ComparisonTests {
    private let truth: Truth

    init() throws {
        guard case .file(let file) = try LabTarget("/f/3M/a") else { throw LabFailure("no file") }
        truth = Truth(file, labSeed: 7, version: 1, presentVersion: 4, sha256: nil)
    }

    private func compared(_ bytes: [UInt8], version: Int64? = nil) throws -> Comparison {
        try Comparison(truth, fileLength: Int64(bytes.count), version: version) { buffer, offset in
            let piece = bytes.dropFirst(Int(offset)).prefix(buffer.count)
            buffer.copyBytes(from: piece)
            return piece.count
        }
    }

    private func bytes(_ version: Int64) -> [UInt8] { truth.content(ofVersion: version).bytes(0..<3_145_728) }

    @Test("Any version up to the present one counts")
    func anyVersion() throws {
        let found = try compared(bytes(3))
        #expect(found.isEqual)
        #expect(found.sentence == "equal: version 3, 3145728 bytes")
    }

    @Test("With a version named, only that one counts")
    func namedVersion() throws {
        let found = try compared(bytes(3), version: 4)
        #expect(found.firstWrongOffset == 0)
        #expect(found.versionThere == 3)
    }

    @Test("A splice of two versions is found, and named")
    func splice() throws {
        let found = try compared(Array(bytes(2)[..<1_500_000]) + Array(bytes(4)[1_500_000...]))
        #expect(!found.isEqual)
        #expect(found.version == 2)
        #expect(found.firstWrongOffset == 1_500_000)
        #expect(found.versionThere == 4)
        #expect(
            found.sentence == "wrong from offset 1500000 on: compared with version 2; the bytes there are of version 4"
        )
    }

    @Test("One wrong byte is found")
    func wrongByte() throws {
        var wrong = bytes(1)
        wrong[2_000_000] ^= 1
        let found = try compared(wrong)
        #expect(found.firstWrongOffset == 2_000_000)
        #expect(found.versionThere == nil)
    }

    @Test("Too short and too long are found")
    func lengths() throws {
        #expect(
            try compared(Array(bytes(1).prefix(1000))).sentence
                == "too short: ends at 1000 of 3145728 bytes of version 1"
        )
        #expect(try compared(bytes(1) + [0]).sentence == "too long: 3145729 bytes, where version 1 has 3145728")
        #expect(try compared([]).firstWrongOffset == 0)
    }
}
