// The kinds that only one or two directives have: addresses, paths, clients, destinations, ports, a name, the log.

extension Directive {
    static func addresses(
        _ key: String,
        _ property: Property<[Configuration.ListenAddress]>,
        default text: String,
        _ sentence: String
    ) -> Directive {
        Directive(
            key: key,
            kind: .addresses,
            defaultText: text,
            sentence: sentence,
            allowed: "an address and port such as \"127.0.0.1:3128\" or \"[::1]:3128\", or a list of them",
            read: { value, configuration in
                guard let texts = value.strings, !texts.isEmpty else { return false }
                let addresses = texts.compactMap { Configuration.ListenAddress.parse($0) }
                guard addresses.count == texts.count else { return false }
                // Twice the same one could not be bound; any number of free ports can.
                let fixed = addresses.filter { $0.port != 0 }
                guard Set(fixed).count == fixed.count else { return false }
                configuration[keyPath: property] = addresses
                return true
            },
            show: { quoted($0[keyPath: property].map(\.text)) }
        )
    }

    static func path(
        _ key: String,
        _ property: Property<String>,
        default text: String,
        _ sentence: String
    ) -> Directive {
        Directive(
            key: key,
            kind: .path,
            defaultText: quoted(text),
            sentence: sentence,
            allowed: "the path of a directory",
            read: { value, configuration in
                guard case .string(let path) = value, isPath(path) else { return false }
                configuration[keyPath: property] = path
                return true
            },
            show: { quoted($0[keyPath: property]) }
        )
    }

    static func clients(
        _ key: String,
        _ property: Property<Configuration.Clients>,
        _ sentence: String
    ) -> Directive {
        Directive(
            key: key,
            kind: .clients,
            defaultText: quoted(unset),
            sentence: sentence,
            allowed: "\"private\", a list of networks such as [\"192.168.1.0/24\", \"fd00::/8\"], or \"unset\"",
            read: { value, configuration in
                switch value {
                case .string(unset): configuration[keyPath: property] = .unset
                case .string("private"): configuration[keyPath: property] = .privateNetworks
                default:
                    guard let texts = value.strings else { return false }
                    let networks = texts.compactMap { Configuration.Network.parse($0) }
                    guard networks.count == texts.count else { return false }
                    configuration[keyPath: property] = .networks(networks)
                }
                return true
            },
            show: { configuration in
                switch configuration[keyPath: property] {
                case .unset: quoted(unset)
                case .privateNetworks: quoted("private")
                case .networks(let networks): quoted(networks.map(\.text))
                }
            }
        )
    }

    static func destinations(
        _ key: String,
        _ property: Property<[Configuration.DestinationRule]>,
        default text: String,
        _ sentence: String
    ) -> Directive {
        Directive(
            key: key,
            kind: .destinations,
            defaultText: text,
            sentence: sentence,
            allowed: "a list of networks, names and hosts with ports, such as "
                + "[\"192.168.1.0/24\", \".example.lan\", \"127.0.0.1:8080\"]",
            read: { value, configuration in
                guard let texts = value.strings else { return false }
                let rules = texts.compactMap { Configuration.DestinationRule.parse($0) }
                guard rules.count == texts.count else { return false }
                configuration[keyPath: property] = rules
                return true
            },
            show: { quoted($0[keyPath: property].map(\.text)) }
        )
    }

    static func ports(
        _ key: String,
        _ property: Property<Configuration.PortSet>,
        default text: String,
        _ sentence: String
    ) -> Directive {
        Directive(
            key: key,
            kind: .ports,
            defaultText: text,
            sentence: sentence,
            allowed: "a list of ports and ranges such as [443, \"1024-65535\"]",
            read: { value, configuration in
                let values: [ConfigurationValue] = if case .list(let values) = value { values } else { [value] }
                let ranges = values.compactMap { portRange($0) }
                guard ranges.count == values.count else { return false }
                configuration[keyPath: property] = Configuration.PortSet(ranges)
                return true
            },
            show: { $0[keyPath: property].text }
        )
    }

    /// A pseudonym of Via: a token (RFC 9110 §5.6.2, §7.6.3).
    static func name(
        _ key: String,
        _ property: Property<String>,
        default text: String,
        _ sentence: String
    ) -> Directive {
        Directive(
            key: key,
            kind: .name,
            defaultText: quoted(text),
            sentence: sentence,
            allowed: "1 to 64 letters, digits, \"-\", \".\" or \"_\"",
            read: { value, configuration in
                guard case .string(let name) = value, (1...64).contains(name.utf8.count) else { return false }
                guard name.utf8.allSatisfy({ isNameByte($0) }) else { return false }
                configuration[keyPath: property] = name
                return true
            },
            show: { quoted($0[keyPath: property]) }
        )
    }

    static func log(
        _ key: String,
        _ property: Property<Configuration.AccessLog>,
        default text: String,
        _ sentence: String
    ) -> Directive {
        Directive(
            key: key,
            kind: .log,
            defaultText: quoted(text),
            sentence: sentence,
            allowed: "\"-\" for the standard output, \"off\", or the path of a file",
            read: { value, configuration in
                guard case .string(let text) = value else { return false }
                switch text {
                case "-": configuration[keyPath: property] = .standardOutput
                case "off": configuration[keyPath: property] = .off
                default:
                    guard isPath(text) else { return false }
                    configuration[keyPath: property] = .file(path: text)
                }
                return true
            },
            show: { configuration in
                switch configuration[keyPath: property] {
                case .standardOutput: quoted("-")
                case .off: quoted("off")
                case .file(let path): quoted(path)
                }
            }
        )
    }

    /// Something that a system call takes: not empty, no NUL, no more than PATH_MAX.
    private static func isPath(_ text: String) -> Bool {
        (1...4095).contains(text.utf8.count) && !text.utf8.contains(0)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"): true
        default: false
        }
    }

    private static func portRange(_ value: ConfigurationValue) -> ClosedRange<UInt16>? {
        switch value {
        case .integer(let number):
            guard let port = UInt16(exactly: number), port > 0 else { return nil }
            return port...port
        case .string(let text): return Configuration.PortSet.parseRange(text)
        default: return nil
        }
    }
}
