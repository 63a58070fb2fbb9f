// IP addresses as text (RFC 4291 §2.2, RFC 5952). IPv4 is read in its canonical form only: what inet_aton
// accepts beyond it (octal, hexadecimal, fewer than four numbers) is how filters are deceived (R23).

enum IPAddressGrammar {
    /// Four decimal numbers below 256, without leading zeros.
    static func v4(_ text: Substring) -> UInt32? {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bits: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.count), part.count == 1 || part.first != UInt8(ascii: "0"),
                let value = FieldGrammar.decimal(Substring(part)), value < 256
            else { return nil }
            bits = bits << 8 | UInt32(value)
        }
        return bits
    }

    /// Eight groups of one to four hexadecimal digits; one run of at least one zero group may be written as `::`; the
    /// last two groups may be written as an IPv4 address.
    static func v6(_ text: Substring) -> IPAddress? {
        let parts = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        // `::` at an end gives an empty part too many: "::1" is "", "", "1". The longest text has nine parts.
        guard (3...9).contains(parts.count) else { return nil }
        var groups: [UInt16] = []
        var gap: Int?
        var index = 0
        while index < parts.count {
            let part = parts[index]
            let isLast = index == parts.count - 1
            if part.isEmpty {
                if index == 0 {
                    // A colon at the start is only ever half of a `::`.
                    guard parts[1].isEmpty else { return nil }
                } else if isLast {
                    guard parts[index - 1].isEmpty, gap == groups.count else { return nil }
                } else {
                    guard gap == nil else { return nil }
                    gap = groups.count
                }
            } else if isLast, part.contains(UInt8(ascii: ".")) {
                guard let bits = v4(Substring(part)) else { return nil }
                groups.append(UInt16(truncatingIfNeeded: bits >> 16))
                groups.append(UInt16(truncatingIfNeeded: bits))
            } else {
                guard let group = hexadecimal(part) else { return nil }
                groups.append(group)
            }
            index += 1
        }
        if let gap {
            guard groups.count < 8 else { return nil }
            groups.insert(contentsOf: repeatElement(0, count: 8 - groups.count), at: gap)
        }
        guard groups.count == 8 else { return nil }
        let high = groups[..<4].reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
        let low = groups[4...].reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
        return .v6(high: high, low: low)
    }

    static func text(v4 bits: UInt32) -> String {
        "\(bits >> 24).\(bits >> 16 & 0xff).\(bits >> 8 & 0xff).\(bits & 0xff)"
    }

    /// RFC 5952 §4: lower case, no leading zeros, the first of the longest runs of two or more zero groups as `::`;
    /// §5: IPv4-mapped addresses with their IPv4 part in decimal.
    static func text(high: UInt64, low: UInt64) -> String {
        if high == 0, low >> 32 == 0xffff { return "::ffff:" + text(v4: UInt32(truncatingIfNeeded: low)) }
        let groups = [high, low].flatMap { half in
            [48, 32, 16, 0].map { UInt16(truncatingIfNeeded: half >> UInt64($0)) }
        }
        var longest = 0..<0
        var run = 0..<0
        for (index, group) in groups.enumerated() {
            run = group == 0 ? (run.isEmpty ? index : run.lowerBound)..<index + 1 : 0..<0
            if run.count > longest.count { longest = run }
        }
        func written(_ groups: ArraySlice<UInt16>) -> String {
            groups.map { String($0, radix: 16) }.joined(separator: ":")
        }
        guard longest.count >= 2 else { return written(groups[...]) }
        return written(groups[..<longest.lowerBound]) + "::" + written(groups[longest.upperBound...])
    }

    private static func hexadecimal(_ digits: Substring.UTF8View) -> UInt16? {
        guard (1...4).contains(digits.count) else { return nil }
        var value: UInt16 = 0
        for byte in digits {
            let digit: UInt8
            if FieldGrammar.isDigit(byte) {
                digit = byte &- 0x30
            } else {
                guard (byte | 0x20) &- 0x61 < 6 else { return nil }
                digit = (byte | 0x20) &- 0x61 &+ 10
            }
            value = value << 4 | UInt16(digit)
        }
        return value
    }
}
