// The access log as the running program writes it: one line a request with what it was, what it cost and how it ended,
// escaped and bounded, and never in the way of serving (issue: What people see; R101).

import Foundation
import ScriptedPeers
import Testing

/// One line, taken apart.
private struct LogLine {
    let client: String
    let time: String
    let request: String
    let status: Int
    let sent: Int64
    let fromCache: Int64
    let fromUpstream: Int64
    let milliseconds: Double
    let cacheStatus: String
    let end: String
    let proxyStatus: String

    init(_ line: String) throws {
        let form =
            #/
            (\S+)\ \[([^\]]+)\]\ "((?:[^"\\]|\\.)*)"\ (\d+)\ (\d+)\ (\d+)\ (\d+)\ (\d+\.\d)\ "((?:[^"\\]|\\.)*)"
            \ (\S+)\ "((?:[^"\\]|\\.)*)"
            /#
        guard let match = try form.wholeMatch(in: line) else {
            throw PeerFailure("not a line of the access log: \(line)")
        }
        let parts = match.output
        (client, time, request) = (String(parts.1), String(parts.2), String(parts.3))
        status = Int(parts.4) ?? -1
        (sent, fromCache, fromUpstream) = (Int64(parts.5) ?? -1, Int64(parts.6) ?? -1, Int64(parts.7) ?? -1)
        milliseconds = Double(parts.8) ?? -1
        (cacheStatus, end, proxyStatus) = (String(parts.9), String(parts.10), String(parts.11))
    }
}

@Suite("The access log", .onOwnThreads)
struct AccessLogLinesTests {
    private static let stored: PeerFields = ["Cache-Control": "max-age=60", "ETag": "\"e\""]

    @Test("A line names client, time, request, status, bytes by source, duration, Cache-Status and end")
    func fields() throws {
        let scene = try ScriptedScene(handler: answering("hello\n", Self.stored))
        // One connection, so that the lines stand in the order of the requests.
        let client = try scene.client()
        func ask(_ target: String, _ fields: PeerFields = [:], method: String = "GET") throws -> Int {
            try client.request(scene.url(target), fields: fields, method: method)
            return try client.response().status
        }
        for _ in 0..<2 { #expect(try ask("/a?q=1") == 200) }
        #expect(try ask("/a?q=1", ["Range": "bytes=1-2"]) == 206)
        #expect(try ask("/a?q=1", ["If-None-Match": "\"e\""]) == 304)
        #expect(try ask("/b", ["Content-Length": "0"], method: "POST") == 200)
        let lines = try scene.waitForAccessLog(5).map { try LogLine($0) }
        let url = scene.url("/a?q=1")
        #expect(
            lines.map(\.request) == ["GET \(url)", "GET \(url)", "GET \(url)", "GET \(url)", "POST \(scene.url("/b"))"]
        )
        #expect(lines.map(\.status) == [200, 200, 206, 304, 200])
        #expect(lines.map(\.sent) == [6, 6, 2, 0, 6])
        #expect(lines.map(\.fromCache) == [0, 6, 2, 0, 0])
        #expect(lines.map(\.fromUpstream) == [6, 0, 0, 0, 6])
        #expect(lines[0].cacheStatus == "holdfast; fwd=uri-miss; fwd-status=200; stored")
        #expect(lines[1].cacheStatus.hasPrefix("holdfast; hit; ttl="))
        #expect(lines[4].cacheStatus == "holdfast; fwd=method; fwd-status=200")
        #expect(lines.allSatisfy { $0.end == "complete" && $0.proxyStatus == "-" })
        #expect(lines.allSatisfy { $0.client.hasPrefix("127.0.0.1:") })
        #expect(lines.allSatisfy { $0.milliseconds >= 0 && $0.milliseconds < 60_000 })
        let form = ISO8601DateFormatter()
        form.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
        for line in lines {
            let time = try #require(form.date(from: line.time))
            #expect(abs(time.timeIntervalSinceNow) < 60)
        }
    }

    @Test("What a client left unread, what broke off and what was refused is told apart")
    func ends() throws {
        let gate = Barrier("the client has left")
        let scene = try ScriptedScene { request, connection in
            let noStore: String = "Cache-Control: no-store\r\nContent-Length: 100\r\n\r\n"
            try connection.send("HTTP/1.1 200 OK\r\n\(noStore)begun")
            if request.target == "/left" { try gate.wait() }
            connection.close()
        }
        let client = try scene.client()
        try client.request(scene.url("/left"))
        _ = try client.head()
        _ = try client.body(first: 5)
        client.reset()
        _ = try scene.waitForAccessLog(1)
        gate.open()
        #expect(try scene.get("/cut").end != .complete)
        _ = try scene.waitForAccessLog(2)
        #expect(try scene.raw("BROKEN\r\n\r\n").response.status == 400)
        _ = try scene.waitForAccessLog(3)
        let refused = "http://127.0.0.1:25/a"
        #expect(try PeerClient.get(refused, through: scene.proxy.port).status == 403)
        let lines = try scene.waitForAccessLog(4).map { try LogLine($0) }
        #expect(lines[0].end == "client-left")
        #expect(lines[1].end.hasPrefix("cut:"))
        #expect(lines[1].sent == 5)
        #expect(lines[2].request == "- -")
        #expect(lines[2].status == 400)
        #expect(lines[3].request == "GET \(refused)")
        #expect(lines[3].status == 403)
    }

