// More seams, as the review tried them: what proved sound stays here, so that it remains so.

import Foundation
import ScriptedPeers
import Synchronization
import Testing

@Suite("Seams: questions in flight, refusals, retained versions and pauses", .onOwnThreads)
struct SoundSeamTests {
    static let target = "/file"
    static let content = Content(seed: 9601, length: 3 * mebibyte)
    static let other = Content(seed: 9602, length: 3 * mebibyte)

    @Test("What is read ahead and answered with 429 is not asked for again and again")
    func readAheadRefused() throws {
        let scene = try Scene(settings: ["resume.parallel=4", "resume.read_ahead=\"8 MiB\""])
        let content = Content(seed: 9506, length: 16 * mebibyte)
        scene.origin.put(Self.target, .tagged(content))
        func range(_ first: Int64, _ count: Int64) -> PeerFields { ["Range": "bytes=\(first)-\(first + count - 1)"] }
        // Another client has brought what lies behind the first range.
        let early = try PeerClient(port: scene.proxy.port, from: "127.0.0.9")
        try early.request(scene.url(Self.target), fields: range(131_072, 65_536))
        _ = try early.head()
        #expect(try early.checkBody(against: content, at: 131_072).firstDifference == nil)
        try scene.waitUntilNothingIsFilled()
        let before = scene.origin.requests.count
        let gate = Barrier("what is read ahead was refused")
        scene.origin.setFaults { request, _ in
            FileFaults {
                if (request.askedRange?.first ?? 0) < 131_072 {
                    $0.stallAfter = (bytes: 30_000, until: gate)
                } else {
                    $0.instead = (status: 429, fields: ["Retry-After": "1"])
                }
            }
        }
        let client = try scene.client()
        try client.request(scene.url(Self.target), fields: range(65_536, 65_536))
        _ = try client.head()
        try waitUntil("it was refused") { scene.origin.requests.count >= before + 2 }
        for _ in 0..<8 { _ = try scene.status() }
        let asked = scene.origin.requests.count - before
        gate.open()
        #expect(try client.checkBody(against: content, at: 65_536).firstDifference == nil)
        #expect(asked <= 3, "\(scene.origin.requests.map { "\($0["Range"] ?? "-")" })")
    }

    enum Meanwhile: CaseIterable {
        case joins, posts, purges, changes
    }

    @Test(
        "While the end of a body is being confirmed, nothing that happens ends it wrongly",
        arguments: Meanwhile.allCases
    )
    func duringTheQuestion(_ meanwhile: Meanwhile) throws {
        let scene = try Scene()
        let gate = Barrier("it happened")
        defer { gate.open() }
        scene.origin.put(Self.target, .tagged(Self.content))
        scene.origin.setFaults { request, number in
            FileFaults {
                if request.method == "POST" { $0.instead = (201, [:]) }
                if number == 0 { ($0.framing, $0.endsAfter) = (.closeDelimited, mebibyte) }
                if number == 1 { $0.holdHead = gate }
            }
        }
        let client = try scene.client()
        try client.request(scene.url(Self.target))
        _ = try client.head()
        #expect(try client.body(first: 1000) == Self.content.bytes(0..<1000))
        try gate.waitForArrivals(1)
        var joined: PeerClient?
        switch meanwhile {
        case .joins:
            joined = try scene.client()
            try joined?.request(scene.url(Self.target))
            try scene.waitForStatus("two readers") { $0.fills.contains { $0.readers == 2 } }
        case .posts:
            #expect(try scene.get(Self.target, ["Content-Length": "0"], method: "POST").status == 201)
        case .purges:
            #expect(try scene.proxy.command("purge", scene.url(Self.target)).status == 0)
        case .changes:
            scene.origin.put(Self.target, .tagged(Self.other, "\"two\""))
            #expect(try scene.check(Self.target, Self.other, ["Cache-Control": "no-cache"]).body.isWhole)
        }
        gate.open()
        if let joined {
            _ = try joined.head()
            #expect(try joined.checkBody(against: Self.content).isWhole)
        }
        let body = try client.checkBody(against: Self.content, at: 1000)
        #expect(body.firstDifference == nil)
        #expect(body.end != .complete || body.count == Self.content.length - 1000 || meanwhile == .changes, "\(body)")
        try scene.waitUntilNothingIsFilled()
        let now = meanwhile == .changes ? Self.other : Self.content
        #expect(try scene.check(Self.target, now).body.isWhole)
        try scene.waitUntilNothingIsFilled()
        #expect(try scene.status().waits.isEmpty)
    }

