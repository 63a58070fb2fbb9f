// The beginning and the end of the process: the start-up line, one process a cache, the two signals, and what is left
// after SIGKILL (issue: What people see, Stop; R100, R103).

import Foundation
import Glibc
import ScriptedPeers
import Testing

@Suite("Start and stop", .onOwnThreads)
struct StartAndStopTests {
    static let content = Content(seed: 61, length: mebibyte)

    /// A scene whose origin holds a body back half-way.
    private func halfway(_ gate: Barrier, settings: [String] = []) throws -> (Scene, PeerClient) {
        let scene = try Scene(settings: settings)
        scene.origin.put("/a", FileVersion(Self.content, etag: "\"a\"", cacheControl: "max-age=600"))
        scene.origin.setFaults { _, number in
            FileFaults { if number == 0 { $0.stallAfter = (bytes: 524_288, until: gate) } }
        }
        let client = try scene.client()
        try client.request(scene.url("/a"))
        #expect(try client.head().status == 200)
        #expect(try client.checkBody(against: Self.content, limit: 524_288).firstDifference == nil)
        return (scene, client)
    }

    private func mode(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    // MARK: Start

    @Test(
        "The start-up line names addresses, cache, what is held and what is unfinished; nothing else is complained of"
    )
    func startLine() throws {
        let scene = try Scene()
        let first =
            "holdfast: listening on 127.0.0.1:\(scene.proxy.port); cache \(scene.cacheDirectory) holds 0 responses, 0 B; "
        #expect(scene.proxy.output.hasPrefix(first + "0 downloads unfinished\n"))
        scene.origin.put("/a", FileVersion(Content(seed: 1, length: 2 * 1024), cacheControl: "max-age=600"))
        #expect(try scene.get("/a").status == 200)
        #expect(try scene.proxy.terminate() == .exited(0))
        for line in scene.proxy.errors.split(separator: "\n") {
            let isExpected = line.contains("built-in defaults hold") || line.contains("Stopp")
            #expect(isExpected, "\(line)")
        }
        try scene.startAgain()
        #expect(scene.proxy.output.contains("holds 1 response, 2"))
        #expect(scene.proxy.output.contains("; 0 downloads unfinished"))
    }

    @Test("The start-up line counts what is unfinished")
    func unfinished() throws {
        let gate = Barrier("the end of the test")
        let (scene, _) = try halfway(gate, settings: ["resume.on_disconnect=\"park\""])
        try scene.waitUntilHeld("/a", 524_288)
        try scene.killAndStartAgain()
        #expect(scene.proxy.output.contains("; 1 download unfinished"))
        gate.open()
    }

    @Test("A second process on the same cache is refused with a sentence, and the first goes on")
    func secondProcess() throws {
        let scene = try ScriptedScene(handler: answering("x"))
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--cache", scene.proxy.cacheDirectory]
        let second = try ProxyProcess.run(arguments)
        #expect(second.status == 1)
        #expect(second.errors.contains(scene.proxy.cacheDirectory))
        #expect(try scene.get("/a").text == "x")
    }

    @Test("A port that is in use ends the start with a sentence that names it")
    func portInUse() throws {
        let scene = try ScriptedScene(handler: answering("x"))
        let folder = try TemporaryDirectory()
        let address = "127.0.0.1:\(scene.proxy.port)"
        let second = try ProxyProcess.run(["serve", "--listen", address, "--cache", folder.file("cache")])
        #expect(second.status == 1)
        #expect(second.errors.contains(address))
        #expect(second.errors.contains("in use"))
    }

    @Test("The cache directory is its owner's alone, its files too; wider rights are taken away (R100)")
    func rights() throws {
        let folder = try TemporaryDirectory()
        let cache = folder.file("cache")
        try FileManager.default.createDirectory(atPath: cache, withIntermediateDirectories: true)
        #expect(chmod(cache, 0o755) == 0)
        let origin = try FileOrigin()
        defer { origin.stop() }
        origin.put("/a", FileVersion(Content(seed: 2, length: 200_000), etag: "\"a\""))
        let proxy = try ProxyProcess(cacheDirectory: cache)
        defer { try? proxy.kill() }
        #expect(try PeerClient.get(origin.url("/a"), through: proxy.port).status == 200)
        try waitUntil("a body is in the cache") {
            let names = FileManager.default.enumerator(atPath: cache + "/bodies")?.allObjects as? [String] ?? []
            return names.contains { $0.count > 3 }
        }
        #expect(try mode(cache) == 0o700)
        for name in FileManager.default.enumerator(atPath: cache)?.allObjects as? [String] ?? [] {
            // A temporary file of the index may have gone meanwhile.
            guard let mode = try? mode("\(cache)/\(name)") else { continue }
            #expect(mode & 0o077 == 0, "\(name)")
        }
    }

    @Test("A cache directory that is a symbolic link is refused (R100)")
    func symbolicLink() throws {
        let folder = try TemporaryDirectory()
        try FileManager.default.createDirectory(atPath: folder.file("real"), withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("link"),
            withDestinationPath: folder.file("real")
        )
        let result = try ProxyProcess.run(["serve", "--listen", "127.0.0.1:0", "--cache", folder.file("link")])
        #expect(result.status == 1)
        #expect(result.errors.contains("link"))
    }

    // MARK: Stop

    @Test(
        "SIGTERM ends an idle proxy at once with status 0; kept connections are closed",
        arguments: [SIGTERM, SIGINT]
    )
    func idle(signal: Int32) throws {
        let scene = try ScriptedScene(handler: answering("x", ["Cache-Control": "max-age=60"]))
        let client = try scene.client()
        try client.request(scene.url("/a"))
        #expect(try client.response().text == "x")
        let begin = monotonicNanoseconds()
        scene.proxy.child.signal(signal)
        #expect(try client.rest().bytes.isEmpty)
        #expect(try scene.proxy.child.waitForEnd() == .exited(0))
        // The grace is for running responses; there was none.
        #expect(monotonicNanoseconds() - begin < 10_000_000_000)
    }

    @Test("SIGTERM lets a running response end, refuses new connections, and the end is status 0 (R103)")
    func grace() throws {
        let gate = Barrier("SIGTERM was sent")
        let (scene, client) = try halfway(gate)
        let port = scene.proxy.port
        scene.proxy.child.signal(SIGTERM)
        try waitUntil("new connections are refused") { (try? PeerClient(port: port)) == nil }
        #expect(scene.proxy.child.end == nil)
        gate.open()
        let rest = try client.checkBody(against: Self.content, at: 524_288)
        #expect(rest.isWhole)
        #expect(rest.count == 524_288)
        #expect(try client.rest().bytes.isEmpty)
        #expect(try scene.proxy.child.waitForEnd() == .exited(0))
        try scene.startAgain()
        let hit = try scene.check("/a", Self.content)
        #expect(hit.body.isWhole)
        #expect(hit.head["Cache-Status"]?.contains("hit") == true)
        #expect(scene.origin.requests.count == 1)
    }

    @Test("A response that is not done when the grace is over is cut honestly, and what came is kept")
    func graceIsOver() throws {
        let gate = Barrier("the proxy has ended")
        let (scene, client) = try halfway(gate, settings: ["stop.grace=\"300ms\""])
        #expect(try scene.proxy.terminate() == .exited(0))
        // It was cut by the proxy, and not left by its client.
        #expect(scene.proxy.output.contains("cut:") && !scene.proxy.output.contains("client-left"))
        let rest = try client.checkBody(against: Self.content, at: 524_288)
        #expect(rest.end != .complete)
        #expect(rest.firstDifference == nil)
        gate.open()
        try scene.startAgain()
        let whole = try scene.check("/a", Self.content)
        #expect(whole.body.isWhole)
        // 16 KiB are compared; one piece the origin's kernel takes for the connection that is gone.
        #expect(scene.origin.tally("/a").totalBytes <= Self.content.length + 16_384 + 65_536)
    }

    @Test("A tunnel has the grace, too, and does not hold up the end")
    func tunnel() throws {
        let scene = try ScriptedScene(
            settings: ["access.connect_ports=[\"1-65535\"]", "stop.grace=\"300ms\""],
            readsBodies: false
        ) { _, connection in
            try connection.send("x")
            _ = try connection.receiveRest()
        }
        let client = try scene.client()
        try client.send("CONNECT \(scene.origin.authority) HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.head(method: "CONNECT").status == 200)
        try client.send("HELLO tunnel T/1\r\n\r\n")
        _ = try client.receive(1)
        #expect(try scene.proxy.terminate(within: 10) == .exited(0))
    }

    @Test("A second signal ends at once, and says by its status that it was not in order")
    func secondSignal() throws {
        let gate = Barrier("the end of the test")
        let (scene, _) = try halfway(gate)
        let port = scene.proxy.port
        scene.proxy.child.signal(SIGTERM)
        try waitUntil("the first signal was taken") { (try? PeerClient(port: port)) == nil }
        #expect(scene.proxy.child.end == nil)
        scene.proxy.child.signal(SIGTERM)
        let end = try scene.proxy.child.waitForEnd(within: 5)
        #expect(end != .exited(0))
        gate.open()
    }

    @Test("After SIGKILL it starts again at once, and everything that it serves is right (issue: Stop)")
    func killed() throws {
        let gate = Barrier("killed")
        let (scene, _) = try halfway(gate)
        scene.origin.put(
            "/b",
            FileVersion(Content(seed: 62, length: 5_000), etag: "\"b\"", cacheControl: "max-age=600")
        )
        #expect(try scene.check("/b", Content(seed: 62, length: 5_000)).body.isWhole)
        try scene.waitUntilHeld("/a", 524_288)
        try scene.waitUntilHeld("/b", 5_000)
        try scene.killAndStartAgain()
        gate.open()
        #expect(try scene.check("/b", Content(seed: 62, length: 5_000)).body.isWhole)
        #expect(try scene.check("/a", Self.content).body.isWhole)
        #expect(scene.origin.requests.filter { $0.target == "/b" }.count == 1)
        #expect(scene.origin.tally("/a").overlapBytes <= mebibyte)
    }
}
