// What a client may take of the proxy: counts, sizes and times, each with its number in the hardening
// rules. An operator may want another value for any of them, so they are one value that is handed in.

import Glibc
package import Wire

/// The limits of the client side. Durations are nanoseconds.
package struct DownstreamLimits: Sendable {
    /// R1, R2, R4 to R8, R14: sizes of heads and of chunk framing.
    package var wire = WireLimits.standard
    /// R15: bytes of a request body; nil is no limit.
    package var requestBodyBytes: Int64?
    /// R40: until the first byte of a request on a new connection.
    package var firstByteNanoseconds: Int64 = .seconds(30)
    /// R41: from the first byte of a head to its last.
    package var headNanoseconds: Int64 = .seconds(15)
    /// R42: between two requests.
    package var idleNanoseconds: Int64 = .seconds(60)
    /// R42: requests on one connection.
    package var requestsPerConnection = 10_000
    /// R44: the window in which a request body must make progress.
    package var bodyWindowNanoseconds: Int64 = .seconds(30)
    /// R44: bytes a second that a request body must bring over that window.
    package var bodyBytesPerSecond: Int64 = 500
    /// R45: a client that reads nothing for so long is cut.
    package var writeStallNanoseconds: Int64 = .seconds(300)
    /// R45: the window for the lower bound of a client's rate while connections are scarce.
    package var crowdedWindowNanoseconds: Int64 = .seconds(60)
    /// R45: bytes a second that a client must read while more than 80 % of the connections are in use.
    package var crowdedBytesPerSecond: Int64 = 100
    /// R27: how long, after the last response, input is read and dropped so that the response is not lost.
    package var lingerNanoseconds: Int64 = .seconds(1)
    /// R27: how many bytes are read and dropped then.
    package var lingerBytes = 256 * 1024
    /// R50: connections in all.
    package var connections: Int
    /// R51: connections of one address (of one /64 for IPv6); this machine is exempt.
    package var connectionsPerAddress = 256
    /// R102: how long nothing is accepted after descriptors ran out.
    package var acceptPauseNanoseconds: Int64 = .milliseconds(100)
    /// What a client may have sent beyond the request in progress, and what is kept of it (R53).
    package var readAheadBytes = 64 * 1024
    /// Request body bytes kept while the consumer has paused. Only what the kernel held when the client ended
    /// its sending side can come then, so this is a socket's receive buffer.
    package var pausedBodyBytes = 8 * 1024 * 1024
    /// The precision of all of these times.
    package var tickNanoseconds: Int64 = .milliseconds(250)

    /// - Parameter descriptors: how many descriptors the process may open; see `DescriptorBudget`.
    package init(descriptors: Int = DescriptorBudget.current()) {
        // R50
        connections = max(16, min(16_384, (descriptors - 256) / 3))
    }
}

/// How many files and sockets this process may have open (R50, R102).
package enum DescriptorBudget {
    package static func current() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        return Int(clamping: limit.rlim_cur)
    }

    /// Raises the soft limit to the hard one, and returns what the limit is then. For the start of the program.
    package static func raise() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return current()
    }
}
