// What is wrong with a rule is said with its line, its key, what was found and what is allowed.

import Configuration
import Testing

@Suite("A wrong rule")
struct RuleErrorTests {
    static let rule = "[[rule]]\nhost = \"a.example\"\n"

    @Test(
        "a value that is not allowed is an error with line and key",
        arguments: [
            ("ttl = 5", "ttl", "5"), ("ttl = \"5\"", "ttl", "\"5\""), ("ttl = \"1500ms\"", "ttl", "\"1500ms\""),
            ("ttl = \"-1s\"", "ttl", "\"-1s\""), ("min_ttl = \"200000d\"", "min_ttl", "\"200000d\""),
            ("stale_if_error = true", "stale_if_error", "true"), ("store = \"no\"", "store", "\"no\""),
            ("immutable = 1", "immutable", "1"), ("ignore_client_reload = []", "ignore_client_reload", "[]"),
            ("ignore_query = false", "ignore_query", "false"), ("ignore_query = []", "ignore_query", "[]"),
            ("ignore_query = [\"a=b\"]", "ignore_query", "[\"a=b\"]"), ("key = \"{path}\"", "key", "\"{path}\""),
            ("key = \"http://{hots}/\"", "key", "\"http://{hots}/\""), ("key = [\"a\"]", "key", "[\"a\"]"),
            ("key = \"ftp://a{path}\"", "key", "\"ftp://a{path}\""),
            ("on_disconnect = \"stop\"", "on_disconnect", "\"stop\""), ("path = \"*.deb\"", "path", "\"*.deb\""),
            ("finish_below = \"much\"", "finish_below", "\"much\""), ("finish_share = 2", "finish_share", "2"),
            ("finish_eta = 5", "finish_eta", "5"), ("finish_max_time = \"x\"", "finish_max_time", "\"x\""),
            ("finish_between = \"1-6\"", "finish_between", "\"1-6\""), ("finish_between = 5", "finish_between", "5"),
            ("finish_validator = \"strong\"", "finish_validator", "\"strong\""),
            ("path = []", "path", "[]"), ("path = [\"/a\", 1]", "path", "[\"/a\", 1]"),
            ("type = \"png\"", "type", "\"png\""),
            ("host = { a = 1 }", "host", "a table"), ("host = \"http://a/\"", "host", "\"http://a/\""),
        ]
    )
    func values(line: String, key: String, got: String) {
        let head = line.hasPrefix("host") ? "[[rule]]\nstore = true\n" : Self.rule
        let errors = LoadingTests.errors(file: "# one\n" + head + "\n" + line + "\n")
        #expect(errors.count == 1)
        #expect(errors.first?.hasPrefix("proxy.conf:5: rule.\(key): got \(got); allowed: ") == true, "\(errors)")
    }

    @Test(
        "an unknown key is an error with the nearest known one",
        arguments: [
            ("min-ttl", "; the nearest is min_ttl"), ("imutable", "; the nearest is immutable"),
            ("ignore_reload", ""), ("priority", ""), ("TTL", "; the nearest is ttl"),
            ("hosts", "; the nearest is host"),
        ]
    )
    func unknown(key: String, hint: String) {
        let errors = LoadingTests.errors(file: Self.rule + "store = true\n\(key) = 1")
        #expect(
            errors == ["proxy.conf:4: rule.\(key): got an unknown key; allowed: the keys of docs/rules.md\(hint)"]
        )
    }

    @Test(
        "what hangs together is judged together",
        arguments: [
            ("[[rule]]\nttl = \"1s\"", 1, "rule", "a rule for everything"),
            ("[[rule]]\nhost = \"a\"", 1, "rule", "a rule that sets nothing"),
            ("[[rule]]\nhost = \"a\"\nttl = \"1s\"\nmin_ttl = \"2s\"", 4, "rule.min_ttl", "more than ttl"),
            ("[[rule]]\nhost = \"a\"\nstore = false\nttl = \"1s\"", 4, "rule.ttl", "a setting for what is not stored"),
            (
                "[[rule]]\nhost = \"a\"\nkey = \"http://a/\"\nignore_query = true", 4, "rule.ignore_query",
                "ignore_query beside key"
            ),
            (
                "[[rule]]\nhost = \"a\"\ntype = \"a/b\"\nkey = \"http://a/\"", 4, "rule.key",
                "a key for one content type"
            ),
            (
                "[[rule]]\nhost = \"a\"\ntype = \"a/b\"\nignore_query = true", 4, "rule.ignore_query",
                "a key for one content type"
            ),
            ("[[rule]]\npath = \"/a\"\nkey = \"http://a{path}\"", 3, "rule.key", "one key for all hosts"),
        ]
    )
    func together(text: String, line: Int, key: String, got: String) {
        let errors = LoadingTests.errors(file: text)
        #expect(errors.count == 1)
        #expect(errors.first?.hasPrefix("proxy.conf:\(line): \(key): got \(got); allowed: ") == true, "\(errors)")
    }

    @Test("one line for every fault of every rule, in their order")
    func several() {
        let text =
            "[[rule]]\nttl = 1\nhots = \"a\"\n[[rule]]\nhost = \"a\"\n[stop]\ngrace = 1\n[[rule]]\npath = \"a\"\n"
        let places = LoadingTests.errors(file: text).map { $0.prefix { $0 != "g" } }
        #expect(
            places == [
                "proxy.conf:2: rule.ttl: ", "proxy.conf:3: rule.hots: ", "proxy.conf:4: rule: ",
                "proxy.conf:9: rule.path: ", "proxy.conf:7: stop.",
            ]
        )
    }

    @Test(
        "what is no list of rules is refused as a whole",
        arguments: ["[rule]\nttl = \"1s\"", "rule = 1", "rule = [1]", "rule.ttl = \"1s\"", "rule = [[]]"]
    )
    func noTables(text: String) {
        let errors = LoadingTests.errors(file: text)
        #expect(errors.count == 1)
        #expect(errors.first?.hasPrefix("proxy.conf:1: rule: got ") == true, "\(errors)")
        #expect(
            errors.first?.hasSuffix("[[rule]] with two brackets, once for each rule, and its keys below it") == true
        )
    }

    @Test("rules come from the file only")
    func flags() {
        let errors = LoadingTests.errors(settings: [("rule", "[]"), ("rule.ttl", "1s")])
        #expect(
            errors == [
                "--set: rule: got a rule; allowed: rules in the file, as [[rule]], or by presets",
                "--set: rule.ttl: got a rule; allowed: rules in the file, as [[rule]], or by presets",
            ]
        )
    }
}
