// From the `[[rule]]` tables of a text to rules, with errors that name line and key. A rule that could not do what it
// says is refused here, and so is one by which a stranger could answer for somebody else.
//
// What a rule means is not known here: that is CacheRule's and CacheRules' part.

struct RuleReading {
    static let table = "rule"
    static let tablesAllowed = "[[rule]] with two brackets, once for each rule, and its keys below it"

    private(set) var rules: [CacheRule] = []
    /// By rule, and by line within each.
    private(set) var errors: [ConfigurationError] = []

    private let fileName: String
    private let lines: KeyLines
    /// The rule that is read: its place among all, what was read so far, and which keys it has.
    private var index = 0
    private var rule = CacheRule()
    private var written: Set<String> = []

    /// - Parameter preset: its name where the text is a preset's; a rule then says so as its origin.
    ///
    /// nil where the value is no list of tables.
    init?(_ value: ConfigurationValue, lines: KeyLines, fileName: String, preset: String? = nil) {
        guard case .list(let values) = value else { return nil }
        self.lines = lines
        self.fileName = fileName
        for (index, value) in values.enumerated() {
            guard case .table(let settings) = value else { return nil }
            self.index = index
            rule = CacheRule()
            rule.origin =
                preset.map { "preset \($0), rule \(index + 1)" }
                ?? ConfigurationSource.file(name: fileName, line: line(of: [])).description
            written = Set(settings.keys)
            read(settings)
        }
    }

    private mutating func read(_ settings: [String: ConfigurationValue]) {
        let before = errors.count
        let placed = settings.map { (key: $0.key, value: $0.value, line: line(of: [$0.key]) ?? 0) }
        for (key, value, _) in placed.sorted(by: { ($0.line, $0.key) < ($1.line, $1.key) }) {
            guard let setting = Self.settings.first(where: { $0.key == key }) else {
                let near = NearestKey.suggestion(for: key, among: Self.settings.map(\.key))
                let hint = near.map { "; the nearest is \($0)" } ?? ""
                report(key, got: "an unknown key", allowed: "the keys of docs/rules.md" + hint)
                continue
            }
            if !setting.read(value, &rule) { report(key, got: value.shown, allowed: setting.allowed) }
        }
        // What hangs together is judged only where each part is sound.
        if errors.count == before { checkTogether() }
        if errors.count == before { rules.append(rule) }
    }

    private func line(of path: [String]) -> Int? {
        lines.line(of: path, inElement: index, of: [Self.table])
    }

    /// - Parameter key: of the rule; nil: the rule as a whole.
    private mutating func report(_ key: String?, got: String, allowed: String) {
        let source = ConfigurationSource.file(name: fileName, line: line(of: key.map { [$0] } ?? []))
        let shown = key.map { "\(Self.table).\(ConfigurationValue.bounded($0))" } ?? Self.table
        errors.append(source.error(key: shown, got: got, allowed: allowed))
    }

    // MARK: What one key cannot judge by itself

    private mutating func checkTogether() {
        let patterns: Set = ["host", "path", "type"]
        let set = written.subtracting(patterns)
        if written.isDisjoint(with: patterns) {
            let allowed = "at least one of host, path and type; what holds for all responses stands in [freshness]"
            report(nil, got: "a rule for everything", allowed: allowed)
        }
        if set.isEmpty {
            let allowed = "at least one key that sets something; store = true leaves all as it is without a rule"
            report(nil, got: "a rule that sets nothing", allowed: allowed)
        }
        if rule.stores == false, let other = set.subtracting(["store"]).min() {
            report(other, got: "a setting for what is not stored", allowed: "no other setting beside store = false")
        }
        if let ttl = rule.ttl, let minTTL = rule.minTTL, minTTL > ttl {
            report("min_ttl", got: "more than ttl", allowed: "at most ttl; where ttl is set, min_ttl adds nothing")
        }
        checkKey()
    }

    private mutating func checkKey() {
        if written.contains("key"), written.contains("ignore_query") {
            report("ignore_query", got: "ignore_query beside key", allowed: "one of them; {query} is for a key's query")
            return
        }
        guard let key = rule.key else { return }
        let name = written.contains("key") ? "key" : "ignore_query"
        if !rule.types.isEmpty {
            let allowed = "a rule without type: the key is needed before there is a response"
            report(name, got: "a key for one content type", allowed: allowed)
        }
        // Else any web site could have a visitor of its pages put something under the key, for everybody.
        if case .template(let template) = key, !template.namesHost, rule.hosts.isEmpty {
            let allowed = "a rule with host, or a key with {host}: else every host could answer for all the others"
            report(name, got: "one key for all hosts", allowed: allowed)
        }
    }
}
