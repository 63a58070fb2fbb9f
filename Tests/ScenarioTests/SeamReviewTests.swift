// What the review of the seams got out of an earlier proxy: features that were right one by one, and met. Each as it was
// done then.

import Foundation
import ScriptedPeers
import Synchronization
import Testing

@Suite("Seams: digests, doubts, variants and questions that meet", .onOwnThreads)
struct SeamReviewTests {
    static let target = "/file"
    static let content = Content(seed: 9501, length: 4 * mebibyte)

    private static func asked(_ request: ReceivedRequest, _ length: Int64) -> Range<Int64>? {
        request.askedRange.map { $0.first..<($0.last.map { $0 + 1 } ?? length) }
    }

    private static func status(_ scene: ScriptedScene) throws -> StatusView {
        try JSONDecoder().decode(StatusView.self, from: Data(scene.proxy.command("status", "--json").output.utf8))
    }

    @Test("Who waits for what turns out to be a new version is not given another client's variant of it")
    func variantOfAnother() throws {
        let (left, both) = (Barrier("the first client has left"), Barrier("two clients wait"))
        let variants = ["de": Content(seed: 9502, length: mebibyte), "en": Content(seed: 9503, length: mebibyte)]
        let scene = try ScriptedScene(settings: ["resume.on_disconnect=park"]) { request, connection in
            let fields = "Accept-Ranges: bytes\r\nCache-Control: max-age=3600\r\n"
            guard left.isOpen else {
                let length = "Content-Length: \(Self.content.length)\r\n"
                try connection.send("HTTP/1.1 200 OK\r\nETag: \"one\"\r\n\(fields)\(length)\r\n")
                try connection.send(Self.content.bytes(0..<mebibyte))
                try left.wait()
                return connection.close()
            }
            try both.arriveAndWait()
            let language = request["Accept-Language"] ?? ""
            let content = variants[language] ?? Self.content
            let varied = "ETag: \"two-\(language)\"\r\nVary: Accept-Language\r\n"
            try connection.send("HTTP/1.1 200 OK\r\n\(varied)\(fields)Content-Length: \(content.length)\r\n\r\n")
            try connection.send(content.allBytes)
        }
        let first = try scene.client()
        try first.request(scene.url(Self.target))
        _ = try first.head()
        #expect(try first.body(first: 500_000) == Self.content.bytes(0..<500_000))
        first.reset()
        try waitUntil("nothing is filled") { try Self.status(scene).fills.isEmpty }
        left.open()
        let german = try scene.client()
        try german.request(scene.url(Self.target), fields: ["Accept-Language": "de"])
        try both.waitForArrivals(1)
        let english = try scene.client()
        try english.request(scene.url(Self.target), fields: ["Accept-Language": "en"])
        try waitUntil("both wait") { try Self.status(scene).fills.contains { $0.readers == 2 } }
        both.open()
        #expect(try german.head()["ETag"] == "\"two-de\"")
        #expect(try german.checkBody(against: #require(variants["de"])).isWhole)
        #expect(try english.head()["ETag"] == "\"two-en\"")
        #expect(try english.checkBody(against: #require(variants["en"])).isWhole)
    }

    @Test("A part that names another digest of the whole leaves nobody waiting for the verdict on the first one")
    func digestReplaced() throws {
        let scene = try Scene()
        scene.origin.put(Self.target, DigestTests.version(Self.content))
        let (first, second) = (Barrier("another digest is named"), Barrier("a second client is there"))
        scene.origin.setFaults { _, number in
            FileFaults {
                if number == 0 { ($0.stallAfter, $0.closeAfter) = ((mebibyte, first), mebibyte + 1) }
                if number == 1 { $0.stallAfter = (mebibyte, second) }
            }
        }
        let client = try scene.client()
        try client.request(scene.url(Self.target))
        _ = try client.head()
        #expect(try client.body(first: 1000) == Self.content.bytes(0..<1000))
        scene.origin.put(Self.target, DigestTests.version(Self.content, naming: DigestTests.other))
        first.open()
        #expect(try client.checkBody(against: Self.content, at: 1000, limit: mebibyte + 100_000).firstDifference == nil)
        let other = try scene.client()
        try other.request(scene.url(Self.target))
        #expect(try other.head().status == 200)
        second.open()
        // The first one was sent the digest that it has, the second one another.
        #expect(try client.checkBody(against: Self.content, at: mebibyte + 101_000).isWhole)
        #expect(try other.checkBody(against: Self.content).end != .complete)
        try waitUntil("it is dropped") { try scene.heldBytes(scene.url(Self.target)) == 0 }
    }