    @Test("A tunnel is one line, with its bytes")
    func tunnel() throws {
        let scene = try ScriptedScene(
            settings: ["access.connect_ports=[\"1-65535\"]"],
            handler: sending("0123456789")
        )
        let client = try scene.client()
        try client.send("CONNECT \(scene.origin.authority) HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.head(method: "CONNECT").status == 200)
        try client.send("HELLO tunnel T/1\r\n\r\n")
        _ = try client.rest()
        client.close()
        let line = try LogLine(try #require(try scene.waitForAccessLog(1).first))
        #expect(line.request == "CONNECT \(scene.origin.authority)")
        #expect(line.status == 200)
        #expect(line.sent == 10)
    }

    @Test("A line is one line of printable ASCII, whatever is in a URL, and no secret is in it (R101)")
    func escaped() throws {
        let scene = try ScriptedScene(handler: answering("x", ["Set-Cookie": "secret-cookie=1"]))
        let path = "/\"quoted\"\" 200 1 \u{1b}[31m"
        // What no URL may contain never gets into the log at all.
        #expect(try scene.raw("GET \(scene.url(path)) HTTP/1.1\r\nHost: a\r\n\r\n").response.status == 400)
        _ = try scene.waitForAccessLog(1)
        let fields: PeerFields = [
            "User-Agent": "secret-agent", "Authorization": "Basic secret", "Cookie": "secret=1",
            "Referer": "http://secret/",
        ]
        #expect(try scene.get("/\"q\"'%0a%1b<b>", fields).status == 200)
        let text = try scene.waitForAccessLog(2)
        #expect(text.joined().utf8.allSatisfy { (0x20..<0x7F).contains($0) })
        #expect(!text.joined().contains("secret"))
        let line = try LogLine(text[1])
        #expect(line.request == "GET \(scene.url("/\\\"q\\\"'%0a%1b<b>"))")
    }

    @Test("A field is never longer than 2 KiB (R101)")
    func bounded() throws {
        let scene = try ScriptedScene(handler: answering())
        #expect(try scene.get("/" + String(repeating: "u", count: 15_000)).status == 200)
        let text = try #require(try scene.waitForAccessLog(1).first)
        #expect(text.utf8.count < 3_000)
        #expect(try LogLine(text).request.hasSuffix("..."))
    }

    @Test("log.query = false leaves the query out")
    func withoutQuery() throws {
        let scene = try ScriptedScene(settings: ["log.query=false"], handler: answering())
        #expect(try scene.get("/a?token=secret").status == 200)
        #expect(try scene.get("?token=secret").status == 200)
        let lines = try scene.waitForAccessLog(2)
        #expect(!lines.joined().contains("secret"))
        #expect(lines.contains { $0.contains("\"GET \(scene.url("/a"))\"") })
    }

    // MARK: Where it goes

    @Test("log.access names a file, which is nobody else's to read; off writes none")
    func file() throws {
        let folder = try TemporaryDirectory()
        let path = folder.file("access.log")
        let scene = try ScriptedScene(settings: ["log.access=\"\(path)\""], handler: answering())
        #expect(try scene.get("/a").status == 200)
        try waitUntil("a line in the file") { ((try? folder.read("access.log")) ?? "").hasSuffix("complete \"-\"\n") }
        #expect(scene.accessLog.isEmpty)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        let quiet = try ScriptedScene(settings: ["log.access=\"off\""], handler: answering())
        #expect(try quiet.get("/a").status == 200)
        try quiet.proxy.terminate()
        #expect(quiet.accessLog.isEmpty)
    }

    @Test("A file that has its size is renamed, and a new one is begun; no line is lost")
    func rotation() throws {
        let folder = try TemporaryDirectory()
        let scene = try ScriptedScene(
            settings: ["log.access=\"\(folder.file("access.log"))\"", "log.max_size=\"64 KiB\""],
            handler: answering("x", ["Cache-Control": "max-age=60"])
        )
        let client = try scene.client()
        let long = String(repeating: "u", count: 1_500)
        for number in 0..<60 {
            try client.request(scene.url("/\(long)/\(number)"))
            #expect(try client.response().status == 200)
            // A batch a line, so that the size is looked at.
            if number % 20 == 19 {
                try waitUntil("request \(number) is in the log") {
                    ((try? folder.read("access.log")) ?? "").contains("/\(number)\"")
                }
            }
        }
        try scene.proxy.terminate()
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        #expect(names.contains("access.log.1"))
        let all = try names.map { try folder.read($0) }.joined()
        #expect(all.split(separator: "\n").count == 60)
    }

    @Test("A log that cannot be written never blocks serving, and its loss is told (R101)")
    func fullDisk() throws {
        let scene = try ScriptedScene(
            settings: ["log.access=\"/dev/full\""],
            handler: answering("x", ["Cache-Control": "max-age=60"])
        )
        let client = try scene.client()
        for number in 0..<50 {
            try client.request(scene.url("/\(number)"))
            #expect(try client.response().text == "x")
        }
        try waitUntil("the loss is told") { scene.proxy.errors.contains("access log") }
        #expect(try scene.proxy.terminate() == .exited(0))
    }

    @Test("A log that cannot be opened ends the start with a sentence")
    func unopenable() throws {
        let folder = try TemporaryDirectory()
        let path = folder.file("missing/access.log")
        let result = try ProxyProcess.run([
            "serve", "--listen", "127.0.0.1:0", "--cache", folder.file("cache"), "--set", "log.access=\"\(path)\"",
        ])
        #expect(result.status == 1)
        #expect(result.errors.contains(path))
    }
}
