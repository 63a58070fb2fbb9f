// What may not be stored is healed, too: the origin breaks off, stalls or refuses in the middle of a body that passes
// through, and its client sees one unbroken response, or an honest truncation (R47, resume-rules 4 and 5).

import Foundation
import ScriptedPeers
import Testing

@Suite("A body that is stored nowhere is healed inside its response, or truncated honestly", .onOwnThreads)
struct PassedDownloadsTests {
    static let target = "/file"
    static let content = Content(seed: 6301, length: 8 * mebibyte)
    static let whole = CheckedBody(count: content.length, end: .complete)

    static func scene(
        _ settings: [String] = [],
        _ version: FileVersion = .tagged(content, cacheControl: "no-store")
    ) throws -> Scene {
        let scene = try Scene(settings: settings)
        scene.origin.put(target, version)
        return scene
    }

    /// Closes the first so many answers after 2 MiB.
    static func closes(_ scene: Scene, times: Int) {
        scene.origin.setFaults { _, number in FileFaults { if number < times { $0.closeAfter = 2 * mebibyte } } }
    }

    // MARK: Healed

    @Test(
        "The origin closes again and again: one unbroken response, each gap asked for once, nothing stored",
        arguments: ["no-store", "private"]
    )
    func closesAgainAndAgain(cacheControl: String) throws {
        let scene = try Self.scene([], .tagged(Self.content, cacheControl: cacheControl))
        Self.closes(scene, times: 3)
        let answer = try scene.check(Self.target, Self.content)
        #expect(answer.head.status == 200)
        #expect(answer.head["Content-Length"] == "\(Self.content.length)")
        #expect(answer.body == Self.whole)
        let requests = scene.origin.requests
        #expect(requests.count == 4)
        var hole = 2 * mebibyte
        for request in requests.dropFirst() {
            #expect(request["If-Range"] == "\"one\"")
            #expect(request.askedRange?.first == hole - overlapProbe)
            #expect(request.askedRange?.last == Self.content.length - 1)
            hole += 2 * mebibyte - overlapProbe
        }
        #expect(scene.origin.tally(Self.target).overlapBytes == 3 * overlapProbe)
        #expect(try scene.status().responses == 0)
    }

    @Test("A reset, a 503 and a connection without an answer in between are pauses")
    func troubles() throws {
        let scene = try Self.scene()
        scene.origin.setFaults { _, number in
            FileFaults {
                switch number {
                case 0: $0.resetAfter = 2 * mebibyte
                case 1: $0.instead = (503, ["Retry-After": "1"])
                case 2: $0.closeBeforeHead = true
                case 3: $0.instead = (500, [:])
                default: break
                }
            }
        }
        #expect(try scene.check(Self.target, Self.content).body == Self.whole)
        #expect(scene.origin.requests.count == 5)
        #expect(scene.proxy.errors.contains("went on after"))
    }

    @Test("The part that a client asked for is healed from where it broke, to its own end")
    func part() throws {
        let scene = try Self.scene()
        scene.origin.setFaults { _, number in FileFaults { if number == 0 { $0.closeAfter = mebibyte } } }
        let (first, last) = (2 * mebibyte, 5 * mebibyte - 1)
        let answer = try scene.check(Self.target, Self.content, at: first, ["Range": "bytes=\(first)-\(last)"])
        #expect(answer.head.status == 206)
        #expect(answer.body.count == 3 * mebibyte && answer.body.firstDifference == nil)
        #expect(answer.body.end == .complete)
        #expect(scene.origin.requests.count == 2)
        #expect(scene.origin.requests.last?["Range"] == "bytes=\(3 * mebibyte - overlapProbe)-\(last)")
    }

    @Test("A chunked body is healed, learns its length from the part, and ends with a last chunk")
    func chunked() throws {
        let scene = try Self.scene()
        scene.origin.setFaults { _, number in
            FileFaults {
                guard number < 2 else { return }
                $0.framing = .chunked
                $0.closeAfter = 3 * mebibyte
            }
        }
        let answer = try scene.check(Self.target, Self.content)
        #expect(answer.head["Transfer-Encoding"] == "chunked")
        #expect(answer.body == Self.whole)
        #expect(scene.origin.requests[1]["Range"] == "bytes=\(3 * mebibyte - overlapProbe)-")
    }

