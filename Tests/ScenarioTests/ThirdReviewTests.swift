// What the third hostile review and the soak got out of an earlier proxy: ends that were none, clients that waited for
// a retry of hours, and bytes that crossed the link twice. Each as it was done then.

import Foundation
import ScriptedPeers
import Synchronization
import Testing

@Suite("False ends, and readers who join what waits", .onOwnThreads)
struct ThirdReviewTests {
    static let target = "/file"
    static let content = Content(seed: 9301, length: 4 * mebibyte)
    static let tagged = "ETag: \"one\"\r\nCache-Control: max-age=3600\r\n"

    /// The first missing byte that a resume asks for, and the overlap before it.
    private static func start(_ request: ReceivedRequest) -> Int64? {
        request["Range"].flatMap { Int64($0.dropFirst("bytes=".count).prefix { $0 != "-" }) }
    }

    @Test(
        "A part that passes through, and that only the connection ends, is not ended orderly before its Content-Range is"
    )
    func shortPartPassing() throws {
        let scene = try ScriptedScene { _, connection in
            let range = "Content-Range: bytes 1000-100999/\(Self.content.length)\r\n"
            try connection.send(
                "HTTP/1.1 206 Partial Content\r\nCache-Control: no-store\r\n\(range)Connection: close\r\n\r\n"
            )
            try connection.send(Self.content.bytes(1000..<50_000))
            connection.close()
        }
        let part = try PeerClient.check(
            scene.url(Self.target),
            through: scene.proxy.port,
            against: Self.content,
            at: 1000,
            fields: ["Range": "bytes=1000-100999"]
        )
        #expect(part.head.status == 206)
        #expect(part.body == CheckedBody(count: 49_000, end: .truncated))
    }

    /// Answers the requests one after the other; the last one stands for all that follow.
    private static func inTurn(
        _ answers: [@Sendable (ReceivedRequest, OriginConnection) throws -> Void]
    ) -> ScriptedOrigin.Handler {
        let count = Mutex(0)
        return { request, connection in
            let number = count.withLock { count in
                defer { count += 1 }
                return count
            }
            try answers[min(number, answers.count - 1)](request, connection)
        }
    }

    /// The first part of the whole, and, when the gate is open, the connection's end.
    private static func beginning(
        _ gate: Barrier
    ) -> @Sendable (ReceivedRequest, OriginConnection) throws -> Void {
        { _, connection in
            try connection.send("HTTP/1.1 200 OK\r\n\(tagged)Content-Length: \(content.length)\r\n\r\n")
            try connection.send(content.bytes(0..<mebibyte))
            try gate.wait()
            connection.close()
        }
    }

    /// What a resume asks for: all of it, or so many bytes and the connection's end.
    private static func rest(_ limit: Int64? = nil) -> @Sendable (ReceivedRequest, OriginConnection) throws -> Void {
        { request, connection in
            let start = Self.start(request) ?? 0
            let range = "Content-Range: bytes \(start)-\(content.length - 1)/\(content.length)\r\n"
            let length = "Content-Length: \(content.length - start)\r\n"
            try connection.send("HTTP/1.1 206 Partial Content\r\n\(tagged)\(range)\(length)\r\n")
            try connection.send(content.bytes(start..<min(content.length, start + (limit ?? content.length))))
            if limit != nil { connection.close() }
        }
    }

    private static func unavailable(
        _ fields: PeerFields
    ) -> @Sendable (ReceivedRequest, OriginConnection) throws -> Void {
        { try $1.respond(503, "Service Unavailable", fields: fields, text: "") }
    }

    private static func status(_ scene: ScriptedScene) throws -> StatusView {
        try JSONDecoder().decode(StatusView.self, from: Data(scene.proxy.command("status", "--json").output.utf8))
    }

    /// A client asks and leaves; then the origin breaks off, and the download waits for it, and nobody for the download.
    private static func abandon(_ scene: ScriptedScene, _ gate: Barrier, requests: Int) throws {
        let first = try scene.client()
        try first.request(scene.url(target))
        _ = try first.head()
        #expect(try first.body(first: 1000) == content.bytes(0..<1000))
        first.reset()
        try waitUntil("nobody reads") {
            try status(scene).fills.allSatisfy { $0.readers == 0 }
        }
        gate.open()
        try scene.origin.waitForRequests(requests)
        try waitUntil("the download waits") {
            try status(scene).fills.contains { $0.claims.contains { $0.state == "waiting" } }
        }
    }

    @Test("Who joins a download that waits an hour for its origin does not wait an hour")
    func joiningWait() throws {
        let gate = Barrier("the first client has left")
        let scene = try ScriptedScene(
            handler: Self.inTurn([Self.beginning(gate), Self.unavailable(["Retry-After": "3600"]), Self.rest()])
        )
        try Self.abandon(scene, gate, requests: 2)
        let second = try PeerClient.check(scene.url(Self.target), through: scene.proxy.port, against: Self.content)
        #expect(second.body.isWhole, "\(second.body)")
    }

