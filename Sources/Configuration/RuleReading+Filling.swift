// The keys of a rule that say how its downloads are fetched.

extension RuleReading {
    static let filling: [Setting] = [
        Setting(
            key: "parallel",
            allowed: "a whole number from 1 to 16",
            read: { value, rule in
                guard case .integer(let count) = value, (1...16).contains(count) else { return false }
                rule.parallel = Int(count)
                return true
            }
        ),
        flag("if_range_date", \.allowsIfRangeDate),
        Setting(
            key: "mirrors",
            allowed: "a list of two to \(MirrorList.limit) http URLs such as [\"http://a.example/debian\", "
                + "\"http://b.example/pub/debian\"], under which the same paths are found; without a query",
            read: { value, rule in
                guard case .list(let values) = value else { return false }
                var texts: [String] = []
                for value in values {
                    guard case .string(let text) = value else { return false }
                    texts.append(text)
                }
                guard let mirrors = MirrorList(texts) else { return false }
                rule.mirrors = mirrors
                return true
            }
        ),
    ]
}
