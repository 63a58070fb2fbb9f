// Numbers as the URL writes them: sizes (`35M`), spans of sizes (`1M..30M`) and seconds (`0.5`).
// It knows no fault.

/// Reading and writing of numbers of bytes and of seconds.
package enum Quantity {
    /// The largest number of bytes: sums of a few of them never overflow.
    package static let limit: Int64 = 1 << 50

    /// `35M` in bytes: K, M, G and T are powers of 1024. nil where the text is no size.
    package static func bytes(_ text: some StringProtocol) -> Int64? {
        guard let last = text.last else { return nil }
        let shift: Int64
        switch last {
        case "K", "k": shift = 10
        case "M", "m": shift = 20
        case "G", "g": shift = 30
        case "T", "t": shift = 40
        default: shift = 0
        }
        guard let number = number(shift == 0 ? Substring(text) : Substring(text.dropLast())) else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: 1 << shift)
        return overflow || product > limit ? nil : product
    }

    /// Digits only: no sign, no blank.
    package static func number(_ text: some StringProtocol) -> Int64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            return nil
        }
        return Int64(text)
    }

    /// The length of something that recurs, in seconds: a millisecond at least.
    package static func period(_ text: some StringProtocol) -> Double? {
        seconds(text).flatMap { $0 >= 0.001 ? $0 : nil }
    }

    /// Seconds, with or without a fraction; nil where negative, endless or more than a year.
    package static func seconds(_ text: some StringProtocol) -> Double? {
        guard let value = Double(text), value.isFinite, value >= 0, value <= 31_536_000 else { return nil }
        return value
    }
}

/// A number of bytes, or a span from which one is drawn.
package struct ByteSpan: Sendable, Equatable {
    package let low: Int64
    package let high: Int64

    /// Reads `N` or `N..M`.
    package init?(_ text: some StringProtocol) {
        let ends = text.split(separator: "..", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = ends.first, let low = Quantity.bytes(first) else { return nil }
        self.low = low
        if ends.count == 1 {
            high = low
        } else {
            guard let high = Quantity.bytes(ends[1]), high >= low else { return nil }
            self.high = high
        }
    }

    /// One number of the span; the same for the same key.
    package func drawn(_ key: UInt64) -> Int64 {
        let choices = UInt64(high - low) &+ 1
        return low + Int64(mixed(key) % choices)
    }
}