    @Test("A connection that brings nothing for stall_timeout is given up (R55)")
    func stalls() throws {
        let scene = try Self.scene(["upstream.stall_timeout=\"300ms\""])
        let gate = Barrier("the end of the test")
        defer { gate.open() }
        scene.origin.setFaults { _, number in
            FileFaults { if number < 2 { $0.stallAfter = (bytes: 2 * mebibyte, until: gate) } }
        }
        #expect(try scene.check(Self.target, Self.content).body == Self.whole)
        #expect(scene.origin.requests.count == 3)
    }

    @Test("A client that does not read is no stall")
    func clientPauses() throws {
        let scene = try Self.scene(
            ["upstream.stall_timeout=\"1s\""],
            .tagged(Content(seed: 6302, length: 64 * mebibyte), cacheControl: "no-store")
        )
        let client = try scene.client()
        client.shrinkReceiveBuffer(to: 65_536)
        try client.request(scene.url(Self.target))
        _ = try client.head()
        // The origin's sending comes to a halt while nobody reads, for longer than a stall may be.
        var sent: Int64 = -1
        try waitUntil("nothing more is sent") {
            usleep(1_500_000)
            defer { sent = scene.origin.bodyBytesSent(Self.target) }
            return sent == scene.origin.bodyBytesSent(Self.target)
        }
        #expect(try client.checkBody(against: Content(seed: 6302, length: 64 * mebibyte)).isWhole)
        #expect(scene.origin.requests.count == 1)
    }

    @Test("The client's own fields go along with every attempt, its conditions and its Range do not (resume-rules 4)")
    func fields() throws {
        let scene = try Self.scene()
        Self.closes(scene, times: 1)
        let answer = try scene.check(
            Self.target,
            Self.content,
            [
                "Authorization": "Basic abc", "Cookie": "a=b", "Accept-Encoding": "br", "X-Own": "kept",
                "If-None-Match": "\"other\"",
            ]
        )
        #expect(answer.body == Self.whole)
        let resume = try #require(scene.origin.requests.last)
        #expect(resume["Authorization"] == "Basic abc" && resume["Cookie"] == "a=b")
        #expect(resume["Accept-Encoding"] == "br" && resume["X-Own"] == "kept")
        #expect(resume["If-None-Match"] == nil && resume["If-Range"] == "\"one\"")
    }

    @Test("An origin that drops, stalls and refuses at random delivers every byte, once", arguments: ["yes", "no"])
    func laboratory(length: String) throws {
        let lab = try LabProcess()
        let folder = try TemporaryDirectory()
        let proxy = try ProxyProcess(cacheDirectory: folder.file("cache"))
        let target = "/f/24M/a?cc=no-store&drop=1M..3M&every=5:503&length=\(length)"
        let content = try lab.content(target)
        let (head, body) = try PeerClient.check(lab.url(target), through: proxy.port, against: content)
        #expect(head.status == 200)
        #expect(body.isWhole, "\(body)")
    }

    @Test("A connection slower than min_rate gives way to another (upstream.min_rate)")
    func slow() throws {
        let scene = try Self.scene([
            "upstream.min_rate=\"1 MiB\"", "upstream.min_rate_time=\"300ms\"", "upstream.stall_timeout=\"10s\"",
        ])
        scene.origin.setFaults { _, number in FileFaults { if number < 2 { $0.bytesPerSecond = 100_000 } } }
        #expect(try scene.check(Self.target, Self.content).body == Self.whole)
        #expect(scene.origin.requests.count == 3)
        let stored = try Self.scene(
            ["upstream.min_rate=\"1 MiB\"", "upstream.min_rate_time=\"300ms\"", "upstream.stall_timeout=\"10s\""],
            .tagged(Self.content)
        )
        stored.origin.setFaults { _, number in FileFaults { if number < 2 { $0.bytesPerSecond = 100_000 } } }
        #expect(try stored.check(Self.target, Self.content).body == Self.whole)
        #expect(stored.origin.requests.count == 3)
    }

    @Test("A slow origin that is no faster when asked again is left be")
    func slowForGood() throws {
        let content = Content(seed: 6303, length: 1_200_000)
        let scene = try Self.scene(
            ["upstream.min_rate=\"1 MiB\"", "upstream.min_rate_time=\"200ms\"", "upstream.stall_timeout=\"10s\""],
            .tagged(content, cacheControl: "no-store")
        )
        scene.origin.setFaults { _, _ in FileFaults { $0.bytesPerSecond = 200_000 } }
        #expect(try scene.check(Self.target, content).body.isWhole)
        // Asked anew as often as it is slow, it would be thirty times; a busy machine makes it look slower still.
        #expect((2...12).contains(scene.origin.requests.count), "\(scene.origin.requests.count)")
    }

