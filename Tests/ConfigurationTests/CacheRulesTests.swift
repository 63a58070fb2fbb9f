// Rules as they are written, and which of them holds.

import Configuration
import HTTPSemantics
import Testing

@Suite("Rules in proxy.conf")
struct CacheRulesTests {
    static func rules(_ text: String) throws -> CacheRules {
        try Configuration.load(fileText: text, fileName: "proxy.conf").rules
    }

    static let text = """
        [freshness]
        max_heuristic = "1h"

        [[rule]]
        host = "a.example"
        path = "/pool/**/*.deb"
        immutable = true

        [[rule]]
        host = ["a.example", "*.b.example:8080"]
        type = "image/*"
        ttl = "7d"
        min_ttl = "1d"
        ignore_client_reload = true
        on_disconnect = "drop"
        stale_if_error = "2h"

        [[rule]]
        host = ".b.example"
        ignore_query = ["token"]
        on_disconnect = "park"

        [[rule]]
        path = ["/private/**", "/secret"]
        store = false

        [[rule]]
        host = ["m1.example", "m2.example"]
        key = "{scheme}://mirrors.invalid{path}"
        """

    @Test(
        "the first match wins, and all patterns of a rule must match",
        arguments: [
            ("http://a.example/pool/x/y.deb", nil, 4), ("http://a.example/pool/x/y.deb", "image/png", 4),
            ("http://a.example/pool/x/y.png", "image/png", 9), ("http://a.example/pool/x/y.png", nil, nil),
            ("http://a.example/x", "text/html", nil), ("http://c.example/pool/y.deb", "image/png", nil),
            ("http://1.b.example:8080/x", "IMAGE/png; a=b", 9), ("http://1.b.example:8080/x", nil, 18),
            ("http://1.b.example/x", "image/png", 18), ("http://b.example:8080/x", "image/png", 18),
            ("http://b.example/private/x", nil, 18), ("http://a.example/private/x", nil, 23),
            ("http://c.example/secret?a=b", "text/html", 23), ("http://c.example/secret/", nil, nil),
            ("http://m2.example/x", nil, 27),
        ] as [(String, String?, Int?)]
    )
    func first(url: String, contentType: String?, line: Int?) throws {
        let matched = try Self.rules(Self.text).match(try PatternTests.uri(url), contentType: contentType)
        #expect(matched?.origin == line.map { "proxy.conf:\($0)" })
    }

    @Test("a rule changes of the policy what it sets, and nothing else")
    func policy() throws {
        let rules = try Self.rules(Self.text)
        var base = CachePolicy()
        base.targets = ["cdn-cache-control"]
        base.staleOnDisconnect = 5
        var expected = base
        #expect(rules.policy(base, for: try PatternTests.uri("http://c.example/"), contentType: nil) == base)
        expected.isImmutable = true
        let package = try PatternTests.uri("http://a.example/pool/y.deb")
        #expect(rules.policy(base, for: package, contentType: nil) == expected)
        expected = base
        expected.ttl = 604_800
        expected.minTTL = 86_400
        expected.ignoresClientReload = true
        expected.staleIfError = 7200
        let image = try PatternTests.uri("http://a.example/y.png")
        #expect(rules.policy(base, for: image, contentType: "image/png") == expected)
        #expect(rules.match(image, contentType: "image/png")?.finish.onDisconnect == .drop)
        expected = base
        expected.mayStore = false
        let secret = try PatternTests.uri("http://a.example/secret")
        #expect(rules.policy(base, for: secret, contentType: nil) == expected)
        #expect(rules.match(secret, contentType: nil)?.finish == FinishConditions())
    }

    @Test(
        "the key is the same before and after the response is known",
        arguments: [
            ("http://1.b.example:8080/x?token=1&a=2", "http://1.b.example:8080/x?a=2"),
            ("http://a.example/x?token=1", "http://a.example/x?token=1"),
            ("http://m1.example/x?a", "http://mirrors.invalid/x"),
            // Another port is another origin.
            ("http://m1.example:81/x", "http://m1.example:81/x"),
            ("http://m2.example/x", "http://mirrors.invalid/x"),
            ("http://A.example:80/pool/y.deb?z", "http://a.example/pool/y.deb?z"),
        ]
    )
    func key(url: String, key: String) throws {
        #expect(try Self.rules(Self.text).key(of: try PatternTests.uri(url)).uri == key)
        #expect(CacheRules().key(of: try PatternTests.uri(key)).uri == key)
    }

