// An origin with files: versioned deterministic content, RFC 9110's conditions and ranges done right, and faults on
// demand.
//
// What a file is stands in `FileVersion`; what goes wrong with one answer stands in `FileFaults` and is decided anew
// for every request. Putting another version under the same target is the change at the origin.

import Glibc

/// One version of a file at the origin.
package struct FileVersion: Sendable {
    package var content: Content
    /// As it stands in the field, quotes and `W/` included.
    package var etag: String?
    package var lastModified: String?
    package var cacheControl: String?
    package var acceptRanges: String?
    package var contentType: String
    /// Further fields, sent in 200, 206 and 304.
    package var fields: PeerFields
    /// nil sends the present time.
    package var date: String?
    package var sendsDate = true

    package init(
        _ content: Content,
        etag: String? = nil,
        lastModified: String? = nil,
        cacheControl: String? = nil,
        acceptRanges: String? = "bytes",
        contentType: String = "application/octet-stream",
        fields: PeerFields = [:],
        date: String? = nil
    ) {
        self.content = content
        self.etag = etag
        self.lastModified = lastModified
        self.cacheControl = cacheControl
        self.acceptRanges = acceptRanges
        self.contentType = contentType
        self.fields = fields
        self.date = date
    }
}

/// What goes wrong with one answer; the default is nothing.
package struct FileFaults: Sendable {
    package enum Framing: Sendable {
        case length
        case chunked
        /// No length: the body ends with the connection.
        case closeDelimited
    }

    /// Waits here before the head is sent; the arrival is counted.
    package var holdHead: Barrier?
    /// Closes the connection instead of answering.
    package var closeBeforeHead = false
    /// Answers with this status, these fields and a short body instead.
    package var instead: (status: Int, fields: PeerFields)?
    /// Closes (FIN) after that many body bytes of this answer.
    package var closeAfter: Int64?
    /// Ends the body after that many bytes as if it were whole: with a last chunk, or by closing.
    package var endsAfter: Int64?
    /// Resets (RST) after that many body bytes of this answer.
    package var resetAfter: Int64?
    /// Waits after that many body bytes of this answer until the barrier opens; the arrival is counted.
    package var stallAfter: (bytes: Int64, until: Barrier)?
    /// Answers 200 whatever Range says.
    package var ignoresRange = false
    /// Answers 206 whatever If-Range says: the trap of mixed bytes.
    package var ignoresIfRange = false
    /// Leaves ETag and Last-Modified out of its 206.
    package var omitsValidatorsOfParts = false
    /// Answers conditional requests as if they were not.
    package var ignoresConditions = false
    package var framing = Framing.length
    /// Stands in the 206 instead of the true Content-Range; an empty text leaves the field out.
    package var contentRange: String?
    /// Pacing in bytes a second.
    package var bytesPerSecond: Int64?
    /// Closes after the answer, and says so.
    package var closesAfterAnswer = false
    /// Protocol version of the status line.
    package var version = "HTTP/1.1"

    package init() {}

    /// Faults with one or more of them set: `FileFaults { $0.closeAfter = 100 }`.
    package init(_ set: (inout FileFaults) -> Void) {
        set(&self)
    }
}

/// A server of files on loopback.
package final class FileOrigin: Sendable {
    /// Says what goes wrong with a request; `number` counts the requests for the same target from 0.
    package typealias FaultPlan = @Sendable (_ request: ReceivedRequest, _ number: Int) -> FileFaults

    private struct Shelf {
        var versions: [String: FileVersion] = [:]
        var asked: [String: Int] = [:]
        var plan: FaultPlan = { _, _ in FileFaults() }
    }

    private let shelf: Monitor<Shelf>
    /// The server under it: requests, tallies, failures.
    package let server: ScriptedOrigin

    package init(address: String = "127.0.0.1", port: UInt16 = 0) throws {
        let shelf = Monitor(Shelf())
        self.shelf = shelf
        server = try ScriptedOrigin(address: address, port: port) { request, connection in
            let (version, faults) = shelf.withLock { shelf in
                let number = shelf.asked[request.target, default: 0]
                shelf.asked[request.target] = number + 1
                return (shelf.versions[request.target], shelf.plan(request, number))
            }
            try FileAnswer(request: request, file: version, faults: faults).send(on: connection)
        }
    }

    package func url(_ target: String) -> String { server.url(target) }
    package var requests: [ReceivedRequest] { server.requests }
    package func tally(_ target: String) -> RangeTally { server.tally(target) }
    package func bodyBytesSent(_ target: String) -> Int64 { server.bodyBytesSent(target) }

    /// Puts a file, or a new version of it: requests that come from now on see it, answers under way do not.
    package func put(_ target: String, _ version: FileVersion) {
        shelf.withLock { $0.versions[target] = version }
    }

    package func remove(_ target: String) {
        shelf.withLock { $0.versions[target] = nil }
    }

    /// Decides from now on what goes wrong; called on connections' threads.
    package func setFaults(_ plan: @escaping FaultPlan) {
        shelf.withLock { $0.plan = plan }
    }

    /// Nothing goes wrong from now on.
    package func clearFaults() {
        setFaults { _, _ in FileFaults() }
    }

    package func stop() { server.stop() }
}

/// The present time as an HTTP date (RFC 9110 §5.6.7), or `seconds` from it.
package func httpDate(secondsFromNow seconds: Int = 0) -> String {
    httpDate(unixSeconds: time(nil) + seconds)
}

/// An instant in seconds since 1970 as an HTTP date.
package func httpDate(unixSeconds: Int) -> String {
    var instant = time_t(unixSeconds)
    var parts = tm()
    gmtime_r(&instant, &parts)
    var text = [CChar](repeating: 0, count: 64)
    let count = strftime(&text, text.count, "%a, %d %b %Y %H:%M:%S GMT", &parts)
    return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// Seconds since 1970 of an HTTP date in its preferred form; nil for any other text.
func unixSeconds(httpDate text: String) -> Int? {
    let parts = text.split(separator: " ")
    guard parts.count == 6, parts[5] == "GMT", let day = Int32(parts[1]), let year = Int32(parts[3]),
        let month = monthNames.firstIndex(of: String(parts[2]))
    else { return nil }
    let time = parts[4].split(separator: ":").compactMap { Int32($0) }
    guard time.count == 3 else { return nil }
    var instant = tm()
    instant.tm_year = year - 1900
    instant.tm_mon = Int32(month)
    instant.tm_mday = day
    instant.tm_hour = time[0]
    instant.tm_min = time[1]
    instant.tm_sec = time[2]
    return timegm(&instant)
}

private let monthNames = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
