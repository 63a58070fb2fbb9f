// The options that commands share: which configuration holds, and by it which cache directory.

import ArgumentParser
import Configuration
import Foundation

/// Where the configuration comes from: defaults, then the file, the environment, `--set`, `--cache`.
struct CacheOptions: ParsableArguments {
    static let defaultFile = "proxy.conf"

    @Option(help: "The configuration; without it ./proxy.conf where it exists, else built-in defaults.")
    var config: String?

    @Option(help: ArgumentHelp("The cache directory (cache.directory).", valueName: "directory"))
    var cache: String?

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp("A directive, as in the file: --set cache.max_size='20 GiB'.", valueName: "key=value")
    )
    var settings: [String] = []

    func validate() throws {
        for setting in settings where !(setting.firstIndex(of: "=").map { $0 > setting.startIndex } ?? false) {
            throw ValidationError("--set wants key=value, such as cache.max_size='20 GiB', not '\(setting)'.")
        }
    }

    /// The file that is read; nil where there is none, and built-in defaults hold.
    var file: String? {
        if let config { return config }
        return FileManager.default.fileExists(atPath: Self.defaultFile) ? Self.defaultFile : nil
    }

    /// The effective configuration. What is wrong with it is said, and ends the command.
    func load(listen: [String] = []) throws -> Configuration {
        do throws(ConfigurationErrors) {
            return try Configuration.load(
                fileText: try text(),
                fileName: file ?? Self.defaultFile,
                environment: ProcessInfo.processInfo.environment,
                settings: pairs,
                listen: listen,
                cacheDirectory: cache
            )
        } catch {
            throw CommandFailure(error.description)
        }
    }

    /// Every directive with its value and where it came from.
    func describe() throws(ConfigurationErrors) -> [EffectiveValue] {
        try Configuration.describe(
            fileText: try text(),
            fileName: file ?? Self.defaultFile,
            environment: ProcessInfo.processInfo.environment,
            settings: pairs,
            cacheDirectory: cache
        )
    }

    private var pairs: [(key: String, value: String)] {
        settings.map { setting in
            let end = setting.firstIndex(of: "=") ?? setting.endIndex
            return (String(setting[..<end]), String(setting[end...].dropFirst()))
        }
    }

    private func text() throws(ConfigurationErrors) -> String? {
        guard let file else { return nil }
        guard let data = FileManager.default.contents(atPath: file) else {
            throw unreadable("a file that cannot be read", file)
        }
        guard let text = String(data: data, encoding: .utf8) else { throw unreadable("bytes that are not UTF-8", file) }
        return text
    }

    private func unreadable(_ got: String, _ file: String) -> ConfigurationErrors {
        ConfigurationErrors([
            ConfigurationError(file: file, line: nil, key: nil, got: got, allowed: "a readable file of TOML in UTF-8")
        ])
    }
}

/// Why a command ends with status 1, as ArgumentParser prints it: "Error: …".
struct CommandFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
