// The layers: defaults, then the file, then the environment, then `--set`, then `--listen` and `--cache`. A later
// one wins, directive by directive. Every layer is read to its end before anything is reported.
//
// No file is opened and no environment is asked here: text and a dictionary come in.

extension Configuration {
    /// The environment variables' prefix; the rest is the key in capitals, its dots as underscores.
    package static var environmentPrefix: String { Directive.environmentPrefix }

    /// - Parameters:
    ///   - fileText: proxy.conf's content; nil where there is no file.
    ///   - fileName: as errors show it.
    ///   - environment: all of it; variables without the prefix are passed over.
    ///   - settings: `--set key=value`, in their order; a value that is no TOML is taken as a string.
    ///   - listen: `--listen`; together they replace the directive.
    ///   - cacheDirectory: `--cache`.
    package static func load(
        fileText: String?,
        fileName: String,
        environment: [String: String] = [:],
        settings: [(key: String, value: String)] = [],
        listen: [String] = [],
        cacheDirectory: String? = nil
    ) throws(ConfigurationErrors) -> Configuration {
        try layered(
            fileText: fileText,
            fileName: fileName,
            environment: environment,
            settings: settings,
            listen: listen,
            cacheDirectory: cacheDirectory
        ).configuration
    }

    static func layered(
        fileText: String?,
        fileName: String,
        environment: [String: String],
        settings: [(key: String, value: String)],
        listen: [String],
        cacheDirectory: String?
    ) throws(ConfigurationErrors) -> ConfigurationLayers {
        var layers = ConfigurationLayers()
        if let fileText { layers.readFile(fileText, name: fileName) }
        layers.readEnvironment(environment)
        for (key, value) in settings { layers.readSetting(key: key, value: value) }
        if !listen.isEmpty {
            layers.apply(.list(listen.map { .string($0) }), to: "listen", path: ["listen"], from: .flag("--listen"))
        }
        if let cacheDirectory {
            let path = ["cache", "directory"]
            layers.apply(.string(cacheDirectory), to: "cache.directory", path: path, from: .flag("--cache"))
        }
        layers.addPresets()
        // What hangs together is judged only where each part is sound: else one slip would be reported twice.
        if layers.errors.isEmpty { layers.checkTogether() }
        guard layers.errors.isEmpty else { throw ConfigurationErrors(layers.errors) }
        return layers
    }
}

/// A configuration in the making: what holds so far, where it came from, and what was wrong.
struct ConfigurationLayers {
    private(set) var configuration = Configuration()
    /// By directive's key; a key that is missing is at its default.
    private(set) var sources: [String: ConfigurationSource] = [:]
    private(set) var errors: [ConfigurationError] = []

    func source(of key: String) -> ConfigurationSource { sources[key] ?? .defaults }

    mutating func report(_ error: ConfigurationError) {
        errors.append(error)
    }

    /// Judges one value. `written` is the key as errors show it.
    mutating func apply(
        _ value: ConfigurationValue,
        to written: String,
        path: [String],
        from source: ConfigurationSource
    ) {
        guard let directive = Directive.all.first(where: { $0.path == path }) else {
            if path.first == RuleReading.table {
                errors.append(
                    source.error(key: written, got: "a rule", allowed: "rules in the file, as [[rule]], or by presets")
                )
            } else if let table = Self.table(at: path) {
                let allowed = "a table: [\(written)], and below it \(table.key.dropFirst(written.count + 1)) = …"
                errors.append(source.error(key: written, got: value.shown, allowed: allowed))
            } else {
                errors.append(source.error(key: written, got: "an unknown key", allowed: Self.knownKeys(for: written)))
            }
            return
        }
        guard directive.read(value, &configuration) else {
            errors.append(source.error(key: written, got: value.shown, allowed: directive.allowed))
            return
        }
        sources[directive.key] = source
    }

