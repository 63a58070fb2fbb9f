// Mirrors that name the version and have other bytes: what is held is compared with what they send, before they write and
// after it, and what two of them say differently is for the origin to decide (resume-rules 11).

import Foundation
import ScriptedPeers
import Synchronization
import Testing

@Suite("Mirrors that lie", .onOwnThreads)
struct LyingMirrorTests {
    static let target = "/pool/a.deb"
    static let content = Content(seed: 7711, length: 4 * mebibyte)
    static let other = Content(seed: 7712, length: 4 * mebibyte)
    static let hole = mebibyte
    /// From here on the lying mirror has other bytes.
    static let lie = mebibyte + 65_536

    /// Right up to the lie, and wrong from there on.
    private static func lying(closeAfter: Int64? = nil) throws -> ScriptedOrigin {
        try ScriptedOrigin { request, connection in
            guard let (first, last) = request.askedRange else { return connection.close() }
            let end = last.map { $0 + 1 } ?? content.length
            let head = "ETag: \"one\"\r\nContent-Range: bytes \(first)-\(end - 1)/\(content.length)\r\n"
            try connection.send("HTTP/1.1 206 Partial Content\r\n\(head)Content-Length: \(end - first)\r\n\r\n")
            if first < lie { try connection.send(content.bytes(first..<lie)) }
            let stop = closeAfter.map { min(end, max(first, lie) + $0) } ?? end
            try connection.send(other.bytes(max(first, lie)..<stop))
            if stop < end { connection.close() }
        }
    }

    private static func proxy(
        _ folder: TemporaryDirectory,
        _ origin: FileOrigin,
        _ mirrors: [String],
        _ settings: [String] = []
    ) throws -> ProxyProcess {
        let path = folder.file("proxy.conf")
        let urls = ([origin.url("")] + mirrors).map { "\"\($0)\"" }.joined(separator: ", ")
        try "[[rule]]\npath = \"/pool/**\"\nmirrors = [\(urls)]\n".write(
            toFile: path,
            atomically: true,
            encoding: .utf8
        )
        return try ProxyProcess(
            cacheDirectory: folder.file("cache"),
            settings: ["upstream.heal_timeout=3s"] + settings,
            arguments: ["--config", path]
        )
    }

    @Test("What is held behind a hole shows that the mirror's bytes in it are wrong: nothing of them is used again")
    func heldBehind() throws {
        let (origin, mirror) = (try FileOrigin(), try Self.lying())
        defer { mirror.stop() }
        let folder = try TemporaryDirectory()
        let proxy = try Self.proxy(folder, origin, [mirror.url("")])
        origin.put(Self.target, .tagged(Self.content))
        let url = origin.url(Self.target)
        let run = mebibyte + 200_000
        // A short run of bytes, through which a fill reads, and compares them.
        let early = try PeerClient.check(
            url,
            through: proxy.port,
            against: Self.content,
            at: run,
            fields: ["Range": "bytes=\(run)-\(run + 8191)"]
        )
        #expect(early.head.status == 206)
        origin.setFaults { _, number in
            FileFaults { if number == 1 { $0.closeAfter = Self.hole } else { $0.closeBeforeHead = true } }
        }
        let cut = try PeerClient.check(url, through: proxy.port, against: Self.content)
        #expect(cut.head.status == 200)
        #expect(cut.body.end != .complete)
        #expect(mirror.requests.count == 1)
        #expect(proxy.errors.contains("has other bytes"), "\(proxy.errors)")
        origin.clearFaults()
        // Who may have got some of them is not given a rest to join to them.
        let rest = try PeerClient.check(
            url,
            through: proxy.port,
            against: Self.content,
            fields: ["Range": "bytes=\(cut.body.count)-"]
        )
        #expect(rest.head.status == 200)
        #expect(rest.body == CheckedBody(count: Self.content.length, end: .complete))
        #expect(try PeerClient.check(url, through: proxy.port, against: Self.content).body.isWhole)
        #expect(mirror.requests.count == 1)
    }

