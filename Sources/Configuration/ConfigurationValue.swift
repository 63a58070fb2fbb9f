// A value as it was written, before a directive has judged it. The one form that files, the environment and flags
// share.
//
// It knows TOML's kinds, and no directive.

indirect enum ConfigurationValue: Equatable {
    case string(String)
    case integer(Int64)
    case number(Double)
    case flag(Bool)
    case list([ConfigurationValue])
    /// Only rules are tables; no directive takes one.
    case table([String: ConfigurationValue])
    /// Dates and times: nothing takes them. What it is, with its article: "a date".
    case other(String)

    /// As an error shows it: quoted where it was text, bounded, and without control characters (a log line stays one).
    var shown: String {
        switch self {
        case .string(let text): "\"" + Self.bounded(text) + "\""
        case .integer(let integer): "\(integer)"
        case .number(let number): "\(number)"
        case .flag(let flag): "\(flag)"
        case .list(let values): Self.shown(list: values)
        case .table: "a table"
        case .other(let what): what
        }
    }

    /// The strings of a list, or the one string that stands for a list of one; nil where anything else is among them.
    var strings: [String]? {
        switch self {
        case .string(let text): return [text]
        case .list(let values):
            var texts: [String] = []
            for value in values {
                guard case .string(let text) = value else { return nil }
                texts.append(text)
            }
            return texts
        default: return nil
        }
    }

    private static func shown(list values: [ConfigurationValue]) -> String {
        let parts = values.prefix(8).map(\.shown)
        return "[" + (parts + (values.count > 8 ? ["…"] : [])).joined(separator: ", ") + "]"
    }

    static func bounded(_ text: String) -> String {
        var shown = ""
        for scalar in text.unicodeScalars.prefix(80) {
            switch scalar.value {
            case 0x22: shown += "\\\""
            case 0x5C: shown += "\\\\"
            case 0x20..<0x7F, 0xA0...: shown.unicodeScalars.append(scalar)
            default: shown += "\\u{" + String(scalar.value, radix: 16, uppercase: true) + "}"
            }
        }
        return text.unicodeScalars.count > 80 ? shown + "…" : shown
    }
}
