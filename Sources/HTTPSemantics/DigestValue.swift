// A digest as a value: which algorithm, which bytes; and the forms in which people and fields write one. It computes
// none, and knows no field.

/// The algorithms that are understood, from the weakest to the strongest.
package enum DigestAlgorithm: String, CaseIterable, Comparable, Sendable {
    case md5 = "md5"
    case sha1 = "sha-1"
    case sha256 = "sha-256"
    case sha512 = "sha-512"

    /// Of the digest.
    package var byteCount: Int {
        switch self {
        case .md5: 16
        case .sha1: 20
        case .sha256: 32
        case .sha512: 64
        }
    }

    package static func < (left: DigestAlgorithm, right: DigestAlgorithm) -> Bool { left.byteCount < right.byteCount }

    /// The names of the registry of RFC 9530 §7.2 that promise something; it calls the others insecure, and so Repr-Digest
    /// and Content-Digest are not read for them.
    static func ofRegistry(_ key: String) -> DigestAlgorithm? {
        switch key {
        case "sha-256": .sha256
        case "sha-512": .sha512
        default: nil
        }
    }

    /// The names of RFC 3230 §4.1.1 and of its registry, in any case of letters.
    static func ofInstanceDigest(_ name: some StringProtocol) -> DigestAlgorithm? {
        switch FieldGrammar.lowercase(name) {
        case "md5": .md5
        case "sha": .sha1
        case "sha-256": .sha256
        case "sha-512": .sha512
        default: nil
        }
    }
}

/// A digest of some bytes.
package struct DigestValue: Hashable, Sendable, CustomStringConvertible {
    package let algorithm: DigestAlgorithm
    package let bytes: [UInt8]

    /// nil where there are too few or too many bytes for the algorithm.
    package init?(_ algorithm: DigestAlgorithm, _ bytes: [UInt8]) {
        guard bytes.count == algorithm.byteCount else { return nil }
        self.algorithm = algorithm
        self.bytes = bytes
    }

    /// In hexadecimal, in either case of letters.
    package init?(_ algorithm: DigestAlgorithm, hexadecimal text: some StringProtocol) {
        guard let bytes = DigestText.hexadecimal(text) else { return nil }
        self.init(algorithm, bytes)
    }

    /// In hexadecimal; the algorithm is the one whose digests are so long.
    package init?(hexadecimal text: some StringProtocol) {
        guard let algorithm = DigestAlgorithm.allCases.first(where: { $0.byteCount * 2 == text.utf8.count }) else {
            return nil
        }
        self.init(algorithm, hexadecimal: text)
    }

    /// `sha-256:9f86…`, as `description` writes it.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let algorithm = DigestAlgorithm(rawValue: String(parts[0])) else { return nil }
        self.init(algorithm, hexadecimal: parts[1])
    }

    /// Lower case.
    package var hexadecimal: String {
        let digits = Array("0123456789abcdef".utf8)
        let text = bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return String(decoding: text, as: UTF8.self)
    }

    package var description: String { "\(algorithm.rawValue):\(hexadecimal)" }
}

/// Bytes as text.
enum DigestText {
    static func hexadecimal(_ text: some StringProtocol) -> [UInt8]? {
        let digits = text.utf8.map { nibble($0) }
        guard digits.count.isMultiple(of: 2), !digits.contains(nil) else { return nil }
        let values = digits.compactMap { $0 }
        return stride(from: 0, to: values.count, by: 2).map { values[$0] << 4 | values[$0 + 1] }
    }

    private static func nibble(_ byte: UInt8) -> UInt8? {
        if FieldGrammar.isDigit(byte) { return byte &- 0x30 }
        let letter = lowercased(byte) &- 0x61
        return letter < 6 ? letter + 10 : nil
    }

    /// RFC 4648 §4. Padding may be missing, as RFC 8941 §4.2.7 advises; where it stands, it stands at the end.
    static func base64(_ text: some StringProtocol) -> [UInt8]? {
        var characters = Array(text.utf8)
        var padding = 0
        while characters.last == UInt8(ascii: "=") {
            characters.removeLast()
            padding += 1
        }
        guard padding == 0 || (padding <= 2 && (characters.count + padding).isMultiple(of: 4)) else { return nil }
        guard characters.count % 4 != 1 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(characters.count * 3 / 4)
        var bits: UInt32 = 0
        var count = 0
        for character in characters {
            guard let value = sextet(character) else { return nil }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return bytes
    }

    private static func sextet(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte - 0x41
        case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - 0x61 + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - 0x30 + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
