// Conditions: ours, by which the origin says whether what is stored still holds, and the clients', which are answered
// from what is stored (RFC 9110 §13, §14; RFC 9111 §4.3, §4.4; resume-rules 7; R33, R73).

import ScriptedPeers
import Testing

@Suite("Validation and conditions", .onOwnThreads)
struct ValidationTests {
    static let content = Content(seed: 31, length: 50_000)
    static let modified = "Tue, 30 Jan 2001 13:11:30 GMT"

    private func scene(
        etag: String? = "\"one\"",
        lastModified: String? = modified,
        cacheControl: String = "max-age=600"
    ) throws -> Scene {
        let scene = try Scene()
        scene.origin.put(
            "/a",
            FileVersion(Self.content, etag: etag, lastModified: lastModified, cacheControl: cacheControl)
        )
        return scene
    }

    /// A scene in which the whole is held.
    private func filled(
        etag: String? = "\"one\"",
        lastModified: String? = modified,
        cacheControl: String = "max-age=600"
    ) throws -> Scene {
        let scene = try scene(etag: etag, lastModified: lastModified, cacheControl: cacheControl)
        #expect(try scene.check("/a", Self.content).body.isWhole)
        try scene.waitUntilHeld("/a", Self.content.length)
        return scene
    }

    // MARK: Our conditions

    @Test("What is stale is asked for with both validators; a 304 makes it fresh, and no body byte is sent again")
    func revalidated() throws {
        let scene = try filled(cacheControl: "max-age=600, no-cache")
        let sent = scene.origin.bodyBytesSent("/a")
        let again = try scene.check("/a", Self.content)
        #expect(again.head.status == 200)
        #expect(again.body.isWhole)
        #expect(try #require(again.head["Age"].flatMap { Int($0) }) <= 2)
        #expect(again.head["Cache-Status"]?.hasPrefix("holdfast; fwd=stale; fwd-status=304") == true)
        let request = try #require(scene.origin.requests.last)
        #expect(request["If-None-Match"] == "\"one\"")
        #expect(request["If-Modified-Since"] == Self.modified)
        #expect(scene.origin.bodyBytesSent("/a") == sent)
    }

    @Test("A 304 updates the stored fields, and its lifetime counts from now on (RFC 9111 §3.2, §4.3.4)")
    func headerUpdate() throws {
        let scene = try ScriptedScene { request, connection in
            let date = httpDate(secondsFromNow: request["If-None-Match"] == nil ? -100 : 0)
            if request["If-None-Match"] != nil {
                return try connection.send(
                    "HTTP/1.1 304 Not Modified\r\nDate: \(date)\r\nETag: \"e\"\r\nCache-Control: max-age=600\r\nX-New: n\r\n"
                        + "X-Old: changed\r\nContent-Length: 99\r\nContent-Type: text/evil\r\n\r\n"
                )
            }
            try connection.respond(
                fields: [
                    "Date": date, "ETag": "\"e\"", "Cache-Control": "max-age=60", "X-Old": "first", "X-Kept": "k",
                    "Content-Type": "text/plain",
                ],
                text: "body"
            )
        }
        #expect(try scene.get("/a")["X-Old"] == "first")
        for _ in 0..<2 {
            let response = try scene.get("/a")
            #expect(response.text == "body")
            #expect(response["X-Old"] == "changed")
            #expect(response["X-New"] == "n")
            #expect(response["X-Kept"] == "k")
            #expect(response["Content-Length"] == "4")
            #expect(response["Content-Type"] == "text/plain")
            #expect(response["Cache-Control"] == "max-age=600")
            #expect(try #require(response["Age"].flatMap { Int($0) }) <= 2)
        }
        #expect(scene.origin.requests.count == 2)
    }

    @Test("A 200 in answer to our condition replaces what was stored")
    func replaced() throws {
        let scene = try filled(cacheControl: "no-cache")
        let new = Content(seed: 32, length: 40_000)
        scene.origin.put("/a", FileVersion(new, etag: "\"two\"", cacheControl: "max-age=600"))
        #expect(try scene.check("/a", new).body.isWhole)
        try scene.waitUntilHeld("/a", new.length)
        let hit = try scene.check("/a", new)
        #expect(hit.body.isWhole)
        #expect(hit.head["ETag"] == "\"two\"")
        #expect(scene.origin.requests.count == 2)
    }

