// Origins that lie, exaggerate or answer with nothing: what a hostile review got out of an earlier proxy, each
// as it was done then. Every byte that reaches a client is compared.

import ScriptedPeers
import Testing

@Suite("Hostile origins", .onOwnThreads)
struct HostileOriginTests {
    static let target = "/file"
    static let old = Content(seed: 9001, length: 4 * mebibyte)
    static let new = Content(seed: 9002, length: 4 * mebibyte)

    @Test("Retry-After in the year 9999 ends no process; the client is cut when heal_timeout is over (R47)")
    func endlessRetryAfter() throws {
        let scene = try Scene(settings: ["upstream.heal_timeout=\"1s\""])
        scene.origin.put(Self.target, .tagged(Self.old))
        scene.origin.setFaults { request, _ in
            FileFaults {
                $0.closeAfter = mebibyte
                if request["Range"] != nil { $0.instead = (503, ["Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"]) }
            }
        }
        let cut = try scene.check(Self.target, Self.old)
        #expect(cut.body == CheckedBody(count: mebibyte, end: .truncated))
        scene.origin.clearFaults()
        let whole = try scene.check(Self.target, Self.old)
        #expect(whole.body.isWhole)
    }

    @Test("A part at the end of all numbers passes through, and ends no process (R16)")
    func farOffsets() throws {
        let range = "9223372036854775000-9223372036854775799"
        let scene = try ScriptedScene { _, connection in
            let fields: PeerFields = ["ETag": "\"far\"", "Content-Range": "bytes \(range)/*"]
            try connection.respond(206, "Partial Content", fields: fields, body: [UInt8](repeating: 7, count: 800))
        }
        for _ in 0..<2 {
            let answer = try scene.get("/far", ["Range": "bytes=\(range)"])
            #expect(answer.status == 206)
            #expect(answer.body == [UInt8](repeating: 7, count: 800))
        }
    }

