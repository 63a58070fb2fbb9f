// What is wrong with a configuration, in a form that says where, what was found and what is allowed. Nothing is
// reported alone that could be reported together: a person mends a file once.

/// One thing that is wrong.
package struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    /// The file's name as it was given, "environment", or the flag: "--set", "--listen", "--cache".
    package let file: String?
    /// Counted from 1; only files have lines.
    package let line: Int?
    /// The directive as it was written there: `cache.max_size`, or the variable's name.
    package let key: String?
    package let got: String
    package let allowed: String

    package init(file: String?, line: Int?, key: String?, got: String, allowed: String) {
        self.file = file
        self.line = line
        self.key = key
        self.got = got
        self.allowed = allowed
    }

    /// `proxy.conf:12: cache.max_size: got "10 pounds"; allowed: a size such as …`
    package var description: String {
        var text = ""
        if let file { text += file }
        if let line { text += ":\(line)" }
        if !text.isEmpty { text += ": " }
        if let key { text += key + ": " }
        return text + "got \(got); allowed: \(allowed)"
    }
}

/// Everything that is wrong, in the order of the layers, and by line within the file.
package struct ConfigurationErrors: Error, Equatable, CustomStringConvertible {
    package let errors: [ConfigurationError]

    package init(_ errors: [ConfigurationError]) {
        self.errors = errors
    }

    /// One line each.
    package var description: String { errors.map(\.description).joined(separator: "\n") }
}

/// Where a value came from; later cases win over earlier ones.
package enum ConfigurationSource: Sendable, Equatable, CustomStringConvertible {
    case defaults
    case file(name: String, line: Int?)
    /// The variable's name.
    case environment(String)
    /// The flag: "--set", "--listen", "--cache".
    case flag(String)

    package var description: String {
        switch self {
        case .defaults: "default"
        case .file(let name, let line): line.map { "\(name):\($0)" } ?? name
        case .environment(let variable): variable
        case .flag(let flag): flag
        }
    }

    /// The error of a value that came from here.
    func error(key: String, got: String, allowed: String) -> ConfigurationError {
        switch self {
        case .defaults:
            ConfigurationError(file: nil, line: nil, key: key, got: got, allowed: allowed)
        case .file(let name, let line):
            ConfigurationError(file: name, line: line, key: key, got: got, allowed: allowed)
        case .environment(let variable):
            ConfigurationError(file: "environment", line: nil, key: variable, got: got, allowed: allowed)
        case .flag(let flag):
            ConfigurationError(file: flag, line: nil, key: key, got: got, allowed: allowed)
        }
    }
}
