// Bodies without a length: chunked ones are whole with their last chunk and cut without it; those that only the
// connection ends are delivered whole and never believed to be (resume-rules 8, RFC 9112 §8).

import ScriptedPeers
import Testing

@Suite("A body whose length nobody named (resume-rules 8)", .onOwnThreads)
struct CloseDelimitedTests {
    static let target = "/file"
    static let content = Content(seed: 6801, length: 3 * mebibyte)

    static func scene(
        _ framing: FileFaults.Framing,
        _ version: FileVersion? = nil,
        http10: Bool = false,
        settings: [String] = []
    ) throws -> Scene {
        let scene = try Scene(settings: settings)
        scene.origin.put(target, version ?? .tagged(content))
        scene.origin.setFaults { _, _ in
            FileFaults {
                $0.framing = framing
                if http10 { $0.version = "HTTP/1.0" }
            }
        }
        return scene
    }

    @Test("Chunked with its last chunk: stored complete, and served with its length from then on")
    func chunkedComplete() throws {
        let scene = try Self.scene(.chunked)
        let first = try scene.check(Self.target, Self.content)
        #expect(first.head["Transfer-Encoding"] == "chunked")
        #expect(first.body == CheckedBody(count: Self.content.length, end: .complete))
        try scene.waitForStatus("nothing is owed") { $0.isIdle }
        let second = try scene.check(Self.target, Self.content)
        #expect(second.head["Content-Length"] == "\(Self.content.length)")
        #expect(second.head["Transfer-Encoding"] == nil)
        #expect(second.body == CheckedBody(count: Self.content.length, end: .complete))
        let part = try scene.check(Self.target, Self.content, at: 100, ["Range": "bytes=100-199"])
        #expect(part.head["Content-Range"] == "bytes 100-199/\(Self.content.length)")
        #expect(part.body == CheckedBody(count: 100, end: .complete))
        #expect(scene.origin.requests.count == 1)
    }

    @Test("Chunked, to an HTTP/1.0 client: no chunks, whole, and ended by closing (RFC 9112 §6.3)")
    func chunkedToOldClient() throws {
        let scene = try Self.scene(.chunked)
        let client = try scene.client()
        try client.send("GET \(scene.url(Self.target)) HTTP/1.0\r\n\r\n")
        let head = try client.head()
        #expect(head["Transfer-Encoding"] == nil)
        #expect(try client.checkBody(against: Self.content) == CheckedBody(count: Self.content.length, end: .complete))
    }

    @Test(
        "Chunked without its last chunk and without a validator: cut, and not held complete",
        arguments: [true, false]
    )
    func chunkedCut(afterWholeBody: Bool) throws {
        let scene = try Self.scene(.chunked, settings: ["resume.verified_restart=0"])
        scene.origin.put(Self.target, FileVersion(Self.content, cacheControl: "max-age=3600"))
        let count = afterWholeBody ? Self.content.length : mebibyte
        scene.origin.setFaults { _, number in
            FileFaults {
                $0.framing = .chunked
                if number == 0 { $0.closeAfter = count }
            }
        }
        let first = try scene.check(Self.target, Self.content)
        #expect(first.body == CheckedBody(count: count, end: .truncated))
        try scene.waitUntilNothingIsFilled()
        let second = try scene.check(Self.target, Self.content)
        #expect(second.body == CheckedBody(count: Self.content.length, end: .complete))
        #expect(scene.origin.requests.count == 2)
    }

    @Test(
        "Chunked, strong, and cut right before its last chunk: one 416 or 206 proves the end, and the client sees none"
    )
    func chunkedCutAtTheEnd() throws {
        let scene = try Self.scene(.chunked)
        scene.origin.setFaults { _, number in
            FileFaults {
                $0.framing = .chunked
                if number == 0 { $0.closeAfter = Self.content.length }
            }
        }
        let first = try scene.check(Self.target, Self.content)
        #expect(first.body.count == Self.content.length)
        #expect(first.body.firstDifference == nil)
        #expect(first.body.end == .complete)
        #expect(scene.origin.tally(Self.target).overlapBytes <= overlapProbe + 100)
    }

    @Test(
        "Ended by closing, and nothing confirms it: delivered whole to its client, and held as incomplete",
        arguments: [true, false]
    )
    func closeDelimited(isStrong: Bool) throws {
        let version =
            isStrong ? FileVersion.tagged(Self.content) : FileVersion(Self.content, cacheControl: "max-age=3600")
        let scene = try Self.scene(.closeDelimited, version, settings: ["resume.confirm_end=false"])
        let first = try scene.check(Self.target, Self.content)
        #expect(first.head.status == 200)
        #expect(first.head["Content-Length"] == nil)
        #expect(first.body == CheckedBody(count: Self.content.length, end: .complete))
        try scene.waitUntilNothingIsFilled()
        // A second client is not given it as a whole without the origin's word.
        let second = try scene.check(Self.target, Self.content)
        #expect(second.head.status == 200)
        #expect(second.body == CheckedBody(count: Self.content.length, end: .complete))
        #expect(scene.origin.requests.count == 2)
    }

    @Test(
        "Who comes when the end is known and not proven, and its version waits for a place, waits for nothing",
        arguments: [true, false]
    )
    func joinsAfterTheEnd(isStrong: Bool) throws {
        let settings = ["resume.confirm_end=false", "resume.max_finishing=0", "resume.verified_restart=0"]
        let version =
            isStrong
            ? FileVersion.tagged(Self.content) : FileVersion(Self.content, etag: "W/\"a\"", cacheControl: "max-age=60")
        let scene = try Self.scene(.closeDelimited, version, settings: settings)
        for _ in 0..<3 {
            let answer = try scene.check(Self.target, Self.content)
            #expect(answer.body == CheckedBody(count: Self.content.length, end: .complete))
        }
    }

