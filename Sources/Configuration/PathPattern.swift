// The paths that a rule speaks of, as a glob over the whole path, without the query. Bytes are compared as the request
// has them: `%7E` is not `~`.
//
//     ?     one byte other than "/"
//     *     any bytes other than "/", also none
//     **    any bytes, also none
//     /**/  one or more whole segments between slashes, or just one "/"
//
// The path comes from a stranger, so that matching must take a time that is linear in it: all the ways in which the
// pattern could have come so far are kept as bits of a few words, and each byte of the path moves them all at once.
// Nothing is tried twice, and nothing is recursive. It must not know what a rule sets.

/// One entry of `path` in a rule.
package struct PathPattern: Sendable, Hashable {
    private enum Token: Equatable {
        case byte(UInt8)
        case one
        /// `*`
        case inSegment
        /// `**`
        case anything
        /// What may stand after a slash and is empty or ends in one: the `**/` of `/**/`.
        case segments
    }

    /// As it was written.
    package let text: String
    /// What stands before the first wildcard and after the last one; most paths fail here.
    private let prefix: [UInt8]
    private let suffix: [UInt8]
    /// nil where the pattern has no wildcard: then the prefix is all.
    private let wild: Wild?

    /// The longest pattern, in bytes.
    package static let longest = 1024

    /// nil unless the pattern is visible ASCII without `#`, of at most `longest` bytes, and begins with "/" or "**".
    package static func parse(_ text: String) -> PathPattern? {
        guard (1...longest).contains(text.utf8.count), text.hasPrefix("/") || text.hasPrefix("**") else { return nil }
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "#") }) else { return nil }
        return PathPattern(text: text, tokens: tokens(of: Array(text.utf8)))
    }

    private init(text: String, tokens: [Token]) {
        self.text = text
        prefix = Self.literal(tokens)
        suffix = prefix.count == tokens.count ? [] : Self.literal(tokens.reversed()).reversed()
        let middle = tokens.dropFirst(prefix.count).dropLast(suffix.count)
        wild = middle.isEmpty ? nil : Wild(Array(middle))
    }

    /// - Parameter path: from its first slash to its last byte, without the query.
    package func matches(_ path: some RandomAccessCollection<UInt8>) -> Bool {
        guard path.count >= prefix.count + suffix.count, path.starts(with: prefix) else { return false }
        guard let wild else { return path.count == prefix.count }
        guard path.suffix(suffix.count).elementsEqual(suffix) else { return false }
        return wild.matches(path.dropFirst(prefix.count).dropLast(suffix.count))
    }

    package static func == (left: PathPattern, right: PathPattern) -> Bool { left.text == right.text }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(text)
    }

    // MARK: Reading

    private static func literal(_ tokens: [Token]) -> [UInt8] {
        var bytes: [UInt8] = []
        for token in tokens {
            guard case .byte(let byte) = token else { break }
            bytes.append(byte)
        }
        return bytes
    }

    private static func tokens(of bytes: [UInt8]) -> [Token] {
        let slash = UInt8(ascii: "/")
        var tokens: [Token] = []
        var rest = bytes[...]
        while let byte = rest.first {
            if byte == UInt8(ascii: "*") {
                let stars = rest.prefix { $0 == byte }
                rest = rest.dropFirst(stars.count)
                if stars.count == 1 {
                    tokens.append(.inSegment)
                } else if rest.first == slash, tokens.last == .byte(slash) || tokens.last == .segments {
                    rest = rest.dropFirst()
                    if tokens.last != .segments { tokens.append(.segments) }
                } else {
                    tokens.append(.anything)
                }
            } else {
                rest = rest.dropFirst()
                tokens.append(byte == UInt8(ascii: "?") ? .one : .byte(byte))
            }
        }
        return tokens
    }

    // MARK: Matching

    /// The tokens from the first wildcard to the last. Bit `n` stands for "the first `n` tokens are done".
    private struct Wild: Sendable {
        private let words: Int
        /// The bit that stands for the end.
        private let end: Int
        /// By byte and word: from which places the byte leads to the next one.
        private var moves: [UInt64]
        /// By word: the places that any byte leaves as they are, and those that any byte but a slash does.
        private var stays: [UInt64]
        private var staysInSegment: [UInt64]
        /// By word: the places that are also the next one; of `segments`, only where they are entered.
        private var skips: [UInt64]
        private var skipsOnEntry: [UInt64]

        init(_ tokens: [Token]) {
            end = tokens.count
            words = tokens.count / 64 + 1
            moves = Array(repeating: 0, count: 256 * words)
            stays = Array(repeating: 0, count: words)
            staysInSegment = stays
            skips = stays
            skipsOnEntry = stays
            let slash = UInt8(ascii: "/")
            for (place, token) in tokens.enumerated() {
                let (word, bit) = (place / 64, UInt64(1) << UInt64(place % 64))
                switch token {
                case .byte(let byte):
                    moves[Int(byte) * words + word] |= bit
                case .one:
                    for byte in 0..<256 where byte != Int(slash) { moves[byte * words + word] |= bit }
                case .inSegment:
                    staysInSegment[word] |= bit
                    skips[word] |= bit
                case .anything:
                    stays[word] |= bit
                    skips[word] |= bit
                case .segments:
                    stays[word] |= bit
                    moves[Int(slash) * words + word] |= bit
                    skipsOnEntry[word] |= bit
                }
            }
        }

        func matches(_ path: some Collection<UInt8>) -> Bool {
            var places = [UInt64](repeating: 0, count: words)
            enter(&places)
            for byte in path {
                guard step(&places, over: byte) else { return false }
            }
            return places[end / 64] & 1 << UInt64(end % 64) != 0
        }

        /// The start: the first place is entered.
        private func enter(_ places: inout [UInt64]) {
            var carried: UInt64 = 1
            for word in 0..<words {
                let entered = carried
                carried = 0
                places[word] = settle(entered, staying: 0, word: word, carried: &carried)
                if carried == 0 { return }
            }
        }

        /// False where no way is left.
        private func step(_ places: inout [UInt64], over byte: UInt8) -> Bool {
            let isSlash = byte == UInt8(ascii: "/")
            var (moved, skipped) = (UInt64(0), UInt64(0))
            var any: UInt64 = 0
            for word in 0..<words {
                let moving = places[word] & moves[Int(byte) * words + word]
                let staying = places[word] & (isSlash ? stays[word] : stays[word] | staysInSegment[word])
                let entered = moving << 1 | moved
                moved = moving >> 63
                places[word] = settle(entered, staying: staying | skipped, word: word, carried: &skipped)
                any |= places[word]
            }
            return any != 0
        }

        /// Adds the places that are reached without a byte. What crosses into the next word is carried.
        ///
        /// One turn each is enough: no two wildcards that can be skipped are neighbours, but for `segments` before a
        /// `*`, which is why they come first.
        private func settle(_ entered: UInt64, staying: UInt64, word: Int, carried: inout UInt64) -> UInt64 {
            let segments = entered & skipsOnEntry[word]
            var places = entered | staying | segments << 1
            let skipping = places & skips[word]
            places |= skipping << 1
            carried = (segments | skipping) >> 63
            return places
        }
    }
}
