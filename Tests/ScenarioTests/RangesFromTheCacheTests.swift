// Range requests: answered from what is held, from what is being filled, and from the origin for the rest, in one
// 206; and what a cold range costs (resume-rules 6 and 7, R59).

import ScriptedPeers
import Testing

@Suite("A range costs the bytes that are missing, each once", .onOwnThreads)
struct RangesFromTheCacheTests {
    static let target = "/file"
    static let content = Content(seed: 6201, length: 8 * mebibyte)

    static func scene(_ version: FileVersion? = nil, _ settings: [String] = []) throws -> Scene {
        let scene = try Scene(settings: settings)
        scene.origin.put(target, version ?? .tagged(content))
        return scene
    }

    /// A range through the proxy, every byte and every field that describes it checked.
    static func expectPart(_ scene: Scene, _ asked: String, _ range: Range<Int64>, _ fields: PeerFields = [:]) throws {
        var fields = fields
        fields.append("Range", asked)
        let (head, body) = try scene.check(target, content, at: range.lowerBound, fields)
        #expect(head.status == 206)
        #expect(head["Content-Range"] == "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(content.length)")
        #expect(head["Content-Length"] == "\(range.upperBound - range.lowerBound)")
        #expect(body == CheckedBody(count: range.upperBound - range.lowerBound, end: .complete))
    }

    @Test("A cold range fetches that range and no more (R59)", arguments: ["bytes=3000000-4999999", "bytes=6388608-"])
    func cold(_ asked: String) throws {
        let scene = try Self.scene()
        let range: Range<Int64> = asked.hasSuffix("-") ? 6_388_608..<8 * mebibyte : 3_000_000..<5_000_000
        try Self.expectPart(scene, asked, range)
        #expect(scene.origin.requests.count == 1)
        #expect(scene.origin.requests[0]["Range"] == asked)
        #expect(scene.origin.tally(Self.target).ranges(sentAtLeast: 1) == [range])
        try scene.waitForStatus("nothing is owed") { $0.isIdle }
        #expect(try scene.heldBytes(scene.url(Self.target)) == range.upperBound - range.lowerBound)
        // The second time it costs nothing.
        try Self.expectPart(scene, asked, range)
        #expect(scene.origin.requests.count == 1)
    }

    @Test("A cold suffix range fetches the suffix, and is served from the cache the second time")
    func coldSuffix() throws {
        let scene = try Self.scene()
        let range = Self.content.length - 500_000..<Self.content.length
        try Self.expectPart(scene, "bytes=-500000", range)
        try Self.expectPart(scene, "bytes=-500000", range)
        try Self.expectPart(scene, "bytes=-1", Self.content.length - 1..<Self.content.length)
        #expect(scene.origin.requests.count == 1)
        #expect(scene.origin.tally(Self.target).totalBytes == 500_000)
    }

    @Test("Held bytes, a running fill's bytes and the origin's rest come in one 206")
    func threeSources() throws {
        let scene = try Self.scene()
        let gate = Barrier("the third client has its first bytes")
        // Held: 1 to 2 MiB. Being filled: 3 to 5 MiB, half of it here. The rest is nobody's.
        try Self.expectPart(scene, "bytes=1048576-2097151", mebibyte..<2 * mebibyte)
        scene.origin.setFaults { request, number in
            FileFaults { if number == 1 { $0.stallAfter = (bytes: mebibyte, until: gate) } }
        }
        let filler = try scene.client()
        try filler.request(scene.url(Self.target), fields: ["Range": "bytes=3145728-5242879"])
        #expect(try filler.head().status == 206)
        let part = try filler.checkBody(against: Self.content, at: 3 * mebibyte, limit: mebibyte / 2)
        #expect(part.firstDifference == nil)
        let client = try scene.client()
        try client.request(scene.url(Self.target), fields: ["Range": "bytes=1048576-7340031"])
        let head = try client.head()
        #expect(head.status == 206)
        #expect(head["Content-Range"] == "bytes 1048576-7340031/8388608")
        let early = try client.checkBody(against: Self.content, at: mebibyte, limit: mebibyte)
        #expect(early == CheckedBody(count: mebibyte, end: nil))
        gate.open()
        #expect(try client.checkBody(against: Self.content, at: 2 * mebibyte).isWhole)
        #expect(try filler.checkBody(against: Self.content, at: 3 * mebibyte + mebibyte / 2).isWhole)
        let tally = scene.origin.tally(Self.target)
        #expect(tally.uniqueBytes == 6 * mebibyte)
        // 1..2 held; 2..3 and 5..7 asked for beside 3..5: two probes at the most.
        #expect(tally.overlapBytes <= Int64(scene.origin.requests.count - 1) * overlapProbe)
        #expect(scene.origin.requests.count == 4)
        #expect(scene.origin.requests.dropFirst(2).allSatisfy { $0["If-Range"] == "\"one\"" })
    }