    @Test("The attempts of a long download are not held against who joins it")
    func attemptsOfOthers() throws {
        let gate = Barrier("the first client has left")
        let scene = try ScriptedScene(
            handler: Self.inTurn([
                Self.beginning(gate), Self.rest(300_000), Self.rest(300_000), Self.rest(300_000),
                Self.unavailable(["Retry-After": "3600"]), Self.unavailable([:]), Self.rest(),
            ])
        )
        try Self.abandon(scene, gate, requests: 5)
        let second = try PeerClient.check(scene.url(Self.target), through: scene.proxy.port, against: Self.content)
        #expect(second.body.isWhole, "\(second.body)")
    }

    @Test("A body that is known to go on does not end where a second attempt, ended by its connection, ends before")
    func shorterRestart() throws {
        let scene = try ScriptedScene(
            handler: Self.inTurn([
                { _, connection in
                    try connection.send(
                        "HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nTransfer-Encoding: chunked\r\n\r\n"
                    )
                    try connection.sendChunk(Self.content.bytes(0..<300_000))
                    connection.close()
                },
                { _, connection in
                    try connection.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nConnection: close\r\n\r\n")
                    try connection.send(Self.content.bytes(0..<100_000))
                    connection.close()
                },
            ])
        )
        let cut = try PeerClient.check(scene.url(Self.target), through: scene.proxy.port, against: Self.content)
        #expect(cut.body == CheckedBody(count: 300_000, end: .truncated))
    }

    @Test("Two fills that learn of a new version at the same time fetch it once")
    func changedForTwo() throws {
        let old = Content(seed: 9302, length: 16 * mebibyte)
        let new = Content(seed: 9303, length: 16 * mebibyte)
        let (cut, both) = (Barrier("the old version breaks off"), Barrier("both fills have asked again"))
        let scene = try ScriptedScene { request, connection in
            let range = request["Range"].map {
                $0.dropFirst("bytes=".count).split(separator: "-").compactMap { Int64($0) }
            }
            if cut.isOpen {
                // Who asks for the rest of the old version.
                if request["If-Range"] != nil {
                    both.arrive()
                    try both.waitForArrivals(2)
                }
                let fields = "ETag: \"two\"\r\nCache-Control: max-age=3600\r\nContent-Length: \(new.length)\r\n"
                try connection.send("HTTP/1.1 200 OK\r\n\(fields)\r\n")
                return try connection.send(new.allBytes)
            }
            let fields = "ETag: \"one\"\r\nAccept-Ranges: bytes\r\nCache-Control: max-age=3600\r\n"
            let start = range?.first ?? 0
            let end = range.flatMap { $0.count > 1 ? $0[1] + 1 : nil } ?? old.length
            let part = "Content-Range: bytes \(start)-\(end - 1)/\(old.length)\r\n"
            let status = range == nil ? "200 OK" : "206 Partial Content"
            try connection.send(
                "HTTP/1.1 \(status)\r\n\(fields)\(range == nil ? "" : part)Content-Length: \(end - start)\r\n\r\n"
            )
            try connection.send(old.bytes(start..<start + mebibyte))
            try cut.wait()
            connection.close()
        }
        let clients = try [0, 8 * mebibyte].map { start in
            let client = try scene.client()
            try client.request(scene.url(Self.target), fields: ["Range": "bytes=\(start)-"])
            _ = try client.head()
            #expect(try client.body(first: 1000) == old.bytes(start..<start + 1000))
            return client
        }
        cut.open()
        for client in clients { #expect(try client.body().end != .complete) }
        let answer = try PeerClient.check(scene.url(Self.target), through: scene.proxy.port, against: new)
        #expect(answer.body.isWhole, "\(answer.body)")
        try waitUntil("nothing is filled") {
            try Self.status(scene).fills.isEmpty
        }
        // What is in the sockets of the answer that is not taken is sent, and no more of it.
        #expect(scene.origin.bodyBytesSent(Self.target) < 2 * mebibyte + new.length + 10 * mebibyte)
    }

    @Test("A change under the same tag, once noticed, is remembered over a kill by who guards a bare resume")
    func sameTagAfterKill() throws {
        let scene = try Scene(settings: ["resume.on_disconnect=park"])
        let new = Content(seed: 9304, length: Self.content.length)
        let gate = Barrier("the first client has left")
        defer { gate.open() }
        scene.origin.put(Self.target, .tagged(Self.content))
        scene.origin.setFaults { _, number in
            FileFaults { if number == 0 { $0.stallAfter = (bytes: mebibyte, until: gate) } }
        }
        let first = try PeerClient(port: scene.proxy.port, from: "127.0.0.9")
        try first.request(scene.url(Self.target))
        _ = try first.head()
        #expect(try first.body(first: 500_000) == Self.content.bytes(0..<500_000))
        first.reset()
        try scene.waitUntilNothingIsFilled()
        scene.origin.put(Self.target, .tagged(new))
        #expect(try scene.check(Self.target, new).body.isWhole)
        try scene.waitUntilHeld(Self.target, new.length)
        try scene.killAndStartAgain()
        let resumed = try PeerClient(port: scene.proxy.port, from: "127.0.0.9")
        try resumed.request(scene.url(Self.target), fields: ["Range": "bytes=500000-"])
        #expect(try resumed.head().status == 200)
        #expect(try resumed.checkBody(against: new).isWhole)
    }
}
