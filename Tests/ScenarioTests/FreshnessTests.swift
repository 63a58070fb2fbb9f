// What is stored, and how long it answers without the origin (RFC 9111 §3, §4.2, §5.2; R12, R13, R70, R72). What is
// counted is how often the origin was asked.

import ScriptedPeers
import Testing

@Suite("Storing and freshness", .onOwnThreads)
struct FreshnessTests {
    /// An origin's answer, and what becomes of it.
    struct Case: Sendable {
        enum Outcome: Sendable {
            /// Stored, and used without the origin.
            case hit
            /// Stored, and the origin is asked with a condition.
            case validated
            /// Not stored: the origin is asked plainly.
            case notStored
        }

        let fields: PeerFields
        let outcome: Outcome
        var request: PeerFields = [:]
        var status = 200

        init(_ fields: PeerFields, _ outcome: Outcome, request: PeerFields = [:], status: Int = 200) {
            self.fields = fields
            self.outcome = outcome
            self.request = request
            self.status = status
        }
    }

    /// Asks twice for each case, and looks at what the origin was asked the second time.
    private func check(
        _ cases: [Case],
        settings: [String] = [],
        _ location: SourceLocation = #_sourceLocation
    ) throws {
        let scene = try ScriptedScene(settings: settings) { request, connection in
            let item = cases[Int(request.target.dropFirst().prefix(while: \.isNumber)) ?? 0]
            var fields: PeerFields = ["ETag": "\"e\""]
            if item.fields["Date"] == nil { fields.append("Date", httpDate()) }
            for field in item.fields.all { fields.append(field.name, field.value) }
            if request["If-None-Match"] != nil {
                try connection.send("HTTP/1.1 304 Not Modified\r\n\(fields.text)\r\n")
            } else {
                try connection.respond(item.status, "Status", fields: fields, text: "body")
            }
        }
        for (index, item) in cases.enumerated() {
            let target = "/\(index)"
            for _ in 0..<2 {
                let response = try scene.get(target, item.request)
                #expect(response.status == item.status, "\(item)", sourceLocation: location)
                #expect(response.text == "body", "\(item)", sourceLocation: location)
            }
            let requests = scene.origin.requests(for: target)
            switch item.outcome {
            case .hit: #expect(requests.count == 1, "\(item)", sourceLocation: location)
            case .validated:
                #expect(requests.count == 2, "\(item)", sourceLocation: location)
                #expect(requests.last?["If-None-Match"] == "\"e\"", "\(item)", sourceLocation: location)
            case .notStored:
                #expect(requests.count == 2, "\(item)", sourceLocation: location)
                #expect(requests.last?["If-None-Match"] == nil, "\(item)", sourceLocation: location)
            }
        }
        let listing = try scene.proxy.command("ls", "--json").output
        for (index, item) in cases.enumerated() {
            let isListed = listing.contains("\"\(scene.url("/\(index)"))\"")
            #expect(isListed == (item.outcome != .notStored), "\(item)", sourceLocation: location)
        }
    }

    // MARK: Cache-Control, Expires, Age

    @Test("The lifetime is s-maxage, else max-age, else Expires (RFC 9111 §4.2.1)")
    func lifetime() throws {
        let past = httpDate(secondsFromNow: -60)
        let future = httpDate(secondsFromNow: 60)
        try check([
            Case(["Cache-Control": "max-age=60"], .hit), Case(["cache-control": "MAX-AGE=60"], .hit),
            Case(["Cache-Control": "max-age=\"60\""], .hit),
            Case(["Cache-Control": "public, max-age=60, x=\"a,b\""], .hit),
            Case(["Cache-Control": "max-age=0"], .validated), Case(["Cache-Control": "max-age=0, s-maxage=60"], .hit),
            Case(["Cache-Control": "max-age=60, s-maxage=0"], .validated),
            Case(["Cache-Control": "max-age=abc"], .validated),
            Case(["Cache-Control": "max-age=99999999999999999999"], .hit),
            Case(["Cache-Control": "x", "Expires": future], .hit), Case(["Expires": past], .validated),
            Case(["Expires": "0"], .validated), Case(["Expires": "soon"], .validated),
            Case(["Cache-Control": "max-age=60", "Expires": past], .hit),
            Case(["Cache-Control": "max-age=0", "Expires": future], .validated),
            Case(["Cache-Control": "max-age=60, must-revalidate"], .hit), Case(["X": "no freshness"], .validated),
        ])
    }

