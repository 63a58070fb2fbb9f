// The kinds of directives: for each, what is allowed, how a written value becomes a property's value, and back.
//
// Bounds are part of the kind: what a property holds never overflows where it is added to or multiplied by a small
// number.

extension Directive {
    /// Bytes: 0 to 4 EiB unless said otherwise.
    static func size(
        _ key: String,
        _ property: Property<Int64>,
        in bounds: ClosedRange<Int64> = 0...(1 << 62),
        default text: String,
        _ sentence: String
    ) -> Directive {
        Directive(
            key: key,
            kind: .size,
            defaultText: quoted(text),
            sentence: sentence,
            allowed: sizeAllowed + bound(bounds),
            read: { value, configuration in
                guard let bytes = bytes(value), bounds.contains(bytes) else { return false }
                configuration[keyPath: property] = bytes
                return true
            },
            show: { quoted(SizeText.format($0[keyPath: property])) }
        )
    }

    static func optionalSize(
        _ key: String,
        _ property: Property<Int64?>,
        _ sentence: String
    ) -> Directive {
        Directive(
            key: key,
            kind: .size,
            defaultText: quoted(unset),
            sentence: sentence,
            allowed: sizeAllowed + orUnset,
            read: { value, configuration in
                if isUnset(value) {
                    configuration[keyPath: property] = nil
                    return true
                }
                guard let bytes = bytes(value), bytes <= 1 << 62 else { return false }
                configuration[keyPath: property] = bytes
                return true
            },
            show: { quoted($0[keyPath: property].map { SizeText.format($0) } ?? unset) }
        )
    }

    /// Kept in nanoseconds. At most 100 years.
    static func duration(
        _ key: String,
        nanoseconds property: Property<Int64>,
        atLeast lower: Int64 = 0,
        default text: String,
        _ sentence: String
    ) -> Directive {
        Directive(
            key: key,
            kind: .duration,
            defaultText: quoted(text),
            sentence: sentence,
            allowed: durationAllowed + (lower > 0 ? ", at least \(DurationText.format(nanoseconds: lower))" : ""),
            read: { value, configuration in
                guard let duration = nanoseconds(value), duration >= lower else { return false }
                configuration[keyPath: property] = duration
                return true
            },
            show: { quoted(DurationText.format(nanoseconds: $0[keyPath: property])) }
        )
    }

    /// Kept in whole seconds, for what is compared with wall-clock instants. At most 100 years.
    static func duration(
        _ key: String,
        seconds property: Property<Int64>,
        default text: String,
        _ sentence: String
    ) -> Directive {
        Directive(
            key: key,
            kind: .duration,
            defaultText: quoted(text),
            sentence: sentence,
            allowed: durationAllowed + ", in whole seconds",
            read: { value, configuration in
                guard let duration = nanoseconds(value), duration % DurationText.nanosecondsPerSecond == 0 else {
                    return false
                }
                configuration[keyPath: property] = duration / DurationText.nanosecondsPerSecond
                return true
            },
            // In bounds: it was read from at most 100 years, or is a default.
            show: {
                quoted(DurationText.format(nanoseconds: $0[keyPath: property] &* DurationText.nanosecondsPerSecond))
            }
        )
    }

    static func count(
        _ key: String,
        _ property: Property<Int>,
        in bounds: ClosedRange<Int64>,
        default text: String,
        _ sentence: String
    ) -> Directive {
        Directive(
            key: key,
            kind: .count,
            defaultText: text,
            sentence: sentence,
            allowed: "a number from \(bounds.lowerBound) to \(bounds.upperBound)",
            read: { value, configuration in
                guard case .integer(let number) = value, bounds.contains(number) else { return false }
                configuration[keyPath: property] = Int(number)
                return true
            },
            show: { "\($0[keyPath: property])" }
        )
    }

    static func optionalCount(
        _ key: String,
        _ property: Property<Int?>,
        in bounds: ClosedRange<Int64>,
        _ sentence: String
    ) -> Directive {
        Directive(
            key: key,
            kind: .count,
            defaultText: quoted(unset),
            sentence: sentence,
            allowed: "a number from \(bounds.lowerBound) to \(bounds.upperBound)" + orUnset,
            read: { value, configuration in
                if isUnset(value) {
                    configuration[keyPath: property] = nil
                    return true
                }
                guard case .integer(let number) = value, bounds.contains(number) else { return false }
                configuration[keyPath: property] = Int(number)
                return true
            },
            show: { $0[keyPath: property].map { "\($0)" } ?? quoted(unset) }
        )
    }

