// The commands, each while the proxy runs and while it does not: what they print, as JSON and for people, and with
// which status they end (issue: Command line).

import Foundation
import ScriptedPeers
import Testing

@Suite("Commands on a cache", .onOwnThreads)
struct CommandLineTests {
    /// A scene with one whole response and one of which the first half is held.
    private static func scene() throws -> Scene {
        let scene = try Scene(settings: ["resume.on_disconnect=\"park\""])
        scene.origin.put(
            "/whole",
            FileVersion(Content(seed: 51, length: 1_000), etag: "\"w\"", cacheControl: "max-age=600")
        )
        scene.origin.put(
            "/half",
            FileVersion(Content(seed: 52, length: 100_000), etag: "\"h\"", cacheControl: "max-age=600")
        )
        #expect(try scene.get("/whole").status == 200)
        #expect(try scene.get("/half", ["Range": "bytes=0-49999"]).status == 206)
        try scene.waitUntilHeld("/whole", 1_000)
        try scene.waitUntilHeld("/half", 50_000)
        return scene
    }

    private static func lines(_ text: String) throws -> [[String: Any]] {
        try text.split(separator: "\n").map { try jsonObject(String($0)) }
    }

    private static func held(_ object: [String: Any]?) -> [String: Any] { object?["held"] as? [String: Any] ?? [:] }

    // MARK: The same answers, running or not

    @Test("ls lists what is held, one JSON object a line", arguments: [true, false])
    func list(isRunning: Bool) throws {
        let scene = try Self.scene()
        if !isRunning { try scene.proxy.terminate() }
        let items = try Self.lines(try scene.proxy.command("ls", "--json").output)
        // The one used last comes first.
        #expect(items.map { $0["url"] as? String } == [scene.url("/half"), scene.url("/whole")])
        let half = Self.held(items.first)
        #expect(half["bytes"] as? Int == 50_000)
        #expect(half["completeLength"] as? Int == 100_000)
        #expect(half["ranges"] as? [[Int]] == [[0, 50_000]])
        #expect(Self.held(items.last)["bytes"] as? Int == 1_000)
        let freshness = try #require(items.last?["freshness"] as? [String: Any])
        #expect(freshness["lifetime"] as? Int == 600)
        #expect((590...600).contains(freshness["ttl"] as? Int ?? 0))
        #expect(abs((items.first?["lastUse"] as? Double ?? 0) - Date().timeIntervalSince1970) < 60)
    }

    @Test("ls for people shows URL, size, share and a bar; a pattern and a limit choose", arguments: [true, false])
    func listForPeople(isRunning: Bool) throws {
        let scene = try Self.scene()
        if !isRunning { try scene.proxy.terminate() }
        let all = try scene.proxy.command("ls")
        #expect(all.status == 0)
        let half = try #require(all.output.split(separator: "\n").first { $0.contains("/half") })
        #expect(half.contains("50"))
        #expect(half.contains("%"))
        #expect(try scene.proxy.command("ls", "--limit", "1").output.contains("/whole") == false)
        #expect(try scene.proxy.command("ls", "/whole").output.contains("/half") == false)
        #expect(try scene.proxy.command("ls", "http://*/whole").output.contains("/whole"))
        let none = try scene.proxy.command("ls", "nothing-like-it")
        #expect(none.status == 1)
        #expect(!none.output.isEmpty)
    }

    @Test("show says what is held, the header, and why it would or would not be reused", arguments: [true, false])
    func show(isRunning: Bool) throws {
        let scene = try Self.scene()
        if !isRunning { try scene.proxy.terminate() }
        let shown = try jsonObject(try scene.proxy.command("show", scene.url("/half"), "--json").output)
        #expect(shown["url"] as? String == scene.url("/half"))
        let version = try #require((shown["versions"] as? [[String: Any]])?.first)
        #expect(version["status"] as? Int == 200)
        #expect(version["validator"] as? String == "\"h\"")
        #expect(version["isResumable"] as? Bool == true)
        #expect(Self.held(version)["ranges"] as? [[Int]] == [[0, 50_000]])
        let fields = version["fields"] as? [[String: String]] ?? []
        #expect(fields.contains { $0["name"] == "ETag" && $0["value"] == "\"h\"" })
        #expect(((version["freshness"] as? [String: Any])?["verdict"] as? String ?? "").count > 5)
        let people = try scene.proxy.command("show", scene.url("/half"))
        #expect(people.status == 0)
        #expect(people.output.contains("ETag: \"h\""))
        let missing = try scene.proxy.command("show", scene.url("/never"))
        #expect(missing.status == 1)
        #expect(missing.output.contains("/never"))
    }

    @Test("status says whether a proxy runs, and what is held", arguments: [true, false])
    func status(isRunning: Bool) throws {
        let scene = try Self.scene()
        if !isRunning { try scene.proxy.terminate() }
        let result = try scene.proxy.command("status", "--json")
        #expect(result.status == 0)
        let status = try jsonObject(result.output)
        #expect(status["responses"] as? Int == 2)
        #expect(status["bytes"] as? Int ?? 0 >= 51_000)
        #expect((status["fills"] as? [Any])?.isEmpty == true)
        let process = status["process"] as? [String: Any]
        #expect((process != nil) == isRunning)
        if isRunning {
            #expect(process?["id"] as? Int32 == scene.proxy.child.processIdentifier)
            #expect(process?["listening"] as? [String] == ["127.0.0.1:\(scene.proxy.port)"])
            #expect((process?["traffic"] as? [String: Any])?["requests"] as? Int == 2)
        }
        let people = try scene.proxy.command("status")
        #expect(people.status == 0)
        #expect(people.output.count > 20)
    }