    @Test("A restart whose whole is as long as what is held is compared before it counts: no beginning passes as whole")
    func restartAsLongAsHeld() throws {
        let scene = try Self.scene(.chunked)
        let other = Content(seed: 78, length: mebibyte)
        scene.origin.put(Self.target, FileVersion(Self.content, cacheControl: "max-age=3600"))
        scene.origin.setFaults { _, number in
            FileFaults {
                if number == 0 {
                    $0.framing = .chunked
                    $0.closeAfter = mebibyte
                }
            }
        }
        let client = try scene.client()
        try client.request(scene.url(Self.target))
        #expect(try client.head()["Transfer-Encoding"] == "chunked")
        // Versions are chosen when a request comes: the restart finds another one, of exactly the length that came.
        scene.origin.put(Self.target, FileVersion(other, cacheControl: "max-age=3600"))
        let body = try client.checkBody(against: Self.content)
        #expect(body == CheckedBody(count: mebibyte, end: .truncated))
        #expect(try scene.check(Self.target, other).body.isWhole)
    }

    @Test("A body that is reset instead of closed is no whole body")
    func closeDelimitedReset() throws {
        let scene = try Self.scene(.closeDelimited, settings: ["resume.verified_restart=0"])
        scene.origin.put(Self.target, FileVersion(Self.content, cacheControl: "max-age=3600"))
        scene.origin.setFaults { _, number in
            FileFaults {
                $0.framing = .closeDelimited
                if number == 0 { $0.resetAfter = mebibyte }
            }
        }
        let first = try scene.check(Self.target, Self.content)
        #expect(first.head["Transfer-Encoding"] == "chunked")
        #expect(first.body.end == .truncated)
        #expect(first.body.firstDifference == nil)
        let second = try scene.check(Self.target, Self.content)
        #expect(second.body == CheckedBody(count: Self.content.length, end: .complete))
    }

    @Test("An HTTP/1.0 origin with a length: stored, and served from the cache")
    func oldOrigin() throws {
        let scene = try Self.scene(.length, http10: true)
        let first = try scene.check(Self.target, Self.content)
        #expect(first.head.version == "HTTP/1.1")
        #expect(first.body == CheckedBody(count: Self.content.length, end: .complete))
        #expect(try scene.isServedWhole(Self.target, Self.content))
    }

    @Test("An HTTP/1.0 origin that never showed ranges is not resumed (resume-rules 4)", arguments: [true, false])
    func oldOriginBreaks(showsRanges: Bool) throws {
        var version = FileVersion.tagged(Self.content)
        version.acceptRanges = showsRanges ? "bytes" : nil
        let scene = try Self.scene(.length, version)
        scene.origin.setFaults { _, number in
            FileFaults {
                $0.version = "HTTP/1.0"
                if number == 0 { $0.closeAfter = mebibyte }
            }
        }
        let first = try scene.check(Self.target, Self.content)
        #expect(first.body.firstDifference == nil)
        if showsRanges {
            #expect(first.body == CheckedBody(count: Self.content.length, end: .complete))
            #expect(scene.origin.requests.last?.asks(from: mebibyte) == true)
        } else {
            #expect(scene.origin.requests.allSatisfy { $0["Range"] == nil })
        }
    }

    @Test("An empty body is complete, and is stored as such")
    func empty() throws {
        let empty = Content(seed: 6802, length: 0)
        for framing in [FileFaults.Framing.length, .chunked] {
            let scene = try Self.scene(framing, .tagged(empty))
            #expect(try scene.check(Self.target, empty).body == CheckedBody(count: 0, end: .complete))
            try scene.waitUntilNothingIsFilled()
            let second = try scene.check(Self.target, empty)
            #expect(second.head["Content-Length"] == "0")
            #expect(second.body == CheckedBody(count: 0, end: .complete))
            #expect(scene.origin.requests.count == 1)
        }
    }

    @Test("A client that comes while a body of unknown length is being fetched gets it whole, from one request")
    func joinsUnknownLength() throws {
        let scene = try Self.scene(.chunked)
        let gate = Barrier("both clients read")
        scene.origin.setFaults { _, _ in
            FileFaults {
                $0.framing = .chunked
                $0.stallAfter = (bytes: mebibyte, until: gate)
            }
        }
        let clients = try (0..<2).map { _ in
            let client = try scene.client()
            try client.request(scene.url(Self.target))
            #expect(try client.head().status == 200)
            #expect(try client.checkBody(against: Self.content, limit: mebibyte - 1).firstDifference == nil)
            return client
        }
        gate.open()
        for client in clients {
            let rest = try client.checkBody(against: Self.content, at: mebibyte - 1)
            #expect(rest == CheckedBody(count: 2 * mebibyte + 1, end: .complete))
        }
        #expect(scene.origin.requests.count == 1)
    }

    @Test("However often it is fetched, one copy of a body without a proven end is held", arguments: [true, false])
    func oneCopy(isStrong: Bool) throws {
        let scene = try Scene()
        let content = Content(seed: 6301, length: 300_000)
        scene.origin.put(
            "/again",
            FileVersion(content, etag: isStrong ? "\"one\"" : nil, cacheControl: "max-age=3600", acceptRanges: nil)
        )
        scene.origin.setFaults { _, _ in FileFaults { $0.framing = .closeDelimited } }
        for _ in 0..<4 { #expect(try scene.check("/again", content).body.isWhole) }
        try scene.waitUntilNothingIsFilled()
        try waitUntil("one copy is held") { try scene.status().responses == 1 }
        #expect(try scene.status().unfinished == 0)
    }
}
