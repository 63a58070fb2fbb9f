// Compares a file with the truth, whatever its length, in pieces: which version it is, the first wrong offset, and, where
// it can be told, what stands there instead.

import Glibc

/// What became of a file.
package struct Comparison: Sendable, Codable, Equatable {
    /// Every byte is there and right.
    package let isEqual: Bool
    /// The version that the file was compared with: the one that its first bytes belong to.
    package let version: Int64
    /// Bytes of that version.
    package let length: Int64
    /// Bytes of the file.
    package let fileLength: Int64
    /// The offset of the first byte that is wrong, missing or too much.
    package let firstWrongOffset: Int64?
    /// The version that the bytes there belong to, at the same offset.
    package let versionThere: Int64?

    /// For people.
    package var sentence: String {
        guard let offset = firstWrongOffset else { return "equal: version \(version), \(length) bytes" }
        if offset == fileLength { return "too short: ends at \(offset) of \(length) bytes of version \(version)" }
        if offset == length { return "too long: \(fileLength) bytes, where version \(version) has \(length)" }
        let there = versionThere.map { "; the bytes there are of version \($0)" } ?? ""
        return "wrong from offset \(offset) on: compared with version \(version)\(there)"
    }

    /// - Parameters:
    ///   - read: fills a buffer from an offset on, as far as the file has bytes; says how many.
    ///   - version: the only one that counts; nil for any up to the present one.
    package init(
        _ truth: Truth,
        fileLength: Int64,
        version: Int64?,
        read: (UnsafeMutableRawBufferPointer, Int64) throws -> Int
    ) throws {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 1_048_576, alignment: 16)
        defer { memory.deallocate() }

        /// Which version has the bytes that stand at an offset, the latest first. Fewer than eight say nothing.
        func owner(at offset: Int64) throws -> Int64? {
            let sample = UnsafeMutableRawBufferPointer(rebasing: memory[..<64])
            let count = try read(sample, offset)
            guard count >= 8, truth.firstVersion <= truth.presentVersion else { return nil }
            let oldest = max(truth.firstVersion, truth.presentVersion - 100_000)
            return (oldest...truth.presentVersion).reversed().first { candidate in
                let bytes = UnsafeRawBufferPointer(rebasing: sample[..<count])
                return truth.content(ofVersion: candidate).firstDifference(bytes, at: offset) == nil
            }
        }

        let compared = try version ?? owner(at: 0) ?? truth.version
        let content = truth.content(ofVersion: compared)
        var wrong: Int64?
        var offset: Int64 = 0
        while wrong == nil, offset < fileLength {
            let count = try read(memory, offset)
            // A file that becomes shorter while it is read.
            if count == 0 { break }
            wrong = content.firstDifference(UnsafeRawBufferPointer(rebasing: memory[..<count]), at: offset)
            offset += Int64(count)
        }
        if wrong == nil, offset < content.length { wrong = offset }
        self.version = compared
        self.fileLength = fileLength
        length = content.length
        firstWrongOffset = wrong
        isEqual = wrong == nil
        versionThere = try wrong.flatMap { try $0 < min(fileLength, content.length) ? owner(at: $0) : nil }
    }
}