    @Test("Age, and a Date that lies back, count (RFC 9111 §4.2.3)")
    func age() throws {
        try check([
            Case(["Cache-Control": "max-age=60", "Age": "61"], .validated),
            Case(["Cache-Control": "max-age=60", "Age": "30"], .hit),
            Case(["Cache-Control": "max-age=60", "Date": httpDate(secondsFromNow: -120)], .validated),
            Case(["Cache-Control": "max-age=60", "Date": httpDate(secondsFromNow: -20)], .hit),
            Case(["Cache-Control": "max-age=60", "Date": httpDate(secondsFromNow: 7200)], .hit),
        ])
    }

    @Test("A hit carries its Age; what comes from the origin for this request has none of ours (RFC 9111 §5.1)")
    func ageField() throws {
        let scene = try ScriptedScene(
            handler: answering(
                "x",
                ["Cache-Control": "max-age=600", "Age": "100", "Date": httpDate(secondsFromNow: -130)]
            )
        )
        #expect(try scene.get("/a")["Age"] == "100")
        let hit = try scene.get("/a")
        let age = try #require(hit["Age"].flatMap { Int($0) })
        #expect((130...150).contains(age))
        #expect(hit.head.fields.values("Age").count == 1)
    }

    @Test("no-store and private are not stored; no-cache is, and asked for each time (RFC 9111 §5.2.2)")
    func notStored() throws {
        try check([
            Case(["Cache-Control": "no-store"], .notStored),
            Case(["Cache-Control": "No-Store, max-age=60"], .notStored),
            Case(["Cache-Control": "max-age=60", "cache-control": "no-store"], .notStored),
            Case(["Cache-Control": "private"], .notStored),
            Case(["Cache-Control": "max-age=60, no-cache"], .validated),
            Case(["Cache-Control": (0..<65).map { "d\($0)" }.joined(separator: ",") + ",max-age=60"], .notStored),
            Case(["Cache-Control": "max-age=60"], .notStored, request: ["Cache-Control": "no-store"]),
        ])
    }

    @Test("Fields that no-cache names are not given again without the origin's word (RFC 9111 §5.2.2.4)")
    func qualifiedNoCache() throws {
        let scene = try ScriptedScene(
            handler: answering(
                "x",
                ["Cache-Control": "no-cache=\"X-Once, x-two\", max-age=60", "X-Once": "1", "X-TWO": "2"]
            )
        )
        #expect(try scene.get("/a")["X-Once"] == "1")
        let again = try scene.get("/a")
        if again["Cache-Status"]?.contains("hit") == true {
            #expect(again["X-Once"] == nil)
            #expect(again["X-Two"] == nil)
        } else {
            #expect(scene.origin.requests.count == 2)
        }
    }

    // MARK: Heuristic freshness

    @Test("Without a lifetime, a tenth of the time since Last-Modified counts (RFC 9111 §4.2.2, R72)")
    func heuristic() throws {
        let old = httpDate(secondsFromNow: -10 * 86_400)
        try check([
            Case(["Last-Modified": old], .hit), Case(["Last-Modified": httpDate()], .validated),
            Case(["Last-Modified": httpDate(secondsFromNow: 86_400)], .validated),
            Case(["Last-Modified": "yesterday"], .validated),
            Case(["Last-Modified": old], .validated, request: ["Cookie": "a=b"]),
            Case(["Last-Modified": old, "Cache-Control": "no-cache"], .validated),
            Case(["Last-Modified": old], .hit, status: 301), Case(["Last-Modified": old], .notStored, status: 302),
            Case(["Cache-Control": "max-age=60"], .hit, status: 302),
            Case(["Last-Modified": old], .notStored, status: 303),
        ])
    }

