// Digests that the origin or the URL names, on sockets: what has another one is never given away as whole, it is fetched
// anew, a bounded number of times, and where it is known which part is wrong, only that part.

import Digests
import Foundation
import HTTPSemantics
import ScriptedPeers
import Testing

@Suite("Bodies are compared with the digests that are named for them (RFC 9530, RFC 3230)", .onOwnThreads)
struct DigestTests {
    static let target = "/file"
    static let content = Content(seed: 8101, length: 3 * mebibyte + 77)

    static func sha256(of content: Content) -> [UInt8] {
        var running = RunningDigest(.sha256)
        for start in stride(from: 0, to: content.length, by: 1 << 20) {
            running.update(content.bytes(start..<min(content.length, start + (1 << 20))))
        }
        return running.bytes
    }

    static func field(_ digest: [UInt8]) -> String { "sha-256=:\(Data(digest).base64EncodedString()):" }

    /// A version that names a digest: its own, or that of other content.
    static func version(_ content: Content, naming named: Content? = nil, _ tag: String = "\"one\"") -> FileVersion {
        var version = FileVersion.tagged(content, tag)
        version.fields = ["Repr-Digest": field(sha256(of: named ?? content))]
        return version
    }

    static let other = Content(seed: 8102, length: 1000)

    @Test("What has the digest that is named is delivered whole, is a hit afterwards, and show says so")
    func right() throws {
        let scene = try Scene()
        scene.origin.put(Self.target, Self.version(Self.content))
        #expect(try scene.check(Self.target, Self.content).body.isWhole)
        #expect(try scene.isServedWhole(Self.target, Self.content))
        let shown = try scene.proxy.command("show", scene.url(Self.target))
        #expect(shown.output.contains("as Repr-Digest names it"), "\(shown.output)")
        let listed = try scene.proxy.command("ls", "--json")
        #expect(listed.output.contains("\"namedBy\":\"Repr-Digest\""))
        // What was found out is kept.
        try scene.proxy.terminate()
        let later = try scene.proxy.command("show", scene.url(Self.target))
        #expect(later.output.contains("as Repr-Digest names it"), "\(later.output)")
    }

    @Test(
        "A byte that the line has spoilt: the client does not get the end, the next one gets all, and it is right",
        arguments: ["repr", "content", "digest", "md5"]
    )
    func spoiltOnce(field: String) throws {
        let lab = try LabProcess()
        let folder = try TemporaryDirectory()
        let proxy = try ProxyProcess(cacheDirectory: folder.file("cache"))
        let target = "/f/8M/a?corrupt=5M&times=1&digest=ok:\(field)"
        let content = try lab.content(target)
        let first = try PeerClient.check(lab.url(target), through: proxy.port, against: content)
        #expect(first.body.end != .complete)
        #expect(first.body.count < content.length)
        try waitUntil("the log says what became of it") { proxy.errors.contains("What was held of it was dropped") }
        try waitUntil("the access log says why it was cut") {
            proxy.output.split(separator: "\n").contains { $0.contains("corrupt=5M") && $0.contains("-names") }
        }
        let second = try PeerClient.check(lab.url(target), through: proxy.port, against: content)
        #expect(second.body.isWhole, "\(second.body)")
        #expect(try proxy.command("show", lab.url(target)).output.contains("digest"))
    }

    @Test("An origin that names a wrong digest is asked twice, and passes through after that: nothing is kept as whole")
    func wrongDigest() throws {
        let scene = try Scene()
        scene.origin.put(Self.target, Self.version(Self.content, naming: Self.other))
        for _ in 0..<2 {
            let cut = try scene.check(Self.target, Self.content)
            #expect(cut.head.status == 200)
            #expect(cut.body.end != .complete)
            #expect(cut.body.firstDifference == nil)
            try waitUntil("it is dropped") { try scene.heldBytes(scene.url(Self.target)) == 0 }
        }
        try waitUntil("the log says so") { scene.proxy.errors.contains("passes through unstored for a day") }
        for number in 3...4 {
            let passed = try scene.check(Self.target, Self.content)
            #expect(passed.body.isWhole)
            #expect(passed.head["Cache-Status"]?.contains("detail=other-digest") == true)
            #expect(scene.origin.requests.count == number)
        }
        #expect(try scene.heldBytes(scene.url(Self.target)) == 0)
        let shown = try scene.proxy.command("show", scene.url(Self.target))
        #expect(shown.output.contains("passes through unstored"), "\(shown.output)")
    }

    @Test("A small body, which lies in a row of the index, is held back as a whole until it is known to be right")
    func small() throws {
        let scene = try Scene()
        let content = Content(seed: 8103, length: 900)
        scene.origin.put("/small", Self.version(content, naming: Self.other))
        let cut = try scene.check("/small", content)
        #expect(cut.body.end != .complete)
        #expect(cut.body.count == 0)
        scene.origin.put("/small", Self.version(content, "\"two\""))
        #expect(try scene.check("/small", content).body.isWhole)
        #expect(try scene.isServedWhole("/small", content))
    }

