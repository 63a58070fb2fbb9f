// What the command line says of rules and presets (issue: Rules in proxy.conf).

import Foundation
import ScriptedPeers
import Testing

@Suite("check says which rule a URL meets", .onOwnThreads)
struct RuleCommandTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func check(_ text: String, _ arguments: [String]) throws -> CommandResult {
        let file = try folder.write(text, to: "proxy.conf")
        return try ProxyProcess.run(["check", "--config", file] + arguments)
    }

    private static let text = """
        presets = ["steam"]
        [[rule]]
        type = "image/*"
        ttl = "7d"
        """

    @Test("the rule with its line, which of its patterns matched, what it sets, and the key")
    func text() throws {
        let image = try check(Self.text, ["--url", "http://a.example/b", "--type", "image/png"])
        #expect(image.status == 0)
        #expect(image.output.contains("rule: \(folder.file("proxy.conf")):2\n"))
        #expect(image.output.contains("type \"image/*\" matches image/png"))
        #expect(image.output.contains("ttl = \"7d\": "))
        #expect(image.output.contains("key: the URL"))
        let unknown = try check(Self.text, ["--url", "http://a.example/b"])
        #expect(unknown.output.contains("rule: none"))
        #expect(unknown.output.contains("passed over: "))
    }

    @Test("the same as JSON")
    func json() throws {
        let result = try check(Self.text, ["--json", "--url", "http://a.steamcontent.com/depot/1/chunk/ab?token=c"])
        let object = try jsonObject(result.output)
        #expect(object["key"] as? String == "http://steam.invalid/depot/1/chunk/ab")
        let rule = try #require(object["rule"] as? [String: Any])
        #expect(rule["origin"] as? String == "preset steam, rule 1")
        #expect((rule["matches"] as? [String])?.count == 2)
        #expect((rule["sets"] as? [String])?.count == 2)
        #expect((object["passedOver"] as? [String])?.count == 1)
    }

    @Test("a wrong rule, and what is no URL, end with status 1")
    func errors() throws {
        let wrong = try check("[[rule]]\nhost = \"a\"\nimutable = true\n", ["--url", "http://a/"])
        #expect(wrong.status == 1)
        #expect((wrong.output + wrong.errors).contains("proxy.conf:3: rule.imutable: got an unknown key"))
        let noURL = try check("", ["--url", "a.example/b"])
        #expect(noURL.status == 1)
        #expect(noURL.errors.contains("a.example/b"))
    }

    @Test("the text of a preset is TOML that check takes, and a wrong name is answered with all names")
    func presets() throws {
        let steam = try check("", ["--preset", "steam"])
        #expect(steam.status == 0)
        let copied = try check(steam.output, ["--url", "http://a.steamcontent.com/depot/1/chunk/ab"])
        #expect(copied.output.contains("key: http://steam.invalid/depot/1/chunk/ab"))
        let unknown = try check("", ["--preset", "apk"])
        #expect(unknown.status != 0)
        #expect(unknown.errors.contains("\"windows-update\""))
    }
}
