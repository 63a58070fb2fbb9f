// What follows when a complete body has another digest than was named for it. Nobody knows which byte is wrong, so the
// whole is fetched once more; but never on and on: an origin that names a wrong digest would be asked for ever. Pure: a
// value for each key, time is an argument.

package import HTTPSemantics

/// The failures of one key, one after the other.
package struct DigestFailures: Equatable, Sendable {
    package enum Consequence: Equatable, Sendable {
        /// What is held is dropped; the next request fetches it anew.
        case fetchAnew
        /// It is not stored any more: clients get what the origin sends, as it sends it.
        case passThrough
    }

    /// The digest that was named.
    package private(set) var expected: DigestValue
    /// Those that were found, the last one last.
    package private(set) var found: [DigestValue] = []
    /// Until when answers under this digest pass through, seconds since 1970; nil while they are stored.
    package private(set) var passesUntil: Int64?

    /// The line spoils other bytes each time: so many bodies are fetched to be stored, and not more.
    private static let attemptsAtMost = 3
    /// Then an operator may have mended it.
    private static let passSeconds: Int64 = 86_400

    package init(expected: DigestValue) { self.expected = expected }

    /// A body with another digest than the one named has come.
    package mutating func failed(expected: DigestValue, found other: DigestValue, at now: Int64) -> Consequence {
        if expected != self.expected || (passesUntil ?? .max) <= now { self = DigestFailures(expected: expected) }
        // The very same bytes a second time: the line is sound, and what is said of them is not.
        let isRepeated = found.last == other
        found.append(other)
        guard isRepeated || found.count >= Self.attemptsAtMost else { return .fetchAnew }
        passesUntil = now + Self.passSeconds
        return .passThrough
    }

    /// Whether an answer under this digest passes through unstored.
    package func passes(_ expected: DigestValue, at now: Int64) -> Bool {
        expected == self.expected && (passesUntil ?? 0) > now
    }
}
