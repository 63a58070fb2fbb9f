// Entity tags and their two comparisons (RFC 9110 §8.8.3). A tag that holds anything but visible ASCII is
// refused: obs-text may be in any encoding, as text it would be changed, and a changed tag could equal
// another one. What is refused here counts as no tag, and then nothing is joined under it.

/// One entity tag.
package struct EntityTag: Hashable, Sendable {
    /// Whether it was written with `W/`.
    package let isWeak: Bool
    /// The opaque tag with its quotation marks.
    package let opaque: String

    private init(isWeak: Bool, opaque: String) {
        self.isWeak = isWeak
        self.opaque = opaque
    }

    /// The tag as it was received.
    package var text: String { isWeak ? "W/" + opaque : opaque }

    /// Reads exactly one tag, whitespace around it trimmed; nil where the text is not one.
    package static func parse(_ text: String) -> EntityTag? {
        tag(FieldGrammar.trimmed(Substring(text)))
    }

    /// What If-Match and If-None-Match hold (RFC 9110 §13.1.1).
    package enum TagList: Equatable, Sendable {
        /// `*`: whatever there is.
        case any
        case tags([EntityTag])
    }

    /// Reads `*` or a list of tags; nil where one member is not a tag, or where there is none. A tag with obs-text is
    /// one by the grammar, but none that can be compared: it is left out, so that it matches nothing.
    package static func parseList(_ text: String) -> TagList? {
        let text = FieldGrammar.trimmed(Substring(text))
        if text == "*" { return .any }
        // There are no escapes inside a tag (RFC 9110 §8.8.3), so the common list reader, which knows them, would
        // take `"a\", "b"` apart wrongly.
        var tags: [EntityTag] = []
        let bytes = text.utf8
        var position = bytes.startIndex
        var needsComma = false
        while position < bytes.endIndex {
            let byte = bytes[position]
            if FieldGrammar.isWhitespace(byte) {
                position = bytes.index(after: position)
            } else if byte == FieldGrammar.comma {
                needsComma = false
                position = bytes.index(after: position)
            } else {
                guard !needsComma, let open = bytes[position...].firstIndex(of: FieldGrammar.quote) else { return nil }
                let content = bytes.index(after: open)
                guard let close = bytes[content...].firstIndex(of: FieldGrammar.quote) else { return nil }
                let end = bytes.index(after: close)
                let member = text[position..<end]
                if let tag = tag(member) {
                    tags.append(tag)
                } else if !hasObsoleteText(member) {
                    return nil
                }
                needsComma = true
                position = end
            }
        }
        return tags.isEmpty ? nil : .tags(tags)
    }

    /// RFC 9110 §8.8.3.2: both strong, and the same.
    package func stronglyEquals(_ other: EntityTag) -> Bool {
        !isWeak && !other.isWeak && opaque == other.opaque
    }

    /// RFC 9110 §8.8.3.2: the same opaque tags, weak or not.
    package func weaklyEquals(_ other: EntityTag) -> Bool {
        opaque == other.opaque
    }

    /// Whether it would be a tag if it could be compared: obs-text in it, and nothing that no tag has.
    private static func hasObsoleteText(_ text: Substring) -> Bool {
        let ascii = text.utf8.filter { $0 < 0x80 }
        return ascii.count < text.utf8.count && tag(Substring(decoding: ascii, as: UTF8.self)) != nil
            && text.utf8.first.map { $0 < 0x80 } ?? false
    }

    /// `[W/] DQUOTE *etagc DQUOTE`; the `W` in upper case only.
    private static func tag(_ text: Substring) -> EntityTag? {
        let isWeak = text.utf8.starts(with: "W/".utf8)
        let opaque = isWeak ? text.dropFirst(2) : text
        let bytes = opaque.utf8
        guard bytes.count >= 2, bytes.first == FieldGrammar.quote, bytes.last == FieldGrammar.quote else { return nil }
        let isSound = bytes.dropFirst().dropLast().allSatisfy { byte in
            byte >= 0x21 && byte <= 0x7E && byte != FieldGrammar.quote
        }
        return isSound ? EntityTag(isWeak: isWeak, opaque: String(opaque)) : nil
    }
}
