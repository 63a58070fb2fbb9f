// The values of single faults: each function reads one form of text, and says nil where it is not of that form.

import Glibc

enum FaultValue {
    static func pair(_ text: String, _ separator: Character) -> (String, String)? {
        guard let place = text.firstIndex(of: separator) else { return nil }
        return (String(text[..<place]), String(text[text.index(after: place)...]))
    }

    static func yes(_ text: String) -> Bool? { ["yes": true, "no": false][text] }

    static func count(_ text: String) -> Int? { Quantity.number(text).map { Int($0) } }

    static func statusCode(_ text: String) -> Int? { count(text).flatMap { (200...599).contains($0) ? $0 : nil } }

    static func signed(_ text: String) -> Int64? {
        text.hasPrefix("-") ? Quantity.bytes(text.dropFirst()).map { -$0 } : Quantity.bytes(text)
    }

    static func countedStatus(_ text: String) -> CountedStatus? {
        guard let (number, code) = pair(text, ":"), let count = count(number), count > 0, let status = statusCode(code)
        else {
            return nil
        }
        return CountedStatus(count: count, status: status)
    }

    static func redirect(_ text: String) -> Redirect? {
        let (code, hops) = pair(text, ":") ?? (text, "1")
        guard let status = statusCode(code), status / 100 == 3, let hops = count(hops), hops > 0 else { return nil }
        return Redirect(status: status, hops: hops)
    }

    static func downtime(_ text: String) -> Downtime? {
        let (times, word) = pair(text, ":") ?? (text, "reset")
        guard let (down, period) = pair(times, "/"), let seconds = Quantity.seconds(down),
            let length = Quantity.period(period), word == "reset" || word == "silent"
        else { return nil }
        return Downtime(seconds: seconds, period: length, isSilent: word == "silent")
    }

    static func tagConduct(_ text: String) -> TagConduct? {
        switch text {
        case "strong": return .strong
        case "weak": return .weak
        case "none": return TagConduct.none
        case "per-request": return .perRequest
        default:
            guard let (word, time) = pair(text, ":"), word == "changing", let seconds = Quantity.period(time)
            else { return nil }
            return .changing(seconds: seconds)
        }
    }

    static func lastModifiedConduct(_ text: String) -> LastModifiedConduct? {
        switch text {
        case "on": .on
        case "none": LastModifiedConduct.none
        case "now": .now
        default: Quantity.bytes(text).map { .fixed($0) }
        }
    }

    static func dateConduct(_ text: String) -> DateConduct? {
        switch text {
        case "on": .on
        case "none": DateConduct.none
        default: signed(text).map { .skewed($0) }
        }
    }

    static func change(_ text: String) -> Change? {
        guard let (word, amount) = pair(text, ":") else { return nil }
        switch word {
        case "every": return Quantity.period(amount).map { .every(seconds: $0) }
        case "after": return count(amount).flatMap { $0 > 0 ? .after(requests: $0) : nil }
        case "mid": return Quantity.bytes(amount).map { .mid(offset: $0) }
        case "inplace": return Quantity.bytes(amount).map { .inPlace(offset: $0) }
        default: return nil
        }
    }

    /// RFC 9110 §5.6.2.
    static func isToken(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                isalnum(Int32(byte)) != 0 && byte < 0x80 || "!#$%&'*+-.^_`|~".utf8.contains(byte)
            }
    }

    static func version(_ text: String) -> Int64? { Quantity.number(text).flatMap { $0 < 1 << 40 ? $0 : nil } }

    /// `1M:30`
    static func stall(_ text: String) -> Stall? {
        guard let (after, seconds) = pair(text, ":"), let span = ByteSpan(after),
            let time = Quantity.seconds(seconds)
        else { return nil }
        return Stall(after: span, seconds: time)
    }

    /// `X-Test:1`
    static func field(_ text: String) -> HeadField? {
        guard let (name, content) = pair(text, ":"), isToken(name) else { return nil }
        return HeadField(name, String(content.drop { $0 == " " }))
    }
}