    @Test("Of two mirrors that have other bytes neither is believed: the origin decides")
    func twoMirrors() throws {
        let (origin, honest) = (try FileOrigin(), try FileOrigin())
        let lying = try Self.lying(closeAfter: 300_000)
        defer { lying.stop() }
        let folder = try TemporaryDirectory()
        let proxy = try Self.proxy(folder, origin, [lying.url(""), honest.url("")])
        origin.put(Self.target, .tagged(Self.content))
        honest.put(Self.target, .tagged(Self.content))
        origin.setFaults { _, number in
            FileFaults { if number == 0 { $0.closeAfter = Self.hole } else { $0.closeBeforeHead = true } }
        }
        let url = origin.url(Self.target)
        let cut = try PeerClient.check(url, through: proxy.port, against: Self.content)
        #expect(cut.body.end != .complete)
        #expect(lying.requests.count == 1)
        #expect(honest.requests.count == 1)
        origin.clearFaults()
        let whole = try PeerClient.check(url, through: proxy.port, against: Self.content)
        #expect(whole.body.end != .complete || whole.body.firstDifference == nil, "\(whole.body)")
        #expect(try PeerClient.check(url, through: proxy.port, against: Self.content).body.isWhole)
    }

    @Test("What a mirror sent wrongly is found by the digest that the origin has named, and is not given as whole")
    func digestTells() throws {
        let (origin, mirror) = (try FileOrigin(), try Self.lying())
        defer { mirror.stop() }
        let folder = try TemporaryDirectory()
        let proxy = try Self.proxy(folder, origin, [mirror.url("")])
        origin.put(Self.target, DigestTests.version(Self.content))
        origin.setFaults { _, number in
            FileFaults { if number == 0 { $0.closeAfter = Self.hole } else { $0.closeBeforeHead = true } }
        }
        let url = origin.url(Self.target)
        #expect(try PeerClient.check(url, through: proxy.port, against: Self.content).body.end != .complete)
        origin.clearFaults()
        let next = try PeerClient.check(url, through: proxy.port, against: Self.content)
        #expect(next.body.isWhole, "\(next.body)")
        #expect(try PeerClient.check(url, through: proxy.port, against: Self.content).body.isWhole)
    }

    @Test(
        "An origin that is known to honour conditions is compared with what a mirror has written all the same",
        arguments: ["max-age=3600", "no-store"]
    )
    func originAfterMirror(later: String) throws {
        let (origin, lying) = (try FileOrigin(), try Self.lying(closeAfter: 300_000))
        defer { lying.stop() }
        let folder = try TemporaryDirectory()
        let proxy = try Self.proxy(folder, origin, [lying.url("")])
        let known = "/other"
        let (gate, put) = (Barrier("the version has changed"), Barrier("what may be done with it has changed"))
        for target in ["/same", known, Self.target] { origin.put(target, .tagged(Self.content)) }
        origin.setFaults { request, number in
            FileFaults {
                guard number == 0 else { return }
                $0.closeAfter = Self.hole + 1
                if request.target == known { $0.stallAfter = (bytes: Self.hole, until: gate) }
                if request.target == Self.target { $0.stallAfter = (bytes: Self.hole, until: put) }
            }
        }
        // It answers If-Range with the rest of the same version, and with the whole of another one.
        #expect(try PeerClient.check(origin.url("/same"), through: proxy.port, against: Self.content).body.isWhole)
        let first = try PeerClient(port: proxy.port)
        try first.request(origin.url(known))
        _ = try first.head()
        #expect(try first.body(first: 1000) == Self.content.bytes(0..<1000))
        origin.put(known, .tagged(Self.other, "\"two\""))
        gate.open()
        #expect(try first.checkBody(against: Self.content, at: 1000).end != .complete)
        #expect(origin.requests.last?["If-Range"] == "\"one\"")
        let url = origin.url(Self.target)
        let client = try PeerClient(port: proxy.port)
        try client.request(url)
        _ = try client.head()
        #expect(try client.body(first: 1000) == Self.content.bytes(0..<1000))
        origin.put(Self.target, .tagged(Self.content, cacheControl: later))
        put.open()
        let cut = try client.checkBody(against: Self.content, at: 1000)
        #expect(lying.requests.count == 1)
        #expect(cut.end != .complete, "\(cut)")
        #expect(try PeerClient.check(url, through: proxy.port, against: Self.content).body.isWhole)
    }
}
