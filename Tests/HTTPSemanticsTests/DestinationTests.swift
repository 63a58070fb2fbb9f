// R61 to R63: addresses as text, blocks of them, and which are denied.

import HTTPSemantics
import Testing

@Suite("IP addresses as text (RFC 4291 §2.2, RFC 5952)")
struct IPAddressTests {
    @Test(
        "Read, and written in the canonical form",
        arguments: [
            ("0.0.0.0", "0.0.0.0"), ("127.0.0.1", "127.0.0.1"), ("255.255.255.255", "255.255.255.255"),
            ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:DB8::1", "2001:db8::1"),
            ("2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"),
            ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
            ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
            ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
            ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
            ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("0:0:0:0:0:0:0:0", "::"),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.1"), ("::FFFF:c000:201", "::ffff:192.0.2.1"),
            ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"), ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
            ("::1.2.3.4", "::102:304"),
        ]
    )
    func sound(text: String, canonical: String) throws {
        let address = try #require(IPAddress.parse(text))
        #expect(address.text == canonical)
        #expect(IPAddress.parse(canonical) == address)
    }

    @Test(
        "What is not canonical, or no address at all, is refused (R23)",
        arguments: [
            "", "1", "1.2.3", "1.2.3.4.5", "1.2.3.4.", ".1.2.3.4", "1..2.3", "01.2.3.4", "1.2.3.04", "1.2.3.256",
            "1.2.3.1000",
            "0x7f.0.0.1", "+1.2.3.4", "1.2.3.-4", " 1.2.3.4", "1.2.3.4 ", "a.b.c.d", "1.2.3.4/8",
            ":", ":::", "::1::", "1::2::3", ":1", "1:", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::",
            "::1:2:3:4:5:6:7:8", "12345::", "g::", "::1%eth0", "[::1]", "::1.2.3", "::1.2.3.4.5", "1.2.3.4::",
            "1:2:3:4::5:6:7:8", "1:2:3:4:5:6::1.2.3.4",
            "::1.2.3.4:5",
            "1:2:3:4:5:6:7:1.2.3.4", ":1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:", "::01.2.3.4", "1:2:3::4:5:6:7:8:9", "::-1",
            ":: 1",
        ]
    )
    func unsound(text: String) {
        #expect(IPAddress.parse(text) == nil)
    }
}

@Suite("Blocks of addresses (RFC 4632)")
struct CIDRTests {
    @Test(
        "Which addresses lie in which block",
        arguments: [
            ("10.0.0.0/8", "10.255.255.255", true), ("10.0.0.0/8", "11.0.0.0", false),
            ("192.168.1.77/24", "192.168.1.1", true), ("192.168.1.77/24", "192.168.2.1", false),
            ("192.168.1.7", "192.168.1.7", true), ("192.168.1.7", "192.168.1.6", false),
            ("0.0.0.0/0", "255.1.2.3", true), ("0.0.0.0/0", "::1", false), ("0.0.0.0/0", "::ffff:1.2.3.4", true),
            ("0.0.0.0/1", "127.0.0.1", true), ("0.0.0.0/1", "128.0.0.1", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true), ("10.0.0.0/8", "::ffff:11.1.2.3", false),
            ("::ffff:10.0.0.0/104", "10.1.2.3", true), ("::ffff:10.0.0.0/104", "11.1.2.3", false),
            ("::ffff:0:0/96", "1.2.3.4", true), ("::1", "::1", true), ("::1", "::2", false), ("::1/128", "::1", true),
            ("fd00::/8", "fdff::1", true), ("fd00::/8", "fe00::1", false), ("::/0", "2001:db8::1", true),
            ("2001:db8::/64", "2001:db8::ffff:ffff:ffff:ffff", true), ("2001:db8::/64", "2001:db8:0:1::", false),
            ("2001:db8::/65", "2001:db8::7fff:0:0:1", true), ("2001:db8::/65", "2001:db8::8000:0:0:1", false),
            ("2001:db8::/63", "2001:db8:0:1::1", true), ("2001:db8::/63", "2001:db8:0:2::1", false),
            ("::2/127", "::3", true), ("::2/127", "::4", false),
        ]
    )
    func contains(block: String, address: String, expected: Bool) throws {
        let cidr = try #require(CIDR.parse(block))
        #expect(cidr.contains(try #require(IPAddress.parse(address))) == expected)
    }

    @Test(
        "What is no block is none",
        arguments: [
            "", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08", "10.0.0.0/+8", "10.0.0.0/8/8", "10/8",
            "10.0.0.0/8 ", "::/129", "::/999999999999", "private", "10.0.0.0/255.0.0.0",
        ]
    )
    func unsound(text: String) {
        #expect(CIDR.parse(text) == nil)
    }
}

@Suite("Denied destinations (R62)")
struct DestinationAddressTests {
    @Test(
        "This machine, private networks, and nobody's addresses",
        arguments: [
            "0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1",
            "127.255.255.255", "169.254.0.1", "169.254.169.254", "172.16.0.0", "172.31.255.255", "192.0.0.1",
            "192.0.2.1",
            "192.168.0.0", "192.168.255.255", "198.18.0.0", "198.19.255.255", "198.51.100.1", "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
            "64:ff9b::10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:0a00:0001::1", "2002:7f00:1::", "::10.0.0.1",
            "::127.0.0.1", "100::1", "fc00::1", "fdff::1", "fe80::1", "febf::1", "fec0::1", "ff02::1", "ffff::",
        ]
    )
    func denied(text: String) throws {
        #expect(DestinationAddress.isDenied(try #require(IPAddress.parse(text))))
    }

    @Test(
        "All others are open",
        arguments: [
            "1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
            "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0", "198.17.255.255", "198.20.0.0", "198.51.99.255", "203.0.112.255", "223.255.255.255",
            "8.8.8.8",
            "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:0808:0808::1", "::8.8.8.8",
            "100:0:0:1::1",
            "fbff::1", "fe00::1", "2a00::1",
        ]
    )
    func open(text: String) throws {
        #expect(!DestinationAddress.isDenied(try #require(IPAddress.parse(text))))
    }

    @Test(
        "Loopback, the unspecified addresses included",
        arguments: [
            ("127.0.0.1", true), ("127.9.9.9", true), ("0.0.0.0", true), ("::1", true), ("::", true),
            ("::ffff:127.0.0.1", true), ("128.0.0.1", false), ("126.0.0.1", false), ("0.0.0.1", false), ("::2", false),
            ("1::1", false), ("10.0.0.1", false),
        ]
    )
    func loopback(text: String, expected: Bool) throws {
        #expect(DestinationAddress.isLoopback(try #require(IPAddress.parse(text))) == expected)
    }

    @Test(
        "Link-local",
        arguments: [
            ("169.254.169.254", true), ("::ffff:169.254.0.1", true), ("fe80::1", true), ("febf::1", true),
            ("169.253.0.1", false), ("fec0::1", false), ("fe7f::1", false), ("::1", false),
        ]
    )
    func linkLocal(text: String, expected: Bool) throws {
        #expect(DestinationAddress.isLinkLocal(try #require(IPAddress.parse(text))) == expected)
    }

    @Test(
        "Bad ports (R61)",
        arguments: [
            (22, true), (25, true), (6667, true), (10_080, true), (0, true), (5060, true), (80, false), (443, false),
            (3128, false), (8080, false), (65_535, false),
        ] as [(UInt16, Bool)]
    )
    func badPorts(port: UInt16, expected: Bool) {
        #expect(BadPorts.contains(port) == expected)
    }
}
