// The exchange that this project exists for, replayed field by field: a download of 15,143,086 bytes that
// its user stops after 5,275,648, and takes up again with one Range header. Acceptance case number one.

import ScriptedPeers
import Testing

@Suite("The seed transcript: a download that is stopped, and taken up again", .onOwnThreads)
struct SeedTranscriptTests {
    static let target = "/VS0515AI.EXE"
    static let stopped: Int64 = 5_275_648
    static let content = Content(seed: 2001, length: 15_143_086)

    static let version = FileVersion(
        content,
        lastModified: "Tue, 30 Jan 2001 13:11:30 GMT",
        cacheControl: "no-cache",
        acceptRanges: nil,
        date: "Thu, 12 Jul 2001 11:19:24 GMT"
    )

    /// The request as it was on the wire, through a proxy.
    static func request(_ scene: Scene, range: String? = nil) -> String {
        let authority = scene.origin.server.authority
        var text = "GET http://\(authority)\(target) HTTP/1.1\r\n"
        text += "Connection: close\r\nHost: \(authority)\r\nAccept: */*\r\nPragma: no-cache\r\n"
        text += "Cache-Control: no-cache\r\nReferer: http://127.0.0.3/\r\n"
        text += "User-Agent: Mozilla/4.04 [en] (Win95; I ;Nav)\r\n"
        if let range { text += "Range: \(range)\r\n" }
        return text + "\r\n"
    }

    static func scene(_ settings: [String] = []) throws -> Scene {
        let scene = try Scene(settings: settings, originAddress: "127.0.0.3")
        scene.origin.put(target, version)
        return scene
    }

    /// Attempt 1: reads 5,275,648 bytes, checks them, and leaves.
    static func attemptOne(_ scene: Scene) throws {
        let client = try scene.client()
        try client.send(request(scene))
        let head = try client.head()
        #expect(head.status == 200)
        #expect(head["Content-Length"] == "15143086")
        #expect(head["Last-Modified"] == "Tue, 30 Jan 2001 13:11:30 GMT")
        #expect(head["Date"] == "Thu, 12 Jul 2001 11:19:24 GMT")
        #expect(head["Cache-Control"] == "no-cache")
        #expect(head["Content-Type"] == "application/octet-stream")
        let body = try client.checkBody(against: content, limit: stopped)
        #expect(body == CheckedBody(count: stopped, end: nil))
        client.reset()
    }

    /// Attempt 2: the rest, by one Range field and no If-Range.
    static func attemptTwo(_ scene: Scene) throws -> PeerClient {
        let client = try scene.client()
        try client.send(request(scene, range: "bytes=5275648-"))
        return client
    }

    static func expectRest(_ client: PeerClient) throws {
        let head = try client.head()
        #expect(head.status == 206)
        #expect(head["Content-Range"] == "bytes 5275648-15143085/15143086")
        #expect(head["Content-Length"] == "9867438")
        #expect(head["Last-Modified"] == "Tue, 30 Jan 2001 13:11:30 GMT")
        let body = try client.checkBody(against: content, at: stopped)
        #expect(body == CheckedBody(count: 9_867_438, end: .complete))
    }