    static func share(
        _ key: String,
        _ property: Property<Double>,
        default text: String,
        _ sentence: String
    ) -> Directive {
        Directive(
            key: key,
            kind: .share,
            defaultText: text,
            sentence: sentence,
            allowed: shareAllowed,
            read: { value, configuration in
                guard let share = share(value) else { return false }
                configuration[keyPath: property] = share
                return true
            },
            show: { "\($0[keyPath: property])" }
        )
    }

    static func optionalShare(
        _ key: String,
        _ property: Property<Double?>,
        _ sentence: String
    ) -> Directive {
        Directive(
            key: key,
            kind: .share,
            defaultText: quoted(unset),
            sentence: sentence,
            allowed: shareAllowed + orUnset,
            read: { value, configuration in
                if isUnset(value) {
                    configuration[keyPath: property] = nil
                    return true
                }
                guard let share = share(value) else { return false }
                configuration[keyPath: property] = share
                return true
            },
            show: { $0[keyPath: property].map { "\($0)" } ?? quoted(unset) }
        )
    }

    static func flag(
        _ key: String,
        _ property: Property<Bool>,
        default text: String,
        _ sentence: String
    ) -> Directive {
        Directive(
            key: key,
            kind: .flag,
            defaultText: text,
            sentence: sentence,
            allowed: "true or false",
            read: { value, configuration in
                guard case .flag(let flag) = value else { return false }
                configuration[keyPath: property] = flag
                return true
            },
            show: { "\($0[keyPath: property])" }
        )
    }

    /// One of the raw values of an enumeration.
    static func word<Word: RawRepresentable & CaseIterable & Sendable>(
        _ key: String,
        _ property: Property<Word>,
        default text: String,
        _ sentence: String
    ) -> Directive where Word.RawValue == String {
        Directive(
            key: key,
            kind: .word,
            defaultText: quoted(text),
            sentence: sentence,
            allowed: alternatives(Word.allCases.map { quoted($0.rawValue) }),
            read: { value, configuration in
                guard case .string(let text) = value, let word = Word(rawValue: text) else { return false }
                configuration[keyPath: property] = word
                return true
            },
            show: { quoted($0[keyPath: property].rawValue) }
        )
    }
}

// MARK: What the kinds share

extension Directive {
    static let sizeAllowed = "a size such as \"10 GiB\", \"500 MB\" or a number of bytes"
    static let durationAllowed = "a duration such as \"90s\", \"5m\", \"1h30m\" or \"250ms\""
    static let shareAllowed = "a number from 0 to 1"
    static let orUnset = ", or \"unset\""
    private static let hundredYears: Int64 = 36_525 * 86_400 * DurationText.nanosecondsPerSecond

    static func bytes(_ value: ConfigurationValue) -> Int64? {
        switch value {
        case .integer(let bytes): bytes >= 0 ? bytes : nil
        case .string(let text): SizeText.parse(text)
        default: nil
        }
    }

    static func nanoseconds(_ value: ConfigurationValue) -> Int64? {
        guard case .string(let text) = value, let duration = DurationText.parse(text), duration <= hundredYears else {
            return nil
        }
        return duration
    }

    static func share(_ value: ConfigurationValue) -> Double? {
        switch value {
        case .integer(let number): (0...1).contains(number) ? Double(number) : nil
        // Not-a-number is in no range.
        case .number(let number): (0...1).contains(number) ? number : nil
        default: nil
        }
    }

    static func isUnset(_ value: ConfigurationValue) -> Bool {
        value == .string(unset)
    }

    private static func bound(_ bounds: ClosedRange<Int64>) -> String {
        let lower = bounds.lowerBound > 0 ? ", at least \(SizeText.format(bounds.lowerBound))" : ""
        return bounds.upperBound < 1 << 62 ? lower + ", at most \(SizeText.format(bounds.upperBound))" : lower
    }

    /// `"a", "b" or "c"`.
    static func alternatives(_ words: [String]) -> String {
        guard let last = words.last, words.count > 1 else { return words.joined() }
        return words.dropLast().joined(separator: ", ") + " or " + last
    }

    /// As a string of TOML. Quotes, backslashes and control characters are all that needs an escape there.
    static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x22: quoted += "\\\""
            case 0x5C: quoted += "\\\\"
            case 0..<0x20, 0x7F:
                let digits = String(scalar.value, radix: 16, uppercase: true)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    static func quoted(_ texts: [String]) -> String {
        "[" + texts.map { quoted($0) }.joined(separator: ", ") + "]"
    }
}
