// `holdfast verify`: what the disk has spoilt is found, dropped and fetched again, and the rest stays.

import Foundation
import HTTPSemantics
import ScriptedPeers
import Testing

@Suite("holdfast verify", .onOwnThreads)
struct VerifyTests {
    static let target = "/file"
    static let content = Content(seed: 8201, length: 6 * mebibyte)

    /// The target is held whole, and the proxy has ended.
    static func storedScene(_ settings: [String] = []) throws -> Scene {
        let scene = try Scene(settings: settings)
        scene.origin.put(target, .tagged(content))
        #expect(try scene.check(target, content).body.isWhole)
        try scene.waitForStatus("nothing is owed") { $0.isIdle }
        try scene.proxy.terminate()
        return scene
    }

    static func damage(_ scene: Scene, at offsets: [UInt64]) throws {
        let path = try RestartAndCrashTests.bodyFile(in: scene.cacheDirectory, of: content.length)
        try RestartAndCrashTests.damage(path, at: offsets)
    }

    @Test("What is sound is said to be so, with status 0, for a URL and for everything")
    func sound() throws {
        let scene = try Self.storedScene()
        try scene.startAgain()
        let one = try scene.proxy.command("verify", scene.url(Self.target))
        #expect(one.status == 0, "\(one.output)\(one.errors)")
        #expect(one.output.contains("\(Self.target): sound"))
        #expect(one.output.contains("1 response, 6 MiB read; no damage"))
        let all = try scene.proxy.command("verify", "--max-rate", "0")
        #expect(all.status == 0)
        #expect(all.output == "1 response, 6 MiB read; no damage\n", "\(all.output)")
        #expect(scene.origin.requests.count == 1)
    }

