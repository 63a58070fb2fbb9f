// Listening addresses, ports, clients and destinations: how they are written, and what they decide (R60 to R63).

import Configuration
import HTTPSemantics
import Testing

@Suite("Addresses, ports and networks")
struct AddressTests {
    @Test(
        "a listening address is an IP address and a port",
        arguments: [
            ("127.0.0.1:3128", "127.0.0.1", 3128, true), ("127.9.9.9:0", "127.9.9.9", 0, true),
            ("[::1]:3128", "::1", 3128, true), ("localhost:80", "127.0.0.1", 80, true),
            ("LocalHost:80", "127.0.0.1", 80, true), ("0.0.0.0:3128", "0.0.0.0", 3128, false),
            ("[::]:3128", "::", 3128, false), ("192.168.1.5:65535", "192.168.1.5", 65535, false),
            ("[FD00::0:1]:1", "fd00::1", 1, false), ("[::ffff:127.0.0.1]:1", "::ffff:127.0.0.1", 1, true),
        ] as [(String, String, UInt16, Bool)]
    )
    func listening(text: String, host: String, port: UInt16, isLoopback: Bool) throws {
        let address = try #require(Configuration.ListenAddress.parse(text))
        #expect(address == Configuration.ListenAddress(host: host, port: port))
        #expect(address.isLoopback == isLoopback)
        #expect(Configuration.ListenAddress.parse(address.text) == address)
    }

    @Test(
        "what is no listening address is refused",
        arguments: [
            "", "3128", ":3128", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1",
            "127.0.0.1:3128 ", "127.0.0.1:000080", "::1:3128", "[::1]", "[::1:3128", "::1]:3128", "[127.0.0.1]:3128",
            "127.1:3128", "example.org:3128", "*:3128", "[]:1", "[fe80::1%eth0]:3128",
        ]
    )
    func noListening(text: String) {
        #expect(Configuration.ListenAddress.parse(text) == nil)
    }

    @Test(
        "a port or a range of ports",
        arguments: [
            ("443", 443...443), ("1024-65535", 1024...65535), ("1-1", 1...1), ("80 - 90", 80...90), ("0", nil),
            ("0-9", nil),
            ("90-80", nil), ("", nil), ("-", nil), ("1-", nil), ("-1", nil), ("1-2-3", nil), ("65536", nil), ("a", nil),
            ("+1", nil),
        ] as [(String, ClosedRange<UInt16>?)]
    )
    func ports(text: String, range: ClosedRange<UInt16>?) {
        #expect(Configuration.PortSet.parseRange(text) == range)
    }

    @Test(
        "R61: an http port is open where it is listed, a browser's bad port only where it is listed by itself",
        arguments: [
            (80, true), (443, true), (8080, true), (65535, true), (79, false), (0, false), (22, false), (6000, false),
            (10_080, false),
        ] as [(UInt16, Bool)]
    )
    func httpPorts(port: UInt16, isOpen: Bool) {
        var access = Configuration.Access()
        #expect(access.allowsHTTP(port: port) == isOpen)
        access.httpPorts = Configuration.PortSet([port...port])
        #expect(access.allowsHTTP(port: port))
    }

    @Test("R61: CONNECT is open to port 443, and to what is listed")
    func connectPorts() {
        var access = Configuration.Access()
        #expect(access.allowsConnect(port: 443))
        #expect(!access.allowsConnect(port: 80))
        access.connectPorts = Configuration.PortSet([1...65535])
        #expect(access.allowsConnect(port: 22))
        access.connectPorts = Configuration.PortSet([])
        #expect(!access.allowsConnect(port: 443))
    }

    @Test(
        "R60: this machine is always served, others where access.clients names them",
        arguments: [
            ("127.0.0.1", true, true, true), ("::1", true, true, true), ("::ffff:127.0.0.1", true, true, true),
            ("192.168.1.7", false, true, true), ("::ffff:192.168.1.7", false, true, true),
            ("192.168.2.7", false, true, false),
            ("10.0.0.1", false, true, false), ("100.64.0.1", false, true, false), ("169.254.1.1", false, true, false),
            ("fd00::1", false, true, false), ("fe80::1", false, true, false), ("8.8.8.8", false, false, false),
            ("2001:db8::1", false, false, true), ("2001:db9::1", false, false, false),
            ("172.15.255.255", false, false, false),
            ("0.0.0.0", false, false, false), ("::", false, false, false),
        ] as [(String, Bool, Bool, Bool)]
    )
    func clients(text: String, unset: Bool, isPrivate: Bool, listed: Bool) throws {
        let client = try #require(IPAddress.parse(text))
        var access = Configuration.Access()
        #expect(access.admits(client: client) == unset)
        access.clients = .privateNetworks
        #expect(access.admits(client: client) == isPrivate)
        access.clients = .networks(
            [Configuration.Network.parse("192.168.1.0/24"), Configuration.Network.parse("2001:db8::/32")].compactMap {
                $0
            }
        )
        #expect(access.admits(client: client) == listed)
    }

