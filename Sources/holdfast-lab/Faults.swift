// Everything that can be wrong with one file, as its URL says it: the meaning of the query, as values.
// FaultReading.swift reads them, FaultCatalogue.swift explains them. It knows no socket and no clock.

/// The faults of one URL. What is not named is as a good origin does it.
package struct Faults: Sendable, Equatable {
    // The connection.
    package var drop: ByteSpan?
    package var reset: ByteSpan?
    package var truncate: ByteSpan?
    package var stall: Stall?
    /// How many responses of this URL `drop`, `reset`, `truncate`, `stall` and `corrupt` touch; nil for all.
    package var times: Int?
    package var rate: ByteSpan?
    package var piece: ByteSpan?
    package var headDelay: Double = 0
    package var down: Downtime?
    package var keepsAlive = true
    package var isHTTP10 = false

    // The status.
    package var when = Occasion.always
    package var status: Int?
    package var every: CountedStatus?
    package var first: CountedStatus?
    package var retryAfter: Int?
    package var parallel: Int?
    package var limitPerClient: Int?
    package var auth: String?
    package var cookie: String?
    package var neededCookie: String?
    package var redirect: Redirect?

    // Ranges and validators.
    package var ranges = RangeConduct.on
    package var ifRange = IfRangeConduct.on
    package var evaluatesConditions = true
    package var etag = TagConduct.strong
    package var lastModified = LastModifiedConduct.on
    package var date = DateConduct.on

    // The content.
    package var version: Int64 = 1
    package var change: Change?
    package var changeTag = ChangeTag.yes
    package var grow: Int64 = 0
    package var corrupt: ByteSpan?
    package var encoding = EncodingConduct.identity

    // The head.
    package var framing = Framing.length
    package var sizeLies: Int64 = 0
    package var cacheControl: String? = "public, max-age=3600"
    package var type = "application/octet-stream"
    package var vary: String?
    package var digest = DigestConduct.none
    package var digestFields = Set(DigestField.allCases)
    package var furtherFields: [HeadField] = []

    package init() {}
}

/// A field of a head.
package struct HeadField: Sendable, Equatable, Encodable {
    package let name: String
    package let value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// After so many body bytes nothing comes for so many seconds.
package struct Stall: Sendable, Equatable {
    package let after: ByteSpan
    package let seconds: Double
}

/// For the first seconds of each period nothing answers.
package struct Downtime: Sendable, Equatable {
    package let seconds: Double
    package let period: Double
    /// The connection is kept without an answer, instead of being reset.
    package let isSilent: Bool

    /// - Parameter elapsed: seconds since the laboratory's epoch.
    package func isDown(_ elapsed: Double) -> Bool { elapsed.truncatingRemainder(dividingBy: period) < seconds }

    /// Seconds until it answers again; 0 where it does.
    package func remaining(_ elapsed: Double) -> Double {
        max(0, seconds - elapsed.truncatingRemainder(dividingBy: period))
    }

    /// Seconds until it is down the next time, or again.
    package func untilNext(_ elapsed: Double) -> Double {
        period - elapsed.truncatingRemainder(dividingBy: period)
    }
}

/// Which requests `status`, `every`, `first`, `auth`, `needs-cookie` and `redirect` touch.
package enum Occasion: String, Sendable, CaseIterable {
    case always
    /// Those with a Range field.
    case range
    /// Those without one.
    case whole
}

/// A status, and a count of requests.
package struct CountedStatus: Sendable, Equatable {
    package let count: Int
    package let status: Int
}

package struct Redirect: Sendable, Equatable {
    package let status: Int
    /// How many redirects follow each other before the file.
    package let hops: Int
}

/// What a request for one range is answered with.
package enum RangeConduct: String, Sendable, CaseIterable {
    case on
    /// The whole, and nothing is promised.
    case off
    /// The whole, although `Accept-Ranges: bytes` is promised.
    case lie
    /// A 206 that begins one byte later than was asked for, and says so.
    case brokenStart = "broken-start"
    /// A 206 that says what was asked for, while its bytes begin one byte later.
    case shifted
    /// A Content-Range whose complete length is one too large.
    case brokenTotal = "broken-total"
    /// One range as multipart/byteranges.
    case multipart
    case noContentRange = "no-content-range"
    /// Content-Length and body are half of what Content-Range says.
    case short
    /// Content-Length and body are 1000 bytes more than Content-Range says.
    case long
    /// An honest 206 for the first half of what was asked for (RFC 9110 §15.3.7 lets a client expect that).
    case half
    /// Always 416, with the complete length.
    case unsatisfiable = "416"
    /// A Content-Range without the complete length.
    case unknownTotal = "unknown-total"
}

package enum IfRangeConduct: String, Sendable, CaseIterable {
    case on
    /// A 206 whatever the field says: the trap of mixed bytes.
    case ignore
    case dateOnly = "date-only"
    case etagOnly = "etag-only"
    /// Any If-Range brings the whole.
    case never
}

package enum TagConduct: Sendable, Equatable {
    case strong
    case weak
    case none
    /// Another tag every so many seconds, for the same bytes.
    case changing(seconds: Double)
    case perRequest
}

package enum LastModifiedConduct: Sendable, Equatable {
    case on
    case none
    /// The time of the response: no strong validator.
    case now
    case fixed(Int64)
}

package enum DateConduct: Sendable, Equatable {
    case on
    case none
    /// A clock that is wrong by so many seconds.
    case skewed(Int64)
}

/// When the content changes.
package enum Change: Sendable, Equatable {
    case every(seconds: Double)
    case after(requests: Int)
    /// Once, when the byte at this offset is sent for the first time; that response goes on with the old bytes.
    case mid(offset: Int64)
    /// The same, but the response goes on with the new bytes: a file that is overwritten while it is sent.
    case inPlace(offset: Int64)
}

/// Which validators change with the content.
package enum ChangeTag: String, Sendable, CaseIterable {
    case yes
    case no
    case etag
    case lastModified = "lm"
}

package enum EncodingConduct: String, Sendable, CaseIterable {
    case identity
    /// gzip for those who accept it, with a tag of its own and Vary.
    case gzip
    /// Every second request gets gzip under the same tag, whatever it accepts.
    case gzipFlip = "gzip-flip"
}

/// How the end of the body is known (RFC 9112 §6.3).
package enum Framing: Sendable, Equatable {
    case length
    case chunked
    case untilClose
}

package enum DigestConduct: String, Sendable, CaseIterable {
    case none
    case ok
    case wrong
}

package enum DigestField: String, Sendable, CaseIterable {
    case representation = "repr"
    case content
    case digest
    case md5
}
