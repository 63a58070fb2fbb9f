// The last bytes that were sent of a body which is stored nowhere: what the overlap probe of its continuation is
// compared with (resume-rules 4 and 11). Bounded: it never holds more than twice its limit.

package struct PassedTail: Equatable, Sendable {
    /// How many of the last bytes are kept.
    package let limit: Int
    private var bytes: [UInt8] = []

    package init(limit: Int64) { self.limit = Int(clamping: max(0, limit)) }

    /// How many bytes can be compared.
    package var count: Int { min(bytes.count, limit) }

    package mutating func append(_ new: UnsafeRawBufferPointer) {
        guard limit > 0 else { return }
        if new.count >= limit {
            bytes.removeAll(keepingCapacity: true)
            bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: new.suffix(limit)))
            return
        }
        // Moved once for every `limit` bytes, and not at every arrival.
        let kept = limit - new.count
        if bytes.count + new.count > 2 * limit { bytes.removeFirst(bytes.count - kept) }
        bytes.append(contentsOf: new)
    }

    /// Whether these are the bytes that were sent, the first of them `distance` before the last end.
    package func matches(_ other: UnsafeRawBufferPointer, distance: Int) -> Bool {
        guard distance <= count, other.count <= distance else { return false }
        let first = bytes.count - distance
        return bytes[first..<first + other.count].elementsEqual(other)
    }
}
