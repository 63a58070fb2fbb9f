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
    /// around the commas of a list, for one list in several lines, and for what a field's own definition says means the same. A field
    /// that is absent equals only one that is absent.
    package static func matches(names: [String], stored: FieldSection, request: FieldSection) -> Bool {
        names.allSatisfy { name in
            let one = normalised(name, in: stored)
            let other = normalised(name, in: request)
            if one == other { return true }
            guard let one, let other, let meaning = Negotiation(name) else { return false }
            return meaning.normalised(one) == meaning.normalised(other)
        }
    }

    /// RFC 9111 §4.1: of several responses that match, the most recent is used: by Date, and where that does not tell,
    /// by when it was received. Both in seconds since 1970 UTC; a response without a Date is older than one with it.
    package static func isNewer(
        _ one: (date: Int64?, receivedAt: Int64),
        than other: (date: Int64?, receivedAt: Int64)
    ) -> Bool {
        (one.date ?? .min, one.receivedAt) > (other.date ?? .min, other.receivedAt)
    }

    private static func normalised(_ name: String, in fields: FieldSection) -> [UInt8]? {
        var value: [UInt8]?
        let isList = isList(name)
        fields.forEach { field in
            guard field.isNamed(lowercase: name) else { return }
            field.withBytes { _, bytes in
                if isList {
                    append(bytes, to: &value)
                } else {
                    // RFC 9110 §5.3: several lines are one, with a comma and a blank between them.
                    value = value.map { $0 + [FieldGrammar.comma, UInt8(ascii: " ")] + bytes } ?? Array(bytes)
                }
            }
        }
        return value
    }

    /// Whether the field's definition makes it a list, in which white space beside commas means nothing (RFC 9110 §5.6.1).
    /// In a comment of User-Agent, a Cookie or a field that nobody here knows, it is data.
    private static func isList(_ name: String) -> Bool {
        if name.hasPrefix("accept") || name.hasPrefix("sec-ch-") { return true }
        switch name {
        case "access-control-request-headers", "cache-control", "connection", "content-encoding", "content-language",
            "forwarded", "prefer", "te", "via", "x-forwarded-for":
            return true
        default:
            return false
        }
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

/// What RFC 9110 §12.5 says of the fields that clients negotiate by.
private struct Negotiation {
    /// No order among members: they are told apart by weight or precision.
    private let isUnordered: Bool
    private let isCaseless: Bool

    /// nil for a field that it says nothing of. `name` in lower case.
    init?(_ name: String) {
        switch name {
        case "accept", "accept-charset": (isUnordered, isCaseless) = (true, false)
        // §8.4.1: codings in any case of letters.
        case "accept-encoding": (isUnordered, isCaseless) = (true, true)
        // §8.5.1: tags in any case; §12.5.4: some readers take the order for a preference.
        case "accept-language": (isUnordered, isCaseless) = (false, true)
        default: return nil
        }
    }

    /// The members without whitespace around semicolons, without empty ones (§5.6.1.2), in one case and one order. Where
    /// there is a quoted string the value stays as it is: it may hold a comma.
    func normalised(_ value: [UInt8]) -> [[UInt8]] {
        guard !value.contains(FieldGrammar.quote) else { return [value] }
        let members = value.split(separator: FieldGrammar.comma).map { member -> [UInt8] in
            let parts = member.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false).map(trimmed)
            let text = Array(parts.joined(separator: [UInt8(ascii: ";")]))
            return isCaseless ? text.map { lowercased($0) } : text
        }
        return isUnordered ? members.sorted { $0.lexicographicallyPrecedes($1) } : members
    }

    private func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var text = text
        while let first = text.first, FieldGrammar.isWhitespace(first) { text.removeFirst() }
        while let last = text.last, FieldGrammar.isWhitespace(last) { text.removeLast() }
        return text
    }
}
