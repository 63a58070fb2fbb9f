// What the rules of proxy.conf do to real requests: lifetimes, what is stored, keys, reload, what becomes of a download
// that its client leaves, stale answers, and the resume of what has no validator. The patterns are ConfigurationTests'.

import Foundation
import ScriptedPeers
import Testing

@Suite("Rules of proxy.conf")
struct RulesTests {
    private static let content = Content(seed: 41, length: 4 * mebibyte)

    private static func cacheStatus(_ response: ReceivedResponse) -> String { response.head["Cache-Status"] ?? "" }

    /// Without a validator and without a lifetime.
    private static func bare(_ content: Content = content, cacheControl: String? = nil) -> FileVersion {
        FileVersion(content, cacheControl: cacheControl)
    }

    @Test("ttl replaces the origin's lifetime")
    func ttl() throws {
        let scene = try Scene(file: "[[rule]]\npath = \"/kept/**\"\nttl = \"1h\"\n")
        for target in ["/kept/a", "/other/a"] {
            scene.origin.put(target, Self.bare(Content(seed: 1, length: 2000), cacheControl: "max-age=0"))
            _ = try scene.get(target)
            let again = try scene.get(target)
            #expect(again.head.status == 200)
            #expect(Self.cacheStatus(again).contains("hit") == target.hasPrefix("/kept"))
        }
    }

    @Test("min_ttl makes a shorter lifetime longer, and no longer one shorter")
    func minTTL() throws {
        let scene = try Scene(file: "[[rule]]\npath = \"/**\"\nmin_ttl = \"1h\"\n")
        scene.origin.put("/a", Self.bare(Content(seed: 1, length: 2000), cacheControl: "max-age=1"))
        scene.origin.put("/b", Self.bare(Content(seed: 1, length: 2000), cacheControl: "max-age=86400"))
        for (target, ttl) in [("/a", 3_600), ("/b", 86_400)] {
            _ = try scene.get(target)
            let hit = Self.cacheStatus(try scene.get(target))
            let said = hit.split(separator: "ttl=").last.flatMap { Int($0.prefix(while: \.isNumber)) } ?? 0
            #expect((ttl - 60...ttl).contains(said), "\(hit)")
        }
    }

    @Test("store = false stores nothing, by content type too; Cache-Status says why")
    func storesNothing() throws {
        let scene = try Scene(file: "[[rule]]\ntype = \"video/*\"\nstore = false\n")
        var film = FileVersion.tagged(Content(seed: 1, length: 2000))
        film.contentType = "video/webm; codecs=vp9"
        scene.origin.put("/film", film)
        scene.origin.put("/text", .tagged(Content(seed: 1, length: 2000)))
        for target in ["/film", "/text"] {
            let first = try scene.get(target)
            #expect(Self.cacheStatus(first).contains("stored") == (target == "/text"))
            _ = try scene.get(target)
        }
        #expect(scene.origin.requests.filter { $0.target == "/film" }.count == 2)
        #expect(scene.origin.requests.filter { $0.target == "/text" }.count == 1)
    }

    @Test("ignore_query gives URLs that differ in those parameters one stored response, and no other ones")
    func ignoreQuery() throws {
        let scene = try Scene(file: "[[rule]]\npath = \"/blob/**\"\nignore_query = [\"sig\", \"X-Sign-*\"]\n")
        let body = Content(seed: 1, length: 2000)
        for query in ["?sig=1&part=1", "?part=1&sig=2", "?X-Sign-Date=3&part=1", "?part=2&sig=1"] {
            scene.origin.put("/blob/a" + query, .tagged(body))
        }
        _ = try scene.get("/blob/a?sig=1&part=1")
        #expect(Self.cacheStatus(try scene.get("/blob/a?part=1&sig=2")).contains("hit"))
        #expect(Self.cacheStatus(try scene.get("/blob/a?X-Sign-Date=3&part=1")).contains("hit"))
        #expect(Self.cacheStatus(try scene.get("/blob/a?part=2&sig=1")).contains("uri-miss"))
    }

    @Test("Under ignore_query a download whose signature has run out goes on under the next client's")
    func nextSignature() throws {
        let scene = try Scene(
            settings: ["resume.on_disconnect=\"park\""],
            file: "[[rule]]\npath = \"/blob/**\"\nignore_query = true\n"
        )
        let (first, second) = ("/blob/a?sig=1", "/blob/a?sig=2")
        scene.origin.put(first, .tagged(Self.content))
        scene.origin.put(second, .tagged(Self.content))
        scene.origin.setFaults { request, _ in
            FileFaults {
                guard request.target == first else { return }
                if request["Range"] == nil { $0.closeAfter = mebibyte } else { $0.instead = (403, [:]) }
            }
        }
        let cut = try scene.check(first, Self.content)
        #expect(cut.body == CheckedBody(count: mebibyte, end: .truncated))
        let whole = try scene.check(second, Self.content)
        #expect(whole.body == CheckedBody(count: Self.content.length, end: .complete))
        let asked = scene.origin.requests.filter { $0.target == second }
        #expect(asked.count == 1)
        #expect(asked.first?.asks(from: mebibyte) == true)
        #expect(asked.first?["If-Range"] == "\"one\"")
    }

