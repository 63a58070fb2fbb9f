// Which request fields select a representation, and whether two requests agree in them (RFC 9111 §4.1,
// R11). Values are compared as bytes: as text, different bytes that are not UTF-8 would look the same,
// and one client would be given what was made for another.

/// The secondary key of a stored response.
package enum Vary {
    /// R11: more names than these are not stored.
    package static let nameLimit = 16
    /// R11: a longer value, in bytes, is not stored.
    package static let byteLimit = 4096

    /// The names in lower case, sorted, each once; empty without Vary. nil for `*`, for what is above R11, and for
    /// what cannot be read: such a response matches no other request.
    package static func nominated(_ response: FieldSection) -> [String]? {
        guard response.contains(.vary) else { return [] }
        let lines = response.values(.vary)
        guard lines.reduce(0, { $0 + $1.utf8.count }) <= byteLimit else { return nil }
        var names: Set<String> = []
        for line in lines {
            for member in FieldGrammar.plainList(line) {
                guard FieldGrammar.isToken(member), member != "*" else { return nil }
                names.insert(FieldGrammar.lowercase(member))
            }
        }
        return names.count <= nameLimit ? names.sorted() : nil
    }

    /// The lines of the request that the names (in lower case) nominate, to be stored with the response.
    package static func select(_ names: [String], from request: FieldSection) -> FieldSection {
        var selected = FieldSection()
        guard !names.isEmpty else { return selected }
        for name in names {
            request.forEach { field in
                if field.isNamed(lowercase: name) { selected.append(field) }
            }
        }
        return selected
    }

    /// Whether the request has the same values for all names as the stored one; RFC 9111 §4.1 allows for whitespace
    /// around commas and for one list in several lines. A field that is absent equals only one that is absent.
    package static func matches(names: [String], stored: FieldSection, request: FieldSection) -> Bool {
        names.allSatisfy { normalised($0, in: stored) == normalised($0, in: request) }
    }

    private static func normalised(_ name: String, in fields: FieldSection) -> [UInt8]? {
        var value: [UInt8]?
        fields.forEach { field in
            guard field.isNamed(lowercase: name) else { return }
            field.withBytes { _, bytes in append(bytes, to: &value) }
        }
        return value
    }

    /// Appends one line, the whitespace around the commas that are outside of quoted strings removed.
    private static func append(_ bytes: UnsafeRawBufferPointer, to value: inout [UInt8]?) {
        var text = value ?? []
        if value != nil { text.append(FieldGrammar.comma) }
        var pending: [UInt8] = []
        var isQuoted = false
        var isEscaped = false
        var isAtStart = true
        for byte in bytes {
            if !isQuoted, FieldGrammar.isWhitespace(byte) {
                if !isAtStart { pending.append(byte) }
                continue
            }
            if !isQuoted, byte == FieldGrammar.comma {
                pending.removeAll()
                text.append(byte)
                isAtStart = true
                continue
            }
            text += pending
            pending.removeAll()
            text.append(byte)
            isAtStart = false
            if isEscaped {
                isEscaped = false
            } else if isQuoted, byte == FieldGrammar.backslash {
                isEscaped = true
            } else if byte == FieldGrammar.quote {
                isQuoted.toggle()
            }
        }
        value = text
    }
}
