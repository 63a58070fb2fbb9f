// Socket addresses and IP addresses, turned into each other.

import HTTPSemantics
import NIOCore
import Testing

@testable import Transport

@Suite("Addresses", .onOwnThreads)
struct AddressTests {
    @Test(
        "an address survives the way to a socket address and back",
        arguments: ["127.0.0.1", "203.0.113.9", "::1", "2001:db8::1:2"]
    )
    func roundTrip(text: String) throws {
        let address = try #require(IPAddress.parse(text))
        let socketAddress = try address.socketAddress(port: 8080)
        #expect(IPAddress(socketAddress) == address)
        #expect(socketAddress.port == 8080)
        #expect(socketAddress.ipAddress == text)
    }

    @Test("an IPv4 client of a dual-stack socket is taken for an IPv4 client")
    func mapped() throws {
        let socketAddress = try SocketAddress(ipAddress: "::ffff:10.0.0.1", port: 1)
        #expect(IPAddress(socketAddress) == .v4(0x0A00_0001))
    }

    @Test("a unix socket has no address")
    func unix() throws {
        #expect(IPAddress(try SocketAddress(unixDomainSocketPath: "/x")) == nil)
    }

    @Test("an address with its port, IPv6 in brackets")
    func text() throws {
        #expect(try #require(IPAddress.parse("::1")).text(withPort: 80) == "[::1]:80")
        #expect(try #require(IPAddress.parse("10.0.0.1")).text(withPort: 80) == "10.0.0.1:80")
    }
}
