// One directive: its key, what it takes, its default as text, a sentence, and the way between a written value and the
// property that holds it. Directives.swift lists them all; parsing, the `allowed` of errors, the printing of effective
// values and the tests of proxy.conf are driven by that list.

package struct Directive: Sendable {
    package enum Kind: Sendable, Equatable, CaseIterable {
        case addresses, path, size, count, duration, share, flag, word, clients, destinations, ports, name, log
        case presets, fieldNames, hours
    }

    /// `cache.max_size`.
    package let key: String
    package let kind: Kind
    /// As TOML, as it stands in proxy.conf.
    package let defaultText: String
    /// What it does, for proxy.conf and the manual.
    package let sentence: String
    /// What may be written, for errors.
    package let allowed: String
    /// Sets the property; false where the value is not allowed.
    let read: @Sendable (ConfigurationValue, inout Configuration) -> Bool
    /// The property's value as TOML.
    let show: @Sendable (Configuration) -> String

    /// The key's parts.
    package var path: [String] { key.split(separator: ".").map { String($0) } }

    /// `HOLDFAST_CACHE_MAX_SIZE`.
    package var environmentName: String {
        Self.environmentPrefix
            + String(
                decoding: key.utf8.map { byte in
                    switch byte {
                    case UInt8(ascii: "."): UInt8(ascii: "_")
                    case 0x61...0x7A: byte & 0xDF
                    default: byte
                    }
                },
                as: UTF8.self
            )
    }

    package static let environmentPrefix = "HOLDFAST_"

    /// What is written for a directive that has no value of its own.
    static let unset = "unset"

    package static func named(_ key: String) -> Directive? {
        all.first { $0.key == key }
    }
}

/// A path to a property of the configuration. Key paths that capture nothing are Sendable.
typealias Property<Value> = any WritableKeyPath<Configuration, Value> & Sendable
