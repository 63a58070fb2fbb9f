// Printing what commands found: whole lines on standard output, for people or as JSON.

import Exchange
import Foundation
import Glibc

enum Output {
    /// One line or several. Who reads a pipe may stop reading (`holdfast ls | head`): false then.
    @discardableResult
    static func print(_ text: String) -> Bool {
        do throws(LogWriteFailure) {
            try DescriptorSink(descriptor: STDOUT_FILENO).write(Array((text + "\n").utf8))
            return true
        } catch {
            return false
        }
    }

    /// Text as it is, without a line feed of its own.
    static func write(_ text: String) {
        try? DescriptorSink(descriptor: STDOUT_FILENO).write(Array(text.utf8))
    }

    /// What went wrong, or is to be known beside the answer, on standard error.
    static func complain(_ text: String) {
        try? DescriptorSink(descriptor: STDERR_FILENO).write(Array((text + "\n").utf8))
    }

    @discardableResult
    static func print(json value: some Encodable, isPretty: Bool = true) throws -> Bool {
        guard let text = ControlCoding.text(value, isPretty: isPretty) else {
            throw CommandFailure("The answer could not be written as JSON.")
        }
        return print(text)
    }

    /// Blocks where the locale says UTF-8, ASCII elsewhere.
    static var rendering: ControlRendering {
        let environment = ProcessInfo.processInfo.environment
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty } ?? ""
        let name = locale.uppercased()
        return ControlRendering(glyphs: name.contains("UTF-8") || name.contains("UTF8") ? .blocks : .ascii)
    }
}
