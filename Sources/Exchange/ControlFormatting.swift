// Numbers as people read them on a terminal: sizes, durations, shares, and a body drawn as a bar of what is held of it.
// Pure: no clock, no terminal, no locale; who prints says whether the terminal shows more than ASCII.

import Resume

/// Sizes, durations and shares for people. Programs get the exact numbers (`--json`).
package enum HumanText {
    private static let sizeUnits = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]

    /// Three significant digits: `0 B`, `999 B`, `1.5 KiB`, `12.3 MiB`, `345 GiB`.
    package static func size(_ bytes: Int64) -> String {
        guard bytes >= 1024 else { return "\(max(0, bytes)) B" }
        var unit = 0
        var value = Double(bytes) / 1024
        // 1023.5 would be shown as "1024".
        while value >= 1023.5, unit < sizeUnits.count - 1 {
            value /= 1024
            unit += 1
        }
        return "\(threeDigits(value)) \(sizeUnits[unit])"
    }

    /// Bytes per second: `12.3 MiB/s`.
    package static func rate(_ bytesPerSecond: Int64) -> String { size(bytesPerSecond) + "/s" }

    private static let timeUnits: [(name: String, seconds: Int64)] = [
        ("d", 86_400), ("h", 3600), ("m", 60), ("s", 1),
    ]

    /// The two largest units of it: `0s`, `45s`, `3m 20s`, `2h 5m`, `12d 3h`, `400d`.
    package static func duration(seconds: Int64) -> String {
        let seconds = max(0, seconds)
        guard let first = timeUnits.firstIndex(where: { seconds >= $0.seconds }) else { return "0s" }
        let large = timeUnits[first]
        let text = "\(seconds / large.seconds)\(large.name)"
        let rest = seconds % large.seconds
        guard first + 1 < timeUnits.count, seconds < 100 * 86_400 else { return text }
        let small = timeUnits[first + 1]
        let count = rest / small.seconds
        return count == 0 ? text : "\(text) \(count)\(small.name)"
    }

    /// The largest unit alone, for columns: `45s`, `3m`, `2h`, `12d`.
    package static func shortDuration(seconds: Int64) -> String {
        let seconds = max(0, seconds)
        guard let unit = timeUnits.first(where: { seconds >= $0.seconds }) else { return "0s" }
        return "\(seconds / unit.seconds)\(unit.name)"
    }

    /// How much of a body is held: `100 %` only where all of it is, `0 %` only where nothing is.
    package static func share(held: Int64, of length: Int64?) -> String {
        guard let length else { return "?" }
        guard length > 0, held < length else { return "100 %" }
        guard held > 0 else { return "0 %" }
        let percent = Double(held) / Double(length) * 100
        if percent < 1 { return "<1 %" }
        return "\(min(99, Int(percent))) %"
    }

    /// `1 response`, `2 responses`.
    package static func count(_ number: Int, _ noun: String) -> String {
        "\(number) \(noun)\(number == 1 ? "" : "s")"
    }

    /// Filled up with spaces on the left. Wider text stays as it is.
    package static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }

    /// Filled up with spaces on the right. Wider text stays as it is.
    package static func left(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private static func threeDigits(_ value: Double) -> String {
        if value >= 99.95 { return "\(Int(value.rounded()))" }
        let tenths = Int((value * 10).rounded())
        return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
    }
}

/// What is held of a body, as a row of cells: each stands for an equal part of it.
package struct RangeBar: Sendable {
    /// In this order: nothing held, less than half, at least half but not all, all.
    package struct Glyphs: Sendable {
        let cells: [Character]

        package static let blocks = Glyphs(cells: ["·", "░", "▓", "█"])
        package static let ascii = Glyphs(cells: [".", "-", "+", "#"])
    }

    /// - Parameters:
    ///   - held: sorted, without overlaps.
    ///   - length: the complete length; where it is nil the bar ends where the last held byte does.
    package static func draw(
        held: [Range<Int64>],
        length: Int64?,
        width: Int = 20,
        glyphs: Glyphs = .blocks
    ) -> String {
        let end = length ?? held.last?.upperBound ?? 0
        guard end > 0 else { return String(repeating: glyphs.cells[length == 0 ? 3 : 0], count: width) }
        let set = ByteRangeSet(held)
        var text = ""
        for cell in 0..<Int64(width) {
            // A body that is shorter than the bar is wide shows each byte several times.
            let start = min(boundary(cell, of: end, width), end - 1)
            let part = start..<max(boundary(cell + 1, of: end, width), start + 1)
            let missing = set.gaps(in: part).reduce(Int64(0)) { $0 + ($1.upperBound - $1.lowerBound) }
            let size = part.upperBound - part.lowerBound
            let level = missing == 0 ? 3 : missing == size ? 0 : size - missing >= missing ? 2 : 1
            text.append(glyphs.cells[level])
        }
        return text
    }

    /// `end * cell / width`, without the product, which may overflow.
    private static func boundary(_ cell: Int64, of end: Int64, _ width: Int) -> Int64 {
        let width = Int64(width)
        return end / width * cell + end % width * cell / width
    }
}

/// Which URLs `ls` shows: those that contain the text, or, where a `*` is in it, those that match it as a whole.
/// `?` stands for itself, as it does in URLs.
package struct URLPattern: Sendable {
    private let parts: [[UInt8]]

    package init(_ text: String) {
        parts = text.utf8.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false).map { Array($0) }
    }

    package func matches(_ uri: String) -> Bool {
        let bytes = Array(uri.utf8)
        guard parts.count > 1, let first = parts.first, let last = parts.last else {
            return Self.find(parts.first ?? [], in: bytes, from: 0, to: bytes.count) != nil
        }
        guard bytes.count >= first.count + last.count, bytes.starts(with: first),
            bytes.suffix(last.count).elementsEqual(last)
        else { return false }
        var position = first.count
        for part in parts.dropFirst().dropLast() {
            guard let found = Self.find(part, in: bytes, from: position, to: bytes.count - last.count) else {
                return false
            }
            position = found + part.count
        }
        return true
    }

    private static func find(_ part: [UInt8], in bytes: [UInt8], from start: Int, to end: Int) -> Int? {
        guard end - start >= part.count else { return nil }
        return (start...(end - part.count)).first { bytes[$0..<($0 + part.count)].elementsEqual(part) }
    }
}
