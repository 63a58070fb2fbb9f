// Layers, errors and what hangs together.

import Configuration
import Testing

@Suite("A configuration is put together from layers")
struct LoadingTests {
    /// Loads, and returns what was wrong as text, one line each.
    static func errors(
        file: String? = nil,
        environment: [String: String] = [:],
        settings: [(key: String, value: String)] = [],
        listen: [String] = [],
        cache: String? = nil
    ) -> [String] {
        do {
            _ = try Configuration.load(
                fileText: file,
                fileName: "proxy.conf",
                environment: environment,
                settings: settings,
                listen: listen,
                cacheDirectory: cache
            )
            return []
        } catch {
            #expect(error.description.split(separator: "\n").count == error.errors.count)
            return error.errors.map(\.description)
        }
    }

    @Test("without a file, an environment and flags, the defaults hold")
    func defaults() throws {
        #expect(try Configuration.load(fileText: nil, fileName: "proxy.conf") == Configuration())
        #expect(try Configuration.load(fileText: "", fileName: "proxy.conf") == Configuration())
        let values = try Configuration.describe(fileText: nil, fileName: "proxy.conf")
        #expect(values.map(\.key) == Directive.all.map(\.key))
        #expect(values.allSatisfy { $0.source == .defaults })
    }

    @Test("flags win over --set, that over the environment, that over the file, that over the defaults")
    func layers() throws {
        let file = "[cache]\ndirectory = \"file\"\nmax_size = \"1 GiB\"\nmin_free = \"1 MB\"\n[stop]\ngrace = \"1s\""
        let environment = [
            "HOLDFAST_CACHE_DIRECTORY": "environment", "HOLDFAST_CACHE_MAX_SIZE": "2 GiB",
            "HOLDFAST_CACHE_MIN_FREE": "2 MB",
            "PATH": "/bin", "holdfast_cache_max_size": "nothing to do with us",
        ]
        let settings = [("cache.max_size", "3 GiB"), ("cache.directory", "set"), ("cache.max_size", "4 GiB")]
        let configuration = try Configuration.load(
            fileText: file,
            fileName: "proxy.conf",
            environment: environment,
            settings: settings,
            listen: ["127.0.0.1:0", "[::1]:0"],
            cacheDirectory: "flag"
        )
        #expect(configuration.cache.directory == "flag")
        #expect(configuration.cache.maxSize == 4 << 30)
        #expect(configuration.cache.minFree == 2_000_000)
        #expect(configuration.stop.graceNanoseconds == 1_000_000_000)
        #expect(configuration.listen.map(\.text) == ["127.0.0.1:0", "[::1]:0"])

        let values = try Configuration.describe(
            fileText: file,
            fileName: "proxy.conf",
            environment: environment,
            settings: settings,
            listen: ["127.0.0.1:0", "[::1]:0"],
            cacheDirectory: "flag"
        )
        func line(_ key: String) -> String {
            // Runs of spaces are padding.
            (values.first { $0.key == key }?.description ?? "").split(separator: " ").joined(separator: " ")
        }
        #expect(line("cache.directory") == #"cache.directory = "flag" # --cache"#)
        #expect(line("cache.max_size") == #"cache.max_size = "4 GiB" # --set"#)
        #expect(line("cache.min_free") == #"cache.min_free = "2 MB" # HOLDFAST_CACHE_MIN_FREE"#)
        #expect(line("stop.grace") == #"stop.grace = "1s" # proxy.conf:6"#)
        #expect(line("listen") == #"listen = ["127.0.0.1:0", "[::1]:0"] # --listen"#)
        #expect(line("memory.hot") == #"memory.hot = "64 MiB" # default"#)
    }