    @Test("A byte that changed on the disk: its piece is dropped and fetched again, and nothing but that piece")
    func damagedPiece() throws {
        let scene = try Self.storedScene()
        try Self.damage(scene, at: [1_000_000])
        try scene.startAgain()
        let found = try scene.proxy.command("verify", scene.url(Self.target))
        #expect(found.status == 1)
        // The piece is the cell of 64 KiB around it.
        #expect(
            found.output.contains("damaged: bytes 983040-1048575 (dropped, and being fetched again)"),
            "\(found.output)"
        )
        try scene.waitUntilHeld(Self.target, Self.content.length)
        try scene.waitForStatus("nothing is owed") { $0.isIdle && $0.damagedPieces == 1 }
        let again = scene.origin.bodyBytesSent(Self.target) - Self.content.length
        #expect(again >= 64 * kibibyte && again <= 64 * kibibyte + overlapProbe, "\(again)")
        #expect(scene.origin.requests.last?["If-Range"] == "\"one\"")
        #expect(try scene.isServedWhole(Self.target, Self.content))
        #expect(try scene.proxy.command("verify", scene.url(Self.target)).status == 0)
    }

    @Test("It is read anew, also what was checked and delivered before in this run")
    func checkedBefore() throws {
        let scene = try Self.storedScene()
        try scene.startAgain()
        #expect(try scene.isServedWhole(Self.target, Self.content))
        try Self.damage(scene, at: [5_000_000])
        let found = try scene.proxy.command("verify")
        #expect(found.status == 1)
        #expect(found.output.contains("damaged"), "\(found.output)")
        try scene.waitUntilHeld(Self.target, Self.content.length)
        #expect(try scene.check(Self.target, Self.content).body.isWhole)
    }

    @Test("--no-fetch: what is dropped is fetched when a client asks")
    func noFetch() throws {
        let scene = try Self.storedScene()
        try Self.damage(scene, at: [1_000_000])
        try scene.startAgain()
        let found = try scene.proxy.command("verify", "--no-fetch", scene.url(Self.target))
        #expect(found.status == 1)
        #expect(found.output.contains("(dropped)"), "\(found.output)")
        #expect(scene.origin.requests.count == 1)
        #expect(try scene.check(Self.target, Self.content).body.isWhole)
        #expect(scene.origin.requests.count == 2)
    }

    @Test("Without a proxy it is dropped and remembered, and the next proxy fetches it by itself")
    func withoutProxy() throws {
        let scene = try Self.storedScene()
        try Self.damage(scene, at: [1_000_000])
        let found = try scene.proxy.command("verify", "--json")
        #expect(found.status == 1)
        let lines = found.output.split(separator: "\n")
        #expect(lines.count == 2, "\(found.output)")
        #expect(lines.first?.contains("\"damaged\":[[983040,1048576]]") == true, "\(found.output)")
        #expect(lines.first?.contains("\"isRefetched\":true") == true)
        #expect(lines.last?.contains("\"damagedBytes\":65536") == true)
        try scene.startAgain()
        try scene.waitUntilHeld(Self.target, Self.content.length)
        let again = scene.origin.bodyBytesSent(Self.target) - Self.content.length
        #expect(again <= 64 * kibibyte + overlapProbe, "\(again)")
    }

    @Test("A byte of a small body in the index: its row goes, and it is fetched when it is asked for")
    func damagedRow() throws {
        let scene = try Scene()
        let content = Content(seed: 8202, length: 3000)
        scene.origin.put("/small", .tagged(content))
        #expect(try scene.check("/small", content).body.isWhole)
        try scene.waitForStatus("nothing is owed") { $0.isIdle }
        try scene.proxy.terminate()
        let path = scene.cacheDirectory + "/index.sqlite"
        let index = try Data(contentsOf: URL(fileURLWithPath: path))
        let place = try #require(index.range(of: Data(content.bytes(1000..<1064))))
        try RestartAndCrashTests.damage(path, at: [UInt64(place.lowerBound)])
        try scene.startAgain()
        let found = try scene.proxy.command("verify")
        #expect(found.status == 1)
        #expect(found.output.contains("Its row in the index was damaged"), "\(found.output)")
        let answer = try scene.check("/small", content)
        #expect(answer.body == CheckedBody(count: content.length, end: .complete))
        #expect(scene.origin.requests.count == 2)
        #expect(try scene.proxy.command("verify").status == 0)
    }

    @Test("A digest that does not fit is status 3, and the response is gone")
    func otherDigest() throws {
        let scene = try Scene(settings: ["resume.verify_digests=false"])
        scene.origin.put(Self.target, DigestTests.version(Self.content, naming: DigestTests.other))
        #expect(try scene.check(Self.target, Self.content).body.isWhole)
        let found = try scene.proxy.command("verify", scene.url(Self.target))
        #expect(found.status == 3)
        #expect(found.output.contains("WRONG"), "\(found.output)")
        #expect(try scene.heldBytes(scene.url(Self.target)) == 0)
    }

    @Test("--sidecar asks for a file of digests beside the URL, and believes it")
    func sidecar() throws {
        let digest = DigestTests.hexadecimal(DigestTests.sha256(of: Self.content))
        let isRight = Switch(true)
        let origin = try ScriptedOrigin { request, connection in
            switch request.target {
            case "/file":
                try connection.respond(
                    200,
                    "OK",
                    fields: ["ETag": "\"one\"", "Cache-Control": "max-age=3600"],
                    body: Self.content.allBytes
                )
            case "/SHA256SUMS":
                let text = isRight.isOn ? digest : String(digest.reversed())
                try connection.respond(
                    200,
                    "OK",
                    fields: ["Cache-Control": "no-cache", "ETag": "\"\(text.prefix(4))\""],
                    text: "\(String(repeating: "0", count: 64))  other\n\(text)  file\n"
                )
            default: try connection.respond(404, "Not Found", text: "no\n")
            }
        }
        defer { origin.stop() }
        let folder = try TemporaryDirectory()
        let proxy = try ProxyProcess(cacheDirectory: folder.file("cache"))
        #expect(try PeerClient.check(origin.url("/file"), through: proxy.port, against: Self.content).body.isWhole)
        let right = try proxy.command("verify", "--sidecar", origin.url("/file"))
        #expect(right.status == 0, "\(right.output)\(right.errors)")
        #expect(right.output.contains("sha-256 as \(origin.url("/SHA256SUMS")) names it"), "\(right.output)")
        isRight.isOn = false
        let wrong = try proxy.command("verify", "--sidecar", origin.url("/file"))
        #expect(wrong.status == 3, "\(wrong.output)\(wrong.errors)")
        let none = try proxy.command("verify", "--sidecar", origin.url("/nothing"))
        #expect(none.status == 1)
        #expect(none.output.contains("No file of digests was found"), "\(none.output)")
    }

    @Test("What is not held, and what is no URL, has status 1 and says so")
    func nothingHeld() throws {
        let scene = try Scene()
        let found = try scene.proxy.command("verify", scene.url("/nothing"), "nonsense")
        #expect(found.status == 1)
        #expect(found.output.contains("Nothing is held of it."))
        #expect(found.output.contains("nonsense: It is no URL."))
        let help = try scene.proxy.command("verify", "--help")
        #expect(help.output.contains("holdfast verify --sidecar http"))
    }

    @Test("The pace is bounded")
    func pace() throws {
        let scene = try Self.storedScene()
        let begin = Date()
        #expect(try scene.proxy.command("verify", "--max-rate", "6 MiB").status == 0)
        #expect(Date().timeIntervalSince(begin) >= 0.9)
    }
}