    private func lifetime(
        _ fields: PeerFields,
        _ settings: [String] = [],
        status: Int = 200
    ) throws -> Int {
        let scene = try ScriptedScene(settings: settings) { _, connection in
            var all: PeerFields = ["Date": httpDate()]
            for field in fields.all { all.append(field.name, field.value) }
            try connection.respond(status, "Status", fields: all, text: "x")
        }
        _ = try scene.get("/a")
        let shown = try jsonObject(try scene.proxy.command("show", scene.url("/a"), "--json").output)
        let version = try #require((shown["versions"] as? [[String: Any]])?.first)
        return try #require((version["freshness"] as? [String: Any])?["lifetime"] as? Int)
    }

    @Test("Heuristic freshness ends after a day, or after freshness.max_heuristic (R72)")
    func longestHeuristic() throws {
        let fields: PeerFields = ["Last-Modified": httpDate(secondsFromNow: -1000 * 86_400)]
        #expect(try lifetime(fields) == 86_400)
        #expect(try lifetime(fields, ["freshness.max_heuristic=\"1h\""]) == 3600)
    }

    @Test("freshness.default_heuristic_share says which share of the time counts")
    func heuristicShare() throws {
        let fields: PeerFields = ["Last-Modified": httpDate(secondsFromNow: -10_000)]
        #expect((999...1001).contains(try lifetime(fields)))
        #expect((4998...5002).contains(try lifetime(fields, ["freshness.default_heuristic_share=0.5"])))
    }

    // MARK: Errors, cookies, credentials

