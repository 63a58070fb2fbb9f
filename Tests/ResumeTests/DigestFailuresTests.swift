// What follows when a complete body has another digest than was named for it.

import HTTPSemantics
import Resume
import Testing

@Suite("A body with another digest is fetched anew, and not for ever")
struct DigestFailuresTests {
    private func digest(_ byte: UInt8) -> DigestValue? {
        DigestValue(.sha256, [UInt8](repeating: byte, count: 32))
    }

    @Test("The first time it is fetched anew")
    func first() throws {
        let (named, found) = (try #require(digest(1)), try #require(digest(2)))
        var failures = DigestFailures(expected: named)
        #expect(failures.failed(expected: named, found: found, at: 0) == .fetchAnew)
        #expect(!failures.passes(named, at: 0))
    }

    @Test("The very same bytes again: what is named is wrong, and it passes through for a day")
    func sameBytes() throws {
        let (named, found) = (try #require(digest(1)), try #require(digest(2)))
        var failures = DigestFailures(expected: named)
        _ = failures.failed(expected: named, found: found, at: 0)
        #expect(failures.failed(expected: named, found: found, at: 100) == .passThrough)
        #expect(failures.passes(named, at: 100 + 86_399))
        #expect(!failures.passes(named, at: 100 + 86_400))
    }

    @Test("Other bytes each time: three bodies are fetched, and not more")
    func otherBytes() throws {
        let named = try #require(digest(1))
        var failures = DigestFailures(expected: named)
        #expect(failures.failed(expected: named, found: try #require(digest(2)), at: 0) == .fetchAnew)
        #expect(failures.failed(expected: named, found: try #require(digest(3)), at: 0) == .fetchAnew)
        #expect(failures.failed(expected: named, found: try #require(digest(4)), at: 0) == .passThrough)
    }

    @Test("Another digest that is named is another file, which begins anew")
    func anotherFile() throws {
        let (named, other, found) = (try #require(digest(1)), try #require(digest(5)), try #require(digest(2)))
        var failures = DigestFailures(expected: named)
        _ = failures.failed(expected: named, found: found, at: 0)
        _ = failures.failed(expected: named, found: found, at: 0)
        #expect(!failures.passes(other, at: 1))
        #expect(failures.failed(expected: other, found: found, at: 1) == .fetchAnew)
    }

    @Test("After the day it is tried again, as if for the first time")
    func afterTheDay() throws {
        let (named, found) = (try #require(digest(1)), try #require(digest(2)))
        var failures = DigestFailures(expected: named)
        _ = failures.failed(expected: named, found: found, at: 0)
        _ = failures.failed(expected: named, found: found, at: 0)
        #expect(failures.failed(expected: named, found: found, at: 86_400) == .fetchAnew)
        #expect(failures.found.count == 1)
    }
}
