// Every fault, in words: the page `/`, `holdfast-lab faults` and the tests read this list. A name that is not in it
// is refused by FaultReading.swift.

/// What one name of the query means.
package struct FaultEntry: Sendable, Encodable {
    package let name: String
    /// The values, as a form: `N[..M]`.
    package let form: String
    package let meaning: String
    /// A value that is understood.
    package let example: String

    fileprivate init(_ name: String, _ form: String, _ example: String, _ meaning: String) {
        self.name = name
        self.form = form
        self.meaning = meaning
        self.example = example
    }
}

package struct FaultGroup: Sendable {
    package let title: String
    package let entries: [FaultEntry]
}

package enum FaultCatalogue {
    package static let groups = [
        FaultGroup(title: "The connection", entries: connection),
        FaultGroup(title: "The status", entries: status),
        FaultGroup(title: "Ranges and validators", entries: ranges),
        FaultGroup(title: "The content", entries: content),
        FaultGroup(title: "The head", entries: head),
    ]

    package static let entries = groups.flatMap(\.entries)

    package static func entry(named name: String) -> FaultEntry? { byName[name] }

    private static let byName = Dictionary(entries.map { ($0.name, $0) }) { first, _ in first }

    private static let connection = [
        FaultEntry(
            "drop",
            "N or N..M",
            "1M..30M",
            "closes the connection after N body bytes, or after a number drawn from N to M for each response"
        ),
        FaultEntry("reset", "N or N..M", "64K", "as drop, with a reset (RST) instead of an orderly end"),
        FaultEntry(
            "truncate",
            "N or N..M",
            "512K",
            "as drop, in a body that only the connection's end delimits: the cut cannot be seen (implies close=yes)"
        ),
        FaultEntry(
            "stall",
            "N:SECONDS or N..M:SECONDS",
            "1M:30",
            "sends nothing for so long after N body bytes, then goes on"
        ),
        FaultEntry(
            "times",
            "COUNT",
            "3",
            "drop, reset, truncate, stall and corrupt touch only so many responses of this URL"
        ),
        FaultEntry(
            "rate",
            "BYTES or N..M",
            "500K",
            "sends at most so many bytes a second; with N..M each response draws its own rate"
        ),
        FaultEntry(
            "piece",
            "BYTES or N..M",
            "1..64K",
            "sends the body in pieces of this size (the chunks of length=no)"
        ),
        FaultEntry("head-delay", "SECONDS", "0.5", "waits so long before the head"),
        FaultEntry(
            "down",
            "SECONDS/PERIOD, then :silent or :reset",
            "5/30:silent",
            "for the first seconds of each period resets the connection instead of answering, or keeps it and says nothing"
        ),
        FaultEntry("keep-alive", "yes or no", "no", "no: closes the connection after each response, and says so"),
        FaultEntry("http", "1.1 or 1.0", "1.0", "1.0: answers as HTTP/1.0 does, one response a connection"),
    ]

    private static let status = [
        FaultEntry("status", "CODE", "503", "answers with this status instead of the file"),
        FaultEntry("every", "K:CODE", "10:503", "answers every K-th request of this URL with this status"),
        FaultEntry("first", "K:CODE", "2:503", "answers the first K requests of this URL with this status"),
        FaultEntry("retry-after", "SECONDS", "2", "puts Retry-After into 429 and 503"),
        FaultEntry(
            "when",
            "always, range or whole",
            "range",
            "status, every, first, auth, needs-cookie and redirect touch only requests with a Range field, or only those without"
        ),
        FaultEntry("parallel", "N", "2", "answers 429 while N requests of this URL are being answered"),
        FaultEntry(
            "limit-per-client",
            "N",
            "4",
            "answers 429 while N requests of the same client address are being answered, whatever their URL"
        ),
        FaultEntry("auth", "USER:PASSWORD", "user:secret", "answers 401 without these credentials (Basic)"),
        FaultEntry("cookie", "NAME", "session", "sets a cookie of this name, with another value in each response"),
        FaultEntry("needs-cookie", "NAME", "session", "answers 403 without a cookie of this name"),
        FaultEntry(
            "redirect",
            "CODE or CODE:HOPS",
            "302:3",
            "redirects, so many times in a row, before the file is answered"
        ),
    ]

    private static let ranges = [
        FaultEntry(
            "ranges",
            "on, off, lie, half, short, long, shifted, broken-start, broken-total, unknown-total, no-content-range, multipart or 416",
            "broken-start",
            "what a request for a range is worth; the table below says each word"
        ),
        FaultEntry(
            "if-range",
            "on, ignore, date-only, etag-only or never",
            "ignore",
            "ignore: a 206 whatever the validator says; date-only, etag-only: the other kind brings the whole; never: every If-Range brings the whole"
        ),
        FaultEntry(
            "conditions",
            "on or ignore",
            "ignore",
            "ignore: If-Match, If-None-Match and the two with dates are not looked at"
        ),
        FaultEntry(
            "etag",
            "strong, weak, none, per-request or changing:SECONDS",
            "changing:10",
            "the entity tag; per-request and changing give other tags for the same bytes"
        ),
        FaultEntry(
            "lm",
            "on, none, now or seconds since 1970",
            "now",
            "Last-Modified; now is the time of each response"
        ),
        FaultEntry("date", "on, none or ±SECONDS", "-3600", "Date; a number makes the clock wrong by so much"),
    ]

    private static let content = [
        FaultEntry("version", "N", "7", "the version to begin with; 1 where it is not named"),
        FaultEntry(
            "change",
            "every:SECONDS, after:REQUESTS, mid:OFFSET or inplace:OFFSET",
            "mid:10M",
            "the next version comes with time, after so many requests, or once, when the byte at the offset is sent for the first time: mid goes on with the old bytes in that response, inplace with the new ones"
        ),
        FaultEntry(
            "change-tag",
            "yes, no, etag or lm",
            "no",
            "which validators change with the version; no is the lie"
        ),
        FaultEntry("grow", "BYTES", "1000", "each version is so much longer than the one before"),
        FaultEntry("corrupt", "N or N..M", "5M", "the byte at this offset is wrong"),
        FaultEntry(
            "encoding",
            "identity, gzip or gzip-flip",
            "gzip-flip",
            "gzip: for those who accept it, honestly; gzip-flip: every second response is gzip, under the same tag and without Vary"
        ),
    ]

    private static let head = [
        FaultEntry("length", "yes or no", "no", "no: the body is chunked, and its length is not known before its end"),
        FaultEntry("close", "yes or no", "yes", "yes: the body ends with the connection"),
        FaultEntry("size-lies", "±BYTES", "-100", "Content-Length is so much more or less than the body"),
        FaultEntry(
            "cc",
            "TEXT",
            "no-cache",
            "Cache-Control; public, max-age=3600 where it is not named; empty for none"
        ),
        FaultEntry("vary", "FIELDS", "Accept", "Vary"),
        FaultEntry("type", "TEXT", "text/plain", "Content-Type"),
        FaultEntry(
            "digest",
            "none, ok or wrong; then :repr,content,digest,md5",
            "wrong:repr",
            "Repr-Digest, Content-Digest, Digest and Content-MD5, or some of them; md5 in a whole 200 only"
        ),
        FaultEntry("field", "NAME:VALUE", "X-Test:1", "one more field; may be repeated"),
    ]

    /// The words of `ranges`.
    package static let rangeWords: [(word: RangeConduct, meaning: String)] = [
        (.on, "honoured, several ranges too"),
        (.off, "the whole with 200, nothing promised"),
        (.lie, "the whole with 200, although Accept-Ranges: bytes is promised"),
        (.half, "an honest 206 for the first half of what was asked for, and for 64 KiB at least"),
        (.short, "Content-Range says all, Content-Length and body are half of it"),
        (.long, "Content-Length and body are 1000 bytes more than Content-Range says"),
        (.shifted, "Content-Range says what was asked, the bytes begin one later"),
        (.brokenStart, "bytes and Content-Range begin one later than was asked"),
        (.brokenTotal, "the complete length in Content-Range is one too large"),
        (.unknownTotal, "the complete length in Content-Range is *"),
        (.noContentRange, "a 206 without Content-Range"),
        (.multipart, "one range as multipart/byteranges"),
        (.unsatisfiable, "always 416"),
    ]

    /// What a fault can be seen by, for the page and the command line.
    package static var text: String {
        var lines: [String] = []
        for group in groups {
            lines.append(group.title)
            for entry in group.entries {
                lines.append("  \(entry.name)=\(entry.form)")
                lines.append("      \(entry.meaning)")
                lines.append("      example: \(entry.name)=\(entry.example)")
            }
            lines.append("")
        }
        lines.append("The words of ranges")
        for (word, meaning) in rangeWords {
            let name = word.rawValue
            lines.append("  \(name)\(String(repeating: " ", count: max(1, 18 - name.count)))\(meaning)")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
