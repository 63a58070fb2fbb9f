// The kinds of directives that rules and targeted fields brought: names of presets, and names of fields.

extension Directive {
    static func presets(
        _ key: String,
        _ property: Property<[Preset]>,
        default text: String,
        _ sentence: String
    ) -> Directive {
        Directive(
            key: key,
            kind: .presets,
            defaultText: text,
            sentence: sentence,
            allowed: "a list of \(Preset.names), each at most once",
            read: { value, configuration in
                guard let names = value.strings else { return false }
                let presets = names.compactMap { Preset(rawValue: $0) }
                guard presets.count == names.count, Set(presets).count == presets.count else { return false }
                configuration[keyPath: property] = presets
                return true
            },
            show: { quoted($0[keyPath: property].map(\.rawValue)) }
        )
    }

    /// RFC 9213 §2.2. Kept in lower case; Cache-Control is what they stand in the place of.
    static func fieldNames(
        _ key: String,
        _ property: Property<[String]>,
        default text: String,
        _ sentence: String
    ) -> Directive {
        Directive(
            key: key,
            kind: .fieldNames,
            defaultText: text,
            sentence: sentence,
            allowed: "a list of field names such as [\"CDN-Cache-Control\"], each at most once, without Cache-Control",
            read: { value, configuration in
                guard let names = value.strings?.map({ HostAndPort.lowerCase($0) }), names.count <= 16 else {
                    return false
                }
                guard names.allSatisfy({ isFieldName($0) }), Set(names).count == names.count else { return false }
                guard !names.contains("cache-control") else { return false }
                configuration[keyPath: property] = names
                return true
            },
            show: { quoted($0[keyPath: property]) }
        )
    }

    /// RFC 9110 §5.6.2: a token; that of a field, in lower case.
    private static func isFieldName(_ text: String) -> Bool {
        (1...128).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || "!#$%&'*+-.^_`|~".utf8.contains(byte)
            }
    }
}
