// Who may use the proxy, and what they may reach through it (hardening R60 to R65). Addresses are judged
// as they are about to be connected to, after the name was resolved; the judgement of an address itself
// is HTTPSemantics' (DestinationAddress).

package import Configuration
package import HTTPSemantics
import Synchronization

/// The verdicts on clients, ports and addresses. Immutable but for our own addresses, which are known
/// once the listeners are bound. May be used from any thread.
package final class Access: Sendable {
    private let configuration: Configuration.Access
    /// Our own listening sockets: never a destination (R64). An address of nil stands for "any address".
    private let own = Mutex<[(address: IPAddress?, port: UInt16)]>([])

    package init(_ configuration: Configuration.Access) {
        self.configuration = configuration
    }

    /// Called once the listeners are bound, before the first request is accepted.
    package func listens(on address: IPAddress?, port: UInt16) {
        own.withLock { $0.append((address, port)) }
    }

    // MARK: Clients

    /// R60: without `access.clients` only programs on this machine may use the proxy.
    package func admits(_ client: IPAddress?) -> Bool {
        guard let client else { return false }
        return configuration.admits(client: client)
    }

    // MARK: Ports

    /// R61, for `http` targets.
    package func admitsHTTP(port: UInt16) -> Bool {
        configuration.allowsHTTP(port: port)
    }

    /// R61, for CONNECT.
    package func admitsConnect(port: UInt16) -> Bool {
        configuration.allowsConnect(port: port)
    }

    // MARK: Addresses

    /// The judgement of the addresses of one request's host, to be asked for every address before it is
    /// connected to.
    package func judge(client: IPAddress?, host: String, port: UInt16) -> @Sendable (IPAddress, UInt16) -> Bool {
        { [self] address, _ in reaches(client: client, host: host, address: address, port: port) }
    }

    /// Whether this client may reach this address under this name (R62 to R64).
    ///
    /// - Parameter host: the host of the target as it was written, without brackets, in lower case.
    package func reaches(client: IPAddress?, host: String, address: IPAddress, port: UInt16) -> Bool {
        if isOwn(address, port: port) { return false }
        guard DestinationAddress.isDenied(address) else { return true }
        if configuration.loopbackReachesAll, let client, DestinationAddress.isLoopback(client) { return true }
        return configuration.opens(host: host, address: address, port: port)
    }

    /// R64. A listener on "any address" owns its port on every address of this machine; which addresses
    /// those are can change at any time, so that every denied (non-global) address counts.
    func isOwn(_ address: IPAddress, port: UInt16) -> Bool {
        own.withLock { own in
            own.contains { entry in
                guard entry.port == port else { return false }
                guard let bound = entry.address else { return DestinationAddress.isDenied(address) }
                if bound == address { return true }
                // Every loopback address, 0.0.0.0 and :: may lead to a loopback listener.
                return DestinationAddress.isLoopback(bound) && DestinationAddress.isLoopback(address)
            }
        }
    }
}