    @Test("a client is listed by its address alone, too")
    func oneClient() throws {
        var access = Configuration.Access()
        access.clients = .networks([try #require(Configuration.Network.parse("10.1.2.3"))])
        #expect(access.admits(client: try #require(IPAddress.parse("10.1.2.3"))))
        #expect(!access.admits(client: try #require(IPAddress.parse("10.1.2.4"))))
    }

    @Test(
        "a destination is a network, a name with all under it, or a host with its port",
        arguments: [
            ("192.168.1.0/24", "192.168.1.0/24"), ("10.0.0.1", "10.0.0.1"), ("fd00::/8", "fd00::/8"),
            ("Example.LAN", ".example.lan"), (".example.lan", ".example.lan"), ("printer", ".printer"),
            ("127.0.0.1:8080", "127.0.0.1:8080"), ("[::1]:80", "[::1]:80"), ("Router.lan:80", "router.lan:80"),
        ]
    )
    func destination(text: String, shown: String) throws {
        let values = try Configuration.describe(
            fileText: "access.destinations = [\"\(text)\"]",
            fileName: "proxy.conf"
        )
        #expect(values.first { $0.key == "access.destinations" }?.value == "[\"\(shown)\"]")
        #expect(Configuration.DestinationRule.parse(shown) == Configuration.DestinationRule.parse(text))
    }

    @Test(
        "what is no destination is refused",
        arguments: [
            "", ".", "..", "a..b", "-a.lan", "a-.lan", "1.2.3", "1.2.3.4.5", "192.168.1.0/33", "10.0.0.1:0",
            "a.lan:65536",
            "http://a.lan", "a lan", "*.lan", "bücher.lan", "[::1]", String(repeating: "a", count: 64),
        ]
    )
    func noDestination(text: String) {
        #expect(Configuration.DestinationRule.parse(text) == nil)
    }

    @Test(
        "R62: what a destination opens",
        arguments: [
            ("192.168.1.0/24", "router.lan", "192.168.1.1", 80, true),
            ("192.168.1.0/24", "x.org", "192.168.2.1", 80, false),
            ("192.168.1.0/24", "x.org", "::ffff:192.168.1.1", 80, true),
            (".lan", "router.lan", "192.168.1.1", 80, true), (".lan", "Router.LAN", "192.168.1.1", 80, true),
            ("lan", "lan", "10.0.0.1", 80, true), (".lan", "notlan", "10.0.0.1", 80, false),
            (".lan", "router.lan", "127.0.0.1", 80, false), (".lan", "router.lan", "169.254.169.254", 80, false),
            (".lan", "router.lan", "0.0.0.0", 80, false), ("0.0.0.0/0", "127.0.0.1", "127.0.0.1", 80, false),
            ("::/0", "::1", "::1", 80, false), ("127.0.0.1:8080", "127.0.0.1", "127.0.0.1", 8080, true),
            ("127.0.0.1:8080", "127.0.0.1", "127.0.0.1", 8081, false),
            ("127.0.0.1:8080", "rebound.org", "127.0.0.1", 8080, false), ("[::1]:80", "::1", "::1", 80, true),
            ("[::1]:80", "0:0::1", "::1", 80, true), ("router.lan:80", "router.lan", "127.0.0.1", 80, true),
            ("router.lan:80", "a.router.lan", "10.0.0.1", 80, false),
        ] as [(String, String, String, UInt16, Bool)]
    )
    func opens(rule: String, host: String, address: String, port: UInt16, isOpen: Bool) throws {
        var access = Configuration.Access()
        access.destinations = [try #require(Configuration.DestinationRule.parse(rule))]
        #expect(access.opens(host: host, address: try #require(IPAddress.parse(address)), port: port) == isOpen)
    }

    @Test("R62: nothing is open unless it is listed")
    func nothingOpen() throws {
        #expect(
            !Configuration.Access().opens(
                host: "10.0.0.1",
                address: try #require(IPAddress.parse("10.0.0.1")),
                port: 80
            )
        )
    }
}