    @Test(
        "A tail range first, then the whole: each byte once, the head after the origin confirmed it (resume-rules 3.1)"
    )
    func tailFirst() throws {
        let scene = try Self.scene()
        try Self.expectPart(scene, "bytes=7340032-", 7 * mebibyte..<8 * mebibyte)
        let answer = try scene.check(Self.target, Self.content)
        #expect(answer.head.status == 200)
        #expect(answer.head["Content-Range"] == nil)
        #expect(answer.head["Content-Length"] == "\(Self.content.length)")
        #expect(answer.head["Cache-Status"]?.contains("fwd=partial") == true)
        #expect(answer.body == CheckedBody(count: Self.content.length, end: .complete))
        let requests = scene.origin.requests
        #expect(requests.count == 2)
        #expect(requests[1]["Range"] == "bytes=0-7340031")
        #expect(scene.origin.tally(Self.target).overlapBytes == 0)
        #expect(try scene.isServedWhole(Self.target, Self.content))
    }

    @Test("Holes in the middle are fetched in read order, each by its own conditional request (resume-rules 3.3)")
    func holes() throws {
        let scene = try Self.scene()
        for part in [1, 3, 5] as [Int64] {
            let range = part * mebibyte..<(part + 1) * mebibyte
            try Self.expectPart(scene, "bytes=\(range.lowerBound)-\(range.upperBound - 1)", range)
        }
        let answer = try scene.check(Self.target, Self.content)
        #expect(answer.head.status == 200)
        #expect(answer.body == CheckedBody(count: Self.content.length, end: .complete))
        let asked = scene.origin.requests.dropFirst(3)
        #expect(asked.count == 4)
        for (request, hole) in zip(asked, [0, 2, 4, 6] as [Int64]) {
            #expect(request["If-Range"] == "\"one\"")
            #expect(request["Range"]?.contains(",") == false)
            let first = try #require(request.askedRange?.first)
            #expect((max(0, hole * mebibyte - overlapProbe)...hole * mebibyte).contains(first))
        }
        #expect(scene.origin.tally(Self.target).overlapBytes <= 3 * overlapProbe)
    }

    @Test("An origin that ignores a cold range: stored from byte 0, and the client gets its 206 (resume-rules 6)")
    func originIgnoresRange() throws {
        let scene = try Self.scene()
        scene.origin.setFaults { _, _ in FileFaults { $0.ignoresRange = true } }
        try Self.expectPart(scene, "bytes=3000000-3999999", 3_000_000..<4_000_000)
        #expect(scene.origin.requests.count == 1)
        // What was read on the way is held, and serves.
        try Self.expectPart(scene, "bytes=0-999999", 0..<1_000_000)
        #expect(scene.origin.requests.count == 1)
        #expect(try scene.heldBytes(scene.url(Self.target)) >= 4_000_000)
    }

    @Test(
        "An origin that ignores a cold range and names no length: the client gets the 200 (resume-rules 6)",
        arguments: ["bytes=3000000-3999999", "bytes=3000000-9999999", "bytes=3000000-"]
    )
    func originIgnoresRangeChunked(_ asked: String) throws {
        let scene = try Self.scene()
        scene.origin.setFaults { _, _ in
            FileFaults {
                $0.ignoresRange = true
                $0.framing = .chunked
            }
        }
        let client = try scene.client()
        try client.request(scene.url(Self.target), fields: ["Range": asked])
        let head = try client.head()
        // A 206 could promise bytes here that do not exist.
        try #require(head.status == 200)
        #expect(try client.checkBody(against: Self.content) == CheckedBody(count: Self.content.length, end: .complete))
        try Self.expectPart(scene, "bytes=3000000-3999999", 3_000_000..<4_000_000)
        #expect(scene.origin.requests.count == 1)
    }

    @Test("Beyond the end: 416 with the complete length; a suffix longer than the file is the whole (resume-rules 7)")
    func unsatisfiable() throws {
        let scene = try Self.scene()
        #expect(try scene.check(Self.target, Self.content).body.isWhole)
        let beyond = try scene.get(Self.target, ["Range": "bytes=8388608-"])
        #expect(beyond.status == 416)
        #expect(beyond["Content-Range"] == "bytes */8388608")
        let nothing = try scene.get(Self.target, ["Range": "bytes=-0"])
        #expect(nothing.status == 416)
        try Self.expectPart(scene, "bytes=-99999999", 0..<8 * mebibyte)
        try Self.expectPart(scene, "bytes=8388607-99999999", 8 * mebibyte - 1..<8 * mebibyte)
        #expect(scene.origin.requests.count == 1)
    }

