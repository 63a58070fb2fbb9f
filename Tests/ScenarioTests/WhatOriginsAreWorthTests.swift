// What one download has shown of an origin is used by the next one, and outlives the process (resume-rules 5, row 5, and
// 11, "Origin memory").

import ScriptedPeers
import Testing

@Suite("What an origin has shown is remembered and used", .onOwnThreads)
struct WhatOriginsAreWorthTests {
    static let content = Content(seed: 7301, length: 4 * mebibyte)
    static let hole = mebibyte

    /// Each first answer breaks off at the hole.
    private static func scene(
        _ version: FileVersion = .tagged(content),
        _ faults: @escaping @Sendable (ReceivedRequest, inout FileFaults) -> Void
    ) throws -> Scene {
        let scene = try Scene()
        for target in ["/a", "/b", "/c"] { scene.origin.put(target, version) }
        scene.origin.setFaults { request, number in
            FileFaults {
                if number == 0, request.target != "/known" { $0.closeAfter = hole }
                faults(request, &$0)
            }
        }
        return scene
    }

    private static func expectWhole(_ target: String, _ scene: Scene) throws {
        let answer = try scene.check(target, content)
        #expect(answer.body == CheckedBody(count: content.length, end: .complete), "\(target)")
    }

    @Test("If-Range refused: If-Match is tried at once, by the next download first, and after a restart, too")
    func nextRung() throws {
        let scene = try Self.scene { request, faults in faults.ignoresRange = request["If-Range"] != nil }
        try Self.expectWhole("/a", scene)
        let first = scene.origin.server.requests(for: "/a")
        #expect(first.map { $0["If-Range"] } == [nil, "\"one\"", nil])
        #expect(first.map { $0["If-Match"] } == [nil, nil, "\"one\""])
        #expect(first[2].askedRange != nil)
        try Self.expectWhole("/b", scene)
        #expect(scene.origin.server.requests(for: "/b").map { $0["If-Match"] } == [nil, "\"one\""])
        _ = try scene.proxy.terminate()
        try scene.startAgain()
        try Self.expectWhole("/c", scene)
        #expect(scene.origin.server.requests(for: "/c").map { $0["If-Match"] } == [nil, "\"one\""])
    }

    @Test("If-Match answered 412 though nothing changed: the range is asked for without a condition, and compared")
    func lastRung() throws {
        let scene = try Self.scene { request, faults in
            faults.ignoresRange = request["If-Range"] != nil
            if request["If-Match"] != nil { faults.ignoresRange = true }
        }
        try Self.expectWhole("/a", scene)
        let last = try #require(scene.origin.server.requests(for: "/a").last)
        #expect(last["If-Range"] == nil && last["If-Match"] == nil)
        #expect(last.askedRange?.first == Self.hole - overlapProbe)
    }

    @Test(
        "if_range_date of a rule: a date is tried where the tag is refused; without the rule never",
        arguments: [true, false]
    )
    func date(isAllowed: Bool) throws {
        let scene = try Scene(file: isAllowed ? "[[rule]]\npath = \"/**\"\nif_range_date = true\n" : nil)
        let date = "Tue, 30 Jan 2001 13:11:30 GMT"
        scene.origin.put(
            "/a",
            FileVersion(Self.content, etag: "\"one\"", lastModified: date, cacheControl: "max-age=60")
        )
        scene.origin.setFaults { request, number in
            FileFaults {
                if number == 0 { $0.closeAfter = Self.hole }
                // It gives parts to who names the date, and to nobody else.
                $0.ignoresRange = request["If-Range"] != date
            }
        }
        try Self.expectWhole("/a", scene)
        let dates = scene.origin.requests.map { $0["If-Range"] }.filter { $0 == date }
        #expect(dates.count == (isAllowed ? 1 : 0))
        #expect(scene.origin.requests.last?.askedRange != nil || !isAllowed)
    }

