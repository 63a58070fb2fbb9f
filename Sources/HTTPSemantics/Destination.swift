// IP addresses as values, blocks of them, and the judgement whether one may be connected to on behalf of
// a client that is not on this machine (R61 to R63). It resolves nothing and knows no configuration: it
// is asked about the very address that is about to be connected to.

/// An IP address.
package enum IPAddress: Hashable, Sendable {
    case v4(UInt32)
    case v6(high: UInt64, low: UInt64)

    /// Reads an address: IPv4 as four decimal numbers without leading zeros, IPv6 as RFC 4291 §2.2 says, without
    /// brackets and without a zone.
    package static func parse(_ text: String) -> IPAddress? {
        if text.utf8.contains(UInt8(ascii: ":")) { return IPAddressGrammar.v6(Substring(text)) }
        return IPAddressGrammar.v4(Substring(text)).map { .v4($0) }
    }

    /// The address in its canonical form (RFC 5952).
    package var text: String {
        switch self {
        case .v4(let bits): IPAddressGrammar.text(v4: bits)
        case .v6(let high, let low): IPAddressGrammar.text(high: high, low: low)
        }
    }

    /// The IPv4 address that is reached through this one where it is IPv4-mapped (::ffff:0:0/96): a socket of IPv6
    /// speaks to it as IPv4. Every other address stays as it is.
    package var unmapped: IPAddress {
        guard case .v6(0, let low) = self, low >> 32 == 0xffff else { return self }
        return .v4(UInt32(truncatingIfNeeded: low))
    }
}

/// A block of addresses, as `10.0.0.0/8` or `fd00::/8`.
package struct CIDR: Hashable, Sendable {
    private let base: IPAddress
    private let prefix: Int

    /// Reads a block; an address alone is the block of that one address. Bits behind the prefix are dropped. A block
    /// of IPv4-mapped addresses is the block of the IPv4 addresses.
    package static func parse(_ text: String) -> CIDR? {
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard let first = parts.first, parts.count <= 2, let address = IPAddress.parse(String(Substring(first)))
        else { return nil }
        let width =
            switch address {
            case .v4: 32
            case .v6: 128
            }
        var prefix = width
        if parts.count == 2 {
            let digits = Substring(parts[1])
            guard digits.utf8.count <= 3, digits == "0" || digits.utf8.first != UInt8(ascii: "0"),
                let value = FieldGrammar.decimal(digits), value <= Int64(width)
            else { return nil }
            prefix = Int(value)
        }
        if width == 128, prefix >= 96, case .v4(let bits) = address.unmapped {
            return CIDR(.v4(bits), prefix: prefix - 96)
        }
        return CIDR(address, prefix: prefix)
    }

    /// `prefix` is between 0 and the width of the address.
    fileprivate init(_ address: IPAddress, prefix: Int) {
        self.base = CIDR.masked(address, prefix: prefix)
        self.prefix = prefix
    }

    /// Whether the address lies in the block; an IPv4-mapped one counts as the IPv4 address.
    package func contains(_ address: IPAddress) -> Bool {
        switch (base, address.unmapped) {
        case (.v4, .v4(let bits)): CIDR.masked(.v4(bits), prefix: prefix) == base
        case (.v6, .v6(let high, let low)): CIDR.masked(.v6(high: high, low: low), prefix: prefix) == base
        default: false
        }
    }

    private static func masked(_ address: IPAddress, prefix: Int) -> IPAddress {
        // Swift's `<<` yields 0 where the shift is as wide as the number.
        switch address {
        case .v4(let bits):
            .v4(bits & (UInt32.max << UInt32(32 - prefix)))
        case .v6(let high, let low):
            .v6(
                high: high & (UInt64.max << UInt64(max(0, 64 - prefix))),
                low: low & (UInt64.max << UInt64(min(64, 128 - prefix)))
            )
        }
    }
}

/// What an address is to a proxy.
package enum DestinationAddress {
    /// R62: whether the address belongs to this machine, to a private network, or to nobody, so that a client that is
    /// not on this machine may not have it connected to unless the configuration opens it.
    package static func isDenied(_ address: IPAddress) -> Bool {
        switch address.unmapped {
        case .v4(let bits):
            return deniedV4.contains { $0.contains(.v4(bits)) }
        case .v6(let high, let low):
            let address = IPAddress.v6(high: high, low: low)
            if deniedV6.contains(where: { $0.contains(address) }) { return true }
            return embedded(high: high, low: low).map { isDenied(.v4($0)) } ?? false
        }
    }

    /// Whether connecting to the address reaches this machine. So does Linux with the unspecified addresses.
    package static func isLoopback(_ address: IPAddress) -> Bool {
        switch address.unmapped {
        case .v4(let bits): bits >> 24 == 127 || bits == 0
        case .v6(let high, let low): high == 0 && low <= 1
        }
    }

    /// 169.254/16 and fe80::/10: the neighbours on the cable, among them the metadata services of hosting providers.
    package static func isLinkLocal(_ address: IPAddress) -> Bool {
        switch address.unmapped {
        case .v4(let bits): bits >> 16 == 0xa9fe
        case .v6(let high, _): high >> 54 == 0xfe80 >> 6
        }
    }

    /// The IPv4 address that a translator or a tunnel would reach: 64:ff9b::/96 (RFC 6052), 2002::/16 (RFC 3056), and
    /// the old IPv4-compatible ::/96 (RFC 4291 §2.5.5.1). IPv4-mapped ones were unmapped before.
    private static func embedded(high: UInt64, low: UInt64) -> UInt32? {
        if high == 0x0064_ff9b_0000_0000, low >> 32 == 0 { return UInt32(truncatingIfNeeded: low) }
        if high >> 48 == 0x2002 { return UInt32(truncatingIfNeeded: high >> 16) }
        if high == 0, low >> 32 == 0 { return UInt32(truncatingIfNeeded: low) }
        return nil
    }

    private static let deniedV4 = blocks(
        "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24",
        "192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4"
    )
    /// R62's list, and two more of the same kind: fec0::/10, the site-local addresses of old (RFC 3879), and
    /// 64:ff9b:1::/48, the translation prefix for private use (RFC 8215).
    private static let deniedV6 = blocks("::/128 ::1/128 64:ff9b:1::/48 100::/64 fc00::/7 fe80::/10 fec0::/10 ff00::/8")

    private static func blocks(_ lines: String...) -> [CIDR] {
        lines.flatMap { $0.utf8.split(separator: FieldGrammar.space) }.compactMap { CIDR.parse(String(Substring($0))) }
    }
}

/// The ports that browsers refuse (WHATWG Fetch, "bad port"; R61): behind them listen protocols that would take an
/// HTTP request for commands.
package enum BadPorts {
    package static func contains(_ port: UInt16) -> Bool { ports.contains(port) }

    private static let ports: Set<UInt16> = [
        0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104,
        109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526,
        530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045,
        4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10_080,
    ]
}