    @Test("key gives the same file of several mirrors one stored response")
    func key() throws {
        let mirrors = [try FileOrigin(), try FileOrigin(address: "127.0.0.2")]
        defer { for mirror in mirrors { mirror.stop() } }
        let hosts = mirrors.map { "\"\($0.server.authority)\"" }.joined(separator: ", ")
        let scene = try Scene(
            file: """
                [[rule]]
                host = [\(hosts)]
                path = "/pool/**"
                key = "http://pool.invalid{path}"
                """
        )
        for mirror in mirrors { mirror.put("/pool/a.deb", .tagged(Content(seed: 1, length: 2000))) }
        func get(_ number: Int) throws -> ReceivedResponse {
            try PeerClient.get(mirrors[number].url("/pool/a.deb"), through: scene.proxy.port)
        }
        _ = try get(0)
        #expect(Self.cacheStatus(try get(1)).contains("hit"))
        #expect(mirrors[1].requests.isEmpty)
        let shown = try scene.proxy.command("show", mirrors[1].url("/pool/a.deb")).output
        #expect(shown.contains("its key is http://pool.invalid/pool/a.deb"), "\(shown)")
        // What is purged under one name is gone under the other.
        _ = try scene.proxy.command("purge", mirrors[0].url("/pool/a.deb"))
        #expect(Self.cacheStatus(try get(1)).contains("uri-miss"))
    }

    @Test("Under one key each origin is asked with its own Host, and never with another client's credentials (R24)")
    func credentials() throws {
        let gate = Barrier("the second client has joined")
        let mirrors = [try FileOrigin(), try FileOrigin(address: "127.0.0.2")]
        defer {
            gate.open()
            for mirror in mirrors { mirror.stop() }
        }
        let hosts = mirrors.map { "\"\($0.server.authority)\"" }.joined(separator: ", ")
        let scene = try Scene(
            file: "[[rule]]\nhost = [\(hosts)]\npath = \"/pool/**\"\nkey = \"http://pool.invalid{path}\"\n"
        )
        let version = FileVersion.tagged(Self.content, cacheControl: "public, max-age=3600")
        for mirror in mirrors { mirror.put("/pool/a", version) }
        mirrors[0].setFaults { _, number in
            FileFaults {
                guard number == 0 else { return }
                $0.stallAfter = (bytes: mebibyte, until: gate)
                $0.closeAfter = mebibyte
            }
        }
        let bodies = try scene.atOnce(2) { number in
            if number == 1 { try gate.waitForArrivals(1) }
            let client = try scene.client()
            let secrets: PeerFields = ["Authorization": "Basic eA==", "Cookie": "id=1"]
            try client.request(mirrors[number].url("/pool/a"), fields: number == 0 ? secrets : [:])
            _ = try client.head()
            if number == 1 { gate.open() }
            return try client.checkBody(against: Self.content)
        }
        #expect(bodies.allSatisfy { $0.isWhole })
        for mirror in mirrors {
            #expect(mirror.requests.allSatisfy { $0["Host"] == mirror.server.authority })
        }
        #expect(mirrors[1].requests.allSatisfy { $0["Authorization"] == nil && $0["Cookie"] == nil })
    }

    @Test("A client with a bad signature does not cost another one its download")
    func badSignature() throws {
        let gate = Barrier("the client with the bad signature was refused")
        let scene = try Scene(file: "[[rule]]\npath = \"/blob/**\"\nignore_query = true\n")
        defer { gate.open() }
        scene.origin.put("/blob/a?sig=good", .tagged(Self.content))
        scene.origin.put("/blob/a?sig=bad", .tagged(Self.content))
        scene.origin.setFaults { request, number in
            FileFaults {
                if request.target.hasSuffix("bad") {
                    $0.instead = (403, [:])
                } else if number == 0 {
                    // So slow that the other client does not wait for it to come by.
                    $0.bytesPerSecond = mebibyte / 2
                    $0.stallAfter = (bytes: mebibyte * 3 / 4, until: gate)
                }
            }
        }
        let good = try scene.client()
        try good.request(scene.url("/blob/a?sig=good"))
        try gate.waitForArrivals(1)
        let bad = try scene.get("/blob/a?sig=bad", ["Range": "bytes=4000000-"])
        #expect(bad.head.status == 403)
        gate.open()
        #expect(try good.head().status == 200)
        #expect(try good.checkBody(against: Self.content).isWhole)
    }