    @Test("Row 1: every byte that arrived is kept, and the file completed on the open connection")
    func keptAndCompleted() throws {
        let scene = try Self.scene()
        let gate = Barrier("the user has stopped")
        scene.origin.setFaults { _, _ in FileFaults { $0.stallAfter = (bytes: 6_000_000, until: gate) } }
        try Self.attemptOne(scene)
        gate.open()
        try scene.origin.server.waitForBodyBytes(Self.content.length, of: Self.target)
        try scene.waitUntilHeld(Self.target, Self.content.length)
        #expect(scene.origin.requests.count == 1)
        #expect(scene.origin.tally(Self.target).totalBytes == Self.content.length)
        #expect(
            scene.origin.requests[0].fields.names.map { $0.lowercased() } == [
                "host", "accept", "pragma", "cache-control", "referer", "user-agent", "via",
            ]
        )
    }

    @Test("Row 1: where the connection has gone, the rest is asked for with Range and If-Range")
    func completedByRange() throws {
        let scene = try Self.scene()
        let gate = Barrier("the user has stopped")
        scene.origin.setFaults { _, number in
            FileFaults {
                if number == 0 {
                    $0.stallAfter = (bytes: 6_000_000, until: gate)
                    $0.closeAfter = 7_000_000
                }
            }
        }
        try Self.attemptOne(scene)
        gate.open()
        try scene.waitUntilHeld(Self.target, Self.content.length)
        let requests = scene.origin.requests
        #expect(requests.count == 2)
        #expect(requests[1]["If-Range"] == "Tue, 30 Jan 2001 13:11:30 GMT")
        let range = try #require(requests[1]["Range"])
        let first = try #require(Int64(range.dropFirst("bytes=".count).prefix(while: \.isNumber)))
        #expect((7_000_000 - 16384...7_000_000).contains(first))
        #expect(range.hasSuffix("-15143085"))
        #expect(scene.origin.tally(Self.target).overlapBytes <= 16384)
    }

    @Test("Row 2: the file complete, attempt 2 costs one 304 and no further body byte")
    func servedFromTheCache() throws {
        let scene = try Self.scene()
        try Self.attemptOne(scene)
        try scene.waitUntilHeld(Self.target, Self.content.length)
        let sent = scene.origin.bodyBytesSent(Self.target)
        try Self.expectRest(try Self.attemptTwo(scene))
        let requests = scene.origin.requests
        #expect(requests.count == 2)
        #expect(requests[1]["If-Modified-Since"] == "Tue, 30 Jan 2001 13:11:30 GMT")
        #expect(requests[1]["Range"] == nil)
        #expect(scene.origin.bodyBytesSent(Self.target) == sent)
    }

    @Test("Row 3: incomplete and parked, attempt 2 is validated and completed by one conditional range request")
    func completedInOneRoundTrip() throws {
        let scene = try Self.scene(["resume.on_disconnect=\"park\""])
        let gate = Barrier("the user has stopped")
        scene.origin.setFaults { _, number in
            FileFaults { if number == 0 { $0.stallAfter = (bytes: 6_000_000, until: gate) } }
        }
        try Self.attemptOne(scene)
        try scene.waitUntilHeld(Self.target, Self.stopped)
        gate.open()
        try waitUntil("the fill is parked") {
            try scene.proxy.command("status", "--json").output.contains("parked")
                && scene.origin.requests.count == 1
        }
        let held = try scene.heldBytes(scene.url(Self.target))
        try Self.expectRest(try Self.attemptTwo(scene))
        let requests = scene.origin.requests
        #expect(requests.count == 2)
        #expect(requests[1]["If-Range"] == "Tue, 30 Jan 2001 13:11:30 GMT")
        let range = try #require(requests[1]["Range"])
        let first = try #require(Int64(range.dropFirst("bytes=".count).prefix(while: \.isNumber)))
        #expect((held - 16384...held).contains(first))
    }

    @Test("Row 3: while the fill is under way, attempt 2 is validated beside it, and nothing is asked for twice")
    func joinsTheRunningFill() throws {
        let scene = try Self.scene()
        let gate = Barrier("attempt 2 has its first bytes")
        scene.origin.setFaults { _, number in
            FileFaults { if number == 0 { $0.stallAfter = (bytes: 9_000_000, until: gate) } }
        }
        try Self.attemptOne(scene)
        let client = try Self.attemptTwo(scene)
        let head = try client.head()
        #expect(head.status == 206)
        #expect(head["Content-Range"] == "bytes 5275648-15143085/15143086")
        // The stored bytes come without waiting for those that are still to come.
        let early = try client.checkBody(against: Self.content, at: Self.stopped, limit: 3_000_000)
        #expect(early == CheckedBody(count: 3_000_000, end: nil))
        gate.open()
        let rest = try client.checkBody(against: Self.content, at: Self.stopped + 3_000_000)
        #expect(rest.isWhole)
        let requests = scene.origin.requests
        #expect(requests.count == 2)
        #expect(requests[1]["If-Modified-Since"] != nil)
        #expect(scene.origin.tally(Self.target).totalBytes == Self.content.length)
    }

    @Test("Row 4: the file changed, attempt 2 gets the whole of the new one", arguments: [true, false])
    func changedAtTheOrigin(honoursIfRange: Bool) throws {
        let scene = try Self.scene(["resume.on_disconnect=\"park\""])
        let gate = Barrier("the user has stopped")
        scene.origin.setFaults { _, number in
            FileFaults {
                if number == 0 { $0.stallAfter = (bytes: 6_000_000, until: gate) }
                $0.ignoresIfRange = !honoursIfRange
            }
        }
        try Self.attemptOne(scene)
        try scene.waitUntilHeld(Self.target, Self.stopped)
        gate.open()
        let new = Content(seed: 2002, length: 14_000_001)
        scene.origin.put(
            Self.target,
            FileVersion(
                new,
                lastModified: "Wed, 11 Jul 2001 08:00:00 GMT",
                cacheControl: "no-cache",
                date: "Thu, 12 Jul 2001 11:19:40 GMT"
            )
        )
        let client = try Self.attemptTwo(scene)
        let head = try client.head()
        #expect(head.status == 200)
        #expect(head["Content-Range"] == nil)
        #expect(head["Content-Length"] == "14000001")
        let body = try client.checkBody(against: new)
        #expect(body == CheckedBody(count: 14_000_001, end: .complete))
    }

    @Test("Row 5: after SIGKILL and a new start, what was recorded is not fetched again")
    func survivesKill() throws {
        let scene = try Self.scene()
        let gate = Barrier("the proxy was killed")
        scene.origin.setFaults { _, number in
            FileFaults { if number == 0 { $0.stallAfter = (bytes: 8_000_000, until: gate) } }
        }
        try Self.attemptOne(scene)
        try scene.waitUntilHeld(Self.target, 8_000_000)
        try scene.killAndStartAgain()
        gate.open()
        try Self.expectRest(try Self.attemptTwo(scene))
        // 100 ms or 1 MiB may be lost, and 16 KiB are compared; all else crosses the link once.
        #expect(scene.origin.tally(Self.target).overlapBytes <= mebibyte + 16384)
        try scene.waitUntilHeld(Self.target, Self.content.length)
        let whole = try scene.check(Self.target, Self.content)
        #expect(whole.head.status == 200)
        #expect(whole.body.isWhole)
    }
}
