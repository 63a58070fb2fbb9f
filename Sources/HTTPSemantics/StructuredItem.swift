// The bare items of structured fields (RFC 8941 §3.3) as we write them: tokens, strings, integers. Shared by
// Cache-Status and Proxy-Status; it knows neither of them.

enum StructuredItem {
    /// RFC 8941 §3.3.1: integers have at most fifteen digits; a larger one is written as the largest.
    static func integer(_ number: Int64) -> String {
        String(min(max(number, -largestInteger), largestInteger))
    }

    /// A token where the text is one (RFC 8941 §3.3.4), else a string.
    static func tokenOrString(_ text: String) -> String {
        guard let first = text.utf8.first, FieldGrammar.isLetter(first) || first == UInt8(ascii: "*"),
            text.utf8.allSatisfy({
                FieldGrammar.isTokenByte($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "/")
            })
        else { return string(text) }
        return text
    }

    /// A string (RFC 8941 §3.3.3), in which each byte that cannot stand in one becomes a question mark.
    static func string(_ text: String) -> String {
        var bytes = [FieldGrammar.quote]
        for byte in text.utf8 {
            if byte == FieldGrammar.quote || byte == FieldGrammar.backslash { bytes.append(FieldGrammar.backslash) }
            bytes.append(byte >= 0x20 && byte < 0x7F ? byte : UInt8(ascii: "?"))
        }
        bytes.append(FieldGrammar.quote)
        return String(decoding: bytes, as: UTF8.self)
    }

    private static let largestInteger: Int64 = 999_999_999_999_999
}
