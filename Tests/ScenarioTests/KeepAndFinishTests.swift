// What happens to a download when its last client leaves: finished, parked or dropped, by directive, within limits
// (resume-rules 6; issue: "a client that leaves never costs a stored byte").

import ScriptedPeers
import Testing

@Suite("A client that leaves never costs a stored byte (resume-rules 6)", .onOwnThreads)
struct KeepAndFinishTests {
    static let target = "/file"
    static let content = Content(seed: 6001, length: 6 * mebibyte)
    static let pause: Int64 = 3 * mebibyte

    /// The origin waits after 3 MiB of its first answer for each target.
    static func scene(_ settings: [String], gate: Barrier) throws -> Scene {
        let scene = try Scene(settings: settings)
        scene.origin.put(target, .tagged(content))
        scene.origin.setFaults { _, number in
            FileFaults { if number == 0 { $0.stallAfter = (bytes: pause, until: gate) } }
        }
        return scene
    }

    @Test("finish: the fill goes on to the end on its own connection, and is owed no more")
    func finishes() throws {
        let gate = Barrier("the client has left")
        let scene = try Self.scene([], gate: gate)
        try scene.readAndLeave(Self.target, Self.content, mebibyte)
        try scene.waitForStatus("the fill goes on without a reader") {
            $0.fills.first?.readers == 0 && $0.fills.first?.isFinishing == true
        }
        gate.open()
        try scene.waitUntilHeld(Self.target, Self.content.length)
        try scene.waitForStatus("nothing is owed") { $0.isIdle }
        #expect(scene.origin.requests.count == 1)
        #expect(try scene.isServedWhole(Self.target, Self.content))
        #expect(scene.origin.tally(Self.target).overlapBytes == 0)
    }

    @Test("park: the fill stops, what came is kept, and it is shown as parked")
    func parks() throws {
        let gate = Barrier("the end of the test")
        let scene = try Self.scene(["resume.on_disconnect=\"park\""], gate: gate)
        defer { gate.open() }
        try scene.readAndLeave(Self.target, Self.content, mebibyte)
        try scene.waitForStatus("it is parked") { $0.fills.isEmpty && $0.waiting.first?.state == "parked" }
        #expect(try scene.heldBytes(scene.url(Self.target)) >= mebibyte)
        #expect(scene.origin.requests.count == 1)
    }

    @Test("drop: the fill stops and is not remembered, and what came is kept all the same")
    func drops() throws {
        let gate = Barrier("the client has left")
        let scene = try Self.scene(["resume.on_disconnect=\"drop\""], gate: gate)
        try scene.readAndLeave(Self.target, Self.content, mebibyte)
        try scene.waitForStatus("nothing is owed") { $0.isIdle }
        gate.open()
        #expect(scene.origin.requests.count == 1)
        let held = try scene.heldBytes(scene.url(Self.target))
        #expect(held >= mebibyte && held <= Self.pause)
        let answer = try scene.check(Self.target, Self.content)
        #expect(answer.body == CheckedBody(count: Self.content.length, end: .complete))
        let last = try #require(scene.origin.requests.last)
        #expect(last["If-Range"] == "\"one\"")
        #expect(last.asks(from: held))
    }

    @Test("A download above finish_max_size is parked instead of finished")
    func tooLargeToFinish() throws {
        let gate = Barrier("the end of the test")
        let scene = try Self.scene(["resume.finish_max_size=\"5 MiB\""], gate: gate)
        defer { gate.open() }
        try scene.readAndLeave(Self.target, Self.content, mebibyte)
        try scene.waitForStatus("it is parked") { $0.fills.isEmpty && $0.waiting.first?.state == "parked" }
        #expect(try scene.heldBytes(scene.url(Self.target)) >= mebibyte)
    }