    @Test("A new version that may not be stored: who has bytes of the old one is cut, who waits gets it whole")
    func changeNotStorable() throws {
        let scene = try Scene()
        let gate = Barrier("two clients wait")
        defer { gate.open() }
        scene.origin.put(Self.target, .tagged(Self.content))
        let cut = Barrier("the connection breaks")
        scene.origin.setFaults { _, number in
            FileFaults {
                if number == 0 { ($0.stallAfter, $0.closeAfter) = ((mebibyte, cut), mebibyte + 1) }
                if number == 1 { $0.holdHead = gate }
            }
        }
        let first = try scene.client()
        try first.request(scene.url(Self.target))
        _ = try first.head()
        #expect(try first.body(first: 1000) == Self.content.bytes(0..<1000))
        scene.origin.put(Self.target, .tagged(Self.other, "\"two\"", cacheControl: "no-store"))
        cut.open()
        try gate.waitForArrivals(1)
        let waiting = try (0..<2).map { _ in try scene.client() }
        for client in waiting { try client.request(scene.url(Self.target)) }
        try scene.waitForStatus("three readers") { $0.fills.contains { $0.readers == 3 } }
        gate.open()
        for client in waiting {
            #expect(try client.head()["ETag"] == "\"two\"")
            #expect(try client.checkBody(against: Self.other).isWhole)
        }
        let body = try first.checkBody(against: Self.content, at: 1000)
        #expect(body.firstDifference == nil && body.end != .complete)
        try scene.waitUntilNothingIsFilled()
    }

    @Test("The very last piece is answered with 429 under a limit of the rate: all of it comes, each byte once")
    func lastPieceRefused() throws {
        let content = Content(seed: 9603, length: 24 * mebibyte)
        let scene = try Scene(settings: ["resume.parallel=2", "upstream.max_rate=\"12 MiB\""])
        scene.origin.put(Self.target, .tagged(content))
        scene.origin.setFaults { request, number in
            FileFaults {
                if request.askedRange != nil, number < 4 { $0.instead = (429, ["Retry-After": "1"]) }
            }
        }
        #expect(try scene.check(Self.target, content).body.isWhole)
        try scene.waitUntilNothingIsFilled()
        #expect(scene.origin.tally(Self.target).overlapBytes <= 4 * mebibyte)
        #expect(try scene.isServedWhole(Self.target, content))
    }

    @Test("A wrong digest is found where the rest comes after a kill and the response had begun early (resume.eager)")
    func digestAndEager() throws {
        let scene = try DigestTests.parkedAndKilled(["resume.eager=true"])
        let target = DigestTests.target
        #expect(try scene.check(target, DigestTests.content).body.end != .complete)
        try waitUntil("it is dropped") { try scene.heldBytes(scene.url(target)) == 0 }
    }

    @Test("A retained version of another variant is not what a client continues")
    func retainedVariant() throws {
        let scene = try ScriptedScene(settings: ["resume.resume_guard=\"retained\""]) { request, connection in
            let isNew = request["Cache-Control"] == "no-cache" || request["Accept-Language"] == "en"
            let content = isNew ? Self.other : Self.content
            let fields: PeerFields = [
                "ETag": isNew ? "\"two\"" : "\"one\"", "Vary": "Accept-Language", "Cache-Control": "max-age=3600",
            ]
            try connection.respond(fields: fields, body: content.allBytes)
        }
        let url = scene.url(Self.target)
        let german = try PeerClient.check(
            url,
            through: scene.proxy.port,
            against: Self.content,
            fields: ["Accept-Language": "de"]
        )
        #expect(german.body.isWhole)
        for fields: PeerFields in [
            ["Accept-Language": "de", "Cache-Control": "no-cache"], ["Accept-Language": "en"],
        ] {
            let client = try PeerClient(port: scene.proxy.port, from: "127.0.0.9")
            try client.request(url, fields: fields)
            _ = try client.head()
            #expect(try client.checkBody(against: Self.other).isWhole)
        }
        let english = try PeerClient.check(
            url,
            through: scene.proxy.port,
            against: Self.other,
            fields: ["Accept-Language": "en", "Range": "bytes=\(mebibyte)-"]
        )
        #expect(english.head.status == 200)
        #expect(english.body.isWhole)
        let again = try PeerClient.check(
            url,
            through: scene.proxy.port,
            against: Self.content,
            at: mebibyte,
            fields: ["Accept-Language": "de", "Range": "bytes=\(mebibyte)-"]
        )
        #expect(again.head.status == 206 || again.head.status == 200)
    }

