// The proxy before the fault laboratory (docs/lab.md): whatever the origin does, no wrong byte is delivered, and nothing
// is delivered as whole that is not.

import Foundation
import ScriptedPeers
import Testing

@Suite("Before the fault laboratory", .onOwnThreads) struct LaboratoryTests {
    private let folder: TemporaryDirectory
    private let proxy: ProxyProcess

    init() throws {
        folder = try TemporaryDirectory()
        proxy = try ProxyProcess(cacheDirectory: folder.file("cache"), settings: ["upstream.heal_timeout=2s"])
    }

    @Test(
        "What can be healed is healed: one response, every byte, over many connections",
        arguments: [
            "drop=1M..5M", "reset=1M..5M", "drop=3M&every=3:503&retry-after=0",
            "drop=4M&length=no", "drop=2M..4M&etag=none&lm=on", "drop=4M&digest=ok", "drop=5M&times=2&ranges=half",
        ]
    )
    func healed(faults: String) throws {
        let lab = try LabProcess()
        let target = "/f/12M/a?\(faults)"
        let content = try lab.content(target)
        let (head, body) = try PeerClient.check(lab.url(target), through: proxy.port, against: content)
        #expect(head.status == 200)
        #expect(body.isWhole, "\(body)")
    }

    @Test(
        "A lie about ranges never reaches a client: what comes is right, and whole only where all of it came",
        arguments: [
            "shifted", "broken-start", "broken-total", "no-content-range", "multipart", "short", "long", "416", "lie",
            "off", "unknown-total",
        ]
    )
    func lies(word: String) throws {
        let lab = try LabProcess()
        let target = "/f/12M/a?drop=5M&times=3&ranges=\(word)"
        let content = try lab.content(target)
        for _ in 0..<2 {
            let (_, body) = try PeerClient.check(lab.url(target), through: proxy.port, against: content)
            #expect(body.firstDifference == nil)
            #expect(body.count == content.length || body.end != .complete, "\(body)")
        }
    }

    @Test(
        "A file that changes in the middle is never spliced",
        arguments: ["if-range=on", "if-range=ignore", "if-range=never", "change-tag=no&if-range=on"]
    )
    func changes(faults: String) throws {
        let lab = try LabProcess()
        let target = "/f/12M/a?drop=5M&times=1&change=after:1&\(faults)"
        let first = try lab.content(target, version: 1)
        let (_, body) = try PeerClient.check(lab.url(target), through: proxy.port, against: first)
        #expect(body.firstDifference == nil)
        #expect(body.end != .complete)
    }

    @Test("An origin that is killed in the middle and started again is a pause", arguments: ["", "&cc=no-store"])
    func restart(faults: String) throws {
        let lab = try LabProcess()
        let target = "/f/12M/a?rate=8M\(faults)"
        let content = try lab.content(target)
        let client = try PeerClient(port: proxy.port)
        try client.request(lab.url(target))
        _ = try client.head()
        #expect(try client.checkBody(against: content, limit: 1_000_000).firstDifference == nil)
        try lab.kill()
        let again = try lab.startAgain()
        let rest = try client.checkBody(against: content, at: 1_000_000)
        #expect(rest.isWhole, "\(rest)")
        #expect(again.child.end == nil)
    }
}

@Suite("Whoever comes after a cut gets the truth", .onOwnThreads) struct AfterTheCutTests {
    private static func proxy(_ folder: TemporaryDirectory) throws -> ProxyProcess {
        try ProxyProcess(cacheDirectory: folder.file("cache"), settings: ["upstream.heal_timeout=2s"])
    }

    @Test(
        "Parts that are not what they say: neither the rest that is asked for nor the next whole is put together from them",
        arguments: ["bytes=5242880-", "bytes=8388608-"]
    )
    func shifted(range: String) throws {
        let folder = try TemporaryDirectory()
        let (lab, proxy) = (try LabProcess(), try Self.proxy(folder))
        let target = "/f/12M/a?drop=5M&times=1&ranges=shifted"
        let content = try lab.content(target)
        let (_, cut) = try PeerClient.check(lab.url(target), through: proxy.port, against: content)
        #expect(cut.firstDifference == nil && cut.end == .truncated, "\(cut)")
        // As curl -C - does. A whole is compared from its first byte.
        let (head, rest) = try PeerClient.check(
            lab.url(target),
            through: proxy.port,
            against: content,
            fields: ["Range": range]
        )
        #expect(head.status == 200)
        #expect(rest.isWhole, "\(rest)")
        let (_, next) = try PeerClient.check(lab.url(target), through: proxy.port, against: content)
        #expect(next.isWhole, "\(next)")
    }

    @Test("A body with another digest than was named: its beginning is no beginning of what is fetched anew")
    func otherDigest() throws {
        let folder = try TemporaryDirectory()
        let (lab, proxy) = (try LabProcess(), try Self.proxy(folder))
        let target = "/f/12M/b?corrupt=5M&times=1&digest=ok"
        let content = try lab.content(target)
        let client = try PeerClient(port: proxy.port)
        try client.request(lab.url(target))
        _ = try client.head()
        let cut = try client.checkBody(against: content)
        #expect(cut.end != .complete)
        let fields: PeerFields = ["Range": "bytes=\(content.length - 65_536)-"]
        let (head, rest) = try PeerClient.check(lab.url(target), through: proxy.port, against: content, fields: fields)
        #expect(head.status == 200)
        #expect(rest.isWhole, "\(rest)")
    }
}
