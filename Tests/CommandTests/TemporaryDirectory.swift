// A directory that is gone when the test is.

import Foundation
import Glibc

final class TemporaryDirectory: Sendable {
    let path: String

    /// - Parameter below: further directories below it, for long paths.
    init(below: String = "") throws {
        var template = Array((NSTemporaryDirectory() + "/holdfast-command-XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else { throw CocoaError(.fileWriteUnknown) }
        let base = template.withUnsafeBufferPointer { String(decoding: $0.dropLast().map(UInt8.init), as: UTF8.self) }
        root = base
        path = below.isEmpty ? base : base + "/" + below
        if !below.isEmpty { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    }

    private let root: String

    deinit { try? FileManager.default.removeItem(atPath: root) }
}
