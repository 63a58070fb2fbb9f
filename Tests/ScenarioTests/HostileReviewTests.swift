// What the second hostile review got out of an earlier proxy: loops without an end, heads of one answer over the
// body of another, readers that a purge or a POST cut. Each as it was done then.

import ScriptedPeers
import Testing

@Suite("Loops, mixed heads, and readers of what is purged", .onOwnThreads)
struct HostileReviewTests {
    static let target = "/file"
    static let content = Content(seed: 9101, length: 4 * mebibyte)

    /// Answers ranges as `answer` says; counts are the origin's.
    private static func ranges(
        _ answer: @escaping @Sendable (Range<Int64>) -> (range: Range<Int64>, total: String),
        whole: @escaping @Sendable (OriginConnection) throws -> Void
    ) -> ScriptedOrigin.Handler {
        { request, connection in
            guard let text = request["Range"]?.dropFirst("bytes=".count) else { return try whole(connection) }
            let ends = text.split(separator: "-").compactMap { Int64($0) }
            let asked = ends[0]..<(ends.count > 1 ? ends[1] + 1 : content.length)
            let (range, total) = answer(asked)
            let fields: PeerFields = [
                "ETag": "\"one\"", "Cache-Control": "max-age=3600",
                "Content-Range": "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(total)",
            ]
            try connection.respond(206, "Partial Content", fields: fields, body: content.bytes(range))
        }
    }

    @Test("Parts that never bring a missing byte are not asked for without end")
    func partsTooShort() throws {
        let handler = Self.ranges({ asked in
            (asked.lowerBound..<min(asked.upperBound, asked.lowerBound + 10_000), "\(Self.content.length)")
        }) { connection in
            let fields = "ETag: \"one\"\r\nCache-Control: max-age=3600\r\n"
            try connection.send("HTTP/1.1 200 OK\r\n\(fields)Content-Length: \(Self.content.length)\r\n\r\n")
            try connection.send(Self.content.bytes(0..<mebibyte))
            connection.close()
        }
        let scene = try ScriptedScene(handler: handler)
        let cut = try PeerClient.check(scene.url(Self.target), through: scene.proxy.port, against: Self.content)
        #expect(cut.body.end == .truncated)
        #expect(cut.body.firstDifference == nil)
        try waitUntil("nothing is filled") {
            try !scene.proxy.command("status", "--json").output.contains("\"asking\"")
        }
        #expect(scene.origin.requests.count <= 12)
    }

    @Test("A part of an unknown whole passes through as the part that it is, and is no head of anything else")
    func partOfUnknown() throws {
        let scene = try ScriptedScene(
            handler: Self.ranges({ ($0, "*") }) { try $0.respond(fields: ["ETag": "\"one\""], text: "whole") }
        )
        for _ in 0..<2 {
            let part = try scene.get(Self.target, ["Range": "bytes=50000-50099"])
            #expect(part.status == 206)
            #expect(part["Content-Range"] == "bytes 50000-50099/*")
            #expect(part.body == Self.content.bytes(50_000..<50_100))
        }
        #expect(scene.origin.requests.count == 2)
    }

    @Test("A suffix of a new version, asked by who holds the old one, comes as a 200 with the head of a 200")
    func suffixUnderGuard() throws {
        let scene = try Scene()
        scene.origin.put(Self.target, .tagged(Self.content, cacheControl: "no-cache"))
        #expect(try scene.check(Self.target, Self.content).body.isWhole)
        let new = Content(seed: 9102, length: 3 * mebibyte)
        scene.origin.put(Self.target, .tagged(new, "\"two\"", cacheControl: "no-cache"))
        #expect(try scene.proxy.command("purge", scene.url(Self.target)).status == 0)
        let answer = try scene.check(Self.target, new, ["Range": "bytes=-500000"])
        #expect(answer.head.status == 200)
        #expect(answer.head["Content-Range"] == nil)
        #expect(answer.head["Content-Length"] == "\(new.length)")
        #expect(answer.body == CheckedBody(count: new.length, end: .complete))
    }

    @Test("After a POST, a GET is served while an older reader still reads slowly")
    func getAfterPost() throws {
        let scene = try Scene()
        let gate = Barrier("the second reader is served")
        scene.origin.put(Self.target, .tagged(Self.content))
        scene.origin.setFaults { request, number in
            FileFaults {
                if number == 0 { $0.stallAfter = (bytes: mebibyte, until: gate) }
                if request.method == "POST" { $0.instead = (201, [:]) }
            }
        }
        let reader = try scene.client()
        try reader.request(scene.url(Self.target))
        #expect(try reader.checkBody(against: Self.content, limit: 1000).firstDifference == nil)
        #expect(try scene.get(Self.target, ["Content-Length": "0"], method: "POST").status == 201)
        for _ in 0..<4 { #expect(try scene.check(Self.target, Self.content).body.isWhole) }
        gate.open()
        #expect(try reader.checkBody(against: Self.content, at: 1000).isWhole)
    }

    @Test("A purge while it is read costs the reader nothing: the rest comes in the same response")
    func purgeWhileReading() throws {
        let scene = try Scene()
        let gate = Barrier("it was purged")
        scene.origin.put(Self.target, .tagged(Self.content))
        scene.origin.setFaults { _, number in
            FileFaults { if number == 0 { $0.stallAfter = (bytes: mebibyte, until: gate) } }
        }
        defer { gate.open() }
        let reader = try scene.client()
        try reader.request(scene.url(Self.target))
        #expect(try reader.checkBody(against: Self.content, limit: 1000).firstDifference == nil)
        #expect(try scene.proxy.command("purge", scene.url(Self.target)).status == 0)
        #expect(try reader.checkBody(against: Self.content, at: 1000).isWhole)
    }

    @Test("The same version, fetched anew after a purge, is resumed by a bare Range (rule 11 guards versions)")
    func sameVersionAgain() throws {
        let scene = try Scene()
        scene.origin.put(Self.target, .tagged(Self.content))
        #expect(try scene.check(Self.target, Self.content).body.isWhole)
        #expect(try scene.proxy.command("purge", scene.url(Self.target)).status == 0)
        let rest = try scene.check(Self.target, Self.content, at: 1000, ["Range": "bytes=1000-"])
        #expect(rest.head.status == 206)
        #expect(rest.body.isWhole)
    }

    @Test("Without any validator a bare Range passes through, as long as the length is the same")
    func withoutValidator() throws {
        let scene = try Scene()
        scene.origin.put(Self.target, FileVersion(Self.content, cacheControl: nil))
        try scene.readAndLeave(Self.target, Self.content, mebibyte)
        let rest = try scene.check(Self.target, Self.content, at: mebibyte, ["Range": "bytes=\(mebibyte)-"])
        #expect(rest.head.status == 206)
        #expect(rest.body == CheckedBody(count: Self.content.length - mebibyte, end: .complete))
        let longer = Content(seed: 9103, length: 5 * mebibyte)
        scene.origin.put(Self.target, FileVersion(longer, cacheControl: nil))
        let changed = try scene.check(Self.target, longer, ["Range": "bytes=\(mebibyte)-"])
        #expect(changed.head.status == 200)
        #expect(changed.body == CheckedBody(count: longer.length, end: .complete))
    }
}
