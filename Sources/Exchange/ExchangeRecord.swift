// What one exchange amounts to for the log: filled in as it goes on, written once at its end.

package import HTTPSemantics

/// One line of the access log, as values.
package struct ExchangeRecord: Sendable {
    package var client: String
    package var method: String
    package var uri: String
    package var status = 0
    /// Body bytes that went to the client.
    package var bytesSent: Int64 = 0
    /// Of these, bytes that were held before the request came.
    package var bytesFromCache: Int64 = 0
    /// Of these, bytes that came from upstream for it, or while it waited.
    package var bytesFromUpstream: Int64 = 0
    /// Monotonic nanoseconds.
    package let startedAt: Int64
    package var cacheStatus = CacheStatus()
    /// What went wrong towards the next hop, or here (RFC 9209): of an answer of our own, and of a response that was
    /// cut short, where it stands in the log only.
    package var proxyStatus: ProxyStatus?
    /// `complete`, `client-left`, or why the response was cut.
    package var end = "complete"

    package init(client: String, method: String, uri: String, startedAt: Int64) {
        self.client = client
        self.method = method
        self.uri = uri
        self.startedAt = startedAt
    }
}
