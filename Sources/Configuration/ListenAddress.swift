// An address on which clients are served, as `listen` and `--listen` write it: "127.0.0.1:3128", "[::1]:3128".
//
// Names are not looked up: what is bound is what was written. `localhost` is the one word, and means 127.0.0.1.

import HTTPSemantics

extension Configuration {
    package struct ListenAddress: Sendable, Hashable {
        /// An IP address as text, without brackets.
        package let host: String
        /// 0: any free port.
        package let port: UInt16

        package init(host: String, port: UInt16) {
            self.host = host
            self.port = port
        }

        /// nil unless `text` is an IP address, in brackets where it is IPv6, a colon, and a port.
        package static func parse(_ text: String) -> ListenAddress? {
            guard let (host, port) = HostAndPort.split(text) else { return nil }
            if HostAndPort.lowerCase(host) == "localhost" { return ListenAddress(host: "127.0.0.1", port: port) }
            guard let address = IPAddress.parse(host) else { return nil }
            return ListenAddress(host: address.text, port: port)
        }

        /// As it is written in proxy.conf.
        package var text: String { host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)" }

        /// Whether only this machine can reach it (R60).
        package var isLoopback: Bool {
            IPAddress.parse(host)?.isThisMachine ?? false
        }
    }
}

/// The grammar that addresses of `listen` and literals of `access.destinations` share.
enum HostAndPort {
    /// Splits at the last colon; an IPv6 host loses its brackets, and must have had them.
    static func split(_ text: String) -> (host: String, port: UInt16)? {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        var host = text[..<colon]
        guard let port = port(text[text.index(after: colon)...]) else { return nil }
        if host.first == "[" {
            guard host.last == "]" else { return nil }
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { return nil }
        } else if host.contains(":") {
            return nil
        }
        return host.isEmpty ? nil : (String(host), port)
    }

    /// 1 to 5 ASCII digits, at most 65535. `UInt16("+1")` would be a number; a port has no sign.
    static func port(_ text: some StringProtocol) -> UInt16? {
        guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return UInt16(text)
    }

    /// ASCII only: names in proxy.conf are compared with names in request targets, which are ASCII.
    static func lowerCase(_ text: String) -> String {
        String(decoding: text.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
    }
}
