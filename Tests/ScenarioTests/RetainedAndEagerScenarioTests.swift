// Two forms of resume-rules 11 and 3.1 that are off unless they are asked for: the rest of an older version for a client
// that holds its beginning, and a response that begins before the origin has confirmed its version.

import ScriptedPeers
import Testing

@Suite("resume_guard = \"retained\" (resume-rules 11)", .onOwnThreads)
struct RetainedVersionTests {
    static let target = ChangedVersionsTests.target
    static let old = ChangedVersionsTests.old
    static let new = Content(seed: 7501, length: 4 * mebibyte)

    /// A client on 127.0.0.1 was given 2 MiB of the older version, which is held whole; another client has brought the
    /// newer one.
    private static func scene(_ version: FileVersion = .tagged(old), setting: String = "retained") throws -> Scene {
        let scene = try Scene(settings: ["resume.resume_guard=\"\(setting)\""])
        scene.origin.put(target, version)
        let client = try scene.client()
        try client.request(scene.url(target))
        _ = try client.head()
        #expect(try client.checkBody(against: old, limit: 2 * mebibyte).firstDifference == nil)
        client.reset()
        try scene.waitUntilHeld(target, old.length)
        try scene.waitUntilNothingIsFilled()
        var newer = version
        (newer.content, newer.etag) = (new, "\"two\"")
        scene.origin.put(target, newer)
        let other = try ClientAtAddress.get(
            scene.url(target),
            from: "127.0.0.9",
            through: scene.proxy.port,
            fields: ["Cache-Control": "no-cache"]
        )
        #expect(other.hasPrefix("HTTP/1.1 200 "))
        try scene.waitUntilNothingIsFilled()
        return scene
    }

    /// The rest that the first client asks for.
    private static func rest(_ scene: Scene, of content: Content, at offset: Int64) throws -> Int? {
        let answer = try scene.check(target, content, at: offset, ["Range": "bytes=2097152-"])
        #expect(answer.body == CheckedBody(count: content.length - offset, end: .complete))
        return answer.head.status
    }

    @Test("The rest of the older version, from what is kept, and after a restart, too")
    func kept() throws {
        let scene = try Self.scene()
        let asked = scene.origin.requests.count
        #expect(try Self.rest(scene, of: Self.old, at: 2 * mebibyte) == 206)
        #expect(scene.origin.requests.count == asked)
        _ = try scene.proxy.terminate()
        try scene.startAgain()
        #expect(try Self.rest(scene, of: Self.old, at: 2 * mebibyte) == 206)
        // Whoever asks for the whole gets the new one.
        #expect(try scene.check(Self.target, Self.new).body.isWhole)
    }

    @Test("Under \"full\" it is all of the new version")
    func full() throws {
        let scene = try Self.scene(setting: "full")
        #expect(try Self.rest(scene, of: Self.new, at: 0) == 200)
    }

    @Test("Never under must-revalidate")
    func mustRevalidate() throws {
        let scene = try Self.scene(.tagged(Self.old, cacheControl: "max-age=3600, must-revalidate"))
        #expect(try Self.rest(scene, of: Self.new, at: 0) == 200)
    }

    @Test("Never after an unsafe method has succeeded, not even after a restart")
    func unsafe() throws {
        let scene = try Self.scene()
        scene.origin.setFaults { request, _ in
            FileFaults { if request.method == "POST" { $0.instead = (status: 200, fields: [:]) } }
        }
        #expect(try scene.get(Self.target, ["Content-Length": "0"], method: "POST").status == 200)
        _ = try scene.proxy.terminate()
        try scene.startAgain()
        #expect(try Self.rest(scene, of: Self.new, at: 0) == 200)
    }
}

@Suite("resume.eager (resume-rules 3.1)", .onOwnThreads)
struct EagerScenarioTests {
    static let target = ChangedVersionsTests.target

    /// A client asks for the whole, and the origin holds its answer back.
    private static func asking(now: FileVersion, _ settings: [String]) throws -> (scene: Scene, Barrier, PeerClient) {
        let scene = try ChangedVersionsTests.sceneWithPart(.tagged(ChangedVersionsTests.old), settings)
        scene.origin.put(target, now)
        let gate = Barrier("the origin answers")
        scene.origin.setFaults { _, _ in FileFaults { $0.holdHead = gate } }
        let client = try scene.client()
        try client.request(scene.url(target))
        try gate.waitForArrivals(1)
        return (scene, gate, client)
    }

    @Test("The head and the prefix come before the origin has answered, the rest after it")
    func begins() throws {
        let (scene, gate, client) = try Self.asking(now: .tagged(ChangedVersionsTests.old), ["resume.eager=true"])
        #expect(try client.head().status == 200)
        #expect(try client.checkBody(against: ChangedVersionsTests.old, limit: mebibyte).firstDifference == nil)
        gate.open()
        #expect(try client.checkBody(against: ChangedVersionsTests.old, at: mebibyte).isWhole)
        #expect(scene.origin.requests.last?.asks(from: 2 * mebibyte) == true)
    }

    @Test("If the version has changed the response is cut, and no byte of the new one is in it")
    func changed() throws {
        let new = FileVersion.tagged(RetainedVersionTests.new, "\"two\"")
        let (scene, gate, client) = try Self.asking(now: new, ["resume.eager=true"])
        #expect(try client.head()["ETag"] == "\"one\"")
        gate.open()
        let body = try client.checkBody(against: ChangedVersionsTests.old)
        #expect(body == CheckedBody(count: 2 * mebibyte, end: .truncated))
        #expect(try scene.check(Self.target, RetainedVersionTests.new).body.isWhole)
    }

    @Test("By default the head waits for the origin: the new version is what the client gets")
    func isOff() throws {
        let new = FileVersion.tagged(RetainedVersionTests.new, "\"two\"")
        let (scene, gate, client) = try Self.asking(now: new, [])
        gate.open()
        #expect(try client.head()["ETag"] == "\"two\"")
        #expect(try client.checkBody(against: RetainedVersionTests.new).isWhole)
        #expect(scene.origin.requests.last?["If-Range"] == "\"one\"")
    }
}