    @Test("A retained version that is purged while it is read is read to its end, or cut")
    func retainedPurged() throws {
        let old = Content(seed: 9604, length: 24 * mebibyte)
        let scene = try Scene(settings: ["resume.resume_guard=\"retained\""])
        scene.origin.put(Self.target, .tagged(old))
        #expect(try scene.check(Self.target, old).body.isWhole)
        scene.origin.put(Self.target, .tagged(Self.other, "\"two\""))
        let refresher = try PeerClient(port: scene.proxy.port, from: "127.0.0.9")
        try refresher.request(scene.url(Self.target), fields: ["Cache-Control": "no-cache"])
        _ = try refresher.head()
        #expect(try refresher.checkBody(against: Self.other).isWhole)
        try scene.waitUntilNothingIsFilled()
        let client = try scene.client()
        client.shrinkReceiveBuffer(to: 65_536)
        try client.request(scene.url(Self.target), fields: ["Range": "bytes=1000-"])
        #expect(try client.head().status == 206)
        #expect(try client.body(first: 1000) == old.bytes(1000..<2000))
        #expect(try scene.proxy.command("purge", scene.url(Self.target)).status == 0)
        let body = try client.checkBody(against: old, at: 2000)
        #expect(body.firstDifference == nil)
        #expect(body.end != .complete || body.count == old.length - 2000)
    }

    @Test(
        "A body that passes through and breaks while its client takes nothing: read on, it is whole; left, nothing stays",
        arguments: [true, false]
    )
    func pausedAndBroken(readsOn: Bool) throws {
        let content = Content(seed: 9605, length: 64 * mebibyte)
        let broken = Barrier("it has broken off")
        let scene = try ScriptedScene { request, connection in
            let range = request.askedRange.map { $0.first..<content.length } ?? 0..<content.length
            let isFirst = request.askedRange == nil
            let part = "Content-Range: bytes \(range.lowerBound)-\(content.length - 1)/\(content.length)\r\n"
            try connection.send(
                "HTTP/1.1 \(isFirst ? "200 OK" : "206 Partial Content")\r\nETag: \"one\"\r\nAccept-Ranges: bytes\r\n"
                    + "Cache-Control: no-store\r\n\(isFirst ? "" : part)Content-Length: \(range.count)\r\n\r\n"
            )
            guard isFirst else { return try connection.send(content.bytes(range)) }
            connection.patience = 1
            do {
                try connection.send(content.allBytes)
            } catch {
                // Nothing is read any more.
                connection.reset()
                broken.arrive()
            }
        }
        let client = try scene.client()
        client.shrinkReceiveBuffer(to: 65_536)
        try client.request(scene.url(Self.target))
        _ = try client.head()
        #expect(try client.body(first: 1000) == content.bytes(0..<1000))
        try broken.waitForArrivals(1)
        if readsOn {
            #expect(try client.checkBody(against: content, at: 1000).isWhole)
            #expect(scene.origin.requests.count == 2)
        } else {
            client.reset()
        }
        try waitUntil("nothing is waited for") {
            try JSONDecoder().decode(StatusView.self, from: Data(scene.proxy.command("status", "--json").output.utf8))
                .waits.isEmpty
        }
        if !readsOn {
            try scene.origin.waitForNoConnections()
            #expect(scene.origin.requests.count == 1)
        }
    }
}