    @Test("status shows a running download and a parked one")
    func statusOfDownloads() throws {
        let scene = try Scene(settings: ["resume.on_disconnect=\"park\""])
        let content = Content(seed: 53, length: 2 * mebibyte)
        let gate = Barrier("the client has left")
        scene.origin.put("/a", FileVersion(content, etag: "\"a\""))
        scene.origin.setFaults { _, _ in FileFaults { $0.stallAfter = (bytes: mebibyte, until: gate) } }
        let client = try scene.client()
        try client.request(scene.url("/a"))
        _ = try client.head()
        _ = try client.checkBody(against: content, limit: mebibyte)
        let running = try jsonObject(try scene.proxy.command("status", "--json").output)
        let fill = try #require((running["fills"] as? [[String: Any]])?.first)
        #expect(fill["url"] as? String == scene.url("/a"))
        #expect(fill["readers"] as? Int == 1)
        #expect(try scene.proxy.command("status").output.contains(scene.url("/a")))
        client.close()
        try waitUntil("the download is parked") {
            let status = try jsonObject(try scene.proxy.command("status", "--json").output)
            return (status["waiting"] as? [[String: Any]])?.first?["state"] as? String == "parked"
        }
        gate.open()
        #expect(try scene.proxy.command("status").output.contains("parked"))
    }

    @Test(
        "purge removes what was named and nothing else; it says how much, and fails where there was none",
        arguments: [true, false]
    )
    func purge(isRunning: Bool) throws {
        let scene = try Self.scene()
        if !isRunning { try scene.proxy.terminate() }
        let result = try scene.proxy.command("purge", scene.url("/half"), "--json")
        #expect(result.status == 0)
        #expect(try jsonObject(result.output)["removed"] as? Int == 1)
        #expect(try scene.proxy.command("purge", scene.url("/half")).status == 1)
        #expect(try scene.proxy.command("purge", "not a url").status == 1)
        if !isRunning { try scene.startAgain() }
        let before = scene.origin.requests.count
        #expect(try scene.get("/whole")["Cache-Status"]?.contains("hit") == true)
        #expect(try scene.get("/half", ["Range": "bytes=0-9"]).status == 206)
        #expect(scene.origin.requests.count == before + 1)
    }

    @Test("purge --all leaves nothing, on disk either", arguments: [true, false])
    func purgeAll(isRunning: Bool) throws {
        let scene = try Self.scene()
        if !isRunning { try scene.proxy.terminate() }
        let result = try scene.proxy.command("purge", "--all", "--json")
        #expect(result.status == 0)
        #expect(try jsonObject(result.output)["removed"] as? Int == 2)
        #expect(try scene.proxy.command("ls", "--json").output.isEmpty)
        try waitUntil("no body is left") {
            let bodies = FileManager.default.enumerator(atPath: scene.cacheDirectory + "/bodies")
            return (bodies?.allObjects as? [String] ?? []).allSatisfy { $0.count <= 2 }
        }
    }

    @Test("A purge stops the download that is under way, and its reader is not told that it was whole")
    func purgeOfARunningDownload() throws {
        let scene = try Scene()
        let content = Content(seed: 54, length: 2 * mebibyte)
        let gate = Barrier("purged")
        scene.origin.put("/a", FileVersion(content, etag: "\"a\"", cacheControl: "max-age=60"))
        scene.origin.setFaults { _, number in
            FileFaults { if number == 0 { $0.stallAfter = (bytes: mebibyte, until: gate) } }
        }
        let client = try scene.client()
        try client.request(scene.url("/a"))
        _ = try client.head()
        #expect(try client.checkBody(against: content, limit: mebibyte).firstDifference == nil)
        #expect(try scene.proxy.command("purge", scene.url("/a")).status == 0)
        gate.open()
        let rest = try client.checkBody(against: content, at: mebibyte)
        #expect(rest.firstDifference == nil)
        #expect(rest.end != .complete || rest.count == mebibyte)
        let again = try scene.check("/a", content)
        #expect(again.body.isWhole)
        #expect(again.head["Cache-Status"]?.contains("hit") == false)
    }

    // MARK: What is not there

    @Test("Where there is no cache, commands say so and make none")
    func noCache() throws {
        let folder = try TemporaryDirectory()
        let cache = folder.file("none")
        for arguments in [["status"], ["ls"], ["show", "http://a/"], ["purge", "--all"]] {
            let result = try ProxyProcess.run(arguments + ["--cache", cache])
            #expect(result.status == 1, "\(arguments)")
            #expect(result.errors.contains(cache), "\(arguments)")
        }
        #expect(!FileManager.default.fileExists(atPath: cache))
    }

    @Test("A command that is written wrongly ends with a usage message and a status of its own")
    func usage() throws {
        let cases = [
            ["frobnicate"], ["ls", "--frobnicate"], ["purge"], ["purge", "--all", "http://a/"], ["show"],
            ["ls", "--limit", "0"],
            ["serve", "--set", "cache.max_size"],
        ]
        for arguments in cases {
            let result = try ProxyProcess.run(arguments)
            #expect(![0, 1, -1].contains(result.status), "\(arguments)")
            #expect(result.errors.contains("Usage:") || result.errors.contains("See '"), "\(arguments)")
        }
    }

    @Test("--help of every command has an example")
    func help() throws {
        for command in ["serve", "status", "ls", "show", "purge", "check"] {
            let result = try ProxyProcess.run([command, "--help"])
            #expect(result.status == 0, "\(command)")
            #expect(result.output.contains("Example"), "\(command)")
            #expect(result.output.contains("  holdfast \(command)"), "\(command)")
        }
        let all = try ProxyProcess.run(["--help"])
        #expect(all.output.contains("http_proxy"))
        #expect(try ProxyProcess.run(["--version"]).status == 0)
    }
}
