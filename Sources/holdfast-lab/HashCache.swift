// Hashes of whole representations, computed once each: a gigabyte takes about a second.

import Crypto
import Synchronization

final class HashCache: Sendable {
    private struct Key: Hashable {
        let seed: UInt64
        let length: Int64
        let isGzip: Bool
        /// nil for the checksum of gzip.
        let algorithm: HashAlgorithm?
    }

    private struct State {
        var hashes: [Key: [UInt8]] = [:]
        var checksums: [Key: UInt32] = [:]
    }

    /// How many are kept at most.
    private static let limit = 10_000

    private let state = Mutex(State())

    /// - Parameter range: nil for the whole, which is remembered.
    func hash(_ representation: Representation, _ range: Range<Int64>?, _ algorithm: HashAlgorithm) -> [UInt8] {
        if let range { return Self.computed(representation, range, algorithm) }
        let key = Self.key(representation, algorithm)
        if let known = state.withLock({ $0.hashes[key] }) { return known }
        let made = Self.computed(representation, 0..<representation.length, algorithm)
        state.withLock { state in
            if state.hashes.count >= Self.limit { state.hashes = [:] }
            state.hashes[key] = made
        }
        return made
    }

    func gzip(_ content: LabContent) -> StoredGzip {
        let key = Self.key(.identity(content), nil)
        if let known = state.withLock({ $0.checksums[key] }) { return StoredGzip(content, checksum: known) }
        var checksum = CyclicChecksum()
        Representation.identity(content).forEachPiece(of: 0..<content.length) { checksum.update($0) }
        let value = checksum.value
        state.withLock { state in
            if state.checksums.count >= Self.limit { state.checksums = [:] }
            state.checksums[key] = value
        }
        return StoredGzip(content, checksum: value)
    }

    private static func key(_ representation: Representation, _ algorithm: HashAlgorithm?) -> Key {
        let seed: UInt64
        let isGzip: Bool
        switch representation {
        case .identity(let content): (seed, isGzip) = (content.seed, false)
        case .gzip(let wrapped): (seed, isGzip) = (wrapped.content.seed, true)
        }
        return Key(seed: seed, length: representation.length, isGzip: isGzip, algorithm: algorithm)
    }

    private static func computed(
        _ representation: Representation,
        _ range: Range<Int64>,
        _ algorithm: HashAlgorithm
    ) -> [UInt8] {
        switch algorithm {
        case .sha256: computed(representation, range, SHA256())
        case .md5: computed(representation, range, Insecure.MD5())
        }
    }

    private static func computed(
        _ representation: Representation,
        _ range: Range<Int64>,
        _ function: some HashFunction
    ) -> [UInt8] {
        var function = function
        representation.forEachPiece(of: range) { function.update(bufferPointer: $0) }
        return Array(function.finalize())
    }
}
