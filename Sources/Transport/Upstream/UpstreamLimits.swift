// What an origin, and the way to it, may take of the proxy, each with its number in the hardening rules.

package import Wire

/// The limits of the origin side. Durations are nanoseconds.
package struct UpstreamLimits: Sendable {
    /// R3 to R8: sizes of heads and of chunk framing.
    package var wire = WireLimits.standard
    /// R9
    package var interimResponses = 16
    /// R43: a kept connection without a request.
    package var idleNanoseconds: Int64 = .seconds(30)
    /// R46: from the look-up of the name to a connection.
    package var connectNanoseconds: Int64 = .seconds(10)
    /// R46: between the starts of two attempts at the addresses of one name.
    package var attemptNanoseconds: Int64 = .milliseconds(250)
    /// R47: until the first byte of a response, from the last of the request.
    package var headNanoseconds: Int64 = .seconds(60)
    /// R47: between two reads of a body.
    package var bodyNanoseconds: Int64 = .seconds(30)
    /// R52: connections to one origin. They are shared out evenly over the loops.
    package var connectionsPerOrigin = 16
    /// R52: connections to all origins. They are shared out evenly over the loops.
    package var connections = 1024
    /// R52: requests that wait for a connection to one origin, on one loop.
    package var queue = 256
    /// How long a request waits there before it counts as one too many.
    package var queueNanoseconds: Int64 = .seconds(30)
    /// R48: a tunnel in which nothing moves.
    package var tunnelIdleNanoseconds: Int64 = .seconds(600)
    /// R48: a tunnel's whole life.
    package var tunnelAgeNanoseconds: Int64 = .seconds(86_400)
    /// The precision of all of these times.
    package var tickNanoseconds: Int64 = .milliseconds(250)

    package init() {}

    package static let standard = UpstreamLimits()
}