    @Test("Where the store fails in the middle, what passes through after it is healed as often as it breaks")
    func storeFails() throws {
        let content = Content(seed: 6304, length: 14 * mebibyte)
        let scene = try Self.scene(
            ["cache.max_size=\"9 MiB\"", "cache.min_free=\"1 MiB\""],
            .tagged(content)
        )
        scene.origin.setFaults { _, number in
            FileFaults {
                if number == 0 { $0.framing = .chunked }
                if (1...3).contains(number) { $0.closeAfter = mebibyte }
            }
        }
        #expect(try scene.check(Self.target, content).body == CheckedBody(count: content.length, end: .complete))
        #expect(scene.origin.requests.count == 5)
    }

    @Test("What the origin forbids to keep in the middle of a body passes through from there on")
    func forbiddenInTheMiddle() throws {
        let scene = try Self.scene([], .tagged(Self.content))
        let gate = Barrier("the fields have changed")
        scene.origin.setFaults { _, number in
            FileFaults {
                guard number == 0 else { return }
                $0.stallAfter = (bytes: 2 * mebibyte, until: gate)
                $0.closeAfter = 2 * mebibyte
            }
        }
        let client = try scene.client()
        try client.request(scene.url(Self.target))
        _ = try client.head()
        try gate.waitForArrivals(1)
        scene.origin.put(Self.target, .tagged(Self.content, cacheControl: "no-store"))
        gate.open()
        #expect(try client.checkBody(against: Self.content).isWhole)
    }

    // MARK: What is said of it

    @Test("status and log say what is waited for, and that it went on")
    func said() throws {
        let scene = try Self.scene()
        let isAway = Barrier("the origin is away")
        scene.origin.setFaults { _, number in
            FileFaults {
                if number == 0 { $0.closeAfter = mebibyte } else if !isAway.isOpen { $0.instead = (503, [:]) }
            }
        }
        let client = try scene.client()
        try client.request(scene.url(Self.target))
        _ = try client.head()
        try scene.waitForStatus("the wait is shown") { ($0.waits.first?.attempts ?? 0) > 1 }
        let wait = try #require(try scene.status().waits.first)
        #expect(wait.url == scene.url(Self.target))
        #expect(wait.reason == "The origin answered 503.")
        #expect(wait.until > wait.since)
        #expect(try scene.proxy.command("status").output.contains("waiting for an origin (1):"))
        isAway.open()
        #expect(try client.checkBody(against: Self.content).isWhole)
        try scene.waitForStatus("nothing is waited for") { $0.waits.isEmpty }
        let log = scene.proxy.errors
        #expect(log.contains("\(scene.url(Self.target)): The origin answered 503. Asking again"))
        #expect(log.contains("\(scene.url(Self.target)): went on after"))
    }

    @Test("A stored download that waits is shown as well")
    func storedIsSaid() throws {
        let scene = try Self.scene([], .tagged(Self.content))
        let isAway = Barrier("the origin is away")
        scene.origin.setFaults { _, number in
            FileFaults {
                if number == 0 { $0.closeAfter = mebibyte } else if !isAway.isOpen { $0.instead = (503, [:]) }
            }
        }
        let client = try scene.client()
        try client.request(scene.url(Self.target))
        _ = try client.head()
        try scene.waitForStatus("the wait is shown") { ($0.waits.first?.attempts ?? 0) > 1 }
        isAway.open()
        #expect(try client.checkBody(against: Self.content).isWhole)
        try scene.waitForStatus("nothing is waited for") { $0.waits.isEmpty }
    }

    // MARK: Cut

    @Test("While the origin stays away the client is held; after heal_timeout it is cut, and never padded (R47)")
    func givesUp() throws {
        let scene = try Self.scene(["upstream.heal_timeout=\"1s\""])
        scene.origin.setFaults { _, number in
            FileFaults { if number == 0 { $0.closeAfter = 3 * mebibyte } else { $0.closeBeforeHead = true } }
        }
        #expect(try scene.check(Self.target, Self.content).body == CheckedBody(count: 3 * mebibyte, end: .truncated))
        #expect(scene.origin.requests.count > 2)
        try scene.waitForStatus("nothing is waited for") { $0.waits.isEmpty }
    }