    @Test(
        "a value of --set and of the environment is TOML, or else a string",
        arguments: [
            ("access.connect_ports", #"["1-65535"]"#, #"["1-65535"]"#), ("access.connect_ports", "443", "[443]"),
            ("access.connect_ports", "1-65535", #"["1-65535"]"#), ("cache.max_size", "20 GiB", #""20 GiB""#),
            ("cache.max_size", #""20 GiB""#, #""20 GiB""#), ("cache.max_size", "'20 GiB' # much", #""20 GiB""#),
            ("cache.max_size", "2_097_152", #""2 MiB""#), ("resume.on_disconnect", "park", #""park""#),
            ("log.query", "false", "false"), ("resume.finish_share", "0.5", "0.5"),
            ("resume.finish_share", "unset", #""unset""#),
            ("resume.background_rate", "yield", #""yield""#), ("resume.background_rate", "50%", #""50%""#),
            ("resume.background_rate", "2 MB", #""2 MB""#), ("resume.background_rate", "unlimited", #""unlimited""#),
            ("resume.finish_between", "01:00-06:00", #""01:00-06:00""#),
            ("resume.finish_eta", "unset", #""unset""#), ("upstream.max_rate", "10 MB", #""10 MB""#),
            ("downstream.max_rate_per_client", "500 KiB", #""500 KiB""#),
            ("stop.grace", "1h30m", #""1h30m""#), ("log.access", "-", #""-""#),
            ("log.access", "/a/b.log", #""/a/b.log""#),
            ("cache.directory", "/var/cache/holdfast", #""/var/cache/holdfast""#),
            ("cache.directory", "2024", #""2024""#),
            ("cache.directory", "true", #""true""#), ("listen", "127.0.0.1:8080", #"["127.0.0.1:8080"]"#),
            ("listen", "[::1]:8080", #"["[::1]:8080"]"#), ("access.clients", "private", #""private""#),
            ("access.clients", "10.0.0.0/8", #"["10.0.0.0/8"]"#),
        ]
    )
    func bareWords(key: String, written: String, shown: String) throws {
        let variable = try #require(Directive.named(key)?.environmentName)
        let set = try Configuration.describe(fileText: nil, fileName: "proxy.conf", settings: [(key, written)])
        let environment = try Configuration.describe(
            fileText: nil,
            fileName: "proxy.conf",
            environment: [variable: written]
        )
        #expect(set.first { $0.key == key }?.value == shown)
        #expect(environment.first { $0.key == key }?.value == shown)
    }

    @Test("a line break in a value of --set brings no second directive")
    func noInjection() {
        let errors = Self.errors(settings: [("log.query", "false\ncache = 1")])
        #expect(errors == [#"--set: log.query: got "false\u{A}cache = 1"; allowed: true or false"#])
    }

    @Test("all that is wrong is reported together, by layer and by line")
    func together() {
        let size = #"a size such as "10 GiB", "500 MB" or a number of bytes"#
        let file = """
            # a comment
            [cache]
            max_size = "10 pounds"
            max_szie = 1

            [resume]
            on_disconnect = "stop"
            finish_below = [
                1,
            ]
            [cahce]
            max_size = 1
            """
        let errors = Self.errors(
            file: file,
            environment: ["HOLDFAST_CACHE_MAX_SIZ": "1 GiB", "HOLDFAST_STOP_GRACE": "15"],
            settings: [("log.querry", "true"), ("cache", "x")],
            listen: ["example.org:3128"],
            cache: ""
        )
        #expect(
            errors == [
                "proxy.conf:3: cache.max_size: got \"10 pounds\"; allowed: \(size), at least 1 MiB, at most 1 EiB",
                "proxy.conf:4: cache.max_szie: got an unknown key; allowed: the keys of docs/configuration.md; the "
                    + "nearest is cache.max_size",
                #"proxy.conf:7: resume.on_disconnect: got "stop"; allowed: "finish", "park" or "drop""#,
                "proxy.conf:8: resume.finish_below: got [1]; allowed: \(size), or \"unset\"",
                "proxy.conf:11: cahce: got an unknown key; allowed: the keys of docs/configuration.md",
                "environment: HOLDFAST_CACHE_MAX_SIZ: got an unknown variable; allowed: HOLDFAST_ and a directive's "
                    + "key in capitals, dots as underscores; the nearest is HOLDFAST_CACHE_MAX_SIZE",
                "environment: HOLDFAST_STOP_GRACE: got 15; allowed: "
                    + "a duration such as \"90s\", \"5m\", \"1h30m\" or \"250ms\"",
                "--set: log.querry: got an unknown key; allowed: "
                    + "the keys of docs/configuration.md; the nearest is log.query",
                "--set: cache: got \"x\"; allowed: a table: [cache], and below it directory = …",
                "--listen: listen: got [\"example.org:3128\"]; allowed: an address and port such as \"127.0.0.1:3128\" "
                    + "or \"[::1]:3128\", or a list of them",
                "--cache: cache.directory: got \"\"; allowed: the path of a directory",
            ]
        )
    }

    @Test(
        "text that is no TOML is one error with its line",
        arguments: [
            ("a = 1\nb =\n", 2), ("[cache\n", 1), ("\n\na = 1\na = 2\n", 4), ("a = \"\n", 1), ("a\u{0}b\n", 1),
            ("a = " + String(repeating: "[", count: 100_000), 1),
            ("a = " + String(repeating: "{b=", count: 100_000), 1),
        ]
    )
    func syntax(text: String, line: Int) throws {
        let errors = DirectiveTests.errors(of: text)
        #expect(errors.count == 1)
        let error = try #require(errors.first)
        #expect(error.file == "proxy.conf")
        #expect(error.line == line)
        #expect(error.key == nil)
        #expect(!error.got.isEmpty)
    }

    @Test("a NUL does not hide what stands behind it")
    func noNUL() {
        let errors = DirectiveTests.errors(of: "log.query = true\n\u{0}log.query = 1\n")
        #expect(errors.map(\.got) == ["a NUL byte"])
        #expect(errors.map(\.line) == [2])
    }

    @Test(
        "keys that only look like a directive are unknown",
        arguments: [
            (#""cache.max_size" = 1"#, #""cache.max_size""#), (#"cache."max\u0000_size" = 1"#, nil),
            ("[[cache]]\nmax_size = 1", "cache"),
            ("[cache.max_size.x]\ny = 1", "cache.max_size"), ("\"\" = 1", "\"\""), ("[listen]\na = 1", "listen"),
        ] as [(String, String?)]
    )
    func lookalikes(text: String, key: String?) {
        let errors = DirectiveTests.errors(of: text)
        #expect(errors.count == 1)
        if let key { #expect(errors.first?.key == key) }
    }

    @Test("tables, dotted keys and inline tables say the same")
    func forms() throws {
        let forms = [
            "[stop]\ngrace = \"3s\"", "stop.grace = \"3s\"", "stop = { grace = \"3s\" }", "[stop] # x\n'grace' = '3s'",
        ]
        for text in forms {
            #expect(try Configuration.load(fileText: text, fileName: "f").stop.graceNanoseconds == 3_000_000_000)
        }
    }

    @Test("a long or ugly value is shown bounded and on one line")
    func bounded() throws {
        let long = String(repeating: "x", count: 10_000)
        let error = try #require(DirectiveTests.errors(of: "log.query = \"\(long)\\n\"").first)
        #expect(error.got.count < 100)
        let many = "[" + String(repeating: "1, ", count: 1000) + "]"
        #expect(
            try #require(DirectiveTests.errors(of: "log.query = \(many)").first).got == "[1, 1, 1, 1, 1, 1, 1, 1, …]"
        )
    }

    @Test(
        "R60: an address that others can reach needs access.clients, and the error says what to write",
        arguments: ["0.0.0.0:3128", "[::]:3128", "192.168.1.5:3128", "[fd00::1]:3128"]
    )
    func listeningBeyond(address: String) throws {
        let error = try #require(DirectiveTests.errors(of: "\nlisten = [\"127.0.0.1:1\", \"\(address)\"]").first)
        #expect(error.line == 2)
        #expect(error.key == "listen")
        #expect(error.got.contains("\"\(address)\""))
        #expect(error.allowed.contains("access.clients = \"private\""))
        #expect(error.allowed.contains("access.clients = [\"192.168.1.0/24\"]"))
        #expect(Self.errors(listen: [address]).first?.hasPrefix("--listen: listen: ") == true)
        // What it says can be written, and is then accepted.
        for clients in ["\"private\"", "[\"192.168.1.0/24\"]"] {
            #expect(Self.errors(file: "access.clients = \(clients)", listen: [address]) == [])
        }
        #expect(Self.errors(file: "access.clients = \"unset\"", listen: [address]) != [])
    }

    @Test(
        "bounds are part of what is allowed",
        arguments: [
            ("cache.max_size", "1048575", false), ("cache.max_size", "1048576", true),
            ("cache.small_body", "1048577", false),
            ("downstream.max_head", "1023", false), ("upstream.max_connections", "0", false),
            ("upstream.connect_timeout", "0s", false), ("stop.grace", "0s", true),
            ("resume.guard_time", "1500ms", false),
            ("resume.guard_time", "1s", true), ("tunnel.max_age", "36500d", true), ("tunnel.max_age", "36526d", false),
            ("resume.max_finishing", "0", true), ("resume.finish_share", "1.0001", false),
            ("resume.finish_share", "1", true),
            ("resume.finish_share", "inf", false), ("listen", "[]", false), ("access.clients", "[]", true),
            ("listen", #"["127.0.0.1:1", "127.0.0.1:1"]"#, false), ("listen", #"["127.0.0.1:0", "127.0.0.1:0"]"#, true),
            ("forward.via_name", "a b", false), ("forward.via_name", "a/b", false), ("access.http_ports", "[0]", false),
            ("access.http_ports", "[65536]", false), ("access.http_ports", "[]", true),
        ]
    )
    func bounds(key: String, value: String, isAllowed: Bool) {
        #expect(Self.errors(settings: [(key, value)]).isEmpty == isAllowed)
    }
}
