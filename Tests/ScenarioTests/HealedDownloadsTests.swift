// The origin breaks off, stalls or refuses in the middle of a body: the client sees one unbroken response where the
// version can be proved to be the same, and an honest truncation where it cannot (R47, resume-rules 3.4, 4 and 5).

import ScriptedPeers
import Testing

@Suite("A broken download is healed inside its response, or truncated honestly", .onOwnThreads)
struct HealedDownloadsTests {
    static let target = "/file"
    static let content = Content(seed: 6101, length: 8 * mebibyte)

    static func scene(_ version: FileVersion? = nil, _ settings: [String] = []) throws -> Scene {
        let scene = try Scene(settings: settings)
        scene.origin.put(target, version ?? .tagged(content))
        return scene
    }

    /// Each request after the first begins at the hole that the answers before it left, and names the version.
    static func expectEachGapAskedOnce(_ scene: Scene, holes: [Int64], ifRange: String) throws {
        let requests = scene.origin.server.requests(for: target)
        #expect(requests.count == holes.count + 1)
        for (request, hole) in zip(requests.dropFirst(), holes) {
            #expect(request["If-Range"] == ifRange)
            let range = try #require(request.askedRange)
            #expect((hole - overlapProbe...hole).contains(range.first), "asked from \(range.first) for \(hole)")
            #expect(range.last == content.length - 1)
            #expect(request["If-None-Match"] == nil && request["If-Modified-Since"] == nil)
        }
        #expect(scene.origin.tally(target).overlapBytes <= Int64(holes.count) * overlapProbe)
    }