    @Test("Errors are stored with a lifetime of their own or where RFC 9110 allows it, and never for long (R70)")
    func errors() throws {
        let old = httpDate(secondsFromNow: -10 * 86_400)
        try check([
            Case(["Cache-Control": "max-age=60"], .hit, status: 404),
            Case(["Cache-Control": "max-age=60"], .hit, status: 410),
            Case(["Last-Modified": old], .hit, status: 404), Case(["Last-Modified": old], .notStored, status: 500),
            Case(["Cache-Control": "max-age=60"], .hit, status: 500),
            Case(["Cache-Control": "public"], .notStored, status: 503),
            Case(["Cache-Control": "max-age=60"], .notStored, status: 401),
            Case(["Cache-Control": "max-age=60"], .notStored, status: 416),
            Case(["Cache-Control": "max-age=60"], .notStored, status: 429),
            Case(["Last-Modified": old], .notStored, status: 403),
        ])
        #expect(try lifetime(["Cache-Control": "max-age=86400"], status: 404) == 60)
        #expect(
            try lifetime(["Cache-Control": "max-age=86400"], ["freshness.max_error_ttl=\"10s\""], status: 500) == 10
        )
        #expect(try lifetime(["Cache-Control": "max-age=5"], status: 404) == 5)
    }

    @Test("A response that sets a cookie is stored only with explicit freshness (R70)")
    func cookies() throws {
        let old = httpDate(secondsFromNow: -10 * 86_400)
        try check([
            Case(["Set-Cookie": "a=b", "Last-Modified": old], .notStored),
            Case(["Set-Cookie": "a=b", "Cache-Control": "max-age=60"], .hit),
            Case(["Set-Cookie": "a=b", "Cache-Control": "max-age=0"], .notStored),
            Case(["Set-Cookie": "a=b", "Expires": "0"], .notStored),
        ])
    }

    @Test("Answers to requests with credentials are stored only where the origin allows it (RFC 9111 §3.5)")
    func authorization() throws {
        let credentials: PeerFields = ["Authorization": "Basic eDp5"]
        try check([
            Case(["Cache-Control": "max-age=60"], .notStored, request: credentials),
            Case(["Cache-Control": "max-age=60, public"], .hit, request: credentials),
            Case(["Cache-Control": "s-maxage=60"], .hit, request: credentials),
            Case(["Cache-Control": "max-age=60, must-revalidate"], .hit, request: credentials),
            Case(["Cache-Control": "private, public, max-age=60"], .notStored, request: credentials),
        ])
    }

    @Test("A GET with content, and a URL above 8 KiB, are not stored (R13, R70)")
    func unusualRequests() throws {
        let scene = try ScriptedScene(handler: answering("x", ["Cache-Control": "max-age=60"]))
        let long = "/" + String(repeating: "u", count: 8_192)
        for _ in 0..<2 {
            let client = try scene.client()
            try client.request(scene.url("/content"), fields: ["Content-Length": "3"])
            try client.send("abc")
            #expect(try client.response().text == "x")
            #expect(try scene.get(long).text == "x")
        }
        #expect(scene.origin.requests(for: "/content").count == 2)
        #expect(scene.origin.requests(for: long).count == 2)
        #expect(try scene.proxy.command("ls", "--json").output.isEmpty)
    }

    @Test("The key is scheme, lower-case host, port, path and query, byte for byte (R71)")
    func key() throws {
        let scene = try ScriptedScene(handler: answering("x", ["Cache-Control": "max-age=60"]))
        let port = scene.origin.port
        let get = { (url: String) in
            try PeerClient.get(url, through: scene.proxy.port, fields: ["Host": "elsewhere.example"]).status
        }
        for url in ["http://LOCALHOST:\(port)/a", "HTTP://localhost:\(port)/a", "http://LocalHost:\(port)/a"] {
            #expect(try get(url) == 200)
        }
        #expect(scene.origin.requests.count == 1)
        for path in ["/A", "/a?", "/a?x", "/a/", "/%61", "/./a", "//a"] {
            #expect(try get("http://localhost:\(port)\(path)") == 200)
        }
        #expect(scene.origin.requests.count == 8)
    }

    // MARK: What the request says

    @Test("The request's directives ask for validation (RFC 9111 §5.2.1, §5.4)")
    func requestDirectives() throws {
        let scene = try ScriptedScene { request, connection in
            let fields: PeerFields = [
                "ETag": "\"e\"", "Cache-Control": "max-age=600", "Date": httpDate(secondsFromNow: -30),
            ]
            if request["If-None-Match"] != nil { return try connection.send("HTTP/1.1 304 N\r\n\(fields.text)\r\n") }
            try connection.respond(fields: fields, text: "x")
        }
        #expect(try scene.get("/a").text == "x")
        let cases: [(fields: PeerFields, asks: Bool)] = [
            (["Cache-Control": "no-cache"], true), (["Cache-Control": "max-age=0"], true),
            (["Cache-Control": "max-age=10"], true),
            (["Cache-Control": "max-age=300"], false), (["Cache-Control": "min-fresh=590"], true),
            (["Pragma": "no-cache"], true),
            (["Pragma": "no-cache", "Cache-Control": "max-age=300"], false), (["Cache-Control": "no-transform"], false),
            (["Cache-Control": "only-if-cached"], false), ([:], false),
        ]
        for item in cases {
            let before = scene.origin.requests.count
            let response = try scene.get("/a", item.fields)
            #expect(response.text == "x", "\(item)")
            #expect(scene.origin.requests.count - before == (item.asks ? 1 : 0), "\(item)")
            #expect(response["Cache-Status"]?.contains("hit") == !item.asks, "\(item)")
        }
    }

    @Test("only-if-cached gets a 504 where the origin would have to be asked (RFC 9111 §5.2.1.7)")
    func onlyIfCached() throws {
        let scene = try ScriptedScene(handler: answering("x", ["Cache-Control": "max-age=0", "ETag": "\"e\""]))
        let only: PeerFields = ["Cache-Control": "only-if-cached"]
        #expect(try scene.get("/none", only).status == 504)
        #expect(try scene.get("/none", only, method: "HEAD").status == 504)
        #expect(try scene.get("/stale").status == 200)
        #expect(try scene.get("/stale", only).status == 504)
        #expect(scene.origin.requests.count == 1)
    }

    @Test("max-stale takes a stale response, unless the origin forbids it (RFC 9111 §5.2.1.2, §4.2.4)")
    func maxStale() throws {
        let scene = try ScriptedScene { request, connection in
            let control = request.target == "/strict" ? "max-age=5, must-revalidate" : "max-age=5"
            try connection.respond(
                fields: ["Cache-Control": control, "Date": httpDate(secondsFromNow: -20)],
                text: "x"
            )
        }
        let stale: PeerFields = ["Cache-Control": "max-stale=600"]
        for target in ["/strict", "/lenient"] {
            #expect(try scene.get(target).status == 200)
            #expect(try scene.get(target, stale).status == 200)
        }
        #expect(scene.origin.requests.map(\.target) == ["/strict", "/strict", "/lenient"])
    }
}
