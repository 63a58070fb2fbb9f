// How often each byte of a body was sent: the measure of "every byte is fetched once".
//
// A pure value. Spans of equal count are kept in order, so that gigabytes sent in sequence cost one entry.

/// Counts per byte offset.
package struct RangeTally: Sendable, Equatable, CustomStringConvertible {
    private struct Span: Equatable {
        var range: Range<Int64>
        var count: Int
    }

    private var spans: [Span] = []
    /// Bytes sent in all, repeats included.
    package private(set) var totalBytes: Int64 = 0

    package init() {}

    /// Counts every byte of the range once more.
    package mutating func add(_ range: Range<Int64>) {
        if range.isEmpty { return }
        totalBytes += range.upperBound - range.lowerBound
        // The usual case: the next bytes of a body that nobody has sent yet.
        if let last = spans.last, last.range.upperBound == range.lowerBound, last.count == 1 {
            spans[spans.count - 1].range = last.range.lowerBound..<range.upperBound
            return
        }
        var added: [Span] = []
        var rest = range
        for span in spans {
            if rest.isEmpty || span.range.upperBound <= rest.lowerBound {
                added.append(span)
                continue
            }
            if rest.upperBound <= span.range.lowerBound {
                added.append(Span(range: rest, count: 1))
                added.append(span)
                rest = rest.upperBound..<rest.upperBound
                continue
            }
            let shared = span.range.clamped(to: rest)
            // One of these two is empty: either the new range begins before the span, or the span before it.
            append(rest.lowerBound..<shared.lowerBound, 1, to: &added)
            append(span.range.lowerBound..<shared.lowerBound, span.count, to: &added)
            append(shared, span.count + 1, to: &added)
            append(shared.upperBound..<span.range.upperBound, span.count, to: &added)
            rest = shared.upperBound..<rest.upperBound
        }
        append(rest, 1, to: &added)
        spans = []
        for span in added { append(span.range, span.count, to: &spans) }
    }

    /// How many different bytes were sent.
    package var uniqueBytes: Int64 { spans.reduce(0) { $0 + $1.range.upperBound - $1.range.lowerBound } }

    /// How many bytes were sent more often than once, each repeat counted.
    package var overlapBytes: Int64 { totalBytes - uniqueBytes }

    /// How often the byte at an offset was sent.
    package func count(at offset: Int64) -> Int {
        spans.first { $0.range.contains(offset) }?.count ?? 0
    }

    /// The ranges that were sent at least that often, adjoining ones joined.
    package func ranges(sentAtLeast times: Int) -> [Range<Int64>] {
        var joined: [Range<Int64>] = []
        for span in spans where span.count >= times {
            if let last = joined.last, last.upperBound == span.range.lowerBound {
                joined[joined.count - 1] = last.lowerBound..<span.range.upperBound
            } else {
                joined.append(span.range)
            }
        }
        return joined
    }

    package var description: String {
        "\(totalBytes) bytes, \(uniqueBytes) different: "
            + spans.map { "\($0.range.lowerBound)..<\($0.range.upperBound) ×\($0.count)" }.joined(separator: ", ")
    }

    private func append(_ range: Range<Int64>, _ count: Int, to list: inout [Span]) {
        if range.isEmpty { return }
        if let last = list.last, last.range.upperBound == range.lowerBound, last.count == count {
            list[list.count - 1].range = last.range.lowerBound..<range.upperBound
        } else {
            list.append(Span(range: range, count: count))
        }
    }
}
