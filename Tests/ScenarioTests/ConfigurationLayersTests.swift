// Where the program takes its configuration from, which source wins, and what it says of one that is wrong (issue:
// Command line, proxy.conf).

import Foundation
import ScriptedPeers
import Testing

@Suite("The configuration of the program", .onOwnThreads)
struct ConfigurationLayersTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func check(
        _ text: String,
        _ arguments: [String] = [],
        environment: [String: String] = [:]
    ) throws -> CommandResult {
        let file = try folder.write(text, to: "proxy.conf")
        return try ProxyProcess.run(["check", "--config", file] + arguments, environment: environment)
    }

    /// What `check --json` says of one directive.
    private func value(_ key: String, in result: CommandResult) throws -> [String] {
        let directives = try #require(try jsonObject(result.output)["directives"] as? [[String: String]])
        let found = try #require(directives.first { $0["key"] == key })
        return [found["value"] ?? "", found["source"] ?? ""]
    }

    @Test("check says ok, and every directive with its value")
    func ok() throws {
        let result = try check("[cache]\nmax_size = \"20 GiB\"\n")
        #expect(result.status == 0)
        #expect(result.output.contains(": ok"))
        #expect(result.output.contains("cache.max_size"))
        let json = try check("[cache]\nmax_size = \"20 GiB\"\n", ["--json"])
        #expect(try jsonObject(json.output)["ok"] as? Bool == true)
        #expect(try value("cache.max_size", in: json).last?.hasSuffix("proxy.conf:2") == true)
    }

    @Test("What is wrong is named with file, line, key and what is allowed; all of it at once")
    func errors() throws {
        let text = "listen = 5\n\n[cache]\nmax_size = \"10 pounds\"\nmax_sise = \"1 GiB\"\n[stop]\ngrace = true\n"
        let result = try check(text)
        #expect(result.status == 1)
        let said = result.output + result.errors
        for line in [(1, "listen"), (4, "cache.max_size"), (5, "cache.max_sise"), (7, "stop.grace")] {
            let start = "\(folder.file("proxy.conf")):\(line.0): \(line.1): got "
            let found = said.split(separator: "\n").first { $0.hasPrefix(start) }
            #expect(found?.contains("; allowed: ") == true, "\(line) in \(said)")
        }
        // The key that was probably meant.
        #expect(said.split(separator: "\n").contains { $0.contains("max_sise") && $0.contains("max_size") })
        let json = try check(text, ["--json"])
        #expect(json.status == 1)
        let object = try jsonObject(json.output)
        #expect(object["ok"] as? Bool == false)
        let errors = object["errors"] as? [[String: Any]] ?? []
        #expect(errors.map { $0["line"] as? Int } == [1, 4, 5, 7])
    }

    @Test("What is not TOML, and a file that cannot be read, are errors with a line or a name")
    func unreadable() throws {
        let broken = try check("[cache]\nmax_size = \n")
        #expect(broken.status == 1)
        #expect((broken.output + broken.errors).contains("proxy.conf:2"))
        let missing = try ProxyProcess.run(["check", "--config", folder.file("missing.conf")])
        #expect(missing.status == 1)
        #expect((missing.output + missing.errors).contains("missing.conf"))
    }

    @Test("Flags override the environment, which overrides the file, which overrides defaults")
    func precedence() throws {
        let file = "[cache]\nmax_size = \"2 GiB\"\n"
        let environment = ["HOLDFAST_CACHE_MAX_SIZE": "3 GiB"]
        let key = "cache.max_size"
        let defaults = try value(key, in: try check("", ["--json"]))
        #expect(defaults == ["\"10 GiB\"", "default"])
        #expect(try value(key, in: try check(file, ["--json"])).first == "\"2 GiB\"")
        let second = try value(key, in: try check(file, ["--json"], environment: environment))
        #expect(second == ["\"3 GiB\"", "HOLDFAST_CACHE_MAX_SIZE"])
        let third = try check(file, ["--json", "--set", "cache.max_size=\"4 GiB\""], environment: environment)
        #expect(try value(key, in: third) == ["\"4 GiB\"", "--set"])
        let bare = try check(file, ["--json", "--set", "cache.max_size=5 GiB"], environment: environment)
        #expect(try value(key, in: bare).first == "\"5 GiB\"")
        let list = try check(file, ["--json", "--set", "access.connect_ports=[\"1-65535\"]"])
        #expect(try value("access.connect_ports", in: list).first == "[\"1-65535\"]")
    }

    @Test("The environment's and the flags' errors name the variable or the flag")
    func otherSources() throws {
        let variable = try check("", environment: ["HOLDFAST_CACHE_MAX_SIZE": "much"])
        #expect(variable.status == 1)
        #expect((variable.output + variable.errors).contains("HOLDFAST_CACHE_MAX_SIZE"))
        let unknown = try check("", environment: ["HOLDFAST_CACHE_MAX_SISE": "1"])
        #expect(unknown.status == 1)
        let flag = try check("", ["--set", "cache.max_size=much"])
        #expect(flag.status == 1)
        #expect((flag.output + flag.errors).contains("--set: cache.max_size"))
    }

    @Test("The program reads proxy.conf where it is started; a wrong one ends the start with status 1")
    func workingDirectory() throws {
        _ = try folder.write("[cache]\nmax_size = \"many\"\n", to: "proxy.conf")
        let result = try ProxyProcess.run(["serve", "--listen", "127.0.0.1:0"], directory: folder.path)
        #expect(result.status == 1)
        #expect(result.errors.contains("proxy.conf:2: cache.max_size"))
        #expect(!FileManager.default.fileExists(atPath: folder.file("cache")))
    }

    @Test("--listen may be repeated, overrides the file, and port 0 is found and named")
    func listen() throws {
        let file = try folder.write("listen = [\"127.0.0.1:1\"]\n", to: "proxy.conf")
        let proxy = try ProxyProcess(
            cacheDirectory: folder.file("cache"),
            arguments: ["--config", file, "--listen", "127.0.0.2:0"]
        )
        defer { try? proxy.kill() }
        let line = try #require(proxy.output.split(separator: "\n").first { $0.contains("listening on") })
        let second = try #require(line.components(separatedBy: "127.0.0.2:").last)
        let port = try #require(UInt16(second.prefix(while: \.isNumber)))
        #expect(proxy.port > 0 && port > 0)
        let origin = try ScriptedOrigin(handler: answering("hello"))
        defer { origin.stop() }
        for (address, port) in [("127.0.0.1", proxy.port), ("127.0.0.2", port)] {
            let client = try PeerClient(port: port, address: address)
            try client.request(origin.url("/a"))
            #expect(try client.response().text == "hello")
        }
    }

    @Test("The proxy.conf that comes with the program has every directive, and its default")
    func shippedFile() throws {
        let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let shipped = try String(contentsOf: repository.appendingPathComponent("proxy.conf"), encoding: .utf8)
        #expect(try check(shipped).status == 0)
        // A directive is commented out by a "#" without a space behind it.
        let uncommented = shipped.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.hasPrefix("#") && !line.hasPrefix("# ") && line != "#" ? String(line.dropFirst()) : String(line)
        }
        let defaults = try jsonObject(try check("", ["--json"]).output)["directives"] as? [[String: String]] ?? []
        let written = try check(uncommented.joined(separator: "\n"), ["--json"])
        #expect(written.status == 0, "\(written.output)")
        let values = try jsonObject(written.output)["directives"] as? [[String: String]] ?? []
        #expect(values.count == defaults.count)
        #expect(values.count > 40)
        for (own, other) in zip(values, defaults) {
            #expect(own["key"] == other["key"])
            #expect(Self.inSeconds(own["value"]) == Self.inSeconds(other["value"]), "\(own["key"] ?? "")")
            #expect(own["source"]?.contains("proxy.conf:") == true, "\(own["key"] ?? "")")
        }
    }

    /// A duration in seconds, so that "1d" and "24h" are the same; any other value as it is.
    private static func inSeconds(_ value: String?) -> String {
        let value = value ?? ""
        guard let match = value.wholeMatch(of: /"(\d+)([smhd])"/), let count = Int(match.1) else { return value }
        return "\(count * (["m": 60, "h": 3600, "d": 86_400][String(match.2)] ?? 1)) s"
    }
}