    enum Change: CaseIterable {
        case tag, weakTag, noTag, length, bytesUnderTheTag, gone
    }

    @Test("Another version ends the response, and not one byte of it is delivered", arguments: Change.allCases)
    func changes(_ change: Change) throws {
        let scene = try Self.scene()
        let gate = Barrier("the file has changed")
        scene.origin.setFaults { _, number in
            FileFaults {
                // The trap: a 206 of whatever is there now.
                $0.ignoresIfRange = true
                guard number == 0 else { return }
                $0.stallAfter = (bytes: 2 * mebibyte, until: gate)
                $0.closeAfter = 2 * mebibyte
            }
        }
        let client = try scene.client()
        try client.request(scene.url(Self.target))
        _ = try client.head()
        #expect(try client.checkBody(against: Self.content, limit: mebibyte).count == mebibyte)
        try gate.waitForArrivals(1)
        let next = Content(seed: 6399, length: change == .length ? Self.content.length + 1 : Self.content.length)
        switch change {
        case .gone: scene.origin.remove(Self.target)
        case .weakTag: scene.origin.put(Self.target, .tagged(next, "W/\"one\"", cacheControl: "no-store"))
        case .noTag: scene.origin.put(Self.target, FileVersion(next, cacheControl: "no-store"))
        case .tag: scene.origin.put(Self.target, .tagged(next, "\"two\"", cacheControl: "no-store"))
        case .length, .bytesUnderTheTag: scene.origin.put(Self.target, .tagged(next, cacheControl: "no-store"))
        }
        gate.open()
        let rest = try client.checkBody(against: Self.content, at: mebibyte)
        #expect(rest == CheckedBody(count: mebibyte, end: .truncated))
        #expect(scene.origin.requests.count == 2)
    }

    @Test(
        "A lie about ranges never reaches the client",
        arguments: [
            "shifted", "broken-start", "broken-total", "no-content-range", "multipart", "short", "long", "416", "lie",
            "off",
            "unknown-total",
        ]
    )
    func lies(word: String) throws {
        let lab = try LabProcess()
        let folder = try TemporaryDirectory()
        let proxy = try ProxyProcess(cacheDirectory: folder.file("cache"), settings: ["upstream.heal_timeout=2s"])
        let target = "/f/12M/a?cc=no-store&drop=5M&times=3&ranges=\(word)"
        let content = try lab.content(target)
        let (_, body) = try PeerClient.check(lab.url(target), through: proxy.port, against: content)
        #expect(body.firstDifference == nil)
        #expect(body.count == content.length || body.end != .complete, "\(body)")
    }

    @Test("Without a strong validator it is cut where it broke, and the origin is not asked again")
    func weak() throws {
        for version in [
            FileVersion(Self.content, cacheControl: "no-store"),
            .tagged(Self.content, "W/\"w\"", cacheControl: "no-store"),
        ] {
            let scene = try Self.scene([], version)
            Self.closes(scene, times: 1)
            let answer = try scene.check(Self.target, Self.content)
            #expect(answer.body == CheckedBody(count: 2 * mebibyte, end: .truncated))
            #expect(scene.origin.requests.count == 1)
        }
    }

    @Test("The answer to a POST is never asked for again")
    func post() throws {
        let scene = try ScriptedScene { _, connection in
            try connection.send(
                "HTTP/1.1 200 OK\r\nETag: \"one\"\r\nAccept-Ranges: bytes\r\nContent-Length: 9\r\n\r\nhalf"
            )
            connection.close()
        }
        let client = try scene.client()
        try client.send(
            "POST \(scene.url("/form")) HTTP/1.1\r\nHost: \(scene.origin.authority)\r\nContent-Length: 1\r\n\r\nx"
        )
        _ = try client.head(method: "POST")
        #expect(try client.body().end == .truncated)
        #expect(scene.origin.requests.count == 1)
    }

    @Test("A client that leaves while the origin is waited for ends the wait")
    func clientLeaves() throws {
        let scene = try Self.scene()
        scene.origin.setFaults { _, number in
            FileFaults { if number == 0 { $0.closeAfter = mebibyte } else { $0.instead = (503, [:]) } }
        }
        let client = try scene.client()
        try client.request(scene.url(Self.target))
        _ = try client.head()
        try scene.waitForStatus("the wait is shown") { !$0.waits.isEmpty }
        client.reset()
        try scene.waitForStatus("nothing is waited for") { $0.waits.isEmpty }
    }
}
