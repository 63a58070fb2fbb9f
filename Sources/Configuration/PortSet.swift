// The ports of `access.connect_ports` and `access.http_ports`: numbers and ranges, as they were written.

extension Configuration {
    package struct PortSet: Sendable, Equatable {
        /// In the order in which they were written.
        package let ranges: [ClosedRange<UInt16>]

        package init(_ ranges: [ClosedRange<UInt16>]) {
            self.ranges = ranges
        }

        package func contains(_ port: UInt16) -> Bool {
            ranges.contains { $0.contains(port) }
        }

        /// Whether the port stands there by itself, not only inside a range.
        package func names(_ port: UInt16) -> Bool {
            ranges.contains { $0.lowerBound == port && $0.upperBound == port }
        }

        /// "1024-65535", "443". Port 0 is not a port that can be asked for.
        package static func parseRange(_ text: String) -> ClosedRange<UInt16>? {
            let ends = text.split(separator: "-", omittingEmptySubsequences: false)
            guard let first = ends.first.flatMap({ HostAndPort.port(trimmed($0)) }), first > 0 else { return nil }
            if ends.count == 1 { return first...first }
            guard ends.count == 2, let last = HostAndPort.port(trimmed(ends[1])), first <= last else { return nil }
            return first...last
        }

        private static func trimmed(_ text: Substring) -> Substring {
            var text = text
            while text.first == " " { text.removeFirst() }
            while text.last == " " { text.removeLast() }
            return text
        }

        /// As an array of TOML.
        var text: String {
            let parts = ranges.map { range in
                range.lowerBound == range.upperBound
                    ? "\(range.lowerBound)" : "\"\(range.lowerBound)-\(range.upperBound)\""
            }
            return "[" + parts.joined(separator: ", ") + "]"
        }
    }
}
