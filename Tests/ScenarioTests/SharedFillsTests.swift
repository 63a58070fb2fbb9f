// Many clients, the same bytes: each is fetched once, all stream while the fill runs, a slow one slows nobody, and
// what turns out not to be storable releases everyone at once (issue; architecture "joining has an exit").

import ScriptedPeers
import Testing

@Suite("Many clients on the same cold bytes cause each byte to be fetched once", .onOwnThreads)
struct SharedFillsTests {
    static let target = "/file"
    static let content = Content(seed: 6301, length: 4 * mebibyte)

    static func scene(_ version: FileVersion? = nil, _ settings: [String] = []) throws -> Scene {
        // Twenty clients on a busy machine may take longer to come than an origin may be silent.
        let scene = try Scene(settings: ["upstream.stall_timeout=\"60s\""] + settings)
        scene.origin.put(target, version ?? .tagged(content))
        return scene
    }

    @Test("Twenty clients on one cold object: one request, and all stream while it is being fetched")
    func twentyClients() throws {
        let scene = try Self.scene()
        let gate = Barrier("every client has the first part")
        scene.origin.setFaults { _, _ in FileFaults { $0.stallAfter = (bytes: 2 * mebibyte, until: gate) } }
        let started = Barrier("clients that have the first part")
        let bodies = try scene.atOnce(20) { [started, gate] number in
            let client = try scene.client()
            try client.request(scene.url(Self.target))
            #expect(try client.head().status == 200)
            let first = try client.checkBody(against: Self.content, limit: mebibyte)
            #expect(first == CheckedBody(count: mebibyte, end: nil))
            started.arrive()
            if number == 0 {
                try started.waitForArrivals(20)
                gate.open()
            }
            return try client.checkBody(against: Self.content, at: mebibyte)
        }
        #expect(bodies.allSatisfy { $0 == CheckedBody(count: 3 * mebibyte, end: .complete) })
        #expect(scene.origin.requests.count == 1)
        #expect(scene.origin.tally(Self.target).totalBytes == Self.content.length)
    }

    @Test("Twenty clients on overlapping cold ranges, then the whole: each byte once, overlap probes excepted")
    func overlappingRanges() throws {
        let scene = try Self.scene()
        let first = try scene.check(Self.target, Self.content, ["Range": "bytes=0-9"])
        #expect(first.head.status == 206)
        _ = try scene.atOnce(20) { number in
            // Begins that step through the file out of order, and lengths that make each overlap several others.
            let begin = Int64((number * 7) % 20) * 190_000 + 1_000
            let end = min(begin + Int64(300_000 + number * 37_000), Self.content.length)
            let part = try scene.check(Self.target, Self.content, at: begin, ["Range": "bytes=\(begin)-\(end - 1)"])
            #expect(part.head.status == 206)
            #expect(part.head["Content-Range"] == "bytes \(begin)-\(end - 1)/\(Self.content.length)")
            #expect(part.body == CheckedBody(count: end - begin, end: .complete))
        }
        let whole = try scene.check(Self.target, Self.content)
        #expect(whole.body == CheckedBody(count: Self.content.length, end: .complete))
        let tally = scene.origin.tally(Self.target)
        #expect(tally.uniqueBytes == Self.content.length)
        let requests = scene.origin.requests.count
        #expect(tally.overlapBytes <= Int64(requests - 1) * overlapProbe, "\(requests) requests, \(tally)")
        #expect(try scene.isServedWhole(Self.target, Self.content))
    }

    @Test("A client that does not read slows nobody, and gets its bytes when it reads")
    func slowReader() throws {
        let content = Content(seed: 6302, length: 24 * mebibyte)
        let scene = try Self.scene(.tagged(content))
        let slow = try scene.client()
        slow.shrinkReceiveBuffer(to: 65_536)
        try slow.request(scene.url(Self.target))
        try scene.origin.server.waitForRequests(1)
        let fast = try scene.check(Self.target, content)
        #expect(fast.body == CheckedBody(count: content.length, end: .complete))
        #expect(try slow.head().status == 200)
        #expect(try slow.checkBody(against: content) == CheckedBody(count: content.length, end: .complete))
        #expect(scene.origin.requests.count == 1)
        #expect(scene.origin.tally(Self.target).overlapBytes == 0)
    }

    // MARK: Not storable

    enum NotStorable: String, CaseIterable {
        case noStore, isPrivate, cookie, varyAll

        var version: FileVersion {
            var version = FileVersion(content, etag: "\"one\"")
            switch self {
            case .noStore: version.cacheControl = "no-store"
            case .isPrivate: version.cacheControl = "private, max-age=60"
            case .cookie: version.fields = ["Set-Cookie": "id=1"]
            case .varyAll: version.fields = ["Vary": "*"]
            }
            return version
        }
    }

    @Test(
        "What is not storable releases all who wait at once, and nobody waits there again",
        arguments: NotStorable.allCases
    )
    func releases(_ kind: NotStorable) throws {
        let scene = try Self.scene(kind.version, ["collapse.wait=\"60s\""])
        let head = Barrier("the first head may come")
        let body = Barrier("every other request is at the origin")
        scene.origin.setFaults { _, number in
            FileFaults {
                if number == 0 {
                    $0.holdHead = head
                    $0.stallAfter = (bytes: 1000, until: body)
                }
            }
        }
        let opener = try scene.client()
        try opener.request(scene.url(Self.target))
        try head.waitForArrivals(1)
        let waiting = try (0..<6).map { _ in try scene.client() }
        for client in waiting { try client.request(scene.url(Self.target)) }
        head.open()
        // The first body is held back: only its head can have released them.
        try scene.origin.server.waitForRequests(7)
        body.open()
        for client in [opener] + waiting {
            #expect(try client.head().status == 200)
            #expect(try client.checkBody(against: Self.content).isWhole)
        }
        // The second time all are at the origin before one of them is answered.
        let second = Barrier("all are here")
        scene.origin.setFaults { _, _ in FileFaults { $0.holdHead = second } }
        let again = try (0..<4).map { _ in try scene.client() }
        for client in again { try client.request(scene.url(Self.target)) }
        try second.waitForArrivals(4)
        second.open()
        for client in again {
            #expect(try client.head().status == 200)
            #expect(try client.checkBody(against: Self.content).isWhole)
        }
        #expect(scene.origin.requests.count == 11)
        #expect(try scene.heldBytes(scene.url(Self.target)) == 0)
    }

