// Rules by name, for what people put behind a download cache: `presets = ["apt", "pip"]`. A preset is a text of rules,
// as somebody could have written it in proxy.conf; the texts stand in PresetTexts.swift.

/// A preset; the raw value is its name in proxy.conf.
package enum Preset: String, Sendable, CaseIterable {
    case apt
    case dnf
    case pip
    case npm
    case containers
    case huggingFace = "huggingface"
    case gitLFS = "git-lfs"
    case gitHubReleases = "github-releases"
    case steam
    case windowsUpdate = "windows-update"

    /// All names, for errors: `"apt", "dnf" or "pip"`.
    package static var names: String { Directive.alternatives(allCases.map { Directive.quoted($0.rawValue) }) }

    /// The rules of the text, each with its place as its origin. It throws only where the text is not sound, which a
    /// test rules out for all of them.
    package func rules() throws(ConfigurationErrors) -> [CacheRule] {
        let name = "preset " + rawValue
        let entries: [TOMLText.Entry]
        do {
            entries = try TOMLText.entries(of: text) { _ in false }
        } catch {
            let source = ConfigurationSource.file(name: name, line: error.line)
            throw ConfigurationErrors([source.error(key: RuleReading.table, got: error.what, allowed: "TOML")])
        }
        let lines = KeyLines(text)
        var rules: [CacheRule] = []
        for entry in entries {
            guard entry.path == [RuleReading.table],
                let reading = RuleReading(entry.value, lines: lines, fileName: name, preset: rawValue)
            else {
                let source = ConfigurationSource.file(name: name, line: lines.line(of: entry.path))
                let key = ConfigurationValue.bounded(entry.path.joined(separator: "."))
                throw ConfigurationErrors([
                    source.error(key: key, got: entry.value.shown, allowed: RuleReading.tablesAllowed)
                ])
            }
            guard reading.errors.isEmpty else { throw ConfigurationErrors(reading.errors) }
            rules += reading.rules
        }
        return rules
    }
}
