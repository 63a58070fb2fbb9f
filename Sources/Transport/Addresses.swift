// Socket addresses and the IP addresses that rules judge, turned into each other. An IPv4 client on a
// dual-stack socket appears as ::ffff:a.b.c.d and is taken for what it is: an IPv4 address.

import Glibc
package import HTTPSemantics
package import NIOCore

extension IPAddress {
    /// The address of a socket; nil for a unix socket.
    package init?(_ address: SocketAddress) {
        let family: CInt
        switch address.protocol {
        case .inet: family = AF_INET
        case .inet6: family = AF_INET6
        default: return nil
        }
        let found = address.withSockAddr { pointer, size in
            IPAddress(family: family, socketAddress: UnsafeRawBufferPointer(start: pointer, count: size))
        }
        guard let found else { return nil }
        self = found
    }

    /// The address in the bytes of a sockaddr_in or sockaddr_in6, whose fields Swift sees in no module of the
    /// system's: family 2, port 2, IPv4 address 4; or family 2, port 2, flow label 4, IPv6 address 16.
    init?(family: CInt, socketAddress bytes: UnsafeRawBufferPointer) {
        if family == AF_INET, bytes.count >= 8 {
            self = .v4(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
        } else if family == AF_INET6, bytes.count >= 24 {
            let high = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            let low = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
            self = IPAddress.v6(high: high, low: low).unmapped
        } else {
            return nil
        }
    }

    /// The address that a socket connects to.
    func socketAddress(port: UInt16) throws -> SocketAddress {
        var packed = ByteBuffer()
        switch self {
        case .v4(let value):
            packed.writeInteger(value)
        case .v6(let high, let low):
            packed.writeInteger(high)
            packed.writeInteger(low)
        }
        return try SocketAddress(packedIPAddress: packed, port: Int(port))
    }

    /// `address:port`, an IPv6 address in brackets.
    package func text(withPort port: UInt16) -> String {
        switch self {
        case .v4: "\(text):\(port)"
        case .v6: "[\(text)]:\(port)"
        }
    }

    /// The part of an address by which connections are counted (R51): all of IPv4, the /64 of IPv6.
    var countingPrefix: IPAddress {
        switch self {
        case .v4: self
        case .v6(let high, _): .v6(high: high, low: 0)
        }
    }

    /// 127.0.0.0/8 and ::1: a client on this machine.
    var isOnThisMachine: Bool {
        switch self {
        case .v4(let value): value >> 24 == 127
        case .v6(let high, let low): high == 0 && low == 1
        }
    }
}
