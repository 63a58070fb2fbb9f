// `holdfast downloads`, and the digest that a person wants: paused, resumed, cancelled, put in another order, and found
// to be something else.

import Foundation
import ScriptedPeers
import Testing

@Suite("The queue of downloads", .onOwnThreads)
struct DownloadQueueTests {
    static let target = "/file"
    static let content = Content(seed: 7001, length: 4 * mebibyte)

    /// The origin waits after 2 MiB of its first answer for each target.
    static func scene(_ gate: Barrier, _ settings: [String] = []) throws -> Scene {
        let scene = try Scene(settings: settings)
        for name in [target, "/second", "/third"] { scene.origin.put(name, .tagged(content)) }
        scene.origin.setFaults { _, number in
            FileFaults { if number == 0 { $0.stallAfter = (bytes: 2 * mebibyte, until: gate) } }
        }
        return scene
    }

    private static func begin(_ scene: Scene) throws {
        #expect(try scene.proxy.command("fetch", scene.url(target)).status == 0)
        try scene.waitForDownload("it runs") { $0.state == "running" && $0.held?.bytes ?? 0 >= 2 * mebibyte }
    }

    @Test("Paused, nothing is asked; resumed, only what is missing is")
    func pauseAndResume() throws {
        let gate = Barrier("the end of the test")
        let scene = try Self.scene(gate)
        defer { gate.open() }
        try Self.begin(scene)
        #expect(try scene.proxy.command("downloads", "pause", "1").status == 0)
        try scene.waitForDownload("it is paused") { $0.state == "paused" }
        try scene.waitForStatus("nothing is filled") { $0.fills.isEmpty && $0.waiting.first?.state == "parked" }
        let asked = scene.origin.requests.count
        // A start does not take up what a person has stopped.
        try scene.killAndStartAgain()
        try scene.waitForDownload("it is still paused") { $0.state == "paused" }
        #expect(scene.origin.requests.count == asked)
        #expect(try scene.proxy.command("downloads", "resume", "1").status == 0)
        try scene.waitForDownload("it is done") { $0.state == "done" }
        #expect(scene.origin.requests.last?.asks(from: 2 * mebibyte) == true)
        #expect(try scene.isServedWhole(Self.target, Self.content))
    }

    @Test("Cancelled, what is held stays held, and who waits ends with status 2")
    func cancel() throws {
        let gate = Barrier("the end of the test")
        let scene = try Self.scene(gate)
        defer { gate.open() }
        try Self.begin(scene)
        let waiting = try scene.startFetch("--wait", scene.url(Self.target))
        try waitUntil("it says what it waits for") { waiting.output.contains("%") }
        #expect(try scene.proxy.command("downloads", "cancel", "1").status == 0)
        #expect(try waiting.waitForEnd() == .exited(2))
        try scene.waitUntilNothingIsFilled()
        #expect(try scene.heldBytes(scene.url(Self.target)) >= 2 * mebibyte)
    }

    @Test("Where one place is left they begin in order, and the order can be changed")
    func order() throws {
        let gate = Barrier("the end of the test")
        let scene = try Self.scene(gate, ["resume.max_finishing=1"])
        try Self.begin(scene)
        #expect(try scene.proxy.command("fetch", scene.url("/second"), scene.url("/third")).status == 0)
        #expect(try scene.downloads().map(\.state) == ["running", "queued", "queued"])
        #expect(try scene.proxy.command("downloads", "move", "3", "2").status == 0)
        #expect(try scene.downloads().map(\.id) == [1, 3, 2])
        gate.open()
        try scene.waitForDownload("all are done", 2) { $0.state == "done" }
        #expect(scene.origin.requests.map(\.target) == [Self.target, "/third", "/second"])
    }

    @Test("What is over can be taken off the list, and a download that is not there is said to be none")
    func forget() throws {
        let scene = try Scene()
        scene.origin.put(Self.target, .tagged(Self.content))
        #expect(try scene.proxy.command("fetch", "--wait", scene.url(Self.target)).status == 0)
        #expect(try scene.proxy.command("downloads", "forget", "--all").status == 0)
        #expect(try scene.proxy.command("downloads").output == "nothing is queued\n")
        let none = try scene.proxy.command("downloads", "pause", "7")
        #expect(none.status == 1)
        #expect(none.errors.contains("There is no download 7."))
        #expect(try scene.isServedWhole(Self.target, Self.content))
    }

    @Test("The same URL twice is one download while it is under way")
    func once() throws {
        let gate = Barrier("the end of the test")
        let scene = try Self.scene(gate)
        defer { gate.open() }
        try Self.begin(scene)
        #expect(try scene.proxy.command("fetch", scene.url(Self.target)).output.contains("(download 1)"))
        #expect(try scene.downloads().count == 1)
    }

    @Test("The digest that was wanted is verified; another one ends with status 3 and is not kept")
    func digest() throws {
        let scene = try Scene()
        // Small: an unoptimized build takes its time for a digest.
        let content = Content(seed: 7001, length: 262_144)
        scene.origin.put(Self.target, .tagged(content))
        let folder = try TemporaryDirectory()
        let path = folder.file("copy")
        // Of `content`, by sha256sum.
        let right = "e652c63ab0386e4b2ea3e4aa757cd7b6830d015e9d0bc1d7d58cebe8d34e304b"
        let result = try scene.proxy.command("fetch", "--sha256", right, "--output", path, scene.url(Self.target))
        #expect(result.status == 0, "\(result.output)\(result.errors)")
        #expect(try Scene.isCopy(path, of: content))
        let wrong = String(right.reversed())
        let other = folder.file("other")
        let refused = try scene.proxy.command("fetch", "--sha256", wrong, "--output", other, scene.url(Self.target))
        #expect(refused.status == 3, "\(refused.output)\(refused.errors)")
        #expect(refused.output.contains(right))
        #expect(!FileManager.default.fileExists(atPath: other))
        #expect(try scene.heldBytes(scene.url(Self.target)) == 0)
    }
}
