// Which directive did somebody mean who wrote an unknown key?

package enum NearestKey {
    /// The nearest known key, or nil where nothing is near.
    package static func suggestion(for written: String, among known: [String]) -> String? {
        let written = HostAndPort.lowerCase(written)
        // Longer than any directive by far: not a slip of the pen, and the comparison below is quadratic.
        guard (1...64).contains(written.utf8.count) else { return nil }
        // The right directive in the wrong table, such as `max_size` before any header.
        let name = written.split(separator: ".").last
        let sameName = known.filter { $0.split(separator: ".").last == name }
        if sameName.count == 1 { return sameName[0] }
        let candidates = (sameName.isEmpty ? known : sameName).map {
            ($0, distance(Array(written.utf8), Array($0.utf8)))
        }
        guard let nearest = candidates.min(by: { $0.1 < $1.1 }) else { return nil }
        return !sameName.isEmpty || nearest.1 <= max(2, written.utf8.count / 4) ? nearest.0 : nil
    }

    /// Edits (insert, remove, replace, swap neighbours) between two texts.
    package static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var beforeLast = [Int](repeating: 0, count: b.count + 1)
        var last = Array(0...b.count)
        for (i, byte) in a.enumerated() {
            var row = [i + 1]
            for (j, other) in b.enumerated() {
                var best = min(row[j] + 1, last[j + 1] + 1, last[j] + (byte == other ? 0 : 1))
                if i > 0, j > 0, a[i - 1] == other, b[j - 1] == byte { best = min(best, beforeLast[j - 1] + 1) }
                row.append(best)
            }
            (beforeLast, last) = (last, row)
        }
        return last[b.count]
    }
}
