// The built program, started as a user starts it: a port that the kernel picks, a cache directory of the test's own,
// and the ways to end it that the acceptance cases need (SIGKILL, SIGTERM), and to start it again on the same cache.

import Foundation
import Glibc

/// A running `holdfast serve`.
package final class ProxyProcess: Sendable {
    package let child: ChildProcess
    /// The port that the start-up line names.
    package let port: UInt16
    package let cacheDirectory: String
    private let settings: [String]
    private let arguments: [String]
    private let environment: [String: String]

    /// Starts the proxy and waits for its start-up line (`listening on 127.0.0.1:PORT`).
    ///
    /// - Parameters:
    ///   - cacheDirectory: made by the proxy where it is missing.
    ///   - settings: each becomes `--set key=value`.
    ///   - arguments: further arguments of `serve`, such as `--config FILE`.
    ///   - listen: port 0 picks a free one.
    package init(
        cacheDirectory: String,
        settings: [String] = [],
        arguments: [String] = [],
        environment: [String: String] = [:],
        listen: String = "127.0.0.1:0",
        within seconds: Double = defaultPatience
    ) throws {
        self.cacheDirectory = cacheDirectory
        self.settings = settings
        self.arguments = arguments
        self.environment = environment
        let all =
            ["serve", "--listen", listen, "--cache", cacheDirectory] + arguments + settings.flatMap { ["--set", $0] }
        let child = try ChildProcess(Self.executable(), all, environment: environment)
        self.child = child
        var found: UInt16?
        try waitUntil("the start-up line of holdfast", within: seconds) {
            found = Self.port(in: child.output) ?? Self.port(in: child.errors)
            if found == nil, let end = child.end {
                throw PeerFailure(
                    "holdfast ended (\(end)) instead of listening\n--- output:\n\(child.output)\n"
                        + "--- errors:\n\(child.errors)"
                )
            }
            return found != nil
        }
        guard let found else { throw PeerFailure("holdfast named no port") }
        port = found
    }

    package var output: String { child.output }
    package var errors: String { child.errors }

    /// SIGKILL, and waits until it is gone.
    package func kill() throws {
        child.signal(SIGKILL)
        try child.waitForEnd()
    }

    /// SIGTERM, and waits for the end.
    @discardableResult
    package func terminate(within seconds: Double = 40) throws -> ProcessEnd {
        child.signal(SIGTERM)
        return try child.waitForEnd(within: seconds)
    }

    /// Another process on the same cache with the same settings; this one must have ended.
    package func startAgain(settings: [String]? = nil, listen: String = "127.0.0.1:0") throws -> ProxyProcess {
        guard child.end != nil else { throw PeerFailure("the first process still runs") }
        return try ProxyProcess(
            cacheDirectory: cacheDirectory,
            settings: settings ?? self.settings,
            arguments: arguments,
            environment: environment,
            listen: listen
        )
    }

    /// Runs another subcommand on the same cache: `command("status")`, `command("purge", url)`.
    package func command(_ name: String, _ arguments: String...) throws -> CommandResult {
        try Self.run([name, "--cache", cacheDirectory] + arguments)
    }

    /// Runs the program with any arguments to its end.
    package static func run(
        _ arguments: [String],
        environment: [String: String] = [:],
        directory: String? = nil,
        within seconds: Double = defaultPatience
    ) throws -> CommandResult {
        try ChildProcess.run(
            executable(),
            arguments,
            environment: environment,
            directory: directory,
            within: seconds
        )
    }

    /// Where the build put the program; `HOLDFAST_EXECUTABLE` names another one.
    package static func executable() throws -> String {
        try builtProgram("holdfast", unless: "HOLDFAST_EXECUTABLE")
    }

    /// The port of `listening on 127.0.0.1:PORT` in a line that is complete.
    static func port(in output: String) -> UInt16? {
        guard let mark = output.range(of: "listening on ") else { return nil }
        let rest = output[mark.upperBound...]
        guard let end = rest.firstIndex(of: "\n") else { return nil }
        let address = rest[..<end].prefix { $0 != "," && $0 != " " && $0 != ";" }
        guard let colon = address.lastIndex(of: ":") else { return nil }
        return UInt16(address[address.index(after: colon)...].prefix { $0.isNumber })
    }
}