    @Test(
        "Unknown units and malformed ranges are ignored (RFC 9110 §14.2)",
        arguments: ["items=0-5", "bytes=5-2", "bytes=x-"]
    )
    func ignored(_ range: String) throws {
        let scene = try Self.scene()
        #expect(try scene.check(Self.target, Self.content).body.isWhole)
        let answer = try scene.check(Self.target, Self.content, ["Range": range])
        #expect(answer.head.status == 200)
        #expect(answer.body == CheckedBody(count: Self.content.length, end: .complete))
    }

    @Test("Several ranges: a multipart body from what is held and what is fetched in single ranges (resume-rules 4, 7)")
    func several() throws {
        let scene = try Self.scene()
        let asked: PeerFields = ["Range": "bytes=0-9,100-109"]
        let cold = try scene.get(Self.target, asked)
        #expect(cold.status == 206)
        #expect(cold["Content-Type"]?.hasPrefix("multipart/byteranges; boundary=") == true)
        #expect(scene.origin.requests[0]["Range"] == "bytes=0-9")
        #expect(scene.origin.requests.allSatisfy { !($0["Range"] ?? ",").contains(",") })
        let count = scene.origin.requests.count
        let warm = try scene.get(Self.target, asked)
        #expect(warm.status == 206)
        #expect(warm["Content-Length"] == cold["Content-Length"])
        #expect(scene.origin.requests.count == count)
    }

    @Test("If-Range from a client: strong and equal gives the part, all else the whole (R33, RFC 9110 §13.1.5)")
    func ifRange() throws {
        let scene = try Self.scene()
        #expect(try scene.check(Self.target, Self.content).body.isWhole)
        try Self.expectPart(scene, "bytes=4194304-", 4 * mebibyte..<8 * mebibyte, ["If-Range": "\"one\""])
        for other in ["\"two\"", "W/\"one\"", "Tue, 30 Jan 2001 13:11:30 GMT"] {
            let whole = try scene.check(Self.target, Self.content, ["Range": "bytes=4194304-", "If-Range": other])
            #expect(whole.head.status == 200)
            #expect(whole.body == CheckedBody(count: Self.content.length, end: .complete))
        }
        #expect(scene.origin.requests.count == 1)
    }

    @Test("A cold range with an If-Range that does not hold: the whole, from one request")
    func coldIfRange() throws {
        let scene = try Self.scene()
        let fields: PeerFields = ["Range": "bytes=4194304-", "If-Range": "\"other\""]
        let answer = try scene.check(Self.target, Self.content, fields)
        #expect(answer.head.status == 200)
        #expect(answer.body == CheckedBody(count: Self.content.length, end: .complete))
        #expect(scene.origin.requests.count == 1)
    }

    @Test("Bytes beyond 4 GiB: a range near the end of 5 GiB is fetched, kept and served alone")
    func beyondFourGibibytes() throws {
        let huge = Content(seed: 6202, length: 5 << 30)
        let scene = try Self.scene(.tagged(huge))
        let first = huge.length - 2 * mebibyte
        for asked in ["bytes=\(first)-", "bytes=-2097152"] {
            let (head, body) = try scene.check(Self.target, huge, at: first, ["Range": asked])
            #expect(head.status == 206)
            #expect(head["Content-Range"] == "bytes \(first)-\(huge.length - 1)/\(huge.length)")
            #expect(body == CheckedBody(count: 2 * mebibyte, end: .complete))
        }
        #expect(scene.origin.bodyBytesSent(Self.target) == 2 * mebibyte)
        try scene.killAndStartAgain()
        let (head, body) = try scene.check(Self.target, huge, at: first + 5, ["Range": "bytes=\(first + 5)-"])
        #expect(head.status == 206)
        #expect(body == CheckedBody(count: 2 * mebibyte - 5, end: .complete))
        let across: Int64 = (4 << 30) - 100
        let middle = try scene.check(Self.target, huge, at: across, ["Range": "bytes=\(across)-\(across + 199)"])
        #expect(middle.head.status == 206)
        #expect(middle.body == CheckedBody(count: 200, end: .complete))
        #expect(scene.origin.bodyBytesSent(Self.target) <= 2 * mebibyte + 200 + mebibyte)
    }
}
