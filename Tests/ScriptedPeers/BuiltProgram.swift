// Where the build has put the programs of this package: beside the test bundle.

import Foundation
import Glibc

/// The path of a program.
///
/// - Parameter variable: an environment variable that names another one, where it is set.
func builtProgram(_ name: String, unless variable: String) throws -> String {
    if let named = ProcessInfo.processInfo.environment[variable] { return named }
    var starts = [Bundle.main.bundlePath]
    if let own = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") { starts.append(own) }
    if let first = CommandLine.arguments.first { starts.append(first) }
    // The helper that runs tests may lie elsewhere and name the bundle as an argument.
    starts += CommandLine.arguments.filter { $0.hasSuffix(".xctest") }
    for start in starts {
        // Upwards, because a bundle may be a folder with the binary deep inside.
        var folder = URL(fileURLWithPath: start)
        for _ in 0..<4 {
            let candidate = folder.appendingPathComponent(name).path
            var isFolder: ObjCBool = false
            let exists = FileManager.default.fileExists(atPath: candidate, isDirectory: &isFolder)
            if exists, !isFolder.boolValue, access(candidate, X_OK) == 0 { return candidate }
            folder.deleteLastPathComponent()
        }
    }
    throw PeerFailure("no built \(name) beside any of \(starts)")
}
