// Nothing of an answer has been sent to the client yet: when the request is repeated, and when the client is told (R56).

import Foundation
import ScriptedPeers
import Testing

@Suite("Before the first byte: a short trouble is waited for, a long one is told", .onOwnThreads)
struct FirstAnswerTests {
    static let content = Content(seed: 6401, length: mebibyte)

    private static func scene(
        _ settings: [String] = [],
        busy times: Int,
        _ status: Int = 503,
        _ fields: PeerFields = ["Retry-After": "1"]
    ) throws -> Scene {
        let scene = try Scene(settings: settings)
        scene.origin.put("/file", .tagged(content))
        scene.origin.setFaults { _, number in FileFaults { if number < times { $0.instead = (status, fields) } } }
        return scene
    }

    @Test("429 and 503 with a short Retry-After are waited for, by GET and by HEAD", arguments: [429, 503])
    func waits(status: Int) throws {
        let scene = try Self.scene(busy: 2, status)
        let begun = monotonicNanoseconds()
        #expect(try scene.check("/file", Self.content).body.isWhole)
        #expect(monotonicNanoseconds() - begun >= 2_000_000_000)
        #expect(scene.origin.requests.count == 3)
        let head = try Self.scene(busy: 1, status)
        #expect(try head.get("/file", method: "HEAD").status == 200)
        #expect(head.origin.requests.count == 2)
    }

    @Test("A request with a condition, which passes through, waits as well")
    func passes() throws {
        let scene = try Self.scene(busy: 1)
        let answer = try scene.check("/file", Self.content, ["If-Match": "\"one\"", "Range": "bytes=0-9,20-29"])
        #expect(answer.head.status == 200)
        #expect(scene.origin.requests.count == 2)
    }

    @Test("An origin that stays busy is told of after three attempts, with its own answer")
    func givesUp() throws {
        let scene = try Self.scene(busy: .max, 429)
        let answer = try scene.get("/file")
        #expect(answer.status == 429)
        #expect(answer["Retry-After"] == "1")
        #expect(scene.origin.requests.count == 3)
        try scene.waitForStatus("nothing is waited for") { $0.waits.isEmpty }
    }

    @Test("What is not waited for passes at once: no Retry-After, a long one, the directive at 0, another status")
    func passesAtOnce() throws {
        let scenes = [
            (try Self.scene(busy: .max, 503, [:]), 503),
            (try Self.scene(busy: .max, 503, ["Retry-After": "31"]), 503),
            (try Self.scene(["upstream.retry_after_wait=\"0s\""], busy: .max), 503),
            (try Self.scene(busy: .max, 502), 502),
        ]
        for (scene, status) in scenes {
            #expect(try scene.get("/file").status == status)
            #expect(scene.origin.requests.count == 1)
        }
    }

    @Test("A POST is never repeated")
    func post() throws {
        let scene = try Self.scene(busy: .max)
        #expect(try scene.get("/file", method: "POST").status == 503)
        #expect(scene.origin.requests.count == 1)
    }

    @Test("A client that leaves while it waits ends the wait, and the origin is not asked again")
    func leaves() throws {
        let scene = try Self.scene(busy: .max, 503, ["Retry-After": "20"])
        let client = try scene.client()
        try client.request(scene.url("/file"))
        try scene.waitForStatus("the wait is shown") { $0.waits.count == 1 }
        client.reset()
        try scene.waitForStatus("nothing is waited for") { $0.waits.isEmpty }
        #expect(scene.origin.requests.count == 1)
    }

    @Test("An origin that restarts is waited for", arguments: ["no-store", "max-age=60"])
    func restarts(cacheControl: String) throws {
        let folder = try TemporaryDirectory()
        let proxy = try ProxyProcess(cacheDirectory: folder.file("cache"))
        let port = try unusedPort()
        let url = "http://127.0.0.1:\(port)/file"
        let client = try PeerClient(port: proxy.port)
        try client.request(url)
        try waitUntil("the first attempt has failed") { proxy.errors.contains("\(url): ") }
        let origin = try FileOrigin(port: port)
        defer { origin.stop() }
        origin.put("/file", .tagged(Self.content, cacheControl: cacheControl))
        #expect(try client.head().status == 200)
        #expect(try client.checkBody(against: Self.content).isWhole)
        #expect(origin.requests.count == 1)
    }

    @Test("An origin that is gone is reported within a few seconds")
    func gone() throws {
        let folder = try TemporaryDirectory()
        let proxy = try ProxyProcess(cacheDirectory: folder.file("cache"))
        let begun = monotonicNanoseconds()
        let answer = try PeerClient.get("http://127.0.0.1:\(try unusedPort())/", through: proxy.port)
        #expect(answer.status == 502)
        #expect(monotonicNanoseconds() - begun < 6_000_000_000)
    }
}
