// The effective values, for `holdfast check`: what holds for each directive, and where it came from.

/// A directive and what holds for it.
package struct EffectiveValue: Sendable, Equatable, CustomStringConvertible {
    package let key: String
    /// As TOML, in the shortest exact form.
    package let value: String
    package let source: ConfigurationSource
    package let sentence: String

    /// `cache.max_size = "20 GiB"    # proxy.conf:12`
    package var description: String {
        let assignment = "\(key) = \(value)"
        let padding = String(repeating: " ", count: max(1, 48 - assignment.count))
        return assignment + padding + "# \(source)"
    }
}

extension Configuration {
    /// Every directive in the order of proxy.conf. Reads the same layers as `load`, and fails as it does.
    package static func describe(
        fileText: String?,
        fileName: String,
        environment: [String: String] = [:],
        settings: [(key: String, value: String)] = [],
        listen: [String] = [],
        cacheDirectory: String? = nil
    ) throws(ConfigurationErrors) -> [EffectiveValue] {
        let layers = try layered(
            fileText: fileText,
            fileName: fileName,
            environment: environment,
            settings: settings,
            listen: listen,
            cacheDirectory: cacheDirectory
        )
        return Directive.all.map { directive in
            let source = layers.source(of: directive.key)
            let value = source == .defaults ? directive.defaultText : directive.show(layers.configuration)
            return EffectiveValue(key: directive.key, value: value, source: source, sentence: directive.sentence)
        }
    }
}
