// The content types that a rule speaks of: `application/x-xz`, `image/*`. Parameters do not count. It must not know
// what a rule sets.

/// One entry of `type` in a rule.
package struct TypePattern: Sendable, Hashable {
    /// As it was written.
    package let text: String
    /// Lower case; nil: any.
    private let type: String?
    private let subtype: String?

    /// nil where `text` is no media type without parameters, of which the subtype or both parts may be `*`.
    package static func parse(_ text: String) -> TypePattern? {
        guard let (type, subtype) = parts(of: text), !text.utf8.contains(UInt8(ascii: ";")) else { return nil }
        guard type != "*" || subtype == "*" else { return nil }
        for part in [type, subtype] where part != "*" {
            guard part.utf8.allSatisfy({ isNameByte($0) }) else { return nil }
        }
        return TypePattern(
            text: text,
            type: type == "*" ? nil : type,
            subtype: subtype == "*" ? nil : subtype
        )
    }

    /// - Parameter contentType: the value of Content-Type, with its parameters.
    package func matches(_ contentType: String) -> Bool {
        guard let (type, subtype) = Self.parts(of: contentType) else { return false }
        return (self.type ?? type) == type && (self.subtype ?? subtype) == subtype
    }

    /// RFC 9110 §8.3.1: type and subtype are in any case; parameters follow a semicolon, with whitespace around it.
    private static func parts(of text: String) -> (type: String, subtype: String)? {
        let media = text.utf8.prefix { $0 != UInt8(ascii: ";") }.drop { isWhitespace($0) }
        let name = media.prefix { !isWhitespace($0) }
        guard media.dropFirst(name.count).allSatisfy({ isWhitespace($0) }) else { return nil }
        let sides = name.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard sides.count == 2, !sides[0].isEmpty, !sides[1].isEmpty else { return nil }
        return (HostAndPort.lowerCase(String(Substring(sides[0]))), HostAndPort.lowerCase(String(Substring(sides[1]))))
    }

    private static func isWhitespace(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
    }

    /// RFC 6838 §4.2: what the names of registered types are made of.
    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x61...0x7A: true
        case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "&"), UInt8(ascii: "-"),
            UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "+"):
            true
        default: false
        }
    }
}
