// On whose behalf a fill asks: with whose URI and credentials, what another client's refusal means for it, and which
// readers go to the origin by themselves because no fill will reach them soon.

import Foundation
import ScriptedPeers
import Testing

@Suite("Whose request a fill is")
struct WhoseRequestTests {
    private static let target = "/file"
    private static let content = Content(seed: 51, length: 4 * mebibyte)

    @Test("A retry carries its client's cookie and credentials while that client waits (resume-rules 4)")
    func retriesWithCredentials() throws {
        let scene = try Scene()
        scene.origin.put(Self.target, .tagged(Self.content, cacheControl: "public, max-age=3600"))
        scene.origin.setFaults { request, number in
            FileFaults {
                if request["Cookie"] == nil || request["Authorization"] == nil {
                    $0.instead = (302, ["Location": "/login"])
                }
                if number == 0 { $0.closeAfter = mebibyte }
            }
        }
        let secrets: PeerFields = ["Cookie": "id=1", "Authorization": "Basic eA=="]
        let answer = try scene.check(Self.target, Self.content, secrets)
        #expect(answer.body == CheckedBody(count: Self.content.length, end: .complete))
        #expect(scene.origin.requests.allSatisfy { $0["Cookie"] == "id=1" && $0["Authorization"] == "Basic eA==" })
    }

    @Test("What was asked for with a cookie is not taken up without it after a restart (resume-rules 4)")
    func waitsForItsClient() throws {
        let gate = Barrier("the proxy was killed")
        let scene = try Scene()
        defer { gate.open() }
        scene.origin.put(Self.target, .tagged(Self.content))
        scene.origin.setFaults { request, number in
            FileFaults {
                if request["Cookie"] == nil { $0.instead = (200, ["Cache-Control": "no-store"]) }
                if number == 0 { $0.stallAfter = (bytes: 2 * mebibyte, until: gate) }
            }
        }
        let client = try scene.client()
        try client.request(scene.url(Self.target), fields: ["Cookie": "id=1"])
        #expect(try client.head().status == 200)
        try scene.waitUntilHeld(Self.target, mebibyte)
        try scene.killAndStartAgain()
        gate.open()
        try scene.waitForStatus("it is remembered, and waits") { $0.unfinished == 1 && $0.fills.isEmpty }
        let again = try scene.check(Self.target, Self.content, ["Cookie": "id=1"])
        #expect(again.body.isWhole)
        #expect(scene.origin.requests.allSatisfy { $0["Cookie"] == "id=1" })
        #expect(scene.origin.requests.last?["If-Range"] == "\"one\"")
    }

    @Test("A seek far ahead of a fill that cannot be cut is answered by the origin, and the fill goes on to its end")
    func seeksAlone() throws {
        let gate = Barrier("the seek was answered")
        let scene = try Scene()
        defer { gate.open() }
        scene.origin.put(Self.target, FileVersion(Self.content, etag: "W/\"w\"", cacheControl: "max-age=3600"))
        scene.origin.setFaults { request, _ in
            FileFaults {
                guard request["Range"] == nil else { return }
                // However it comes, so little of it is not the rate of a fill that is there soon.
                $0.bytesPerSecond = mebibyte / 2
                $0.stallAfter = (bytes: mebibyte / 4, until: gate)
            }
        }
        let first = try scene.client()
        try first.request(scene.url(Self.target))
        #expect(try first.head().status == 200)
        try gate.waitForArrivals(1)
        let seek = try scene.check(Self.target, Self.content, at: 3_900_000, ["Range": "bytes=3900000-3999999"])
        #expect(seek.head.status == 206)
        #expect(seek.body == CheckedBody(count: 100_000, end: .complete))
        first.close()
        gate.open()
        // Without the whole, further seeks would go to the origin as well.
        try scene.waitUntilHeld(Self.target, Self.content.length)
        #expect(try scene.get(Self.target, ["Range": "bytes=0-9"]).head["Cache-Status"]?.contains("hit") == true)
        #expect(scene.origin.requests.count == 2)
    }

    @Test("A seek that finds another version brings the whole of it, and nothing that could be joined (rule 11)")
    func seeksIntoAnother() throws {
        let gate = Barrier("the seek was answered")
        let scene = try Scene()
        defer { gate.open() }
        scene.origin.put(Self.target, FileVersion(Self.content, etag: "W/\"w\"", cacheControl: "max-age=3600"))
        scene.origin.setFaults { request, number in
            FileFaults {
                guard number == 0 else { return }
                // However it comes, so little of it is not the rate of a fill that is there soon.
                $0.bytesPerSecond = mebibyte / 2
                $0.stallAfter = (bytes: mebibyte / 4, until: gate)
            }
        }
        let first = try scene.client()
        try first.request(scene.url(Self.target))
        #expect(try first.head().status == 200)
        try gate.waitForArrivals(1)
        let other = Content(seed: 52, length: Self.content.length)
        scene.origin.put(Self.target, FileVersion(other, etag: "W/\"x\"", cacheControl: "max-age=3600"))
        let seek = try scene.check(Self.target, other, ["Range": "bytes=3900000-3999999"])
        #expect(seek.head.status == 200)
        #expect(seek.body.isWhole)
    }

    @Test("What is refused in the background is not asked for without end while others read")
    func refusedInBackground() throws {
        let gate = Barrier("the signature has run out")
        let scene = try Scene(file: "[[rule]]\npath = \"/blob/**\"\nignore_query = true\n")
        defer { gate.open() }
        let urls = (1...3).map { "/blob/a?sig=\($0)" }
        for url in urls { scene.origin.put(url, .tagged(Self.content)) }
        let isOver = Barrier("refusals begin")
        scene.origin.setFaults { request, _ in
            FileFaults {
                if isOver.isOpen, request.target != urls[1] { $0.instead = (403, [:]) }
            }
        }
        // Held: the first MiB. A slow reader of it stays, whose URI is good for longer.
        _ = try scene.get(urls[1], ["Range": "bytes=0-1048575"])
        let slow = try scene.client()
        slow.shrinkReceiveBuffer(to: 65_536)
        try slow.request(scene.url(urls[1]), fields: ["Range": "bytes=0-1048575"])
        _ = try scene.get(urls[2], ["Range": "bytes=3000000-3000099"])
        isOver.open()
        // Somebody asks for the rest, is refused, and leaves.
        let refused = try scene.get(urls[0], ["Range": "bytes=2000000-2999999"])
        #expect(refused.head.status == 403)
        let count = scene.origin.requests.count
        #expect(count < 10)
        #expect(try slow.head().status == 206)
        #expect(try slow.checkBody(against: Self.content).count == mebibyte)
        #expect(scene.origin.requests.count < 12)
    }
}