    @Test("A body with another digest is not ended as whole because a POST succeeded while it came")
    func digestAfterPost() throws {
        let scene = try Scene()
        let gate = Barrier("the POST is done")
        scene.origin.put(Self.target, DigestTests.version(Self.content, naming: DigestTests.other))
        scene.origin.setFaults { request, number in
            FileFaults {
                if number == 0 { $0.stallAfter = (bytes: mebibyte, until: gate) }
                if request.method == "POST" { $0.instead = (201, [:]) }
            }
        }
        let client = try scene.client()
        try client.request(scene.url(Self.target))
        _ = try client.head()
        #expect(try client.body(first: 1000) == Self.content.bytes(0..<1000))
        #expect(try scene.get(Self.target, ["Content-Length": "0"], method: "POST").status == 201)
        gate.open()
        let body = try client.checkBody(against: Self.content, at: 1000)
        #expect(body.end != .complete, "\(body)")
    }

    @Test("Bytes that wait for the verdict on a digest are not fetched again where the rest may not be kept")
    func heldBackOnce() throws {
        let scene = try Scene()
        let missing = Self.content.length - 20_000
        scene.origin.put(Self.target, DigestTests.version(Self.content))
        let gate = Barrier("no more of it may be kept")
        scene.origin.setFaults { _, number in
            FileFaults { if number == 0 { ($0.stallAfter, $0.closeAfter) = ((mebibyte, gate), missing) } }
        }
        let client = try scene.client()
        try client.request(scene.url(Self.target))
        _ = try client.head()
        #expect(try client.body(first: 1000) == Self.content.bytes(0..<1000))
        var forbidden = DigestTests.version(Self.content)
        forbidden.cacheControl = "no-store"
        scene.origin.put(Self.target, forbidden)
        gate.open()
        #expect(try client.checkBody(against: Self.content, at: 1000).isWhole)
        #expect(scene.origin.requests.last?.askedRange?.first == missing)
    }

    // MARK: Doubts

    /// Two versions under one tag. They have 512 KiB to 1.5 MiB in common, and no other byte.
    private static let one = Content(seed: 9504, length: 4 * mebibyte)
    private static let two = Content(seed: 9505, length: 4 * mebibyte)
    private static let common = (mebibyte / 2)..<(mebibyte * 3 / 2)

    private static func bytes(_ isTwo: Bool, _ range: Range<Int64>) -> [UInt8] {
        guard isTwo else { return one.bytes(range) }
        let inside = range.clamped(to: common)
        let before = range.clamped(to: 0..<common.lowerBound)
        let after = range.clamped(to: common.upperBound..<two.length)
        return (before.isEmpty ? [] : two.bytes(before)) + (inside.isEmpty ? [] : one.bytes(inside))
            + (after.isEmpty ? [] : two.bytes(after))
    }

    @Test(
        "What was begun of a URL whose tag does not tell its versions apart is not continued",
        arguments: [false, true]
    )
    func doubtedRest(afterKill: Bool) throws {
        let gate = Barrier("the client has left")
        let isTwo = Mutex(false)
        let count = Mutex(0)
        let scene = try ScriptedScene(settings: ["resume.on_disconnect=park"]) { request, connection in
            let number = count.withLock { count in
                defer { count += 1 }
                return count
            }
            let fields = "ETag: \"same\"\r\nAccept-Ranges: bytes\r\nCache-Control: max-age=3600\r\n"
            let range = Self.asked(request, Self.one.length)
            let part = range.map { "Content-Range: bytes \($0.lowerBound)-\($0.upperBound - 1)/\(Self.one.length)\r\n" }
            let span = range ?? 0..<Self.one.length
            try connection.send(
                "HTTP/1.1 \(range == nil ? "200 OK" : "206 Partial Content")\r\n\(fields)\(part ?? "")Content-Length: \(span.count)\r\n\r\n"
            )
            // First another content altogether, so that the overlap differs.
            if number == 0 {
                try connection.send(Self.content.bytes(0..<mebibyte))
                try gate.wait()
                return connection.close()
            }
            let isLater = isTwo.withLock { $0 }
            if range == nil, !isLater {
                try connection.send(Self.bytes(false, 0..<mebibyte))
                try gate.wait()
                return connection.close()
            }
            try connection.send(Self.bytes(isLater, span))
        }
        defer { gate.open() }
        for (number, content) in [Self.content, Self.one].enumerated() {
            let client = try PeerClient(port: scene.proxy.port, from: "127.0.0.\(9 + number)")
            try client.request(scene.url(Self.target))
            _ = try client.head()
            #expect(try client.body(first: 900_000) == content.bytes(0..<900_000))
            client.reset()
            try waitUntil("nothing is filled") { try Self.status(scene).fills.isEmpty }
        }
        isTwo.withLock { $0 = true }
        var proxy = scene.proxy
        if afterKill {
            try proxy.kill()
            proxy = try proxy.startAgain(settings: nil)
        }
        defer { try? proxy.kill() }
        let answer = try PeerClient.get(scene.url(Self.target), through: proxy.port)
        #expect(answer.end == .complete)
        let isRight = answer.body == Self.bytes(true, 0..<Self.two.length)
        #expect(isRight)
    }

