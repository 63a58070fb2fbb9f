// What the directives of `access` decide about a client, a port and an address (R60 to R63).
//
// Pure: addresses come in, verdicts go out. Which addresses are denied at all is HTTPSemantics' knowledge; that our own
// listeners are never a destination (R64) is for those who know the listeners, and no rule here opens them.

package import HTTPSemantics

extension Configuration.Access {
    /// Whether a client at this address is served (R60). This machine always is.
    package func admits(client: IPAddress) -> Bool {
        if client.isThisMachine { return true }
        switch clients {
        case .unset: return false
        case .privateNetworks: return Self.privateNetworks.contains { $0.contains(client) }
        case .networks(let networks): return networks.contains { $0.block.contains(client) }
        }
    }

    /// Whether an http request may name this port (R61): a port of the WHATWG's list of bad ports only where it stands
    /// there by itself.
    package func allowsHTTP(port: UInt16) -> Bool {
        BadPorts.contains(port) ? httpPorts.names(port) : httpPorts.contains(port)
    }

    /// Whether CONNECT may name this port (R61, R65). The list is the operator's word: nothing is taken from it.
    package func allowsConnect(port: UInt16) -> Bool {
        connectPorts.contains(port)
    }

    /// Whether `access.destinations` opens an address that R62 denies. `host` is the target's host as it was asked for:
    /// a name, or an IP address without brackets.
    package func opens(host: String, address: IPAddress, port: UInt16) -> Bool {
        let host = IPAddress.parse(host)?.text ?? HostAndPort.lowerCase(host)
        // Loopback and link-local are open only where they are named literally, with the port (R62).
        let needsLiteral = DestinationAddress.isLoopback(address) || DestinationAddress.isLinkLocal(address)
        return destinations.contains { rule in
            switch rule {
            case .literal(let literalHost, let literalPort):
                return literalPort == port && literalHost == host
            case .network(let network):
                return !needsLiteral && network.block.contains(address)
            case .hostSuffix(let suffix):
                return !needsLiteral && (host == suffix || host.hasSuffix("." + suffix))
            }
        }
    }

    /// RFC 1918, RFC 4193, RFC 6598 (what a VPN or a carrier's NAT hands out), and both kinds of link-local.
    private static let privateNetworks: [CIDR] = [
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "fc00::/7", "fe80::/10",
    ].compactMap { CIDR.parse($0) }
}

extension IPAddress {
    /// 127/8 and ::1. Not the unspecified addresses: connecting to them reaches this machine, but what listens on them
    /// is reached by everybody.
    var isThisMachine: Bool {
        switch unmapped {
        case .v4(let bits): bits >> 24 == 127
        case .v6(let high, let low): high == 0 && low == 1
        }
    }
}