    @Test("A path that leads upwards matches no pattern: it cannot fill another path's key")
    func dotSegments() throws {
        let scene = try Scene(
            file: """
                [[rule]]
                host = "127.0.0.1"
                path = "/pool/**/*.deb"
                key = "http://{host}:{port}/{last}"
                """
        )
        scene.origin.put("/pool/main/a.deb", .tagged(Content(seed: 1, length: 2000)))
        for path in ["/pool/../upload/a.deb", "/pool/%2E%2e/upload/a.deb", "/pool/.%2e/x/a.deb"] {
            scene.origin.put(path, .tagged(Content(seed: 2, length: 2000), "\"evil\""))
            _ = try scene.get(path)
        }
        #expect(try scene.check("/pool/main/a.deb", Content(seed: 1, length: 2000)).body.isWhole)
    }

    @Test("Under immutable no two fills meet: ranges at once from origins that differ are not spliced (rule 11)")
    func differingOrigins() throws {
        let other = Content(seed: 43, length: Self.content.length)
        let gate = Barrier("four ranges are asked for")
        let (target, length) = ("/pool/a", Self.content.length)
        let scene = try ScriptedScene(file: "[[rule]]\npath = \"/pool/**\"\nimmutable = true\n") {
            request,
            connection in
            // Every other range is of another version of the same length.
            guard let asked = request.askedRange else { return try connection.respond(body: other.allBytes) }
            let range = asked.first..<((asked.last ?? length - 1) + 1)
            let content = asked.first / (length / 4) % 2 == 0 ? Self.content : other
            let part = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(length)"
            try connection.respond(206, "Partial Content", fields: ["Content-Range": part], body: content.bytes(range))
        }
        let done = Barrier("all four are answered")
        for number in 0..<4 {
            Thread.detachNewThread {
                defer { done.arrive() }
                let begin = Int64(number) * length / 4
                gate.arrive()
                try? gate.waitForArrivals(4)
                _ = try? scene.get(target, ["Range": "bytes=\(begin)-\(begin + length / 4 - 1)"])
            }
        }
        try done.waitForArrivals(4)
        let client = try scene.client()
        try client.request(scene.url(target))
        // Cut is right as well: it is thrown then.
        if let whole = try? client.response().body, whole.count == Int(length) {
            #expect(whole == Self.content.allBytes || whole == other.allBytes)
        }
    }

    @Test("What stands under immutable alone ends with its rule")
    func ruleTakenOut() throws {
        let scene = try Scene(
            settings: ["resume.on_disconnect=\"park\""],
            file: "[[rule]]\npath = \"/pool/**\"\nimmutable = true\n"
        )
        scene.origin.put("/pool/a", Self.bare())
        _ = try scene.get("/pool/a", ["Range": "bytes=0-1048575"])
        try scene.killAndStartAgain(file: "# no rule\n")
        let other = Content(seed: 43, length: Self.content.length)
        scene.origin.put("/pool/a", Self.bare(other))
        #expect(try scene.check("/pool/a", other).body == CheckedBody(count: other.length, end: .complete))
    }

    @Test("A successful unsafe method drops what stands under the rule's key (RFC 9111 §4.4)")
    func invalidation() throws {
        let scene = try Scene(file: "[[rule]]\npath = \"/**\"\nignore_query = true\n")
        scene.origin.put("/a?x=1", .tagged(Content(seed: 1, length: 2000)))
        _ = try scene.get("/a?x=1")
        scene.origin.setFaults { request, _ in
            FileFaults { if request.method == "DELETE" { $0.instead = (200, [:]) } }
        }
        _ = try scene.get("/a?x=2", method: "DELETE")
        #expect(!Self.cacheStatus(try scene.get("/a?x=1")).contains("hit"))
    }

    @Test("ignore_client_reload answers a reload from what is fresh")
    func reload() throws {
        let scene = try Scene(file: "[[rule]]\npath = \"/kept/**\"\nignore_client_reload = true\n")
        for target in ["/kept/a", "/other/a"] {
            scene.origin.put(target, .tagged(Content(seed: 1, length: 2000)))
            _ = try scene.get(target)
            for reload: PeerFields in [["Cache-Control": "no-cache"], ["Pragma": "no-cache"]] {
                let again = try scene.get(target, reload)
                #expect(Self.cacheStatus(again).contains("hit") == target.hasPrefix("/kept"))
            }
        }
    }

