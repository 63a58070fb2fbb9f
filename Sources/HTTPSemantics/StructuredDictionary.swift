// A Dictionary of RFC 8941 §3.2, read strictly (§4.2): one fault anywhere makes the whole of it unreadable. What
// cache directives (RFC 9213 §2.1: booleans, integers, strings) and digests (RFC 9530 §2: byte sequences) can be is
// kept; other types, parameters and inner lists are read over. It knows no directive and no digest.

/// A Dictionary as it is read (RFC 8941 §4.2.2).
struct StructuredDictionary {
    enum Value: Equatable, Sendable {
        case boolean(Bool)
        case integer(Int64)
        case string(String)
        /// In base64, as it stands between the colons.
        case byteSequence(String)
        /// A decimal, token or inner list: of no type that anybody here reads.
        case other
    }

    struct Member: Equatable, Sendable {
        let key: String
        var value: Value
    }

    private let bytes: [UInt8]
    private var position = 0

    private init(_ text: String) { bytes = Array(text.utf8) }

    /// The members in order, of two with one key the last (RFC 8941 §4.2.2); nil where the text is no dictionary.
    static func parse(_ text: String) -> [Member]? {
        var reader = StructuredDictionary(text)
        return reader.dictionary()
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        position += 1
        return true
    }

    private mutating func skip(while condition: (UInt8) -> Bool) {
        while let byte = next, condition(byte) { position += 1 }
    }

    private mutating func skipSpaces() { skip { $0 == FieldGrammar.space } }

    private mutating func dictionary() -> [Member]? {
        var members: [Member] = []
        var places: [String: Int] = [:]
        skipSpaces()
        while next != nil {
            guard let key = key(), let value = memberValue() else { return nil }
            if let place = places[key] {
                members[place].value = value
            } else {
                places[key] = members.count
                members.append(Member(key: key, value: value))
            }
            skip(while: FieldGrammar.isWhitespace)
            if next == nil { break }
            guard take(FieldGrammar.comma) else { return nil }
            skip(while: FieldGrammar.isWhitespace)
            // RFC 8941 §4.2.2: no comma at the end.
            if next == nil { return nil }
        }
        return members
    }

    /// RFC 8941 §3.1.2: keys are lower case.
    private mutating func key() -> String? {
        guard let first = next, Self.isLowercase(first) || first == UInt8(ascii: "*") else { return nil }
        let start = position
        skip { byte in
            Self.isLowercase(byte) || FieldGrammar.isDigit(byte) || "_-.*".utf8.contains(byte)
        }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private static func isLowercase(_ byte: UInt8) -> Bool { byte &- 0x61 < 26 }

    private mutating func memberValue() -> Value? {
        guard take(UInt8(ascii: "=")) else { return parameters() ? .boolean(true) : nil }
        let value = next == UInt8(ascii: "(") ? innerList() : bareItem()
        guard let value, parameters() else { return nil }
        return value
    }

    /// RFC 8941 §4.2.3.2: read over. Whether they are sound.
    private mutating func parameters() -> Bool {
        while take(UInt8(ascii: ";")) {
            skipSpaces()
            guard key() != nil else { return false }
            if take(UInt8(ascii: "=")), bareItem() == nil { return false }
        }
        return true
    }

    /// RFC 8941 §4.2.1.2.
    private mutating func innerList() -> Value? {
        guard take(UInt8(ascii: "(")) else { return nil }
        while next != nil {
            skipSpaces()
            if take(UInt8(ascii: ")")) { return .other }
            guard bareItem() != nil, parameters() else { return nil }
            guard next == FieldGrammar.space || next == UInt8(ascii: ")") else { return nil }
        }
        return nil
    }

    /// RFC 8941 §4.2.3.1.
    private mutating func bareItem() -> Value? {
        guard let first = next else { return nil }
        switch first {
        case UInt8(ascii: "-"): return number()
        case _ where FieldGrammar.isDigit(first): return number()
        case FieldGrammar.quote: return string()
        case UInt8(ascii: ":"): return byteSequence()
        case UInt8(ascii: "?"): return boolean()
        case _ where FieldGrammar.isLetter(first) || first == UInt8(ascii: "*"):
            skip { FieldGrammar.isTokenByte($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "/") }
            return .other
        default: return nil
        }
    }

    /// RFC 8941 §4.2.4: an integer of 15 digits at most, or a decimal of 12 and 1 to 3.
    private mutating func number() -> Value? {
        let isNegative = take(UInt8(ascii: "-"))
        let start = position
        skip(while: FieldGrammar.isDigit)
        let digits = position - start
        guard digits >= 1, digits <= 15 else { return nil }
        if take(UInt8(ascii: ".")) {
            let fraction = position
            skip(while: FieldGrammar.isDigit)
            return digits <= 12 && (1...3).contains(position - fraction) ? .other : nil
        }
        guard let value = FieldGrammar.decimal(String(decoding: bytes[start..<position], as: UTF8.self)) else {
            return nil
        }
        return .integer(isNegative ? -value : value)
    }

    /// RFC 8941 §4.2.5: printable ASCII; only the quotation mark and the backslash are escaped.
    private mutating func string() -> Value? {
        guard take(FieldGrammar.quote) else { return nil }
        var content: [UInt8] = []
        while let byte = next {
            position += 1
            switch byte {
            case FieldGrammar.quote:
                return .string(String(decoding: content, as: UTF8.self))
            case FieldGrammar.backslash:
                guard let escaped = next, escaped == FieldGrammar.quote || escaped == FieldGrammar.backslash else {
                    return nil
                }
                position += 1
                content.append(escaped)
            case 0x20...0x7E:
                content.append(byte)
            default:
                return nil
            }
        }
        return nil
    }

    /// RFC 8941 §4.2.7: the characters of base64 between colons.
    private mutating func byteSequence() -> Value? {
        guard take(UInt8(ascii: ":")) else { return nil }
        let start = position
        skip { FieldGrammar.isLetter($0) || FieldGrammar.isDigit($0) || "+/=".utf8.contains($0) }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        return take(UInt8(ascii: ":")) ? .byteSequence(text) : nil
    }

    /// RFC 8941 §4.2.8.
    private mutating func boolean() -> Value? {
        guard take(UInt8(ascii: "?")) else { return nil }
        if take(UInt8(ascii: "1")) { return .boolean(true) }
        return take(UInt8(ascii: "0")) ? .boolean(false) : nil
    }
}