    @Test(
        "A condition that was not tried is not trusted: under it held bytes are compared, whatever another one is worth"
    )
    func untriedRung() throws {
        let scene = try Scene()
        scene.origin.put("/known", .tagged(Self.content))
        #expect(try scene.proxy.command("doctor", scene.url("/known")).status == 0)
        scene.origin.put("/a", .tagged(Self.content))
        let gate = Barrier("other bytes stand under the same tag")
        scene.origin.setFaults { request, number in
            FileFaults {
                if number == 0 { ($0.stallAfter, $0.closeAfter) = ((bytes: 1000, until: gate), Self.hole) }
                $0.ignoresRange = request["If-Range"] != nil
            }
        }
        let client = try scene.client()
        try client.request(scene.url("/a"))
        _ = try client.head()
        scene.origin.put("/a", .tagged(Content(seed: 7302, length: Self.content.length)))
        gate.open()
        #expect(try client.checkBody(against: Self.content) == CheckedBody(count: Self.hole, end: .truncated))
        let asked = scene.origin.server.requests(for: "/a").filter { $0["If-Match"] != nil }
        #expect(asked.first?.askedRange?.first == Self.hole - overlapProbe)
    }

    @Test("Where no rung is left the whole is compared, in the same response")
    func noRung() throws {
        let scene = try Self.scene { _, faults in faults.ignoresRange = true }
        try Self.expectWhole("/a", scene)
        let asked = scene.origin.server.requests(for: "/a")
        #expect(asked.map { $0.askedRange == nil } == [true, false, false, false])
        #expect(asked.map { $0["If-Range"] != nil } == [false, true, false, false])
    }

    @Test("Without a condition a part that names no version is not joined (resume-rules 5, row 2)")
    func unnamed() throws {
        let scene = try Self.scene { request, faults in
            faults.ignoresRange = request["If-Range"] != nil || request["If-Match"] != nil
            faults.omitsValidatorsOfParts = true
        }
        let answer = try scene.check("/a", Self.content)
        #expect(answer.body.firstDifference == nil)
        #expect(answer.body.end != .complete)
    }

    @Test("An If-Range that is known to be honoured needs no comparison; one whose parts name no version does")
    func overlap() throws {
        let scene = try Self.scene { request, faults in
            faults.omitsValidatorsOfParts = request.target == "/b"
        }
        scene.origin.put("/known", .tagged(Self.content))
        #expect(try scene.proxy.command("doctor", scene.url("/known")).status == 0)
        try Self.expectWhole("/a", scene)
        #expect(scene.origin.server.requests(for: "/a").map { $0.askedRange?.first } == [nil, Self.hole])
        try Self.expectWhole("/b", scene)
        #expect(
            scene.origin.server.requests(for: "/b").map { $0.askedRange?.first }
                == [nil, Self.hole, Self.hole - overlapProbe]
        )
    }

    @Test("A part that is none is discarded, and the whole compared: the client's response goes on (row 4)")
    func broken() throws {
        let scene = try Self.scene { request, faults in
            if request.askedRange != nil { faults.contentRange = "bytes 5-9/\(Self.content.length)" }
        }
        try Self.expectWhole("/a", scene)
        #expect(scene.origin.server.requests(for: "/a").map { $0.askedRange == nil } == [true, false, true])
    }

    @Test("doctor --remembered says what a download has taught, and asks nothing")
    func recall() throws {
        let scene = try Self.scene { _, _ in }
        let before = try scene.proxy.command("doctor", "--remembered", scene.url("/a"), "--json")
        #expect(try jsonObject(before.output)["prospect"] as? String == "unknown")
        try Self.expectWhole("/a", scene)
        let asked = scene.origin.requests.count
        let after = try scene.proxy.command("doctor", "--remembered", scene.url("/"))
        #expect(after.output.contains("It answers a request for a range with that range."))
        #expect(scene.origin.requests.count == asked)
    }
}
