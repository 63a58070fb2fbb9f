// A program that a test starts: its output goes into files (a pipe could be held open by a sibling that was started
// at the same moment), its end is awaited with a deadline, and no descriptor of the test reaches it.

import Foundation
import Glibc

/// How a program ended.
package enum ProcessEnd: Sendable, Equatable {
    case exited(Int32)
    case killed(signal: Int32)
}

/// What a short-lived command said.
package struct CommandResult: Sendable {
    package let end: ProcessEnd
    package let output: String
    package let errors: String

    /// The exit status; -1 where a signal ended it.
    package var status: Int32 {
        if case .exited(let status) = end { return status }
        return -1
    }
}

/// A running program.
package final class ChildProcess: Sendable {
    package let processIdentifier: Int32
    private let folder: TemporaryDirectory
    private let ended = Monitor<ProcessEnd?>(nil)

    /// - Parameters:
    ///   - environment: added to the test's own; an empty value is passed as empty.
    ///   - directory: the working directory; nil for the test's own.
    package init(
        _ path: String,
        _ arguments: [String],
        environment: [String: String] = [:],
        directory: String? = nil
    ) throws {
        folder = try TemporaryDirectory()
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let flags = O_WRONLY | O_CREAT | O_APPEND
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, folder.file("output"), flags, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, folder.file("errors"), flags, 0o600)
        // A socket that is accepted while this runs has no close-on-exec yet; the C library ignores numbers not in use.
        for descriptor in 3..<Int32(2048) { posix_spawn_file_actions_addclose(&actions, descriptor) }
        // The shell only changes directory and becomes the program, with the same process identifier.
        let command =
            directory.map { ["/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", $0, path] + arguments } ?? [path] + arguments
        // HOLDFAST_… would be directives to the proxy; the one that names the program is for the tests.
        var merged = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("HOLDFAST_") }
        merged.merge(environment) { $1 }
        var argumentPointers = command.map { strdup($0) } + [nil]
        var environmentPointers = merged.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in argumentPointers + environmentPointers { free(pointer) } }
        // Worker threads of the test run block every signal, and a child inherits that: SIGTERM would do nothing.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var identifier: pid_t = 0
        let failure = posix_spawn(
            &identifier,
            command[0],
            &actions,
            &attributes,
            &argumentPointers,
            &environmentPointers
        )
        if failure != 0 { throw PeerFailure(call: "start \(path)", errorNumber: failure) }
        processIdentifier = identifier
        let (started, ended) = (identifier, ended)
        Thread.detachNewThread {
            var status: Int32 = 0
            while waitpid(started, &status, 0) < 0 && errno == EINTR {}
            let signal = status & 0x7F
            let end = signal == 0 ? ProcessEnd.exited((status >> 8) & 0xFF) : .killed(signal: signal)
            ended.withLock { $0 = end }
        }
    }

    deinit { signal(SIGKILL) }

    /// What it has written to its standard output so far.
    package var output: String { (try? folder.read("output")) ?? "" }

    /// What it has written to its standard error so far.
    package var errors: String { (try? folder.read("errors")) ?? "" }

    /// nil while it runs.
    package var end: ProcessEnd? { ended.withLock { $0 } }

    /// Sends a signal, unless it has ended.
    package func signal(_ number: Int32) {
        ended.withLock { end in
            if end == nil { _ = Glibc.kill(processIdentifier, number) }
        }
    }

    @discardableResult
    package func waitForEnd(within seconds: Double = defaultPatience) throws -> ProcessEnd {
        do {
            try ended.wait(for: "process \(processIdentifier) to end", within: seconds) { $0 != nil }
        } catch let failure as PeerFailure {
            throw PeerFailure("\(failure)\n--- output:\n\(output)\n--- errors:\n\(errors)")
        }
        guard let end else { throw PeerFailure("process \(processIdentifier) has no end") }
        return end
    }

    /// Runs a command to its end; one that overstays is killed.
    package static func run(
        _ path: String,
        _ arguments: [String],
        environment: [String: String] = [:],
        directory: String? = nil,
        within seconds: Double = defaultPatience
    ) throws -> CommandResult {
        let child = try ChildProcess(path, arguments, environment: environment, directory: directory)
        let end = try child.waitForEnd(within: seconds)
        return CommandResult(end: end, output: child.output, errors: child.errors)
    }
}