    @Test("A 304 with another strong validator speaks of something else: the whole is asked for (R73)")
    func otherValidator() throws {
        let scene = try ScriptedScene { request, connection in
            if request["If-None-Match"] != nil {
                return try connection.send("HTTP/1.1 304 Not Modified\r\nETag: \"other\"\r\n\r\n")
            }
            try connection.respond(fields: ["ETag": "\"e\"", "Cache-Control": "no-cache"], text: "body")
        }
        for _ in 0..<2 {
            let response = try scene.get("/a")
            #expect(response.status == 200)
            #expect(response.text == "body")
        }
        #expect(scene.origin.requests.map { $0["If-None-Match"] } == [nil, "\"e\"", nil])
    }

    @Test("An origin that cannot be reached is not covered up with what must be revalidated (RFC 9111 §5.2.2.2)")
    func unreachable() throws {
        let scene = try filled(cacheControl: "max-age=0, must-revalidate")
        scene.origin.setFaults { _, _ in FileFaults { $0.closeBeforeHead = true } }
        #expect([502, 504].contains(try scene.get("/a").status))
    }

    @Test("What has no validator and is stale is asked for plainly, and replaced")
    func withoutValidator() throws {
        let scene = try filled(etag: nil, lastModified: nil, cacheControl: "max-age=0")
        let new = Content(seed: 33, length: 60_000)
        scene.origin.put("/a", FileVersion(new, cacheControl: "max-age=600"))
        #expect(try scene.check("/a", new).body.isWhole)
        try scene.waitUntilHeld("/a", new.length)
        let hit = try scene.check("/a", new)
        #expect(hit.body.isWhole)
        #expect(hit.head["Cache-Status"]?.contains("hit") == true)
        #expect(scene.origin.requests.map { $0["If-None-Match"] ?? $0["If-Modified-Since"] } == [nil, nil])
    }

    @Test("A client's condition on what is not held goes to the origin, and its 304 is not stored")
    func conditionOnCold() throws {
        let scene = try scene()
        #expect(try scene.get("/a", ["If-None-Match": "\"one\""]).status == 304)
        #expect(scene.origin.requests.last?["If-None-Match"] == "\"one\"")
        #expect(try scene.check("/a", Self.content).body.isWhole)
        #expect(scene.origin.requests.last?["If-None-Match"] == nil)
    }

    // MARK: The clients' conditions

    @Test("If-None-Match and If-Modified-Since are answered from what is stored (RFC 9110 §13.2.2)")
    func clientConditions() throws {
        let scene = try filled()
        let later = "Wed, 31 Jan 2001 13:11:30 GMT"
        let earlier = "Mon, 29 Jan 2001 13:11:30 GMT"
        let cases: [(fields: PeerFields, status: Int)] = [
            (["If-None-Match": "\"one\""], 304), (["If-None-Match": "W/\"one\""], 304), (["If-None-Match": "*"], 304),
            (["If-None-Match": "\"x\", \"one\""], 304), (["If-None-Match": "\"x\"", "if-none-match": "\"one\""], 304),
            (["If-None-Match": "\"two\""], 200), (["If-None-Match": "one"], 200), (["If-None-Match": "\"ONE\""], 200),
            (["If-Modified-Since": Self.modified], 304), (["If-Modified-Since": later], 304),
            (["If-Modified-Since": earlier], 200), (["If-Modified-Since": "whenever"], 200),
            (["If-None-Match": "\"two\"", "If-Modified-Since": later], 200),
            (["If-None-Match": "\"one\"", "If-Modified-Since": earlier], 304),
            (["If-None-Match": "\"one\"", "Range": "bytes=0-9"], 304),
            (["If-Match": "\"one\""], 200), (["If-Match": "*"], 200), (["If-Match": "\"x\", \"one\""], 200),
        ]
        for item in cases {
            let response = try scene.get("/a", item.fields)
            #expect(response.status == item.status, "\(item)")
            #expect(Int64(response.body.count) == (item.status == 304 ? 0 : Self.content.length), "\(item)")
            #expect(response["ETag"] == "\"one\"", "\(item)")
            #expect(response["Cache-Status"]?.contains("hit") == true, "\(item)")
        }
        let head = try scene.get("/a", ["If-None-Match": "\"one\""], method: "HEAD")
        #expect(head.status == 304)
        #expect(scene.origin.requests.count == 1)
    }

