// `holdfast check`

import ArgumentParser
import Configuration

struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Read the configuration; say ok and what holds, or everything that is wrong with it.",
        discussion: """
            Example:

              holdfast check --config proxy.conf

            An error names file, line and key, what was found, and what is allowed; the exit status is 1 then.
            """
    )

    @OptionGroup var options: CacheOptions

    @Flag(help: "Print one JSON object.")
    var json = false

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

    func run() throws {
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
