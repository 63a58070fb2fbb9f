// Hashes of whole representations, computed once each: a gigabyte takes about a second.

import Crypto
import Synchronization

final class HashCache: Sendable {
    private struct Key: Hashable {
        let seed: UInt64
        let length: Int64
        let isGzip: Bool
    }

    private struct State {
        var hashes: [Key: Hashes] = [:]
        var checksums: [Key: UInt32] = [:]
    }

    /// How many are kept at most.
    private static let limit = 10_000

    private let state = Mutex(State())

    /// - Parameter range: nil for the whole, which is remembered.
    func hashes(_ representation: Representation, _ range: Range<Int64>?) -> Hashes {
        if let range { return Self.computed(representation, range) }
        let key = Self.key(representation)
        if let known = state.withLock({ $0.hashes[key] }) { return known }
        let made = Self.computed(representation, 0..<representation.length)
        state.withLock { state in
            if state.hashes.count >= Self.limit { state.hashes = [:] }
            state.hashes[key] = made
        }
        return made
    }

    func gzip(_ content: LabContent) -> StoredGzip {
        let key = Self.key(.identity(content))
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

    private static func key(_ representation: Representation) -> Key {
        switch representation {
        case .identity(let content): Key(seed: content.seed, length: content.length, isGzip: false)
        case .gzip(let wrapped): Key(seed: wrapped.content.seed, length: wrapped.length, isGzip: true)
        }
    }

    private static func computed(_ representation: Representation, _ range: Range<Int64>) -> Hashes {
        var sha256 = SHA256()
        var md5 = Insecure.MD5()
        representation.forEachPiece(of: range) { piece in
            sha256.update(bufferPointer: piece)
            md5.update(bufferPointer: piece)
        }
        return Hashes(sha256: Array(sha256.finalize()), md5: Array(md5.finalize()))
    }
}