    @Test("If-Match and If-Unmodified-Since that do not hold certainly go to the origin (resume-rules 7)")
    func preconditionsForwarded() throws {
        let scene = try filled()
        let cases: [(name: String, value: String)] = [
            ("If-Match", "\"two\""), ("If-Match", "W/\"one\""),
            ("If-Unmodified-Since", "Mon, 29 Jan 2001 13:11:30 GMT"),
        ]
        for item in cases {
            var fields = PeerFields()
            fields.append(item.name, item.value)
            let before = scene.origin.requests.count
            let response = try scene.get("/a", fields)
            #expect(scene.origin.requests.count == before + 1, "\(item)")
            #expect(scene.origin.requests.last?[item.name] == item.value, "\(item)")
            #expect(response.status == (item.name == "If-Match" ? 412 : 200), "\(item)")
        }
        // What is stored is not harmed.
        #expect(try scene.get("/a")["Cache-Status"]?.contains("hit") == true)
    }

    @Test("Client conditions on what is stale: the origin is asked with ours, and the client gets its 304")
    func conditionOnStale() throws {
        let scene = try filled(cacheControl: "no-cache")
        let response = try scene.get("/a", ["If-None-Match": "\"one\""])
        #expect(response.status == 304)
        #expect(try scene.get("/a", ["If-None-Match": "\"other\""]).status == 200)
        #expect(scene.origin.requests.map { $0["If-None-Match"] } == [nil, "\"one\"", "\"one\""])
    }

    // MARK: Ranges of what is held

    @Test("If-Range: a strong tag or the exact date, else the whole (R33, RFC 9110 §13.1.5)")
    func ifRange() throws {
        let scene = try filled()
        let cases: [(value: String, status: Int)] = [
            ("\"one\"", 206), ("W/\"one\"", 200), ("\"two\"", 200), ("one", 200), ("*", 200),
            ("Wed, 31 Jan 2001 13:11:30 GMT", 200),
        ]
        for item in cases {
            let fields: PeerFields = ["Range": "bytes=100-", "If-Range": item.value]
            let part = try scene.check("/a", Self.content, at: item.status == 206 ? 100 : 0, fields)
            #expect(part.head.status == item.status, "\(item)")
            #expect(part.body.isWhole, "\(item)")
        }
        #expect(scene.origin.requests.count == 1)
    }

    @Test("If-Range by date counts only where the date is strong (resume-rules 1)", arguments: [true, false])
    func ifRangeByDate(isStrong: Bool) throws {
        let modified = isStrong ? Self.modified : httpDate()
        let scene = try Scene()
        let version = FileVersion(Self.content, lastModified: modified, cacheControl: "max-age=600")
        scene.origin.put("/a", version)
        if !isStrong {
            // In the very second of its modification a file may change again under the same date.
            var twice = version
            twice.date = modified
            scene.origin.put("/a", twice)
        }
        #expect(try scene.check("/a", Self.content).body.isWhole)
        try scene.waitUntilHeld("/a", Self.content.length)
        let part = try scene.check(
            "/a",
            Self.content,
            at: isStrong ? 100 : 0,
            ["Range": "bytes=100-", "If-Range": modified]
        )
        #expect(part.head.status == (isStrong ? 206 : 200))
        #expect(part.body.isWhole)
        #expect(scene.origin.requests.count == 1)
    }

    @Test("If-Unmodified-Since that holds certainly is answered from what is stored (resume-rules 7)")
    func ifUnmodifiedSince() throws {
        let scene = try filled(etag: nil)
        let part = try scene.check(
            "/a",
            Self.content,
            at: 100,
            ["If-Unmodified-Since": Self.modified, "Range": "bytes=100-"]
        )
        #expect(part.head.status == 206)
        #expect(part.body.isWhole)
        #expect(scene.origin.requests.count == 1)
    }

    @Test("What a weak tag names is never spliced by If-Range (resume-rules 1)")
    func ifRangeWeak() throws {
        let scene = try filled(etag: "W/\"one\"")
        for value in ["W/\"one\"", "\"one\"", Self.modified] {
            let whole = try scene.check("/a", Self.content, ["Range": "bytes=100-", "If-Range": value])
            #expect(whole.head.status == 200, "\(value)")
            #expect(whole.body.isWhole, "\(value)")
        }
    }

    @Test("What lies beyond the end is 416 with the complete length (RFC 9110 §15.5.17)")
    func unsatisfiable() throws {
        let scene = try filled()
        for range in ["bytes=50000-", "bytes=50000-50001", "bytes=-0", "bytes=99999999999999-"] {
            let response = try scene.get("/a", ["Range": range])
            #expect(response.status == 416, "\(range)")
            #expect(response["Content-Range"] == "bytes */50000", "\(range)")
            #expect(response.end == .complete, "\(range)")
        }
        #expect(scene.origin.requests.count == 1)
    }

