// Directives as the limits that Transport takes. What has no directive keeps the default that stands there.

package import Configuration
import Resume
package import Transport
import Wire

extension UpstreamLimits {
    package init(_ configuration: Configuration) {
        self.init()
        let upstream = configuration.upstream
        connectNanoseconds = upstream.connectTimeoutNanoseconds
        headNanoseconds = upstream.firstByteTimeoutNanoseconds
        bodyNanoseconds = upstream.idleTimeoutNanoseconds
        idleNanoseconds = upstream.keepAliveNanoseconds
        connectionsPerOrigin = upstream.maxConnectionsPerOrigin
        connections = upstream.maxConnections
        tunnelIdleNanoseconds = configuration.tunnel.idleTimeoutNanoseconds
        tunnelAgeNanoseconds = configuration.tunnel.maxAgeNanoseconds
    }
}

extension DownstreamLimits {
    /// - Parameter descriptors: how many descriptors the process may open.
    package init(_ configuration: Configuration, descriptors: Int) {
        self.init(descriptors: descriptors)
        let downstream = configuration.downstream
        firstByteNanoseconds = downstream.firstByteTimeoutNanoseconds
        headNanoseconds = downstream.headTimeoutNanoseconds
        idleNanoseconds = downstream.keepAliveNanoseconds
        writeStallNanoseconds = downstream.writeTimeoutNanoseconds
        bodyWindowNanoseconds = downstream.bodyTimeoutNanoseconds
        if let limit = downstream.maxConnections { connections = limit }
        connectionsPerAddress = downstream.maxConnectionsPerClient
        wire.requestLine = Int(clamping: downstream.maxRequestLine)
        wire.requestHead = Int(clamping: downstream.maxHead)
        requestBodyBytes = downstream.maxRequestBody
    }
}

extension Configuration.Upstream {
    /// nil where no rate is asked for.
    func rateWatch(at nanoseconds: Int64) -> RateWatch? {
        minRate.flatMap { limit in
            guard limit > 0 else { return nil }
            return RateWatch(limit: limit, windowNanoseconds: minRateTimeNanoseconds, startedAt: nanoseconds)
        }
    }
}