    @Test("Who waits for another's head longer than collapse.wait goes by himself")
    func waitsNoLonger() throws {
        let scene = try Self.scene(nil, ["collapse.wait=\"200ms\""])
        let head = Barrier("the first head may come")
        defer { head.open() }
        scene.origin.setFaults { _, number in FileFaults { if number == 0 { $0.holdHead = head } } }
        let opener = try scene.client()
        try opener.request(scene.url(Self.target))
        try head.waitForArrivals(1)
        let second = try scene.check(Self.target, Self.content)
        #expect(second.body == CheckedBody(count: Self.content.length, end: .complete))
        head.open()
        #expect(try opener.head().status == 200)
        #expect(try opener.checkBody(against: Self.content).isWhole)
    }

    @Test("The client that asked first leaves before the head: those who wait are served by its answer")
    func openerLeaves() throws {
        let scene = try Self.scene(nil, ["collapse.wait=\"60s\""])
        let head = Barrier("the first has left")
        scene.origin.setFaults { _, _ in FileFaults { $0.holdHead = head } }
        let opener = try scene.client()
        try opener.request(scene.url(Self.target))
        try head.waitForArrivals(1)
        let second = try scene.client()
        try second.request(scene.url(Self.target))
        opener.reset()
        head.open()
        #expect(try second.head().status == 200)
        #expect(try second.checkBody(against: Self.content).isWhole)
        #expect(scene.origin.tally(Self.target).totalBytes == Self.content.length)
    }

    @Test("The first request fails before its head: those who wait do not fail with it unasked")
    func openerFails() throws {
        let scene = try Self.scene(nil, ["collapse.wait=\"60s\""])
        let head = Barrier("the others wait")
        scene.origin.setFaults { _, number in
            FileFaults {
                if number == 0 {
                    $0.holdHead = head
                    $0.instead = (500, [:])
                }
            }
        }
        let opener = try scene.client()
        try opener.request(scene.url(Self.target))
        try head.waitForArrivals(1)
        let waiting = try (0..<3).map { _ in try scene.client() }
        for client in waiting { try client.request(scene.url(Self.target)) }
        head.open()
        #expect(try opener.head().status == 500)
        for client in waiting {
            #expect(try client.head().status == 200)
            #expect(try client.checkBody(against: Self.content).isWhole)
        }
    }

    // MARK: Authorization (RFC 9111 §3.5)

    @Test("A request with Authorization waits for nobody, and nobody waits for it")
    func authorizationDoesNotWait() throws {
        let scene = try Self.scene(nil, ["collapse.wait=\"60s\""])
        let head = Barrier("all three are at the origin")
        scene.origin.setFaults { _, _ in FileFaults { $0.holdHead = head } }
        let credentials: PeerFields = ["Authorization": "Basic c2VjcmV0"]
        let clients = try [credentials, [:], credentials].map { fields in
            let client = try scene.client()
            try client.request(scene.url(Self.target), fields: fields)
            return client
        }
        try head.waitForArrivals(3)
        head.open()
        for client in clients {
            #expect(try client.head().status == 200)
            #expect(try client.checkBody(against: Self.content).isWhole)
        }
    }

    @Test("An answer to Authorization is stored only where it is public", arguments: [true, false])
    func authorizedAnswer(isPublic: Bool) throws {
        let control = isPublic ? "public, max-age=3600" : "max-age=3600"
        let scene = try Self.scene(.tagged(Self.content, cacheControl: control))
        let first = try scene.check(Self.target, Self.content, ["Authorization": "Basic c2VjcmV0"])
        #expect(first.body.isWhole)
        let other = try scene.check(Self.target, Self.content)
        #expect(other.body.isWhole)
        #expect(scene.origin.requests.count == (isPublic ? 1 : 2))
        #expect(scene.origin.requests.last?["Authorization"] == (isPublic ? "Basic c2VjcmV0" : nil))
    }

    @Test("The credentials of one client are never used for what another one asks (resume-rules 4)")
    func credentialsAreNotShared() throws {
        let scene = try Self.scene(.tagged(Self.content, cacheControl: "public, max-age=3600"))
        scene.origin.setFaults { _, number in FileFaults { if number == 0 { $0.closeAfter = mebibyte } } }
        let first = try scene.client()
        let secret: PeerFields = ["Authorization": "Basic c2VjcmV0", "Range": "bytes=0-99999", "Cookie": "id=1"]
        try first.request(scene.url(Self.target), fields: secret)
        #expect(try first.head().status == 206)
        #expect(try first.checkBody(against: Self.content).isWhole)
        try scene.waitUntilNothingIsFilled()
        let other = try scene.check(Self.target, Self.content)
        #expect(other.body == CheckedBody(count: Self.content.length, end: .complete))
        #expect(scene.origin.requests.count > 1)
        for request in scene.origin.requests.dropFirst() {
            #expect(request["Authorization"] == nil && request["Cookie"] == nil)
        }
    }
}