    @Test("A body that passes through because its digest was wrong is not continued under the tag that was as wrong")
    func doubtedRelay() throws {
        let scene = try Scene()
        scene.origin.put(Self.target, DigestTests.version(Self.content, naming: DigestTests.other))
        scene.origin.setFaults { _, number in FileFaults { if number == 2 { $0.closeAfter = 2 * mebibyte } } }
        for _ in 0..<2 {
            #expect(try scene.check(Self.target, Self.content).body.end != .complete)
            try waitUntil("it is dropped") { try scene.heldBytes(scene.url(Self.target)) == 0 }
        }
        let passed = try scene.check(Self.target, Self.content)
        #expect(passed.head["Cache-Status"]?.contains("detail=other-digest") == true)
        #expect(passed.body == CheckedBody(count: 2 * mebibyte, end: .truncated))
        #expect(scene.origin.requests.allSatisfy { $0["Range"] == nil })
    }

    // MARK: Questions and refusals

    @Test("The cookies of a client that has left do not go along with a further question about the end")
    func sentinelWithoutClient() throws {
        let gate = Barrier("the client has left")
        let scene = try ScriptedScene { request, connection in
            let fields = "ETag: \"one\"\r\nCache-Control: max-age=3600\r\nConnection: close\r\n"
            guard request.method == "GET", request["Range"] == nil else {
                if request["Range"] != nil { try gate.arriveAndWait() }
                // Nothing that says how long it is.
                try connection.send("HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return connection.close()
            }
            try connection.send("HTTP/1.1 200 OK\r\n\(fields)\r\n")
            try connection.send(Self.content.bytes(0..<mebibyte))
            connection.close()
        }
        let client = try scene.client()
        try client.request(scene.url(Self.target), fields: ["Cookie": "who=me"])
        _ = try client.head()
        #expect(try client.body(first: 1000) == Self.content.bytes(0..<1000))
        try gate.waitForArrivals(1)
        client.reset()
        try waitUntil("nobody reads") { try Self.status(scene).fills.allSatisfy { $0.readers == 0 } }
        gate.open()
        try waitUntil("nothing is filled") { try Self.status(scene).fills.isEmpty }
        #expect(
            scene.origin.requests.map { "\($0.method) \($0["Range"] ?? "all")" } == [
                "GET all", "GET bytes=1048575-1048575",
            ]
        )
    }

    @Test("Who has all of its range does not wait for the digest of a part of which the rest never comes")
    func partNeverWhole() throws {
        let gate = Barrier("the first fill breaks off")
        let digest = DigestTests.field(DigestTests.sha256(of: Self.content))
        let scene = try ScriptedScene(settings: ["upstream.heal_timeout=2s"]) { request, connection in
            let range = Self.asked(request, Self.content.length) ?? 0..<Self.content.length
            if gate.isOpen { return try connection.respond(404, "Not Found", text: "") }
            let isFirst = range.lowerBound == 0
            let fields =
                "ETag: \"one\"\r\nAccept-Ranges: bytes\r\nCache-Control: max-age=3600\r\nContent-Length: \(range.count)\r\n"
            let part = "Content-Range: bytes \(range.lowerBound)-\(range.upperBound - 1)/\(Self.content.length)\r\n"
            try connection.send(
                "HTTP/1.1 206 Partial Content\r\n\(fields)\(part)\(isFirst ? "Content-Digest: \(digest)\r\n" : "")\r\n"
            )
            guard isFirst else { return try connection.send(Self.content.bytes(range)) }
            // Slowly, so that nobody waits for it to come by.
            var sent: Int64 = 0
            while !gate.isOpen, sent < mebibyte {
                try connection.send(Self.content.bytes(sent..<sent + 1024))
                sent += 1024
                usleep(20_000)
            }
            connection.close()
        }
        let first = try scene.client()
        try first.request(scene.url(Self.target), fields: ["Range": "bytes=0-"])
        _ = try first.head()
        #expect(try first.body(first: 60_000) == Self.content.bytes(0..<60_000))
        let second = try scene.client()
        let start = 3 * mebibyte
        try second.request(scene.url(Self.target), fields: ["Range": "bytes=\(start)-"])
        #expect(try second.head().status == 206)
        try scene.origin.waitForBodyBytes(mebibyte, of: Self.target)
        gate.open()
        #expect(try second.checkBody(against: Self.content, at: start) == CheckedBody(count: mebibyte, end: .complete))
        #expect(try first.checkBody(against: Self.content, at: 60_000).firstDifference == nil)
    }
}