    @Test("A chunked body with another digest gets no last chunk")
    func chunked() throws {
        let scene = try Scene()
        scene.origin.put(Self.target, Self.version(Self.content, naming: Self.other))
        scene.origin.setFaults { _, _ in FileFaults { $0.framing = .chunked } }
        let cut = try scene.check(Self.target, Self.content)
        #expect(cut.body.end != .complete)
        scene.origin.put(Self.target, Self.version(Self.content, "\"two\""))
        #expect(try scene.check(Self.target, Self.content).body.isWhole)
    }

    @Test("Invariant 12: a new version with another digest leaves the older complete one where it is")
    func olderStays() throws {
        let scene = try Scene()
        var old = Self.version(Self.other)
        old.cacheControl = "no-cache"
        scene.origin.put(Self.target, old)
        #expect(try scene.check(Self.target, Self.other).body.isWhole)
        scene.origin.put(Self.target, Self.version(Self.content, naming: Self.other, "\"two\""))
        #expect(try scene.check(Self.target, Self.content).body.end != .complete)
        try waitUntil("the new one is dropped") {
            try scene.heldBytes(scene.url(Self.target)) == Self.other.length
        }
        scene.origin.put(Self.target, old)
        let before = scene.origin.bodyBytesSent(Self.target)
        #expect(try scene.check(Self.target, Self.other).body.isWhole)
        #expect(scene.origin.bodyBytesSent(Self.target) == before)
    }

    @Test("The digest in the URL of an apt repository counts without any field")
    func byHash() throws {
        let scene = try Scene()
        let right = "/dists/sid/by-hash/SHA256/" + Self.hexadecimal(Self.sha256(of: Self.content))
        let wrong = "/dists/sid/by-hash/SHA256/" + Self.hexadecimal(Self.sha256(of: Self.other))
        for target in [right, wrong] { scene.origin.put(target, .tagged(Self.content)) }
        #expect(try scene.check(right, Self.content).body.isWhole)
        #expect(try scene.isServedWhole(right, Self.content))
        #expect(try scene.check(wrong, Self.content).body.end != .complete)
    }

    static func hexadecimal(_ digest: [UInt8]) -> String { DigestValue(.sha256, digest)?.hexadecimal ?? "" }

    /// A part of a file whose origin names another digest is held by a proxy that was killed, and runs again.
    static func parkedAndKilled(_ settings: [String] = []) throws -> Scene {
        let scene = try Scene(settings: settings + ["resume.on_disconnect=\"park\""])
        scene.origin.put(target, version(content, naming: other))
        let gate = Barrier("the proxy was killed")
        defer { gate.open() }
        scene.origin.setFaults { _, number in
            FileFaults { if number == 0 { $0.stallAfter = (bytes: 2 * mebibyte, until: gate) } }
        }
        try scene.readAndLeave(target, content, mebibyte)
        try scene.waitUntilHeld(target, mebibyte)
        try scene.waitUntilNothingIsFilled()
        try scene.killAndStartAgain()
        return scene
    }

    @Test("A download that broke off and was resumed after SIGKILL is compared as a whole")
    func resumed() throws {
        let scene = try Self.parkedAndKilled()
        let cut = try scene.check(Self.target, Self.content)
        #expect(cut.body.end != .complete)
        try waitUntil("it is dropped") { try scene.heldBytes(scene.url(Self.target)) == 0 }
        #expect(scene.origin.requests.last?["If-Range"] == "\"one\"")
    }

