// Comparing what an origin sends again with what is held: the overlap of a resume, the prefix of a restart
// (resume-rules 11). What an answer means is not known here.

import Resume
import Synchronization

/// What a comparison with held bytes came to.
package enum Comparison: Sendable {
    case equal
    /// All of the bytes are held, and proved, and at least one differs.
    case different
    /// It cannot be told: not all of the bytes are held, or those that were failed their check.
    case notHeld
}

extension StoredBody {
    /// Compares bytes with those that are held. The answer comes on a disk thread.
    package func matches(
        _ bytes: [UInt8],
        at offset: Int64,
        _ completion: @escaping @Sendable (Comparison) -> Void
    ) {
        let response = state.withLock { $0.response }
        services.pool.submit(in: queue) {
            completion(self.compare(bytes, at: offset))
            withExtendedLifetime(response) {}
        }
    }

    /// On a disk thread.
    private func compare(_ bytes: [UInt8], at offset: Int64) -> Comparison {
        if bytes.isEmpty { return .equal }
        let (end, isTooFar) = offset.addingReportingOverflow(Int64(bytes.count))
        guard !isTooFar else { return .notHeld }
        let (isHeld, content) = state.withLock { ($0.held.contains(offset..<end), $0.content) }
        guard isHeld else { return .notHeld }
        if let content {
            return content.dropFirst(Int(offset)).prefix(bytes.count).elementsEqual(bytes) ? .equal : .different
        }
        guard let proved = try? provedPart(of: offset..<end), proved.upperBound == end,
            let file = state.withLock({ $0.file })
        else { return .notHeld }
        var found = [UInt8](repeating: 0, count: bytes.count)
        let count = found.withUnsafeMutableBytes { buffer in (try? file.read(into: buffer, at: offset)) ?? 0 }
        guard count == bytes.count else { return .notHeld }
        return found == bytes ? .equal : .different
    }
}
