// The words that stand for what is known only when an exchange runs: the time, the origin's authority, the
// exchange's own path. `$now` is one instant for the whole exchange, so that dates of different steps agree.

import Glibc

/// What the words of one exchange mean.
struct Words: Sendable {
    /// Seconds since 1970.
    let now: Int
    let originAuthority: String
    /// The path that all URLs of the exchange begin with, without a slash at the end.
    let prefix: String

    /// The text with its words replaced; `$now-60` and `$now+60` are seconds before and after.
    func expand(_ text: String) -> String {
        guard text.contains("$") else { return text }
        var result = ""
        var rest = Substring(text)
        while let mark = rest.firstIndex(of: "$") {
            result += rest[..<mark]
            rest = rest[mark...]
            if take("$origin", from: &rest) {
                result += originAuthority
            } else if take("$prefix", from: &rest) {
                result += prefix
            } else if take("$nowrfc850", from: &rest) {
                result += dateText("%A, %d-%b-%y %H:%M:%S GMT", shift(from: &rest))
            } else if take("$nowasctime", from: &rest) {
                result += dateText("%a %b %e %H:%M:%S %Y", shift(from: &rest))
            } else if take("$now", from: &rest) {
                result += dateText("%a, %d %b %Y %H:%M:%S GMT", shift(from: &rest))
            } else {
                result.append(rest.removeFirst())
            }
        }
        return result + rest
    }

    private func take(_ word: String, from rest: inout Substring) -> Bool {
        guard rest.hasPrefix(word) else { return false }
        rest = rest.dropFirst(word.count)
        return true
    }

    private func shift(from rest: inout Substring) -> Int {
        guard let sign = rest.first, sign == "-" || sign == "+" else { return 0 }
        let digits = rest.dropFirst().prefix(while: \.isNumber)
        guard let seconds = Int(digits) else { return 0 }
        rest = rest[digits.endIndex...]
        return sign == "-" ? -seconds : seconds
    }

    /// The three forms of RFC 9110 §5.6.7.
    private func dateText(_ format: String, _ shift: Int) -> String {
        var instant = time_t(now + shift)
        var parts = tm()
        gmtime_r(&instant, &parts)
        var text = [CChar](repeating: 0, count: 64)
        let count = strftime(&text, text.count, format, &parts)
        return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
