// The built fault laboratory as a process: an origin that fails as its URL says (docs/lab.md), and that can be killed
// and started again in the middle of a download, with the same bytes.

import Foundation
import Glibc

/// A running `holdfast-lab serve`.
package final class LabProcess: Sendable {
    package let child: ChildProcess
    package let port: UInt16
    private let seed: UInt64
    private let epoch: Double

    /// Starts the laboratory and waits for its start-up line.
    ///
    /// - Parameters:
    ///   - port: 0 picks a free one.
    ///   - epoch: in seconds since 1970; from which versions are counted.
    ///   - arguments: further arguments of `serve`.
    package init(
        port: UInt16 = 0,
        seed: UInt64 = 7,
        epoch: Double = Date().timeIntervalSince1970,
        arguments: [String] = []
    ) throws {
        self.seed = seed
        self.epoch = epoch
        let child = try ChildProcess(
            Self.executable(),
            ["serve", "--listen", "127.0.0.1:\(port)", "--seed", "\(seed)", "--epoch", "\(epoch)"] + arguments
        )
        self.child = child
        var found: UInt16?
        try waitUntil("the start-up line of holdfast-lab") {
            found = ProxyProcess.port(in: child.output)
            if found == nil, let end = child.end {
                throw PeerFailure("holdfast-lab ended (\(end)) instead of listening: \(child.errors)")
            }
            return found != nil
        }
        guard let found else { throw PeerFailure("holdfast-lab named no port") }
        self.port = found
    }

    package func url(_ target: String) -> String { "http://127.0.0.1:\(port)\(target)" }

    /// The bytes of a file: of the version that the next request gets, or of another one.
    ///
    /// - Parameter target: as it is asked for, `/f/35M/disk.iso?drop=10M`.
    package func content(_ target: String, version: Int64? = nil) throws -> Content {
        let query = "\(target.contains("?") ? "&" : "?")hash=no" + (version.map { "&for=\($0)" } ?? "")
        let answer = try PeerClient.get(url("/truth/\(target.dropFirst(3))\(query)"), through: port)
        guard answer.status == 200 else { throw PeerFailure("\(target): \(answer.text)") }
        let truth = try JSONDecoder().decode(Truth.self, from: Data(answer.body))
        return Content(seed: truth.contentSeed, length: truth.length)
    }

    private struct Truth: Decodable {
        let contentSeed: UInt64
        let length: Int64
    }

    /// SIGKILL, and waits until it is gone.
    package func kill() throws {
        child.signal(SIGKILL)
        try child.waitForEnd()
    }

    /// Another process on the same port with the same contents; this one must have ended.
    package func startAgain() throws -> LabProcess {
        guard child.end != nil else { throw PeerFailure("the first process still runs") }
        return try LabProcess(port: port, seed: seed, epoch: epoch)
    }

    /// Runs the program with any arguments to its end: `LabProcess.run(["check", url, file])`.
    package static func run(_ arguments: [String]) throws -> CommandResult {
        try ChildProcess.run(executable(), arguments)
    }

    private static func executable() throws -> String {
        try builtProgram("holdfast-lab", unless: "HOLDFAST_LAB_EXECUTABLE")
    }
}
