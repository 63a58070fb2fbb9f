// The character classes against their definitions, byte by byte.

import Testing
import Wire

@Suite("Character classes: RFC 9110 §5.6, RFC 5234")
struct ByteClassTests {
    @Test("each class has exactly its bytes")
    func classes() {
        let letters = Array(UInt8(ascii: "a")...UInt8(ascii: "z")) + Array(UInt8(ascii: "A")...UInt8(ascii: "Z"))
        let digits = Array(UInt8(ascii: "0")...UInt8(ascii: "9"))
        let tokens = Set(bytes("!#$%&'*+-.^_`|~") + letters + digits)
        for byte in UInt8.min...UInt8.max {
            #expect(ByteClass.isToken(byte) == tokens.contains(byte), "\(byte)")
            #expect(ByteClass.isText(byte) == (byte == 9 || (32...126).contains(byte) || byte >= 128), "\(byte)")
            #expect(ByteClass.isVisible(byte) == (33...126).contains(byte), "\(byte)")
            #expect(ByteClass.isWhitespace(byte) == (byte == 32 || byte == 9), "\(byte)")
            #expect(ByteClass.isDigit(byte) == digits.contains(byte), "\(byte)")
            let scalar = Character(Unicode.Scalar(byte))
            let expected = scalar.isASCII ? scalar.hexDigitValue.map { UInt8($0) } : nil
            #expect(ByteClass.hexValue(byte) == expected, "\(byte)")
        }
    }
}