    @Test("The origin closes again and again: one unbroken response (resume-rules 4)", arguments: [false, true])
    func closesAgainAndAgain(withReset: Bool) throws {
        let scene = try Self.scene()
        scene.origin.setFaults { _, number in
            FileFaults {
                guard number < 3 else { return }
                // The bytes before a reset may be lost with it: then the hole begins earlier.
                if withReset { $0.resetAfter = 2 * mebibyte } else { $0.closeAfter = 2 * mebibyte }
            }
        }
        let answer = try scene.check(Self.target, Self.content)
        #expect(answer.head.status == 200)
        #expect(answer.head["Content-Length"] == "\(Self.content.length)")
        #expect(answer.body == CheckedBody(count: Self.content.length, end: .complete))
        guard !withReset else {
            #expect(
                scene.origin.requests.dropFirst().allSatisfy { $0["If-Range"] == "\"one\"" && $0.askedRange != nil }
            )
            return
        }
        var holes: [Int64] = []
        for request in scene.origin.requests.dropLast() {
            holes.append((request.askedRange?.first ?? 0) + 2 * mebibyte)
        }
        try Self.expectEachGapAskedOnce(scene, holes: holes, ifRange: "\"one\"")
        #expect(try scene.isServedWhole(Self.target, Self.content))
    }

    @Test("Last-Modified 60 seconds before Date is a strong validator, and is sent back verbatim (resume-rules 1)")
    func healsByDate() throws {
        let date = "Tue, 30 Jan 2001 13:11:30 GMT"
        let scene = try Self.scene(FileVersion(Self.content, lastModified: date, cacheControl: "max-age=60"))
        scene.origin.setFaults { _, number in FileFaults { if number == 0 { $0.closeAfter = 3 * mebibyte } } }
        let answer = try scene.check(Self.target, Self.content)
        #expect(answer.body == CheckedBody(count: Self.content.length, end: .complete))
        try Self.expectEachGapAskedOnce(scene, holes: [3 * mebibyte], ifRange: date)
    }

    @Test("A chunked body is healed too, and ends with a last chunk (resume-rules 8)")
    func healsChunked() throws {
        let scene = try Self.scene()
        scene.origin.setFaults { _, number in
            FileFaults {
                if number == 0 {
                    $0.framing = .chunked
                    $0.closeAfter = 3 * mebibyte
                }
            }
        }
        let answer = try scene.check(Self.target, Self.content)
        #expect(answer.head["Transfer-Encoding"] == "chunked")
        #expect(answer.body == CheckedBody(count: Self.content.length, end: .complete))
        let requests = scene.origin.requests
        #expect(requests.count == 2)
        #expect(requests.last?["If-Range"] == "\"one\"")
        #expect(requests.last?.asks(from: 3 * mebibyte) == true)
        #expect(try scene.isServedWhole(Self.target, Self.content))
    }

    @Test("A resume answered 503 with Retry-After is repeated after that time, not before (resume-rules 5, R47)")
    func retryAfter() throws {
        let scene = try Self.scene()
        let times = Times()
        scene.origin.setFaults { _, number in
            times.note()
            return FileFaults {
                if number == 0 { $0.closeAfter = 3 * mebibyte }
                if number == 1 { $0.instead = (503, ["Retry-After": "1"]) }
            }
        }
        let answer = try scene.check(Self.target, Self.content)
        #expect(answer.body == CheckedBody(count: Self.content.length, end: .complete))
        try Self.expectEachGapAskedOnce(scene, holes: [3 * mebibyte, 3 * mebibyte], ifRange: "\"one\"")
        let instants = times.all
        #expect(instants[2] - instants[1] >= 1_000_000_000)
        #expect(try scene.isServedWhole(Self.target, Self.content))
    }

    @Test("A resume whose connection is refused before the head is repeated")
    func closedBeforeHead() throws {
        let scene = try Self.scene()
        scene.origin.setFaults { _, number in
            FileFaults {
                if number == 0 { $0.closeAfter = 3 * mebibyte }
                if number == 1 { $0.closeBeforeHead = true }
            }
        }
        let answer = try scene.check(Self.target, Self.content)
        #expect(answer.body == CheckedBody(count: Self.content.length, end: .complete))
        #expect(scene.origin.requests.dropFirst().allSatisfy { $0.asks(from: 3 * mebibyte) })
        #expect(scene.origin.tally(Self.target).overlapBytes <= overlapProbe)
    }

    @Test("A fill that receives nothing for stall_timeout is taken over by a new connection (R55)")
    func stalls() throws {
        let scene = try Self.scene(nil, ["upstream.stall_timeout=\"300ms\""])
        let gate = Barrier("the end of the test")
        defer { gate.open() }
        scene.origin.setFaults { _, number in
            FileFaults { if number < 2 { $0.stallAfter = (bytes: 2 * mebibyte, until: gate) } }
        }
        let answer = try scene.check(Self.target, Self.content)
        #expect(answer.body == CheckedBody(count: Self.content.length, end: .complete))
        let requests = scene.origin.requests
        #expect(requests.count == 3)
        #expect(requests.dropFirst().allSatisfy { $0["If-Range"] == "\"one\"" })
        #expect(requests[1].asks(from: 2 * mebibyte))
        #expect(scene.origin.tally(Self.target).overlapBytes <= 2 * overlapProbe)
    }

    @Test("While the origin stays away, the client is held; after heal_timeout it is cut, and what came is kept (R47)")
    func givesUp() throws {
        let scene = try Self.scene(nil, ["upstream.heal_timeout=\"1s\""])
        scene.origin.setFaults { _, number in
            FileFaults { if number == 0 { $0.closeAfter = 3 * mebibyte } else { $0.closeBeforeHead = true } }
        }
        let answer = try scene.check(Self.target, Self.content)
        #expect(answer.body == CheckedBody(count: 3 * mebibyte, end: .truncated))
        #expect(scene.origin.requests.count > 2)
        try scene.waitUntilHeld(Self.target, 3 * mebibyte)
        try scene.waitForStatus("it is remembered") { $0.unfinished == 1 }
        scene.origin.clearFaults()
        #expect(try scene.check(Self.target, Self.content).body.isWhole)
        #expect(scene.origin.tally(Self.target).overlapBytes <= overlapProbe)
        try scene.waitForStatus("nothing is owed") { $0.isIdle }
    }

    // MARK: Without a strong validator (resume-rules 3.4)

    /// No validator, a weak tag, or a date too near to Date.
    enum WeakVersion: String, CaseIterable {
        case none, weakTag, weakTagWithDate, youngDate

        var version: FileVersion {
            let old = "Tue, 30 Jan 2001 13:11:30 GMT"
            switch self {
            case .none: return FileVersion(content, cacheControl: "max-age=60")
            case .weakTag: return FileVersion(content, etag: "W/\"w\"", cacheControl: "max-age=60")
            case .weakTagWithDate:
                return FileVersion(content, etag: "W/\"w\"", lastModified: old, cacheControl: "max-age=60")
            case .youngDate:
                return FileVersion(
                    content,
                    lastModified: "Tue, 30 Jan 2001 13:11:30 GMT",
                    cacheControl: "max-age=600000000",
                    date: "Tue, 30 Jan 2001 13:11:50 GMT"
                )
            }
        }
    }

    @Test(
        "Without a strong validator the whole is fetched again and compared, and the response goes on (rule 11)",
        arguments: WeakVersion.allCases
    )
    func restarts(_ weak: WeakVersion) throws {
        let scene = try Self.scene(weak.version)
        scene.origin.setFaults { _, number in
            FileFaults { if number < 2 { $0.closeAfter = (3 + Int64(number)) * mebibyte } }
        }
        let answer = try scene.check(Self.target, Self.content)
        #expect(answer.head.status == 200)
        #expect(answer.body == CheckedBody(count: Self.content.length, end: .complete))
        #expect(scene.origin.requests.count == 3)
        #expect(scene.origin.requests.allSatisfy { $0["Range"] == nil && $0["If-Range"] == nil })
        // What was joined is the whole, for others too.
        #expect(try scene.check(Self.target, Self.content).body.isWhole)
    }

    @Test("What is fetched again and differs in a byte that was delivered cuts the response (rule 11)")
    func restartDiffers() throws {
        let scene = try Self.scene(WeakVersion.none.version)
        let other = Content(seed: 77, length: Self.content.length)
        let dropped = Barrier("the first answer broke off")
        scene.origin.setFaults { _, number in
            FileFaults {
                if number == 0 { $0.closeAfter = 3 * mebibyte }
                if number == 1 { $0.holdHead = dropped }
            }
        }
        let client = try scene.client()
        try client.request(scene.url(Self.target))
        #expect(try client.head().status == 200)
        try dropped.waitForArrivals(1)
        // The version is chosen when the request comes; the next one sees the other.
        scene.origin.put(Self.target, FileVersion(other, cacheControl: "max-age=60"))
        scene.origin.setFaults { _, _ in FileFaults() }
        dropped.open()
        let body = try client.checkBody(against: Self.content)
        #expect(body.firstDifference == nil)
        #expect(body.isWhole || body == CheckedBody(count: 3 * mebibyte, end: .truncated))
        #expect(try scene.check(Self.target, other).body.isWhole || body.isWhole)
    }

    @Test(
        "Another length, or another weak tag, is not compared: the response is cut (rule 5)",
        arguments: [true, false]
    )
    func restartOfAnother(byLength: Bool) throws {
        let scene = try Self.scene(WeakVersion.weakTag.version)
        let grown = Content(seed: 6201, length: Self.content.length + 1)
        scene.origin.setFaults { _, number in FileFaults { if number == 0 { $0.closeAfter = 3 * mebibyte } } }
        let client = try scene.client()
        try client.request(scene.url(Self.target))
        #expect(try client.head().status == 200)
        _ = try client.checkBody(against: Self.content, limit: mebibyte)
        let tag = byLength ? "W/\"w\"" : "W/\"x\""
        let next = byLength ? grown : Content(seed: 77, length: Self.content.length)
        scene.origin.put(Self.target, FileVersion(next, etag: tag, cacheControl: "max-age=60"))
        let rest = try client.checkBody(against: Self.content, at: mebibyte)
        #expect(rest.firstDifference == nil)
        #expect(rest.isWhole || rest.end == .truncated)
        #expect(try scene.check(Self.target, next).body.isWhole)
    }

    @Test(
        "verified_restart = 0: without a strong validator a body with a length is cut short",
        arguments: WeakVersion.allCases
    )
    func truncatedWithLength(_ weak: WeakVersion) throws {
        let scene = try Self.scene(weak.version, ["resume.verified_restart=0"])
        scene.origin.setFaults { _, number in FileFaults { if number == 0 { $0.closeAfter = 3 * mebibyte } } }
        let answer = try scene.check(Self.target, Self.content)
        #expect(answer.head.status == 200)
        #expect(answer.body == CheckedBody(count: 3 * mebibyte, end: .truncated))
        try scene.waitUntilNothingIsFilled()
        // The next client gets the whole, asked for anew from its first byte.
        #expect(
            try scene.check(Self.target, Self.content).body == CheckedBody(count: Self.content.length, end: .complete)
        )
        #expect(scene.origin.requests.count == 2)
        #expect(scene.origin.requests.allSatisfy { $0["Range"] == nil && $0["If-Range"] == nil })
    }

    @Test("Without a strong validator a chunked body is cut without its last chunk")
    func truncatedChunked() throws {
        let scene = try Self.scene(WeakVersion.none.version, ["upstream.heal_timeout=\"1s\""])
        scene.origin.setFaults { _, _ in
            FileFaults {
                $0.framing = .chunked
                $0.closeAfter = 3 * mebibyte
            }
        }
        let answer = try scene.check(Self.target, Self.content)
        #expect(answer.head["Transfer-Encoding"] == "chunked")
        #expect(answer.body == CheckedBody(count: 3 * mebibyte, end: .truncated))
    }

    @Test("An HTTP/1.0 client whose body has no length is told of the truncation by a reset", arguments: [true, false])
    func resetsOldClient(isStorable: Bool) throws {
        let version = FileVersion(Self.content, cacheControl: isStorable ? "max-age=60" : "no-store")
        let scene = try Self.scene(version)
        scene.origin.setFaults { _, _ in
            FileFaults {
                $0.framing = .chunked
                $0.closeAfter = mebibyte
            }
        }
        let client = try scene.client()
        try client.send("GET \(scene.url(Self.target)) HTTP/1.0\r\n\r\n")
        let head = try client.head()
        #expect(head["Transfer-Encoding"] == nil)
        #expect(head["Content-Length"] == nil)
        let body = try client.checkBody(against: Self.content)
        // A reset may overtake bytes that were sent before it; none of those that came is wrong.
        #expect(body.end == .reset)
        #expect(body.firstDifference == nil)
        #expect(body.count <= mebibyte)
    }

    @Test("The origin is gone for good (404 to the resume): cut honestly, and what came stays held (resume-rules 5)")
    func gone() throws {
        let scene = try Self.scene()
        scene.origin.setFaults { _, number in
            FileFaults {
                if number == 0 { $0.closeAfter = 3 * mebibyte }
                if number == 1 { $0.instead = (404, [:]) }
            }
        }
        let answer = try scene.check(Self.target, Self.content)
        #expect(answer.body == CheckedBody(count: 3 * mebibyte, end: .truncated))
        try scene.waitUntilHeld(Self.target, 3 * mebibyte)
        #expect(try scene.check(Self.target, Self.content).body.isWhole)
        // The bodies of refusals, a few bytes long, are counted with the file's.
        #expect(scene.origin.tally(Self.target).overlapBytes <= overlapProbe + 100)
    }
}

/// Instants at which something happened, in monotonic nanoseconds.
final class Times: @unchecked Sendable {
    // Written by the origin's threads one after the other: each request follows the end of the answer before.
    private(set) var all: [Int64] = []

    func note() { all.append(monotonicNanoseconds()) }
}