    @Test("max_finishing = 1: a second download stops while the first finishes, and is remembered (R58)")
    func oneAtATime() throws {
        let gate = Barrier("the first may finish")
        let scene = try Self.scene(["resume.max_finishing=1"], gate: gate)
        let second = "/second"
        scene.origin.put(second, .tagged(Self.content, "\"second\""))
        try scene.readAndLeave(Self.target, Self.content, mebibyte)
        try scene.waitForStatus("the first is finishing") { $0.fills.first?.isFinishing == true }
        try scene.readAndLeave(second, Self.content, mebibyte)
        let (firstURL, secondURL) = (scene.url(Self.target), scene.url(second))
        try scene.waitForStatus("the second has stopped, and the first has not") { status in
            let first = status.fills.first { $0.url == firstURL }
            let other = status.fills.first { $0.url == secondURL }
            return first?.isFinishing == true && other?.claims.isEmpty ?? true && status.unfinished == 2
        }
        gate.open()
        try scene.waitUntilHeld(Self.target, Self.content.length)
        // Its turn comes by itself or with the next client: no byte that was kept is asked for twice.
        let answer = try scene.check(second, Self.content)
        #expect(answer.body == CheckedBody(count: Self.content.length, end: .complete))
        // What was under way when its connection was closed is lost: some socket buffers.
        #expect(scene.origin.tally(second).overlapBytes <= 2 * overlapProbe + 2 * mebibyte)
        try scene.waitForStatus("nothing is owed") { $0.isIdle }
    }

    @Test("finish is never widened: of a cold range only the range is finished (resume-rules 6)")
    func finishesTheRangeOnly() throws {
        let gate = Barrier("the client has left")
        let scene = try Self.scene([], gate: gate)
        scene.origin.setFaults { _, _ in FileFaults { $0.stallAfter = (bytes: mebibyte, until: gate) } }
        let client = try scene.client()
        try client.request(scene.url(Self.target), fields: ["Range": "bytes=1048576-4194303"])
        #expect(try client.head().status == 206)
        _ = try client.body(first: 1000)
        client.reset()
        try scene.waitForStatus("nobody reads") { $0.fills.first?.readers == 0 }
        gate.open()
        try scene.waitForStatus("nothing is owed") { $0.isIdle }
        #expect(try scene.heldBytes(scene.url(Self.target)) == 3 * mebibyte)
        #expect(scene.origin.requests.count == 1)
        #expect(scene.origin.tally(Self.target).uniqueBytes == 3 * mebibyte)
    }

    @Test("A client that comes back joins the fill that finishes: nothing is asked for twice")
    func comesBack() throws {
        let gate = Barrier("the client is back")
        let scene = try Self.scene([], gate: gate)
        try scene.readAndLeave(Self.target, Self.content, mebibyte)
        try scene.waitForStatus("it is finishing") { $0.fills.first?.isFinishing == true }
        let client = try scene.client()
        try client.request(scene.url(Self.target), fields: ["Range": "bytes=1048576-"])
        let head = try client.head()
        #expect(head.status == 206)
        #expect(head["Content-Range"] == "bytes 1048576-6291455/6291456")
        let early = try client.checkBody(against: Self.content, at: mebibyte, limit: mebibyte)
        #expect(early == CheckedBody(count: mebibyte, end: nil))
        gate.open()
        #expect(try client.checkBody(against: Self.content, at: 2 * mebibyte).isWhole)
        #expect(scene.origin.requests.count == 1)
        #expect(scene.origin.tally(Self.target).totalBytes == Self.content.length)
    }

    @Test("What cannot be resumed is finished from half of it on, and dropped below (finish_share_unresumable)")
    func unresumable() throws {
        let gate = Barrier("the clients have left")
        let scene = try Self.scene([], gate: gate)
        let weak = { (tag: String) in FileVersion(Self.content, etag: tag, cacheControl: "max-age=3600") }
        scene.origin.put("/most", weak("W/\"most\""))
        scene.origin.put("/little", weak("W/\"little\""))
        scene.origin.setFaults { request, _ in
            FileFaults { $0.stallAfter = (bytes: (request.target == "/most" ? 4 : 2) * mebibyte, until: gate) }
        }
        // Held bytes are what is on disk: the clients leave once that much is.
        for (target, bytes) in [("/most", 4 * mebibyte), ("/little", 2 * mebibyte)] {
            let client = try scene.client()
            try client.request(scene.url(target))
            #expect(try client.head().status == 200)
            _ = try client.checkBody(against: Self.content, limit: bytes)
            try scene.waitUntilHeld(target, bytes)
            client.reset()
        }
        let (most, little) = (scene.url("/most"), scene.url("/little"))
        try scene.waitForStatus("the one goes on and the other has stopped") { status in
            status.fills.contains { $0.url == most && $0.readers == 0 && $0.isFinishing }
                && !status.fills.contains { $0.url == little }
        }
        gate.open()
        try scene.waitUntilHeld("/most", Self.content.length)
        #expect(try scene.isServedWhole("/most", Self.content))
        #expect(try scene.check("/little", Self.content).body.isWhole)
    }

