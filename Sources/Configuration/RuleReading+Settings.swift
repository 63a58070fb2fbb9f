// The keys of a rule: for each, what is allowed, and how a written value becomes part of the rule.

extension RuleReading {
    struct Setting: Sendable {
        let key: String
        /// What may be written, for errors.
        let allowed: String
        /// Sets the rule's part; false where the value is not allowed.
        let read: @Sendable (ConfigurationValue, inout CacheRule) -> Bool
    }

    /// In the order of the manual.
    static let settings: [Setting] = reuse + finishing + filling

    private static let reuse: [Setting] = [
        patterns(
            "host",
            \.hosts,
            "a host such as \"example.org\", \"*.example.org\" (all names under it), \".example.org\" (both), each "
                + "perhaps with a port, or a list of them",
            HostPattern.parse
        ),
        patterns(
            "path",
            \.paths,
            "a path that begins with / or **, such as \"/pool/**/*.deb\", with ? for one character, * within a segment "
                + "and ** over segments, or a list of them; without a query, and percent-encoded as in the request",
            PathPattern.parse
        ),
        patterns(
            "type",
            \.types,
            "a content type such as \"application/x-xz\" or \"image/*\", without parameters, or a list of them",
            TypePattern.parse
        ),
        seconds("ttl", \.ttl),
        seconds("min_ttl", \.minTTL),
        flag("store", \.stores),
        flag("immutable", \.isImmutable),
        Setting(
            key: "ignore_query",
            allowed: "true for the whole query, or a list of parameters such as [\"Expires\", \"X-Amz-*\"]",
            read: { value, rule in
                if value == .flag(true) {
                    rule.key = .ignoringQuery(.all)
                    return true
                }
                guard let patterns = list(value, QueryFilter.ParameterPattern.parse) else { return false }
                rule.key = .ignoringQuery(.parameters(patterns))
                return true
            }
        ),
        Setting(
            key: "key",
            allowed: "text that makes an absolute URL, such as \"{scheme}://mirrors.invalid{path}{query}\"; between "
                + "braces: scheme, host, port, path, query, segment:1 to segment:\(KeyTemplate.lastSegment), last",
            read: { value, rule in
                guard case .string(let text) = value, let template = KeyTemplate.parse(text) else { return false }
                guard template.sample != nil else { return false }
                rule.key = .template(template)
                return true
            }
        ),
        flag("ignore_client_reload", \.ignoresClientReload),
        seconds("stale_if_error", \.staleIfError),
    ]

    typealias Part<Value> = any WritableKeyPath<CacheRule, Value> & Sendable

    private static func patterns<Pattern>(
        _ key: String,
        _ part: Part<[Pattern]>,
        _ allowed: String,
        _ parse: @escaping @Sendable (String) -> Pattern?
    ) -> Setting {
        Setting(
            key: key,
            allowed: allowed,
            read: { value, rule in
                guard let patterns = list(value, parse) else { return false }
                rule[keyPath: part] = patterns
                return true
            }
        )
    }

    static func seconds(_ key: String, _ part: Part<Int64?>) -> Setting {
        Setting(
            key: key,
            allowed: Directive.durationAllowed + ", in whole seconds",
            read: { value, rule in
                guard let duration = Directive.nanoseconds(value), duration % DurationText.nanosecondsPerSecond == 0
                else { return false }
                rule[keyPath: part] = duration / DurationText.nanosecondsPerSecond
                return true
            }
        )
    }

    static func flag(_ key: String, _ part: Part<Bool?>) -> Setting {
        Setting(
            key: key,
            allowed: "true or false",
            read: { value, rule in
                guard case .flag(let flag) = value else { return false }
                rule[keyPath: part] = flag
                return true
            }
        )
    }

    /// One string or several; nil where there is none, or one that `parse` refuses.
    private static func list<Pattern>(_ value: ConfigurationValue, _ parse: (String) -> Pattern?) -> [Pattern]? {
        guard let texts = value.strings, !texts.isEmpty else { return nil }
        let patterns = texts.compactMap { parse($0) }
        return patterns.count == texts.count ? patterns : nil
    }
}
