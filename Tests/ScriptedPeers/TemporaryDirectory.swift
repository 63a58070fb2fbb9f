// A directory that exists as long as the value that made it.

import Foundation
import Glibc

package final class TemporaryDirectory: Sendable {
    package let path: String

    package init() throws {
        let parent = FileManager.default.temporaryDirectory.path
        var template = Array("\(parent)/holdfast-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw PeerFailure(call: "mkdtemp in \(parent)") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The path of something inside it.
    package func file(_ name: String) -> String { "\(path)/\(name)" }

    package func write(_ text: String, to name: String) throws -> String {
        try Data(text.utf8).write(to: URL(fileURLWithPath: file(name)))
        return file(name)
    }

    package func read(_ name: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: file(name))), as: UTF8.self)
    }
}
