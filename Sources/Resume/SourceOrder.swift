// Which of several sources of the same bytes is asked next (mirrors of a rule). The first is the origin of the request; the
// others follow in the operator's order, round and round, without those that have something else. A value that knows
// neither their names nor the clock.

package struct SourceOrder: Equatable, Sendable {
    private let count: Int
    /// The one that is asked now; 0 is the request's own.
    package private(set) var current = 0
    private var rejected: Set<Int> = []
    /// How many have failed in turn since the last byte came.
    private var failures = 0

    /// - Parameter count: of all sources, the origin included.
    package init(count: Int) { self.count = max(1, count) }

    package var isOrigin: Bool { current == 0 }

    /// The present source has broken off, refused or cannot be reached: the next one's turn.
    ///
    /// - Returns: whether that one is worth asking at once: it has not failed since the last byte came.
    package mutating func failed() -> Bool {
        failures += 1
        repeat { current = (current + 1) % count } while rejected.contains(current)
        return failures < count - rejected.count
    }

    /// The present source has another version, or nothing: it is not asked again. The origin's own word is not judged here.
    package mutating func reject() {
        if !isOrigin { rejected.insert(current) }
    }

    /// Two of the others have different bytes: only the origin can say which of them are right.
    package mutating func rejectOthers() { rejected = Set(1..<max(1, count)) }

    /// Only the origin may be asked now.
    package mutating func returnToOrigin() { current = 0 }

    package mutating func gained() { failures = 0 }
}