    @Test("a rule says which of its patterns matched, and what it sets")
    func explanation() throws {
        let rules = try Self.rules(Self.text)
        let image = try PatternTests.uri("http://1.b.example:8080/x?token=1")
        #expect(
            rules.match(image, contentType: "image/png")?.explanation == [
                #"host "*.b.example:8080" matches 1.b.example:8080"#,
                #"type "image/*" matches image/png"#,
                #"ttl = "7d": a response is fresh for that long, whatever its own lifetime is"#,
                #"min_ttl = "1d": a response is fresh for at least that long"#,
                #"ignore_client_reload = true: a client's reload is answered from what is fresh"#,
                #"on_disconnect = "drop": in the place of resume.on_disconnect"#,
                #"stale_if_error = "2h": a stale response answers that long in the place of an origin's error"#,
            ]
        )
        #expect(
            rules.match(image, contentType: nil)?.explanation == [
                #"host ".b.example" matches 1.b.example:8080"#,
                #"ignore_query = ["token"]: these parameters are no part of the key"#,
                #"on_disconnect = "park": in the place of resume.on_disconnect"#,
            ]
        )
        #expect(rules.passedOver(image, contentType: nil).map(\.origin) == ["proxy.conf:9"])
        #expect(rules.passedOver(image, contentType: "text/html").map(\.origin) == ["proxy.conf:9"])
        #expect(rules.passedOver(image, contentType: "image/png").map(\.origin) == [])
        #expect(rules.passedOver(try PatternTests.uri("http://c.example/"), contentType: nil).isEmpty)
        let secret = rules.match(try PatternTests.uri("http://c.example/secret?a"), contentType: nil)
        #expect(secret?.explanation == [#"path "/secret" matches /secret"#, "store = false: nothing is stored"])
    }

    @Test("a rule says what of its downloads is finished without a client, and when")
    func finishing() throws {
        let rules = try Self.rules(
            """
            [[rule]]
            host = "a.example"
            on_disconnect = "finish"
            finish_below = "1 GiB"
            finish_share = 0.5
            finish_eta = "10m"
            finish_share_unresumable = 1
            finish_validator = "date"
            finish_max_size = "20 GiB"
            finish_between = "22:00-05:30"
            finish_max_time = "2h"
            """
        )
        var expected = FinishConditions()
        expected.onDisconnect = .finish
        expected.below = 1 << 30
        expected.share = 0.5
        expected.eta = 600
        expected.shareUnresumable = 1
        expected.validator = .date
        expected.maxSize = 20 << 30
        expected.between = HoursOfDay.parse("22:00-05:30")
        expected.maxTime = 7200
        let matched = try #require(rules.match(try PatternTests.uri("http://a.example/"), contentType: nil))
        #expect(matched.finish == expected)
        #expect(
            matched.explanation.dropFirst() == [
                #"on_disconnect = "finish": in the place of resume.on_disconnect"#,
                #"finish_below = "1 GiB": in the place of resume.finish_below"#,
                "finish_share = 0.5: in the place of resume.finish_share",
                #"finish_eta = "10m": in the place of resume.finish_eta"#,
                "finish_share_unresumable = 1.0: in the place of resume.finish_share_unresumable",
                #"finish_validator = "date": in the place of resume.finish_validator"#,
                #"finish_max_size = "20 GiB": in the place of resume.finish_max_size"#,
                #"finish_between = "22:00-05:30": in the place of resume.finish_between"#,
                #"finish_max_time = "2h": in the place of resume.finish_max_time"#,
            ]
        )
    }

    @Test("rules in one value are rules like any others")
    func inline() throws {
        let rules = try Self.rules("rule = [\n { host = \"a\", ttl = \"0s\" },\n { path = \"/b\", store = true } ]")
        #expect(rules.rules.map(\.origin) == ["proxy.conf:2", "proxy.conf:3"])
        #expect(rules.rules.map(\.ttl) == [0, nil])
        #expect(rules.rules.map(\.stores) == [nil, true])
    }

    @Test("freshness.targets goes into the policy in lower case")
    func targets() throws {
        let configuration = try Configuration.load(
            fileText: "freshness.targets = [\"CDN-Cache-Control\"]",
            fileName: "proxy.conf"
        )
        #expect(configuration.policy.targets == ["cdn-cache-control"])
        #expect(LoadingTests.errors(file: "freshness.targets = [\"Cache-Control\"]").count == 1)
        #expect(LoadingTests.errors(file: "freshness.targets = [\"a b\"]").count == 1)
    }
}

@Suite("What is said of one URL")
struct RuleReportTests {
    static func report(_ url: String, type: String? = nil) throws -> [Substring] {
        let rules = try CacheRulesTests.rules(CacheRulesTests.text)
        let report = RuleReport(try PatternTests.uri(url), contentType: type, rules: rules)
        return report.description.split(separator: "\n")
    }

    @Test("the rule that holds, why, what it sets, and the key")
    func matched() throws {
        #expect(
            try Self.report("http://M1.example:80/a?b") == [
                "http://m1.example/a?b", "rule: proxy.conf:27", #"  host "m1.example" matches m1.example:80"#,
                #"  key = "{scheme}://mirrors.invalid{path}": URLs with the same result share what is held"#,
                "key: http://mirrors.invalid/a",
            ]
        )
    }

    @Test("where no rule holds, and where one would for another content type")
    func none() throws {
        let none = "rule: none; what the response says and the directives of [freshness] hold"
        #expect(
            try Self.report("http://c.example/") == ["http://c.example/", none, "key: the URL"][...].map { $0[...] }
        )
        #expect(
            try Self.report("http://a.example/") == [
                "http://a.example/", none[...], "key: the URL",
                #"passed over: proxy.conf:9, which speaks of type = ["image/*"] only (--type)"#,
            ]
        )
        #expect(try Self.report("http://a.example/", type: "image/png").dropFirst().first == "rule: proxy.conf:9")
    }
}
