// Digests of bytes that come in pieces of any size. The one place that knows the library which computes them; it knows
// no file and no response.

import Crypto
package import HTTPSemantics

/// A digest that grows. Used from one thread at a time; a few hundred bytes of state, whatever the length.
package struct RunningDigest: Sendable {
    private enum Function: Sendable {
        case md5(Insecure.MD5)
        case sha1(Insecure.SHA1)
        case sha256(SHA256)
        case sha512(SHA512)
    }

    private var function: Function
    /// Bytes that it is of so far.
    package private(set) var count: Int64 = 0

    package init(_ algorithm: DigestAlgorithm) {
        // RFC 9530 §5.6: the two old ones withstand no attacker, but find what a line or a disk has spoilt.
        function =
            switch algorithm {
            case .md5: .md5(Insecure.MD5())
            case .sha1: .sha1(Insecure.SHA1())
            case .sha256: .sha256(SHA256())
            case .sha512: .sha512(SHA512())
            }
    }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        count += Int64(bytes.count)
        switch function {
        case .md5(var state):
            state.update(bufferPointer: bytes)
            function = .md5(state)
        case .sha1(var state):
            state.update(bufferPointer: bytes)
            function = .sha1(state)
        case .sha256(var state):
            state.update(bufferPointer: bytes)
            function = .sha256(state)
        case .sha512(var state):
            state.update(bufferPointer: bytes)
            function = .sha512(state)
        }
    }

    package mutating func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

    /// The digest of all that came so far.
    package var bytes: [UInt8] {
        switch function {
        case .md5(let state): Array(state.finalize())
        case .sha1(let state): Array(state.finalize())
        case .sha256(let state): Array(state.finalize())
        case .sha512(let state): Array(state.finalize())
        }
    }

    /// Whether this is the digest of all that came so far.
    package func equals(_ expected: DigestValue) -> Bool { bytes == expected.bytes }
}