    @Test("An origin that ignores If-Range and leaves the validator out of its 206 cannot mix two versions (rule 5)")
    func unnamedVersion() throws {
        let modified = ["Tue, 30 Jan 2001 13:11:30 GMT", "Wed, 31 Jan 2001 13:11:30 GMT"]
        let isNew = Barrier("the new version is there")
        let scene = try ScriptedScene { request, connection in
            let content = isNew.isOpen ? Self.new : Self.old
            var fields: PeerFields = ["Cache-Control": "max-age=3600", "Date": httpDate()]
            guard let text = request["Range"]?.dropFirst("bytes=".count) else {
                fields.append("Last-Modified", modified[isNew.isOpen ? 1 : 0])
                return try connection.respond(fields: fields, body: content.allBytes)
            }
            let ends = text.split(separator: "-").compactMap { Int64($0) }
            let range = ends[0]..<(ends.count > 1 ? ends[1] + 1 : content.length)
            // Only to the first client does it say which version this is.
            if request["If-Range"] == nil { fields.append("Last-Modified", modified[isNew.isOpen ? 1 : 0]) }
            fields.append("Content-Range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(content.length)")
            try connection.respond(206, "Partial Content", fields: fields, body: content.bytes(range))
        }
        let part = try scene.get(Self.target, ["Range": "bytes=2097152-2197151"])
        #expect(part.body == Self.old.bytes(2_097_152..<2_197_152))
        isNew.open()
        let whole = try PeerClient.check(scene.url(Self.target), through: scene.proxy.port, against: Self.new)
        #expect(whole.head.status == 200)
        #expect(
            whole.body == CheckedBody(count: Self.new.length, end: .complete),
            "\(scene.proxy.errors) \(scene.proxy.output)"
        )
    }

    @Test("Without ranges at the origin, a second client that jumps ahead does not break the first one's download")
    func jumpWithoutRanges() throws {
        let scene = try Scene()
        let gate = Barrier("the second client has asked")
        scene.origin.put(
            Self.target,
            FileVersion(Self.old, etag: "\"one\"", cacheControl: "max-age=3600", acceptRanges: nil)
        )
        scene.origin.setFaults { _, _ in
            FileFaults {
                $0.ignoresRange = true
                $0.bytesPerSecond = 2 * mebibyte
                $0.stallAfter = (bytes: mebibyte, until: gate)
            }
        }
        let first = try scene.client()
        try first.request(scene.url(Self.target))
        #expect(try first.checkBody(against: Self.old, limit: mebibyte).firstDifference == nil)
        let second = try scene.client()
        try second.request(scene.url(Self.target), fields: ["Range": "bytes=3900000-"])
        let head = try second.head()
        #expect(head.status == 206)
        gate.open()
        #expect(try first.checkBody(against: Self.old, at: mebibyte).isWhole)
        #expect(try second.checkBody(against: Self.old, at: 3_900_000).isWhole)
        #expect(scene.origin.requests.count == 1)
        // The origin counts what it has sent after it is there.
        try waitUntil("the origin has counted") { scene.origin.tally(Self.target).totalBytes >= Self.old.length }
        #expect(scene.origin.tally(Self.target).totalBytes == Self.old.length)
    }

    @Test(
        "An origin without ranges that drops is not asked for ever: its client is cut, and nothing goes on",
        arguments: [(nil, 3), ("bytes", 5)]
    )
    func dropsWithoutRanges(announced: String?, requestsAtMost: Int) throws {
        let scene = try Scene()
        var version = FileVersion.tagged(Self.old)
        version.acceptRanges = announced
        scene.origin.put(Self.target, version)
        scene.origin.setFaults { _, _ in
            FileFaults {
                $0.ignoresRange = true
                $0.closeAfter = mebibyte
            }
        }
        let cut = try scene.check(Self.target, Self.old)
        #expect(cut.body.end == .truncated)
        #expect(cut.body.firstDifference == nil)
        try scene.waitUntilNothingIsFilled()
        // Where ranges are announced it may be the condition, which has three rungs (resume-rules 5, row 5).
        #expect(scene.origin.requests.count <= requestsAtMost)
    }

    @Test("Empty bodies use up no place of the finisher (resume.max_finishing)")
    func emptyBodies() throws {
        let scene = try Scene(settings: ["resume.max_finishing=1"])
        scene.origin.put("/empty", .tagged(Content(seed: 1, length: 0)))
        for _ in 0..<3 {
            let empty = try scene.get("/empty", ["Cache-Control": "no-cache"])
            #expect(empty.status == 200)
            #expect(empty.body.isEmpty && empty.end == .complete)
        }
        let gate = Barrier("the client has left")
        scene.origin.put(Self.target, .tagged(Self.old))
        scene.origin.setFaults { _, _ in FileFaults { $0.stallAfter = (bytes: mebibyte, until: gate) } }
        try scene.readAndLeave(Self.target, Self.old, 1000)
        gate.open()
        try scene.waitUntilHeld(Self.target, Self.old.length)
        #expect(scene.origin.requests(for: Self.target).count == 1)
    }

    @Test("A POST to the URL does not break a download that is under way (RFC 9111 §4.4)")
    func postDuringDownload() throws {
        let scene = try Scene()
        let gate = Barrier("the POST was answered")
        scene.origin.put(Self.target, .tagged(Self.old))
        scene.origin.setFaults { request, _ in
            FileFaults {
                if request.method == "GET" { $0.stallAfter = (bytes: mebibyte, until: gate) }
                if request.method == "POST" { $0.instead = (201, [:]) }
            }
        }
        let client = try scene.client()
        try client.request(scene.url(Self.target))
        #expect(try client.checkBody(against: Self.old, limit: 1000).firstDifference == nil)
        let post = try scene.get(Self.target, ["Content-Length": "0"], method: "POST")
        #expect(post.status == 201)
        gate.open()
        #expect(try client.checkBody(against: Self.old, at: 1000).isWhole)
    }
}

extension FileOrigin {
    func requests(for target: String) -> [ReceivedRequest] { server.requests(for: target) }
}
