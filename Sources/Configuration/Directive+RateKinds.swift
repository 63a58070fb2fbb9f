// The kinds of directives about pace: bytes per second, hours of the day, times that may be without a bound, and the
// rate of background work.

extension Configuration {
    /// `resume.background_rate`.
    package enum BackgroundPace: Sendable, Equatable {
        /// As if clients waited for it.
        case unlimited
        /// What clients leave of the link.
        case yield
        /// Bytes per second; less where clients leave less.
        case bytesPerSecond(Int64)
        /// 1 to 100, of what the link is seen to carry; less where clients leave less.
        case percent(Int64)
    }
}

extension Directive {
    static let hoursAllowed =
        "hours of the local day such as \"01:00-06:00\" or \"22:00-05:00\", not twice the same time"
    /// Bytes per second: below it nothing would be left of a connection.
    private static let leastRate: Int64 = 1024
    private static let rateAllowed =
        "a size per second such as \"2 MB\" or \"500 KiB\", at least \(SizeText.format(leastRate))"

    /// Bytes per second; nil: without a limit.
    static func optionalRate(
        _ key: String,
        _ property: Property<Int64?>,
        _ sentence: String
    ) -> Directive {
        optional(
            key,
            .size,
            property,
            allowed: rateAllowed,
            sentence,
            read: { rate($0) },
            show: { quoted(SizeText.format($0)) }
        )
    }

    /// Kept in whole seconds. At most 100 years.
    static func optionalDuration(
        _ key: String,
        seconds property: Property<Int64?>,
        _ sentence: String
    ) -> Directive {
        optional(
            key,
            .duration,
            property,
            allowed: durationAllowed + ", in whole seconds",
            sentence,
            read: { value in
                guard let duration = nanoseconds(value), duration % DurationText.nanosecondsPerSecond == 0 else {
                    return nil
                }
                return duration / DurationText.nanosecondsPerSecond
            },
            // In bounds: it was read from at most 100 years.
            show: { quoted(DurationText.format(nanoseconds: $0 &* DurationText.nanosecondsPerSecond)) }
        )
    }

    static func optionalHours(
        _ key: String,
        _ property: Property<HoursOfDay?>,
        _ sentence: String
    ) -> Directive {
        optional(
            key,
            .hours,
            property,
            allowed: hoursAllowed,
            sentence,
            read: { value in
                guard case .string(let text) = value else { return nil }
                return HoursOfDay.parse(text)
            },
            show: { quoted($0.text) }
        )
    }

    static func backgroundPace(
        _ key: String,
        _ property: Property<Configuration.BackgroundPace>,
        default text: String,
        _ sentence: String
    ) -> Directive {
        Directive(
            key: key,
            kind: .size,
            defaultText: quoted(text),
            sentence: sentence,
            allowed: "\"unlimited\", \"yield\", \(rateAllowed), or a share of the link from \"1%\" to \"100%\"",
            read: { value, configuration in
                guard let pace = pace(value) else { return false }
                configuration[keyPath: property] = pace
                return true
            },
            show: { quoted(Self.text($0[keyPath: property])) }
        )
    }

    private static func pace(_ value: ConfigurationValue) -> Configuration.BackgroundPace? {
        guard case .string(let text) = value else { return rate(value).map { .bytesPerSecond($0) } }
        switch text {
        case "unlimited": return .unlimited
        case "yield": return .yield
        default: break
        }
        guard text.utf8.last == UInt8(ascii: "%") else { return rate(value).map { .bytesPerSecond($0) } }
        let digits = text.utf8.dropLast()
        guard (1...3).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
            let percent = Int64(Substring(digits)), (1...100).contains(percent)
        else { return nil }
        return .percent(percent)
    }

    /// As it is written in proxy.conf.
    package static func text(_ pace: Configuration.BackgroundPace) -> String {
        switch pace {
        case .unlimited: "unlimited"
        case .yield: "yield"
        case .bytesPerSecond(let rate): SizeText.format(rate)
        case .percent(let percent): "\(percent)%"
        }
    }

    private static func rate(_ value: ConfigurationValue) -> Int64? {
        // A rate times a second is far below 2^63.
        bytes(value).flatMap { (leastRate...(1 << 50)).contains($0) ? $0 : nil }
    }

    private static func optional<Value: Sendable>(
        _ key: String,
        _ kind: Kind,
        _ property: Property<Value?>,
        allowed: String,
        _ sentence: String,
        read: @escaping @Sendable (ConfigurationValue) -> Value?,
        show: @escaping @Sendable (Value) -> String
    ) -> Directive {
        Directive(
            key: key,
            kind: kind,
            defaultText: quoted(unset),
            sentence: sentence,
            allowed: allowed + orUnset,
            read: { value, configuration in
                if isUnset(value) {
                    configuration[keyPath: property] = nil
                    return true
                }
                guard let sound = read(value) else { return false }
                configuration[keyPath: property] = sound
                return true
            },
            show: { $0[keyPath: property].map(show) ?? quoted(unset) }
        )
    }
}