    @Test("A range that is none is as if it were not there (RFC 9110 §14.2)")
    func ignoredRanges() throws {
        let scene = try filled()
        for range in [
            "items=0-5", "bytes", "bytes=", "bytes=5-1", "bytes=a-b", "bytes=1", "bytes=--1",
            "bytes=18446744073709551616-x",
        ] {
            let whole = try scene.check("/a", Self.content, ["Range": range])
            #expect(whole.head.status == 200, "\(range)")
            #expect(whole.body.isWhole, "\(range)")
        }
        #expect(try scene.get("/a", ["Range": "bytes=0-9"], method: "HEAD").status == 200)
        #expect(scene.origin.requests.count == 1)
    }

    @Test("Several ranges of what is wholly held are a multipart body from the cache (RFC 9110 §15.3.7.2)")
    func severalRangesHeld() throws {
        let scene = try filled()
        let answer = try scene.get("/a", ["Range": "bytes=0-9,200-209"])
        #expect(answer.status == 206)
        #expect(answer["Content-Type"]?.hasPrefix("multipart/byteranges; boundary=") == true)
        #expect(answer["Content-Range"] == nil)
        #expect(scene.origin.requests.count == 1)
    }

    @Test("Several ranges of an origin that does not answer one by its part pass through as they are, unstored")
    func severalRangesCold() throws {
        let body = "--b\r\nContent-Range: bytes 0-0/9\r\n\r\nx\r\n--b--\r\n"
        let scene = try ScriptedScene { _, connection in
            let fields: PeerFields = [
                "ETag": "\"e\"", "Cache-Control": "max-age=60", "Content-Type": "multipart/byteranges; boundary=b",
            ]
            try connection.respond(206, "Partial Content", fields: fields, text: body)
        }
        for _ in 0..<2 {
            let response = try scene.get("/a", ["Range": "bytes=0-0, 5-5"])
            #expect(response.status == 206)
            #expect(response.text == body)
        }
        #expect(
            scene.origin.requests.map { $0["Range"] } == ["bytes=0-0", "bytes=0-0, 5-5", "bytes=0-0", "bytes=0-0, 5-5"]
        )
        #expect(try scene.proxy.command("ls", "--json").output.isEmpty)
    }

    // MARK: HEAD and unsafe methods

    @Test("HEAD is answered from what is stored, with the length of the whole (RFC 9110 §9.3.2)")
    func head() throws {
        let scene = try filled()
        let response = try scene.get("/a", method: "HEAD")
        #expect(response.status == 200)
        #expect(response["Content-Length"] == "50000")
        #expect(response["ETag"] == "\"one\"")
        #expect(response["Age"] != nil)
        #expect(response["Cache-Status"]?.contains("hit") == true)
        #expect(scene.origin.requests.count == 1)
        #expect(try scene.get("/b", method: "HEAD").status == 404)
        #expect(scene.origin.requests.last?.method == "HEAD")
    }

    @Test("An unsafe method that succeeds makes what is stored doubtful; one that fails does not (RFC 9111 §4.4)")
    func invalidation() throws {
        let scene = try ScriptedScene { request, connection in
            if request.method == "GET" {
                let fields: PeerFields = ["Cache-Control": "max-age=60", "ETag": "\"e\""]
                return request["If-None-Match"] == nil
                    ? try connection.respond(fields: fields, text: "x")
                    : try connection.send("HTTP/1.1 304 Not Modified\r\n\(fields.text)\r\n")
            }
            let status = Int(request["X-Status"] ?? "") ?? 200
            let location = "http://other.example/b"
            try connection.respond(status, "S", fields: ["Location": "/b", "Content-Location": location], text: "")
        }
        let cases: [(method: String, status: String, invalidates: Bool)] = [
            ("POST", "200", true), ("PUT", "204", true), ("DELETE", "200", true), ("PATCH", "303", true),
            ("ODD", "200", true),
            ("POST", "404", false), ("PUT", "500", false), ("OPTIONS", "200", false), ("HEAD", "200", false),
        ]
        for item in cases {
            for target in ["/a", "/b"] { #expect(try scene.get(target).text == "x") }
            #expect(try scene.get("/a")["Cache-Status"]?.contains("hit") == true, "\(item)")
            _ = try scene.get("/a", ["X-Status": item.status], method: item.method)
            for target in ["/a", "/b"] {
                let response = try scene.get(target)
                #expect(response["Cache-Status"]?.contains("hit") == !item.invalidates, "\(item) \(target)")
            }
        }
    }
}