    @Test("stale_if_error answers in the place of a 500, for as long as the rule says")
    func staleIfError() throws {
        let scene = try Scene(file: "[[rule]]\npath = \"/kept/**\"\nstale_if_error = \"30d\"\n")
        for target in ["/kept/a", "/other/a"] {
            var version = FileVersion.tagged(Content(seed: 1, length: 2000), cacheControl: "max-age=10")
            version.date = httpDate(secondsFromNow: -60)
            scene.origin.put(target, version)
            _ = try scene.get(target)
        }
        scene.origin.setFaults { _, _ in FileFaults { $0.instead = (500, [:]) } }
        let kept = try scene.get("/kept/a")
        #expect(kept.head.status == 200)
        #expect(Self.cacheStatus(kept).contains("stale-if-error"))
        #expect(try scene.get("/other/a").head.status == 500)
    }

    @Test("on_disconnect = \"drop\" ends a download that its client leaves; without the rule it goes on to its end")
    func onDisconnect() throws {
        let scene = try Scene(file: "[[rule]]\npath = \"/dropped/**\"\non_disconnect = \"drop\"\n")
        for target in ["/dropped/a", "/other/a"] {
            let gate = Barrier("the client of \(target) has left")
            scene.origin.put(target, .tagged(Self.content))
            scene.origin.setFaults { _, _ in FileFaults { $0.stallAfter = (bytes: mebibyte, until: gate) } }
            let client = try scene.client()
            try client.send("GET \(scene.url(target)) HTTP/1.1\r\nHost: x\r\n\r\n")
            try gate.waitForArrivals(1)
            client.close()
            try scene.waitForStatus("nobody reads \(target)") { $0.fills.allSatisfy { $0.readers == 0 } }
            gate.open()
            try scene.waitForStatus("\(target) has come to its end") { $0.isIdle }
        }
        try scene.waitUntilHeld("/other/a", Self.content.length)
        #expect(try scene.heldBytes(scene.url("/dropped/a")) < Self.content.length)
    }

    @Test("What has no validator is resumed where a rule calls it immutable, and held bytes are compared (rule 11)")
    func immutable() throws {
        let scene = try Scene(file: "[[rule]]\npath = \"/pool/**\"\nimmutable = true\n")
        scene.origin.put("/pool/a", Self.bare())
        scene.origin.setFaults { _, number in FileFaults { if number == 0 { $0.closeAfter = 2 * mebibyte } } }
        let answer = try scene.check("/pool/a", Self.content)
        #expect(answer.body == CheckedBody(count: Self.content.length, end: .complete))
        let requests = scene.origin.requests
        #expect(requests.count == 2)
        #expect(requests.last?.asks(from: 2 * mebibyte) == true)
        #expect(requests.last?["If-Range"] == nil)
        #expect(scene.origin.tally("/pool/a").overlapBytes == overlapProbe)
        // It is fresh for a year.
        let hit = try scene.check("/pool/a", Self.content)
        #expect(hit.body.isWhole)
        #expect(hit.head["Cache-Status"]?.contains("hit") == true)
        #expect(scene.origin.requests.count == 2)
    }

    @Test("Where the rule was wrong, the comparison finds it: not one byte of another version is joined (rule 11)")
    func notImmutable() throws {
        let scene = try Scene(file: "[[rule]]\npath = \"/pool/**\"\nimmutable = true\n")
        let other = Content(seed: 43, length: Self.content.length)
        scene.origin.put("/pool/a", Self.bare())
        let part = try scene.get("/pool/a", ["Range": "bytes=1048576-2097151"])
        #expect(part.body == Self.content.bytes(mebibyte..<(2 * mebibyte)))
        scene.origin.put("/pool/a", Self.bare(other))
        let whole = try scene.check("/pool/a", other)
        #expect(whole.body == CheckedBody(count: other.length, end: .complete) || whole.body.end == .truncated)
        #expect(whole.body.firstDifference == nil || whole.body.end == .truncated)
        let again = try scene.check("/pool/a", other)
        #expect(again.body == CheckedBody(count: other.length, end: .complete))
    }

    @Test("show says which rule holds for a URL and why, whether something is held of it or not")
    func show() throws {
        let scene = try Scene(file: "# kept\n[[rule]]\npath = \"/kept/**\"\nttl = \"1h\"\n")
        scene.origin.put("/kept/a", .tagged(Content(seed: 1, length: 2000)))
        for isHeld in [false, true] {
            if isHeld { _ = try scene.get("/kept/a") }
            let shown = try scene.proxy.command("show", scene.url("/kept/a"))
            #expect(shown.status == (isHeld ? 0 : 1))
            #expect(shown.output.contains("proxy.conf:2 holds for this URL"), "\(shown.output)")
            #expect(shown.output.contains("path \"/kept/**\" matches /kept/a"))
            let json = try jsonObject(try scene.proxy.command("show", "--json", scene.url("/kept/a")).output)
            let rule = try #require(json["rule"] as? [String: Any])
            #expect((rule["origin"] as? String)?.hasSuffix("proxy.conf:2") == true)
        }
        let other = try scene.proxy.command("show", scene.url("/other"))
        #expect(!other.output.contains("holds for this URL"))
    }
}
