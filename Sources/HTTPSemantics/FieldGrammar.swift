// The small grammar that field values share (RFC 9110 §5.6): tokens, lists, quoted strings, numbers.
// Everything here reads UTF-8 code units, never characters: a quotation mark that is followed by a
// combining mark is one character to Swift and still two things to HTTP. It knows no field by name.

/// What RFC 9110 §5.6 says of all field values.
enum FieldGrammar {
    static let tab = UInt8(ascii: "\t")
    static let space = UInt8(ascii: " ")
    static let comma = UInt8(ascii: ",")
    static let quote = UInt8(ascii: "\"")
    static let backslash = UInt8(ascii: "\\")

    static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }

    /// RFC 9110 §5.6.3: OWS is spaces and tabs.
    static func isWhitespace(_ byte: UInt8) -> Bool { byte == space || byte == tab }

    /// RFC 9110 §5.6.2.
    static func isTokenByte(_ byte: UInt8) -> Bool {
        if isLetter(byte) || isDigit(byte) { return true }
        switch byte {
        case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"),
            UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
            return true
        default:
            return false
        }
    }

    /// RFC 9110 §5.6.2: one or more token bytes.
    static func isToken(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy(isTokenByte)
    }

    /// The text without the whitespace around it.
    static func trimmed(_ text: Substring) -> Substring {
        let bytes = text.utf8
        var start = bytes.startIndex
        var end = bytes.endIndex
        while start < end, isWhitespace(bytes[start]) { start = bytes.index(after: start) }
        while start < end {
            let last = bytes.index(before: end)
            guard isWhitespace(bytes[last]) else { break }
            end = last
        }
        return text[start..<end]
    }

    /// The members of a list (RFC 9110 §5.6.1.2: empty ones do not count), split at the commas that stand outside
    /// of quoted strings. `isClosed` is false where a quoted string has no end: then its rest is in the last member.
    static func list(_ text: some StringProtocol) -> (members: [Substring], isClosed: Bool) {
        let text = Substring(text)
        let bytes = text.utf8
        var members: [Substring] = []
        var start = bytes.startIndex
        var position = start
        var isQuoted = false
        func close(at end: String.Index) {
            let member = trimmed(text[start..<end])
            if !member.isEmpty { members.append(member) }
        }
        while position < bytes.endIndex {
            let byte = bytes[position]
            let next = bytes.index(after: position)
            if isQuoted {
                if byte == backslash, next < bytes.endIndex {
                    position = bytes.index(after: next)
                    continue
                }
                if byte == quote { isQuoted = false }
            } else if byte == quote {
                isQuoted = true
            } else if byte == comma {
                close(at: position)
                start = next
            }
            position = next
        }
        close(at: bytes.endIndex)
        return (members, !isQuoted)
    }

    /// The members of a list whose elements have no quoted strings, split at every comma.
    static func plainList(_ text: some StringProtocol) -> [Substring] {
        let text = Substring(text)
        return text.utf8.split(separator: comma).compactMap { part in
            let member = trimmed(Substring(part))
            return member.isEmpty ? nil : member
        }
    }

    /// The content of a quoted string (RFC 9110 §5.6.4), escapes resolved; nil where the text is not exactly one.
    static func unquoted(_ text: Substring) -> String? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 2, bytes.first == quote else { return nil }
        var content: [UInt8] = []
        var isEscaped = false
        for (index, byte) in bytes.enumerated().dropFirst() {
            if isEscaped {
                content.append(byte)
                isEscaped = false
            } else if byte == backslash {
                isEscaped = true
            } else if byte == quote {
                return index == bytes.count - 1 ? String(decoding: content, as: UTF8.self) : nil
            } else {
                content.append(byte)
            }
        }
        return nil
    }

    /// `1*DIGIT` as a number; `Int64.max` where it is larger than that; nil where it is anything else.
    static func decimal(_ text: some StringProtocol) -> Int64? {
        guard !text.isEmpty else { return nil }
        var value: Int64 = 0
        var isTooLarge = false
        for byte in text.utf8 {
            guard isDigit(byte) else { return nil }
            let (shifted, first) = value.multipliedReportingOverflow(by: 10)
            let (sum, second) = shifted.addingReportingOverflow(Int64(byte &- 0x30))
            if first || second { isTooLarge = true }
            if !isTooLarge { value = sum }
        }
        return isTooLarge ? Int64.max : value
    }

    /// RFC 9111 §1.2.2: delta-seconds; what is larger than 2^31 counts as 2^31. nil where it is no number.
    static func deltaSeconds(_ text: some StringProtocol) -> Int64? {
        decimal(text).map { min($0, deltaLimit) }
    }

    /// RFC 9111 §1.2.2: the seconds that stand for every larger number.
    static let deltaLimit: Int64 = 1 << 31

    /// ASCII lower case; every other byte stays as it is.
    static func lowercase(_ text: some StringProtocol) -> String {
        String(decoding: text.utf8.map { lowercased($0) }, as: UTF8.self)
    }

    /// Equality in any case of ASCII letters, byte by byte.
    static func equalIgnoringCase(_ one: some StringProtocol, _ other: some StringProtocol) -> Bool {
        one.utf8.count == other.utf8.count
            && zip(one.utf8, other.utf8).allSatisfy { lowercased($0) == lowercased($1) }
    }
}
