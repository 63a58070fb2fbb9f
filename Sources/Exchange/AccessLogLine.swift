// One exchange as one line of text (R101). Whatever a client or an origin put into a URL or a field: the line is one
// line of printable ASCII, its quoted parts end where they seem to end, and it is never longer than a few KiB.
// Pure: the time is an argument.

import HTTPSemantics

/// The access log's format, its fields separated by one space:
///
///     127.0.0.1:50412 [2026-01-31T12:00:00.250Z] "GET http://example.org/" 200 99 99 0 1.5 "holdfast; hit" complete "-"
///
/// client; the end of the exchange; method and URL; status (0: none was sent); body bytes sent; of these bytes that
/// were held before the request came; of these bytes that came from upstream; milliseconds; Cache-Status; how it ended;
/// Proxy-Status, which a response that was cut short cannot carry itself (RFC 9209 §2).
package enum AccessLogLine {
    /// Bytes of one field at most, once it is escaped (R101).
    static let fieldLimit = 2048

    /// - Parameters:
    ///   - endedAt: nanoseconds since 1970 UTC.
    ///   - nanoseconds: how long the exchange took.
    ///   - keepsQuery: whether the URL's query is written.
    /// - Returns: the line with its line feed.
    package static func bytes(
        _ record: ExchangeRecord,
        endedAt: Int64,
        nanoseconds: Int64,
        cacheName: String,
        keepsQuery: Bool
    ) -> [UInt8] {
        var line: [UInt8] = []
        line.reserveCapacity(256)
        appendEscaped(record.client, to: &line)
        line += " [\(timestamp(endedAt))] \"".utf8
        appendEscaped(record.method, to: &line, limit: 64)
        line.append(UInt8(ascii: " "))
        appendEscaped(keepsQuery ? record.uri[...] : withoutQuery(record.uri), to: &line)
        line += "\" \(record.status) \(record.bytesSent) \(record.bytesFromCache) \(record.bytesFromUpstream) ".utf8
        line += "\(milliseconds(nanoseconds)) \"".utf8
        appendEscaped(record.cacheStatus.value(cacheName: cacheName), to: &line)
        line += "\" ".utf8
        appendEscaped(record.end, to: &line, limit: 128, spaces: UInt8(ascii: "-"))
        line += " \"".utf8
        appendEscaped(record.proxyStatus?.value(proxyName: cacheName) ?? "", to: &line)
        line += "\"".utf8
        line.append(UInt8(ascii: "\n"))
        return line
    }

    /// A sentence of the program about itself, as a line of the diagnostic log.
    package static func diagnostic(_ sentence: String, at nanoseconds: Int64) -> [UInt8] {
        var line = Array("\(timestamp(nanoseconds)) ".utf8)
        // Quotes are part of sentences; nothing in this line is delimited by them.
        appendEscaped(sentence, to: &line, escapesQuotes: false)
        line.append(UInt8(ascii: "\n"))
        return line
    }

    /// Text of foreign origin made fit for a terminal: printable ASCII, bounded.
    package static func escaped(_ text: String, limit: Int = fieldLimit) -> String {
        var bytes: [UInt8] = []
        appendEscaped(text, to: &bytes, limit: limit, escapesQuotes: false)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// `2026-01-31T12:00:00.250Z`
    package static func timestamp(_ nanoseconds: Int64) -> String {
        let (day, inDay) = floorDivided(nanoseconds, by: 86_400_000_000_000)
        let date = civil(day: day)
        let millisecond = inDay / 1_000_000
        let (hour, minute) = (millisecond / 3_600_000, millisecond / 60_000 % 60)
        let time = "\(padded(hour, 2)):\(padded(minute, 2)):\(padded(millisecond / 1000 % 60, 2))"
        return "\(padded(date.year, 4))-\(padded(date.month, 2))-\(padded(date.day, 2))"
            + "T\(time).\(padded(millisecond % 1000, 3))Z"
    }

    static func withoutQuery(_ uri: String) -> Substring {
        uri.prefix { $0 != "?" }
    }

    /// With one decimal: a hit takes less than one.
    private static func milliseconds(_ nanoseconds: Int64) -> String {
        let tenths = max(0, nanoseconds) / 100_000
        return "\(tenths / 10).\(tenths % 10)"
    }

    // MARK: Escaping

    private static let hex = Array("0123456789abcdef".utf8)

    /// Appends printable ASCII as it is and all else as `\xHH`, a quote and a backslash among it.
    private static func appendEscaped(
        _ text: some StringProtocol,
        to line: inout [UInt8],
        limit: Int = fieldLimit,
        spaces: UInt8 = UInt8(ascii: " "),
        escapesQuotes: Bool = true
    ) {
        let start = line.count
        for byte in text.utf8 {
            // Four for this byte, three for the mark.
            guard line.count - start + 7 <= limit else {
                line += "...".utf8
                return
            }
            switch byte {
            case UInt8(ascii: " "): line.append(spaces)
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                if escapesQuotes { line.append(UInt8(ascii: "\\")) }
                line.append(byte)
            case 0x21..<0x7F: line.append(byte)
            default:
                line += [UInt8(ascii: "\\"), UInt8(ascii: "x"), hex[Int(byte >> 4)], hex[Int(byte & 15)]]
            }
        }
        if line.count == start { line.append(UInt8(ascii: "-")) }
    }

    // MARK: The calendar

    private static func floorDivided(_ value: Int64, by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    private static func padded(_ value: Int64, _ width: Int) -> String {
        let text = "\(value)"
        return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }

    /// The Gregorian date of a day counted from 1 January 1970, by eras of 400 years that begin on 1 March.
    private static func civil(day: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = floorDivided(day + 719_468, by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }
}
