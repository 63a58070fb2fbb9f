// The keys of a rule that say what becomes of a download when its last client leaves: the names and values of the
// directives below [resume].

extension RuleReading {
    static let finishing: [Setting] = [
        word("on_disconnect", \.finish.onDisconnect),
        bytes("finish_below", \.finish.below),
        share("finish_share", \.finish.share),
        seconds("finish_eta", \.finish.eta),
        share("finish_share_unresumable", \.finish.shareUnresumable),
        word("finish_validator", \.finish.validator),
        bytes("finish_max_size", \.finish.maxSize),
        Setting(
            key: "finish_between",
            allowed: Directive.hoursAllowed,
            read: { value, rule in
                guard case .string(let text) = value, let hours = HoursOfDay.parse(text) else { return false }
                rule.finish.between = hours
                return true
            }
        ),
        seconds("finish_max_time", \.finish.maxTime),
    ]

    private static func word<Word: RawRepresentable & CaseIterable & Sendable>(
        _ key: String,
        _ part: Part<Word?>
    ) -> Setting where Word.RawValue == String {
        Setting(
            key: key,
            allowed: Directive.alternatives(Word.allCases.map { Directive.quoted($0.rawValue) }),
            read: { value, rule in
                guard case .string(let text) = value, let word = Word(rawValue: text) else { return false }
                rule[keyPath: part] = word
                return true
            }
        )
    }

    private static func bytes(_ key: String, _ part: Part<Int64?>) -> Setting {
        Setting(
            key: key,
            allowed: Directive.sizeAllowed,
            read: { value, rule in
                guard let bytes = Directive.bytes(value), bytes <= 1 << 62 else { return false }
                rule[keyPath: part] = bytes
                return true
            }
        )
    }

    private static func share(_ key: String, _ part: Part<Double?>) -> Setting {
        Setting(
            key: key,
            allowed: Directive.shareAllowed,
            read: { value, rule in
                guard let share = Directive.share(value) else { return false }
                rule[keyPath: part] = share
                return true
            }
        )
    }
}
