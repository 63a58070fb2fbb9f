// The values of `access.clients` and `access.destinations`, and how they are written.
//
// What they decide stands in Access+Judging.swift.

package import HTTPSemantics

extension Configuration {
    /// `access.clients`: which clients beyond this machine are served (R60).
    package enum Clients: Sendable, Equatable {
        /// None; a listening address that others can reach is then refused at start.
        case unset
        /// The networks that are never routed on the Internet.
        case privateNetworks
        case networks([Network])
    }

    /// A network, or one address as the network that holds only it, and how it was written.
    package struct Network: Sendable, Equatable {
        package let block: CIDR
        package let text: String

        package static func parse(_ text: String) -> Network? {
            CIDR.parse(text).map { Network(block: $0, text: text) }
        }
    }

    /// One entry of `access.destinations`: something that opens what R62 denies.
    package enum DestinationRule: Sendable, Equatable {
        /// Every address in it, but for loopback and link-local ones.
        case network(Network)
        /// A name and all names under it; lower case, without a leading dot.
        case hostSuffix(String)
        /// This host, a name or an IP address without brackets, on this port; the only way to loopback and link-local.
        case literal(host: String, port: UInt16)

        package static func parse(_ text: String) -> DestinationRule? {
            if let network = Network.parse(text) { return .network(network) }
            if let (host, port) = HostAndPort.split(text) {
                guard port > 0 else { return nil }
                if let address = IPAddress.parse(host) { return .literal(host: address.text, port: port) }
                return name(host).map { .literal(host: $0, port: port) }
            }
            return name(text.first == "." ? String(text.dropFirst()) : text).map { .hostSuffix($0) }
        }

        /// A host name in lower case, of which the last label is not a number: that would be a broken address.
        private static func name(_ text: String) -> String? {
            let labels = HostAndPort.lowerCase(text).split(separator: ".", omittingEmptySubsequences: false)
            guard text.utf8.count <= 253, let last = labels.last else { return nil }
            for label in labels {
                guard (1...63).contains(label.utf8.count), label.first != "-", label.last != "-" else { return nil }
                let isName = label.utf8.allSatisfy { byte in
                    (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "-")
                        || byte == UInt8(ascii: "_")
                }
                guard isName else { return nil }
            }
            guard !last.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
            return labels.joined(separator: ".")
        }

        var text: String {
            switch self {
            case .network(let network): network.text
            case .hostSuffix(let name): "." + name
            case .literal(let host, let port):
                host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
            }
        }
    }
}
