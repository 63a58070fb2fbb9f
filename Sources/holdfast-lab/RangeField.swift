// The Range field as a good origin reads it (RFC 9110 §14.2). It knows no fault.

/// What a Range field asks of a body of known length.
package enum AskedRange: Sendable, Equatable {
    /// There is none, or one that has no meaning here.
    case whole
    case spans([Range<Int64>])
    case unsatisfiable

    package init(_ field: String?, length: Int64) {
        guard let field, let equals = field.firstIndex(of: "="), field[..<equals].lowercased() == "bytes" else {
            self = .whole
            return
        }
        let members = field[field.index(after: equals)...].split(separator: ",")
        guard !members.isEmpty, members.count <= 100 else {
            self = .whole
            return
        }
        var spans: [Range<Int64>] = []
        for member in members {
            switch Self.read(trimmed(member), length: length) {
            case .some(.some(let span)): spans.append(span)
            case .some(.none): continue
            case .none:
                // §14.1.1: one invalid range makes the whole field invalid.
                self = .whole
                return
            }
        }
        self = spans.isEmpty ? .unsatisfiable : .spans(spans)
    }

    /// nil where the text is no range, an inner nil where it lies beyond the end.
    private static func read(_ text: String, length: Int64) -> Range<Int64>?? {
        guard let dash = text.firstIndex(of: "-") else { return nil }
        let before = text[..<dash]
        let after = text[text.index(after: dash)...]
        if before.isEmpty {
            guard let count = Quantity.number(after) else { return nil }
            return .some(count == 0 || length == 0 ? nil : max(0, length - count)..<length)
        }
        guard let first = Quantity.number(before) else { return nil }
        if after.isEmpty { return .some(first < length ? first..<length : nil) }
        guard let last = Quantity.number(after), first <= last else { return nil }
        return .some(first < length ? first..<min(last, length - 1) + 1 : nil)
    }
}
