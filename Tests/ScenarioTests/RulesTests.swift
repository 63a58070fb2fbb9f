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
        let scene = try Scene(
            file: """
                [[rule]]
                host = ["127.0.0.1", "localhost"]
                path = "/pool/**"
                key = "http://pool.invalid{path}"
                """
        )
        scene.origin.put("/pool/a.deb", .tagged(Content(seed: 1, length: 2000)))
        let other = scene.url("/pool/a.deb").replacingOccurrences(of: "127.0.0.1", with: "localhost")
        _ = try scene.get("/pool/a.deb")
        #expect(Self.cacheStatus(try PeerClient.get(other, through: scene.proxy.port)).contains("hit"))
        #expect(scene.origin.requests.count == 1)
        let shown = try scene.proxy.command("show", other).output
        #expect(shown.contains("its key is http://pool.invalid/pool/a.deb"), "\(shown)")
        // What is purged under one name is gone under the other.
        _ = try scene.proxy.command("purge", scene.url("/pool/a.deb"))
        #expect(Self.cacheStatus(try PeerClient.get(other, through: scene.proxy.port)).contains("uri-miss"))
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