    @Test("Clients that wait for the same last bytes all get them, and a range in the middle waits for nothing")
    func together() throws {
        let scene = try Scene()
        let gate = Barrier("the clients are there")
        scene.origin.put(Self.target, Self.version(Self.content))
        scene.origin.setFaults { _, number in
            FileFaults { if number == 0 { $0.stallAfter = (bytes: 2 * mebibyte, until: gate) } }
        }
        let clients = try (0..<3).map { _ in try scene.client() }
        for client in clients { try client.request(scene.url(Self.target)) }
        for client in clients { _ = try client.head() }
        let range = try scene.check(Self.target, Self.content, at: 1000, ["Range": "bytes=1000-1000999"])
        #expect(range.head.status == 206)
        #expect(range.body == CheckedBody(count: 1_000_000, end: .complete))
        gate.open()
        for client in clients { #expect(try client.checkBody(against: Self.content).isWhole) }
    }

    @Test(
        "The last bytes of what is not complete elsewhere are given at once: nobody waits for a whole that never comes"
    )
    func suffix() throws {
        let scene = try Scene()
        scene.origin.put(Self.target, Self.version(Self.content, naming: Self.other))
        let start = Self.content.length - 500
        let answer = try scene.check(Self.target, Self.content, at: start, ["Range": "bytes=-500"])
        #expect(answer.head.status == 206)
        #expect(answer.body == CheckedBody(count: 500, end: .complete))
    }

    @Test("Content-Digest of a part that is wrong: its client is cut, the part is dropped, and the next one is right")
    func wrongPart() throws {
        let lab = try LabProcess()
        let folder = try TemporaryDirectory()
        let proxy = try ProxyProcess(cacheDirectory: folder.file("cache"))
        let target = "/f/8M/a?corrupt=5M&times=1&digest=ok:content"
        let content = try lab.content(target)
        let (first, last) = (4 * mebibyte, 6 * mebibyte - 1)
        let fields: PeerFields = ["Range": "bytes=\(first)-\(last)"]
        let cut = try PeerClient.check(
            lab.url(target),
            through: proxy.port,
            against: content,
            at: first,
            fields: fields
        )
        #expect(cut.head.status == 206)
        #expect(cut.body.end != .complete)
        #expect(cut.head["Content-Digest"] == nil)
        try waitUntil("the log says so") { proxy.errors.contains("That part was dropped") }
        // Who comes before it is dropped is cut as well; nobody is given it to its end.
        try waitUntil("the part is right") {
            let again = try PeerClient.check(
                lab.url(target),
                through: proxy.port,
                against: content,
                at: first,
                fields: fields
            )
            if again.body.end == .complete, !again.body.isWhole { throw PeerFailure("wrong and complete") }
            return again.body == CheckedBody(count: last + 1 - first, end: .complete)
        }
    }

    @Test("Of several parts only the wrong one is fetched again, by itself; the others stay")
    func onePartOfSeveral() throws {
        let content = Self.content
        let isSpoilt = Switch(true)
        let scene = try ScriptedScene { request, connection in
            guard let range = request.askedRange, let last = range.last else {
                return try connection.respond(500, "No")
            }
            let first = range.first
            var bytes = content.bytes(first..<last + 1)
            var running = RunningDigest(.sha256)
            running.update(bytes)
            if last >= mebibyte, isSpoilt.isOn {
                isSpoilt.isOn = false
                bytes[500_000] ^= 1
            }
            try connection.respond(
                206,
                "Partial Content",
                fields: [
                    "ETag": "\"one\"", "Cache-Control": "max-age=3600",
                    "Content-Range": "bytes \(first)-\(last)/\(content.length)",
                    "Content-Digest": Self.field(running.bytes),
                ],
                body: bytes
            )
        }
        func get(_ first: Int64, _ end: Int64) throws -> CheckedBody {
            try PeerClient.check(
                scene.url("/f"),
                through: scene.proxy.port,
                against: content,
                at: first,
                fields: ["Range": "bytes=\(first)-\(end - 1)"]
            ).body
        }
        #expect(try get(0, mebibyte) == CheckedBody(count: mebibyte, end: .complete))
        #expect(try get(mebibyte, 2 * mebibyte).end != .complete)
        try waitUntil("the part is fetched anew") { scene.origin.requests.count >= 3 }
        let joined = try get(0, 2 * mebibyte)
        #expect(
            joined == CheckedBody(count: 2 * mebibyte, end: .complete),
            "\(joined) \(scene.origin.requests.map { $0["Range"] }) \(scene.proxy.errors)"
        )
        // Only the part, with the rest of the cell of 64 KiB in which it begins, and the 16 KiB before that.
        let again = scene.origin.requests.dropFirst(2).compactMap { $0.askedRange?.first }
        #expect(again.allSatisfy { $0 >= mebibyte - 80 * kibibyte }, "\(again)")
        let count = scene.origin.requests.count
        #expect(try get(0, 2 * mebibyte) == CheckedBody(count: 2 * mebibyte, end: .complete))
        #expect(scene.origin.requests.count == count)
    }

    @Test("resume.verify_digests = false: what the origin sends is passed on and kept as it is")
    func off() throws {
        let scene = try Scene(settings: ["resume.verify_digests=false"])
        scene.origin.put(Self.target, Self.version(Self.content, naming: Self.other))
        #expect(try scene.check(Self.target, Self.content).body.isWhole)
        #expect(try scene.isServedWhole(Self.target, Self.content))
    }

    @Test("holdfast fetch goes on until the digest is the one that is named, and gives up where it never is")
    func fetched() throws {
        let lab = try LabProcess()
        let folder = try TemporaryDirectory()
        let proxy = try ProxyProcess(cacheDirectory: folder.file("cache"))
        let healed = "/f/2M/a?corrupt=1M&times=1&digest=ok:repr"
        let done = try proxy.command("fetch", "--wait", lab.url(healed))
        #expect(done.status == 0, "\(done.output)\(done.errors)")
        let content = try lab.content(healed)
        #expect(try PeerClient.check(lab.url(healed), through: proxy.port, against: content).body.isWhole)
        let never = try proxy.command("fetch", "--wait", lab.url("/f/2M/b?digest=wrong:repr"))
        #expect(never.status == 1)
        #expect(never.output.contains("does not have the digest"), "\(never.output)")
    }
}
