// `holdfast check`

import ArgumentParser
import Configuration
import HTTPSemantics

struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Read the configuration; say ok and what holds, or everything that is wrong with it.",
        discussion: """
            Examples:

              holdfast check --config proxy.conf
              holdfast check --url http://mirror.example.org/pool/a/a_1.deb
              holdfast check --preset apt

            An error names file, line and key, what was found, and what is allowed; the exit status is 1 then.
            """
    )

    @OptionGroup var options: CacheOptions

    @Option(help: "Say instead which rule a URL meets, and why.")
    var url: String?

    @Option(
        help: ArgumentHelp(
            "The content type of the URL's response, for rules with type.",
            valueName: "content-type"
        )
    )
    var type: String?

    @Option(
        help: ArgumentHelp(
            "Print instead the rules of a preset: \(Preset.allCases.map(\.rawValue).joined(separator: ", ")).",
            valueName: "name"
        )
    )
    var preset: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        if type != nil, url == nil { throw ValidationError("--type wants --url.") }
        if preset != nil, url != nil { throw ValidationError("--preset and --url are two questions; ask one.") }
        if let preset, Preset(rawValue: preset) == nil {
            throw ValidationError("There is no preset '\(preset)'; there are \(Preset.names).")
        }
    }

    private struct Report: Encodable {
        struct Directive: Encodable {
            let key: String
            /// As TOML.
            let value: String
            let source: String
        }

        struct Problem: Encodable {
            let file: String?
            let line: Int?
            let key: String?
            let got: String
            let allowed: String
        }

        let ok: Bool
        let file: String?
        var directives: [Directive] = []
        var errors: [Problem] = []
    }

    private struct PresetReport: Encodable {
        let preset: String
        /// TOML.
        let text: String
    }

    private struct URLReport: Encodable {
        struct Rule: Encodable {
            /// `proxy.conf:12`, or `preset apt, rule 2`.
            let origin: String
            /// Which pattern matched what; one sentence each.
            let matches: [String]
            /// What the rule sets; one sentence each.
            let sets: [String]
        }

        let url: String
        let key: String
        let rule: Rule?
        /// Where the rules stand that would hold for another content type.
        let passedOver: [String]
    }

    func run() throws {
        if let preset = preset.flatMap({ Preset(rawValue: $0) }) {
            if json {
                try Output.print(json: PresetReport(preset: preset.rawValue, text: preset.text))
            } else {
                Output.print(preset.text)
            }
        } else if let url {
            try explain(url)
        } else {
            try check()
        }
    }

    private func explain(_ url: String) throws {
        let uri: AbsoluteURI
        switch AbsoluteURI.parse(url) {
        case .success(let parsed): uri = parsed
        case .failure(let error): throw CommandFailure("\(url) cannot be asked for: \(error.sentence)")
        }
        let report = RuleReport(uri, contentType: type, rules: try options.load().rules)
        guard json else {
            Output.print(report.description)
            return
        }
        let rule = report.matched.map {
            URLReport.Rule(origin: $0.origin, matches: $0.reasons, sets: $0.rule.sentences)
        }
        try Output.print(
            json: URLReport(
                url: report.url,
                key: report.key,
                rule: rule,
                passedOver: report.passedOver.map(\.origin)
            )
        )
    }

    private func check() throws {
        let values: [EffectiveValue]
        do throws(ConfigurationErrors) {
            values = try options.describe()
        } catch {
            if json {
                var report = Report(ok: false, file: options.file)
                report.errors = error.errors.map {
                    Report.Problem(file: $0.file, line: $0.line, key: $0.key, got: $0.got, allowed: $0.allowed)
                }
                try Output.print(json: report)
            } else {
                Output.print(error.description)
            }
            throw ExitCode(1)
        }
        if json {
            var report = Report(ok: true, file: options.file)
            report.directives = values.map {
                Report.Directive(key: $0.key, value: $0.value, source: $0.source.description)
            }
            try Output.print(json: report)
        } else {
            let name = options.file ?? "built-in defaults (there is no \(CacheOptions.defaultFile) here)"
            Output.print(([name + ": ok"] + values.map(\.description)).joined(separator: "\n"))
        }
    }
}
