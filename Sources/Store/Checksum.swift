// CRC-32C of bytes as they stand in memory (hardening 2.2 item 2).

import CChecksum

/// A CRC-32C, and how it grows.
enum Checksum {
    static func of(_ bytes: UnsafeRawBufferPointer, continuing checksum: UInt32 = 0) -> UInt32 {
        cchecksum_crc32c(checksum, bytes.baseAddress, bytes.count)
    }

    static func of(_ bytes: [UInt8], continuing checksum: UInt32 = 0) -> UInt32 {
        bytes.withUnsafeBytes { of($0, continuing: checksum) }
    }

    /// The checksum of two neighbouring runs.
    static func combine(_ first: UInt32, _ second: UInt32, secondLength: Int) -> UInt32 {
        cchecksum_crc32c_combine(first, second, UInt64(secondLength))
    }
}
