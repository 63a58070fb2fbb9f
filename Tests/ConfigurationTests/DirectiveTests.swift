// The list of directives against the configuration, proxy.conf and the manual.

import Configuration
import Foundation
import Testing

@Suite("Every directive")
struct DirectiveTests {
    /// Text of a file of this project.
    static func text(of file: String) throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: file), encoding: .utf8)
    }

    static func errors(of text: String) -> [ConfigurationError] {
        do {
            _ = try Configuration.load(fileText: text, fileName: "proxy.conf")
            return []
        } catch {
            return error.errors
        }
    }

    @Test("its default, as it is written, is the default of the configuration", arguments: Directive.all.map(\.key))
    func defaults(key: String) throws {
        let directive = try #require(Directive.named(key))
        let text = "\(key) = \(directive.defaultText)"
        #expect(try Configuration.load(fileText: text, fileName: "proxy.conf") == Configuration())
    }

    @Test("its effective value can be written back, and is then the same", arguments: Directive.all.map(\.key))
    func shown(key: String) throws {
        let directive = try #require(Directive.named(key))
        let text = "\(key) = \(try Self.other(than: directive))"
        let configuration = try Configuration.load(fileText: text, fileName: "proxy.conf")
        #expect(configuration != Configuration(), "the directive changes nothing")
        let value = try #require(
            try Configuration.describe(fileText: text, fileName: "proxy.conf").first { $0.key == key }
        )
        #expect(value.source == .file(name: "proxy.conf", line: 1))
        #expect(try Configuration.load(fileText: "\(key) = \(value.value)", fileName: "proxy.conf") == configuration)
    }

    /// A value that is allowed and not the default.
    static func other(than directive: Directive) throws -> String {
        switch directive.kind {
        case .addresses: return #"["127.0.0.1:0", "[::1]:3129"]"#
        case .path, .log: return #""/var/\"a\\b\"""#
        case .size: return "1048576"
        case .count: return directive.key == "resume.parallel" ? "5" : "17"
        case .duration: return #""1d1h1m1s""#
        case .share: return "0.25"
        case .flag: return directive.defaultText == "true" ? "false" : "true"
        case .word:
            let words = [
                "resume.on_disconnect": "park", "resume.resume_guard": "off", "forward.x_forwarded_for": "keep",
                "resume.finish_validator": "etag",
            ]
            return "\"\(try #require(words[directive.key]))\""
        case .clients: return #"["10.0.0.0/8", "::1"]"#
        case .destinations: return #"["10.0.0.0/8", ".lan", "[::1]:80"]"#
        case .ports: return #"[1, "2-3"]"#
        case .name: return #""another""#
        case .presets: return #"["apt"]"#
        case .hours: return #""22:00-05:00""#
        case .fieldNames: return #"["Example-Cache-Control", "CDN-Cache-Control"]"#
        }
    }

    @Test(
        "a wrong type is an error with file, line, key, what was got and what is allowed",
        arguments: Directive.all.map(\.key)
    )
    func wrongTypes(key: String) throws {
        let directive = try #require(Directive.named(key))
        var wrong = [
            ("{ a = 1 }", "a table"), ("1979-05-27", "a date"), ("07:32:00", "a time of day"),
            ("1979-05-27T07:32:00Z", "a date with a time"), ("[[1]]", "[[1]]"), ("[true]", "[true]"),
            ("-1", "-1"), ("nan", "nan"), (#""""#, #""""#), (#""\u0007\u001b[31m?\"""#, #""\u{7}\u{1B}[31m?\"""#),
        ]
        if directive.kind != .flag { wrong.append(("true", "true")) }
        if directive.kind != .share { wrong.append(("0.5", "0.5")) }
        if directive.kind == .flag || directive.kind == .duration { wrong.append(("1", "1")) }
        if directive.kind == .log || directive.kind == .path {
            wrong.removeLast(2); wrong.removeAll { $0.0.contains("u0007") }
        }
        for (value, got) in wrong {
            let errors = Self.errors(of: "\n\n\(key) = \(value)\n")
            #expect(
                errors == [
                    ConfigurationError(file: "proxy.conf", line: 3, key: key, got: got, allowed: directive.allowed)
                ],
                "\(value)"
            )
            #expect(errors.first?.description == "proxy.conf:3: \(key): got \(got); allowed: \(directive.allowed)")
        }
    }

    @Test("keys and variables are unambiguous")
    func unambiguous() {
        #expect(Set(Directive.all.map(\.key)).count == Directive.all.count)
        #expect(Set(Directive.all.map(\.environmentName)).count == Directive.all.count)
        #expect(Directive.named("cache.max_size")?.environmentName == "HOLDFAST_CACHE_MAX_SIZE")
        #expect(Directive.named("cache.maxsize") == nil)
    }

    @Test("proxy.conf as it comes says nothing but the defaults")
    func proxyConf() throws {
        #expect(
            try Configuration.load(fileText: Self.text(of: "proxy.conf"), fileName: "proxy.conf") == Configuration()
        )
    }

    @Test("proxy.conf with every directive uncommented is the defaults, and holds every directive")
    func proxyConfUncommented() throws {
        // "#key = value" is a directive, "# text" a sentence.
        let lines = try Self.text(of: "proxy.conf").split(separator: "\n", omittingEmptySubsequences: false)
        let uncommented = lines.map { line in
            line.hasPrefix("#") && !line.hasPrefix("# ") ? String(line.dropFirst()) : String(line)
        }.joined(separator: "\n")
        #expect(try Configuration.load(fileText: uncommented, fileName: "proxy.conf") == Configuration())
        for value in try Configuration.describe(fileText: uncommented, fileName: "proxy.conf") {
            guard case .file(_, let line) = value.source, let line else {
                Issue.record("\(value.key) is missing")
                continue
            }
            #expect(
                lines[line - 1] == "#\(value.key.split(separator: ".").last ?? "") = \(Self.defaultText(value.key))"
            )
        }
    }

    static func defaultText(_ key: String) -> String { Directive.named(key)?.defaultText ?? "" }

    @Test("proxy.conf explains each directive where it stands", arguments: Directive.all.map(\.key))
    func proxyConfSentence(key: String) throws {
        let directive = try #require(Directive.named(key))
        var sentence: [Substring] = []
        var table: Substring = ""
        for line in try Self.text(of: "proxy.conf").split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("# ") {
                sentence.append(line.dropFirst(2))
            } else if line.hasPrefix("["), line.hasSuffix("]") {
                table = line.dropFirst().dropLast()
                sentence = []
            } else if let name = directive.path.last, line.hasPrefix("#\(name) = "),
                table == directive.path.dropLast().joined(separator: ".")
            {
                #expect(sentence.joined(separator: " ") == directive.sentence)
                return
            } else {
                sentence = []
            }
        }
        Issue.record("\(key) is missing")
    }

    @Test("the manual names each directive with its default and its sentence", arguments: Directive.all.map(\.key))
    func manual(key: String) throws {
        let directive = try #require(Directive.named(key))
        let row = "| `\(key)` | `\(directive.defaultText)` | \(directive.sentence) |"
        #expect(try Self.text(of: "docs/configuration.md").contains(row))
    }
}
