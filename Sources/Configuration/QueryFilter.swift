// Which parts of a query do not count: `ignore_query` of a rule, for URLs that carry a signature or a token. What is
// left stays byte for byte and in its order. Names are compared as the request has them, not decoded.

/// `ignore_query`.
package enum QueryFilter: Sendable, Hashable {
    case all
    /// In the order in which they were written; not empty.
    case parameters([ParameterPattern])

    /// A parameter's name, or how it begins.
    package struct ParameterPattern: Sendable, Hashable {
        /// As it was written: `Expires`, `X-Amz-*`.
        package let text: String

        /// nil unless the name is 1 to 128 bytes that a query may hold, perhaps with a `*` at its end.
        package static func parse(_ text: String) -> ParameterPattern? {
            let name = text.hasSuffix("*") ? text.dropLast() : text[...]
            guard (1...128).contains(name.utf8.count) else { return nil }
            let isName = name.utf8.allSatisfy { byte in
                (0x21...0x7E).contains(byte)
                    && ![UInt8(ascii: "&"), UInt8(ascii: "="), UInt8(ascii: "#"), UInt8(ascii: "*")].contains(byte)
            }
            return isName ? ParameterPattern(text: text) : nil
        }

        func matches(_ name: Substring) -> Bool {
            text.utf8.last == UInt8(ascii: "*")
                ? name.utf8.starts(with: text.utf8.dropLast()) : name.utf8.elementsEqual(text.utf8)
        }
    }

    /// The path and query without what does not count; without the question mark where nothing is left behind it.
    package func applied(to pathAndQuery: String) -> String {
        guard let mark = pathAndQuery.utf8.firstIndex(of: UInt8(ascii: "?")) else { return pathAndQuery }
        let path = pathAndQuery[..<mark]
        guard case .parameters(let patterns) = self else { return String(path) }
        let query = pathAndQuery[mark...].dropFirst()
        let parameters = query.split(separator: "&", omittingEmptySubsequences: false)
        let kept = parameters.filter { parameter in
            let name = parameter.prefix { $0 != "=" }
            return !patterns.contains { $0.matches(name) }
        }
        if kept.count == parameters.count { return pathAndQuery }
        return kept.isEmpty ? String(path) : path + "?" + kept.joined(separator: "&")
    }
}