    @Test("A half-closed connection is no abort: the response comes whole (resume-rules 6)")
    func halfClosed() throws {
        let gate = Barrier("the client has half-closed")
        let scene = try Self.scene(["resume.on_disconnect=\"drop\""], gate: gate)
        let client = try scene.client()
        try client.request(scene.url(Self.target), fields: ["Connection": "close"])
        #expect(try client.head().status == 200)
        client.shutdownSending()
        let part = try client.checkBody(against: Self.content, limit: 2 * mebibyte)
        #expect(part == CheckedBody(count: 2 * mebibyte, end: nil))
        gate.open()
        #expect(try client.checkBody(against: Self.content, at: 2 * mebibyte).isWhole)
        #expect(scene.origin.requests.count == 1)
    }

    @Test("A request with Authorization is not finished without its client (resume-rules 6)")
    func credentialed() throws {
        let gate = Barrier("the end of the test")
        let scene = try Self.scene([], gate: gate)
        defer { gate.open() }
        scene.origin.put(Self.target, .tagged(Self.content, cacheControl: "public, max-age=3600"))
        try scene.readAndLeave(Self.target, Self.content, mebibyte, ["Authorization": "Basic c2VjcmV0"])
        try scene.waitUntilNothingIsFilled()
        #expect(try scene.status().waiting.allSatisfy { $0.state == "parked" })
        #expect(scene.origin.requests.count == 1)
        #expect(try scene.heldBytes(scene.url(Self.target)) >= mebibyte)
    }

    @Test("A body of unknown length is finished for finish_below bytes more, and then parked (resume-rules 6)")
    func unknownLength() throws {
        let gate = Barrier("the client has left")
        let scene = try Self.scene(["resume.finish_below=\"1 MiB\""], gate: gate)
        let content = Content(seed: 6002, length: 16 * mebibyte)
        scene.origin.put(Self.target, .tagged(content))
        scene.origin.setFaults { _, _ in
            FileFaults {
                $0.framing = .chunked
                $0.stallAfter = (bytes: mebibyte, until: gate)
            }
        }
        try scene.readAndLeave(Self.target, content, 1000)
        try scene.waitForStatus("nobody reads") { $0.fills.first?.readers == 0 }
        gate.open()
        try scene.waitForStatus("it is parked") { $0.fills.isEmpty && $0.waiting.first?.state == "parked" }
        let held = try scene.heldBytes(scene.url(Self.target))
        // What is on its way when the fill stops may be kept.
        #expect(held >= mebibyte && held <= 8 * mebibyte)
    }

    @Test(
        "finish_below and finish_share: where one is set, one that holds is enough, else it is parked",
        arguments: [
            (["resume.finish_below=\"4 MiB\""], true), (["resume.finish_below=\"2 MiB\""], false),
            (["resume.finish_share=0.4"], true), (["resume.finish_share=0.8"], false),
            (["resume.finish_below=\"2 MiB\"", "resume.finish_share=0.4"], true),
        ]
    )
    func thresholds(_ settings: [String], finishes: Bool) throws {
        let gate = Barrier("the client has left")
        let scene = try Self.scene(settings, gate: gate)
        defer { gate.open() }
        let client = try scene.client()
        try client.request(scene.url(Self.target))
        #expect(try client.head().status == 200)
        #expect(try client.checkBody(against: Self.content, limit: Self.pause).firstDifference == nil)
        try scene.waitUntilHeld(Self.target, Self.pause)
        client.reset()
        if finishes {
            try scene.waitForStatus("it is finishing") { $0.fills.first?.isFinishing == true }
            gate.open()
            try scene.waitUntilHeld(Self.target, Self.content.length)
        } else {
            try scene.waitForStatus("it is parked") { $0.fills.isEmpty && $0.waiting.first?.state == "parked" }
        }
        #expect(scene.origin.requests.count == 1)
    }
}
