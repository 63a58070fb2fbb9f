// `holdfast fetch`: a download that no client waits for, over failures of its origin and ends of the proxy, and what the
// command's exit status says of it.

import Foundation
import ScriptedPeers
import Testing

@Suite("Fetch without a client", .onOwnThreads)
struct FetchTests {
    static let target = "/file"
    static let content = Content(seed: 7001, length: 4 * mebibyte)

    static func scene(_ settings: [String] = []) throws -> Scene {
        let scene = try Scene(settings: settings)
        scene.origin.put(target, .tagged(content))
        return scene
    }

    @Test("What is fetched comes into the cache with one request, and is served from there")
    func fetches() throws {
        let scene = try Self.scene()
        let result = try scene.proxy.command("fetch", scene.url(Self.target))
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("(download 1)"))
        try scene.waitForDownload("it is done") { $0.state == "done" && $0.held?.bytes == Self.content.length }
        #expect(scene.origin.requests.count == 1)
        #expect(try scene.isServedWhole(Self.target, Self.content))
    }

    @Test("--wait ends with 0 when it is complete, and --output has the file")
    func waitsAndCopies() throws {
        let scene = try Self.scene()
        let folder = try TemporaryDirectory()
        let path = folder.file("copy")
        let result = try scene.proxy.command("fetch", "--output", path, scene.url(Self.target))
        #expect(result.status == 0, "\(result.output)\(result.errors)")
        #expect(result.output.contains("done"))
        #expect(try Scene.isCopy(path, of: Self.content))
        #expect(!FileManager.default.fileExists(atPath: path + ".holdfast"))
    }

    @Test("A place where no file can be made is refused before anything is fetched")
    func noPlace() throws {
        let scene = try Self.scene()
        for path in ["/", "/nowhere/at/all"] {
            let result = try scene.proxy.command("fetch", "--output", path, scene.url(Self.target))
            #expect(result.status == 1)
            #expect(result.errors.contains(path == "/" ? "is a directory" : "No file can be made"))
        }
        #expect(scene.origin.requests.isEmpty)
    }

    @Test("A body that is small enough for the index is copied as well, and an empty one")
    func copiesSmallBodies() throws {
        let scene = try Self.scene()
        let folder = try TemporaryDirectory()
        for length: Int64 in [0, 100] {
            let content = Content(seed: 7002, length: length)
            scene.origin.put("/small\(length)", .tagged(content))
            let path = folder.file("small\(length)")
            let result = try scene.proxy.command("fetch", "--output", path, scene.url("/small\(length)"))
            #expect(result.status == 0, "\(result.output)\(result.errors)")
            #expect(try Scene.isCopy(path, of: content))
        }
    }

    @Test("A connection that drops again and again is a pause: the rest is asked for, every byte once")
    func survivesDrops() throws {
        let scene = try Self.scene()
        scene.origin.setFaults { _, number in FileFaults { if number < 3 { $0.closeAfter = mebibyte } } }
        let folder = try TemporaryDirectory()
        let path = folder.file("copy")
        let result = try scene.proxy.command("fetch", "--output", path, scene.url(Self.target))
        #expect(result.status == 0, "\(result.output)\(result.errors)")
        #expect(try Scene.isCopy(path, of: Self.content))
        #expect(scene.origin.bodyBytesSent(Self.target) <= Self.content.length + 3 * overlapProbe)
    }

    @Test("A proxy that is killed in the middle goes on by itself when it starts again, and so does who waits")
    func survivesTheProxy() throws {
        let scene = try Self.scene()
        let gate = Barrier("the proxy was killed")
        scene.origin.setFaults { _, number in
            FileFaults { if number == 0 { $0.stallAfter = (bytes: 2 * mebibyte, until: gate) } }
        }
        let waiting = try scene.startFetch("--wait", scene.url(Self.target))
        try scene.waitForDownload("half of it is held") { $0.held?.bytes ?? 0 >= 2 * mebibyte }
        try scene.killAndStartAgain()
        gate.open()
        #expect(try waiting.waitForEnd() == .exited(0))
        let sent = scene.origin.bodyBytesSent(Self.target)
        #expect(sent <= Self.content.length + mebibyte + overlapProbe, "\(sent)")
        #expect(try scene.isServedWhole(Self.target, Self.content))
    }

    @Test("An origin that is away is waited for, and the reason is shown")
    func waitsForTheOrigin() throws {
        let scene = try Self.scene()
        let isAway = Switch(true)
        scene.origin.setFaults { _, _ in
            FileFaults { if isAway.isOn { $0.instead = (status: 503, fields: [:]) } }
        }
        #expect(try scene.proxy.command("fetch", scene.url(Self.target)).status == 0)
        let waiting = try scene.waitForDownload("it waits") { $0.state == "waiting" }
        #expect(waiting.reason?.contains("503") == true)
        isAway.isOn = false
        try scene.waitForDownload("it is done") { $0.state == "done" }
        #expect(try scene.isServedWhole(Self.target, Self.content))
    }

    @Test("What the origin has not ends with status 1 and the reason")
    func notFound() throws {
        let scene = try Self.scene()
        let result = try scene.proxy.command("fetch", "--wait", scene.url("/missing"))
        #expect(result.status == 1)
        #expect(result.output.contains("failed"))
        #expect(result.output.contains("404"))
        #expect(scene.origin.requests.count == 1)
    }

    @Test("What may not be stored ends with status 1 and the reason")
    func notStorable() throws {
        let scene = try Self.scene()
        scene.origin.put("/secret", .tagged(Self.content, cacheControl: "no-store"))
        let result = try scene.proxy.command("fetch", "--wait", scene.url("/secret"))
        #expect(result.status == 1)
        #expect(result.output.contains("no-store"))
    }

    @Test("https, and what is no URL, is refused at once; the others are queued")
    func refusals() throws {
        let scene = try Self.scene()
        let result = try scene.proxy.command("fetch", "https://example.org/a", "nonsense", scene.url(Self.target))
        #expect(result.status == 1)
        #expect(result.errors.contains("https://example.org/a: "))
        #expect(result.errors.contains("nonsense: "))
        try scene.waitForDownload("the third is done") { $0.state == "done" }
    }

    @Test("Redirects are followed, and the target is what is stored")
    func redirects() throws {
        let scene = try Self.scene()
        scene.origin.setFaults { request, _ in
            FileFaults { if request.target == "/old" { $0.instead = (status: 302, fields: ["Location": "/file"]) } }
        }
        let folder = try TemporaryDirectory()
        let path = folder.file("copy")
        let result = try scene.proxy.command("fetch", "--output", path, scene.url("/old"))
        #expect(result.status == 0, "\(result.output)\(result.errors)")
        #expect(try Scene.isCopy(path, of: Self.content))
        #expect(try scene.downloads().first?.target == scene.url(Self.target))
    }

    @Test("R62: a redirect to another origin leads only to what is open to everybody")
    func redirectElsewhere() throws {
        let scene = try Self.scene()
        let other = try FileOrigin()
        defer { other.stop() }
        other.put("/private", .tagged(Self.content))
        scene.origin.setFaults { _, _ in
            FileFaults { $0.instead = (status: 302, fields: ["Location": other.url("/private")]) }
        }
        let result = try scene.proxy.command("fetch", "--wait", scene.url(Self.target))
        #expect(result.status == 1)
        #expect(result.output.contains("does not connect"))
        #expect(other.requests.isEmpty)
    }

    @Test("A body that ends with its connection is done, and said to be unproven")
    func unprovenEnd() throws {
        let scene = try Self.scene(["resume.confirm_end=false"])
        scene.origin.setFaults { _, _ in FileFaults { $0.framing = .closeDelimited } }
        let folder = try TemporaryDirectory()
        let path = folder.file("copy")
        let result = try scene.proxy.command("fetch", "--output", path, scene.url(Self.target))
        #expect(result.status == 0, "\(result.output)\(result.errors)")
        #expect(result.output.contains("nothing proves that it is whole"))
        #expect(try Scene.isCopy(path, of: Self.content))
    }

    @Test("What cannot be resumed is fetched anew after it broke off")
    func withoutValidator() throws {
        let scene = try Self.scene()
        scene.origin.put("/weak", .tagged(Self.content, "W/\"a\""))
        scene.origin.setFaults { _, number in FileFaults { if number == 0 { $0.closeAfter = mebibyte } } }
        let folder = try TemporaryDirectory()
        let path = folder.file("copy")
        let result = try scene.proxy.command("fetch", "--output", path, scene.url("/weak"))
        #expect(result.status == 0, "\(result.output)\(result.errors)")
        #expect(try Scene.isCopy(path, of: Self.content))
    }

    @Test("From one origin so many are fetched at once, the others wait for their turn")
    func politeness() throws {
        let scene = try Self.scene()
        let gate = Barrier("all have been looked at")
        let targets = (0..<8).map { "/file\($0)" }
        for target in targets { scene.origin.put(target, .tagged(Self.content)) }
        scene.origin.setFaults { _, _ in FileFaults { $0.stallAfter = (bytes: 1000, until: gate) } }
        let folder = try TemporaryDirectory()
        let list = try folder.write(targets.map { scene.url($0) }.joined(separator: "\n"), to: "urls.txt")
        #expect(try scene.proxy.command("fetch", "--input", list).status == 0)
        try gate.waitForArrivals(4)
        #expect(try scene.downloads().map(\.state).filter { $0 == "running" }.count == 4)
        gate.open()
        try scene.waitForDownload("the last one is done", 8) { $0.state == "done" }
    }

    @Test("Without a proxy it is queued, and begins when one starts")
    func withoutProxy() throws {
        let scene = try Self.scene()
        try scene.proxy.terminate()
        let queued = try scene.proxy.command("fetch", scene.url(Self.target))
        #expect(queued.status == 0, "\(queued.errors)")
        #expect(queued.errors.contains("when one starts"))
        #expect(scene.origin.requests.isEmpty)
        try scene.startAgain()
        try scene.waitForDownload("it is done") { $0.state == "done" }
        #expect(try scene.isServedWhole(Self.target, Self.content))
    }

    @Test("A client that asks meanwhile is served from the same download")
    func sharesWithClients() throws {
        let scene = try Self.scene()
        let gate = Barrier("the client has come")
        scene.origin.setFaults { _, number in
            FileFaults { if number == 0 { $0.stallAfter = (bytes: mebibyte, until: gate) } }
        }
        #expect(try scene.proxy.command("fetch", scene.url(Self.target)).status == 0)
        try scene.waitForDownload("it runs") { $0.held?.bytes ?? 0 >= mebibyte }
        let client = try scene.client()
        try client.request(scene.url(Self.target))
        #expect(try client.head().status == 200)
        gate.open()
        #expect(try client.checkBody(against: Self.content) == CheckedBody(count: Self.content.length, end: .complete))
        try scene.waitForDownload("it is done") { $0.state == "done" }
        #expect(scene.origin.tally(Self.target).overlapBytes == 0)
    }

    @Test("What is held and fresh is done without a request; what is stale is validated")
    func heldAlready() throws {
        let scene = try Self.scene()
        #expect(try scene.get(Self.target).status == 200)
        #expect(try scene.proxy.command("fetch", "--wait", scene.url(Self.target)).status == 0)
        #expect(scene.origin.requests.count == 1)
        scene.origin.put("/stale", .tagged(Self.content, cacheControl: "max-age=0"))
        #expect(try scene.get("/stale").status == 200)
        #expect(try scene.proxy.command("fetch", "--wait", scene.url("/stale")).status == 0)
        #expect(scene.origin.server.requests(for: "/stale").last?["If-None-Match"] == "\"one\"")
        #expect(scene.origin.bodyBytesSent("/stale") == Self.content.length)
    }

    @Test("A list of URLs comes from a file; comments and empty lines are none")
    func fromAFile() throws {
        let scene = try Self.scene()
        scene.origin.put("/other", .tagged(Self.content))
        let folder = try TemporaryDirectory()
        let list = try folder.write(
            "# two files\n\(scene.url(Self.target))\n\n  \(scene.url("/other"))  \n",
            to: "urls.txt"
        )
        let result = try scene.proxy.command("fetch", "--input", list, "--wait", "--json")
        #expect(result.status == 0, "\(result.output)\(result.errors)")
        #expect(try scene.downloads().map(\.state) == ["done", "done"])
    }

    @Test("Another version at the origin in the middle is fetched anew, as a whole")
    func changedVersion() throws {
        let scene = try Self.scene()
        let next = Content(seed: 7003, length: 3 * mebibyte)
        scene.origin.setFaults { _, number in FileFaults { if number == 0 { $0.closeAfter = mebibyte } } }
        let gate = Barrier("the version has changed")
        scene.origin.setFaults { _, number in
            FileFaults {
                if number == 0 {
                    $0.stallAfter = (bytes: mebibyte, until: gate)
                    $0.closeAfter = mebibyte + 1
                }
            }
        }
        let folder = try TemporaryDirectory()
        let path = folder.file("copy")
        let waiting = try scene.startFetch("--output", path, scene.url(Self.target))
        try scene.waitForDownload("it has begun") { $0.held?.bytes ?? 0 >= mebibyte }
        scene.origin.put(Self.target, .tagged(next, "\"two\""))
        gate.open()
        #expect(try waiting.waitForEnd() == .exited(0), "\(waiting.output)\(waiting.errors)")
        #expect(try Scene.isCopy(path, of: next))
    }
}

/// A flag that the origin's threads look at.
final class Switch: @unchecked Sendable {
    private let lock = NSLock()
    private var value: Bool

    init(_ isOn: Bool) { value = isOn }

    var isOn: Bool {
        get { lock.withLock { value } }
        set { lock.withLock { value = newValue } }
    }
}