    mutating func readFile(_ text: String, name: String) {
        let entries: [TOMLText.Entry]
        do {
            entries = try TOMLText.entries(of: text) { path in Self.table(at: path) != nil }
        } catch {
            errors.append(
                ConfigurationError(
                    file: name,
                    line: error.line,
                    key: nil,
                    got: ConfigurationValue.bounded(error.what),
                    allowed: "TOML: key = value, [table] and # comment; text and sizes in quotes"
                )
            )
            return
        }
        let lines = KeyLines(text)
        let placed = entries.map { (entry: $0, line: lines.line(of: $0.path)) }
        for (entry, line) in placed.sorted(by: { ($0.line ?? 0, $0.entry.path) < ($1.line ?? 0, $1.entry.path) }) {
            let source = ConfigurationSource.file(name: name, line: line)
            if entry.path == [RuleReading.table] {
                readRules(entry.value, lines: lines, from: source, name: name)
                continue
            }
            apply(entry.value, to: Self.shown(entry.path), path: entry.path, from: source)
        }
    }

    private mutating func readRules(
        _ value: ConfigurationValue,
        lines: KeyLines,
        from source: ConfigurationSource,
        name: String
    ) {
        guard let reading = RuleReading(value, lines: lines, fileName: name) else {
            errors.append(source.error(key: RuleReading.table, got: value.shown, allowed: RuleReading.tablesAllowed))
            return
        }
        errors += reading.errors
        configuration.rules = CacheRules(reading.rules)
    }

    /// The rules of presets stand behind those of the file, in the order in which the presets are named.
    mutating func addPresets() {
        var rules = configuration.rules.rules
        for preset in configuration.presets {
            do throws(ConfigurationErrors) {
                rules += try preset.rules()
            } catch {
                errors += error.errors
            }
        }
        configuration.rules = CacheRules(rules)
    }

    mutating func readEnvironment(_ environment: [String: String]) {
        let ours = environment.filter { $0.key.hasPrefix(Directive.environmentPrefix) }
        for (variable, text) in ours.sorted(by: { $0.key < $1.key }) {
            let source = ConfigurationSource.environment(variable)
            guard let directive = Directive.all.first(where: { $0.environmentName == variable }) else {
                let names = Directive.all.map { HostAndPort.lowerCase($0.environmentName) }
                let near = NearestKey.suggestion(for: variable, among: names)
                let nearest = Directive.all.first { HostAndPort.lowerCase($0.environmentName) == near }
                let hint = nearest.map { "; the nearest is \($0.environmentName)" } ?? ""
                let allowed =
                    "\(Directive.environmentPrefix) and a directive's key in capitals, dots as underscores" + hint
                errors.append(source.error(key: variable, got: "an unknown variable", allowed: allowed))
                continue
            }
            apply(Self.value(text, for: directive), to: directive.key, path: directive.path, from: source)
        }
    }

    mutating func readSetting(key: String, value text: String) {
        let path = key.split(separator: ".", omittingEmptySubsequences: false).map { String($0) }
        let value = Directive.named(key).map { Self.value(text, for: $0) } ?? .string(text)
        apply(value, to: ConfigurationValue.bounded(key), path: path, from: .flag("--set"))
    }

    /// TOML, or a string: `10 GiB`, `finish` and `/var/cache` need no quotes where a shell would eat them. A path is
    /// always a string, whatever it looks like, unless it was quoted.
    private static func value(_ text: String, for directive: Directive) -> ConfigurationValue {
        guard let value = TOMLText.value(text) else { return .string(text) }
        if directive.kind == .path || directive.kind == .log {
            guard case .string = value else { return .string(text) }
        }
        return value
    }

    /// The first directive below a table; nil where the path is no table of ours.
    private static func table(at path: [String]) -> Directive? {
        Directive.all.first { $0.path.count > path.count && $0.path.starts(with: path) }
    }

    private static func knownKeys(for written: String) -> String {
        let near = NearestKey.suggestion(for: written, among: Directive.all.map(\.key))
        return "the keys of docs/configuration.md" + (near.map { "; the nearest is \($0)" } ?? "")
    }

    /// Dotted; parts that are no bare keys in quotes.
    private static func shown(_ path: [String]) -> String {
        path.map { part in
            let isBare = part.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
            }
            return isBare && (1...80).contains(part.utf8.count) ? part : "\"" + ConfigurationValue.bounded(part) + "\""
        }.joined(separator: ".")
    }
}

/// Paths in the order of their parts.
private func < (a: (Int, [String]), b: (Int, [String])) -> Bool {
    a.0 != b.0 ? a.0 < b.0 : a.1.lexicographicallyPrecedes(b.1)
}
