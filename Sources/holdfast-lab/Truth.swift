// What a file really is: the answer of `/truth/…`, from which a client knows every byte without asking for it.

/// The truth about one version of a file.
package struct Truth: Sendable, Codable, Equatable {
    /// From which the content is made, together with the seed and the version.
    package let path: String
    package let labSeed: UInt64
    package let version: Int64
    /// Bytes of this version.
    package let length: Int64
    package let contentSeed: UInt64
    /// In hexadecimal; nil where it was not asked for.
    package let sha256: String?
    /// The version that the file began with, and the one that the next request gets.
    package let firstVersion: Int64
    package let presentVersion: Int64
    /// Bytes of the first version, and how much longer each next one is.
    package let size: Int64
    package let grow: Int64

    package init(_ file: LabFile, labSeed: UInt64, version: Int64, presentVersion: Int64, sha256: [UInt8]?) {
        let content = file.content(labSeed: labSeed, version: version)
        path = file.path
        self.labSeed = labSeed
        self.version = version
        length = content.length
        contentSeed = content.seed
        self.sha256 = sha256.map(hexadecimal)
        firstVersion = file.faults.version
        self.presentVersion = presentVersion
        size = file.size
        grow = file.faults.grow
    }

    package func content(ofVersion version: Int64) -> LabContent {
        let length = grown(size, by: grow, versions: version - firstVersion)
        return LabContent(labSeed: labSeed, path: path, version: version, length: length)
    }
}

/// Two digits a byte, in lower case.
package func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
