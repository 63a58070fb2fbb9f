// Byte ranges as clients ask for them (RFC 9110 §14.1 and §14.2, R10). Reading only says what was asked;
// what of it can be had depends on the complete length, which `resolve` is given. Numbers that are larger
// than any body become the largest one: they ask for what lies beyond the end.

/// One range of a Range field.
package enum RangeSpecifier: Hashable, Sendable {
    /// `bytes=first-last`, both inclusive, first ≤ last.
    case fromTo(first: Int64, last: Int64)
    /// `bytes=first-`
    case from(first: Int64)
    /// `bytes=-length`
    case suffix(length: Int64)

    /// The bytes of a body of `completeLength` bytes that the range means, as a half-open span; nil where it is
    /// unsatisfiable (RFC 9110 §14.1.2). A suffix longer than the body means all of it.
    package func resolve(completeLength: Int64) -> Range<Int64>? {
        guard completeLength > 0 else { return nil }
        switch self {
        case .fromTo(let first, let last):
            guard first >= 0, first <= last, first < completeLength else { return nil }
            return first..<min(last, completeLength - 1) + 1
        case .from(let first):
            guard first >= 0, first < completeLength else { return nil }
            return first..<completeLength
        case .suffix(let length):
            guard length > 0 else { return nil }
            return max(0, completeLength - length)..<completeLength
        }
    }
}

extension RangeSpecifier {
    /// As it stands in a Range field, behind `bytes=`.
    package var text: String {
        switch self {
        case .fromTo(let first, let last): "\(first)-\(last)"
        case .from(let first): "\(first)-"
        case .suffix(let length): "-\(length)"
        }
    }
}

/// What a request asks for.
package enum RangeRequest: Equatable, Sendable {
    /// There is no Range field: the whole.
    case none
    /// There is one that has no meaning here: the whole.
    case ignored
    case single(RangeSpecifier)
    /// More than one range, in the order of the request.
    case several([RangeSpecifier])
    /// More than 256 ranges (R10).
    case tooMany

    /// R10.
    package static let limit = 256

    /// Reads the Range field. RFC 9110 §14.2: it counts with GET only; what is malformed, or of an unknown unit, is
    /// ignored. So is a repeated field: it is not a list, and two readers would take different ones of it.
    package static func of(_ request: RequestHead) -> RangeRequest {
        guard request.fields.contains(.range) else { return .none }
        guard request.method == .get, let text = request.fields.only(.range) else { return .ignored }
        guard let equals = text.utf8.firstIndex(of: UInt8(ascii: "=")),
            FieldGrammar.equalIgnoringCase(text[..<equals], "bytes")
        else { return .ignored }
        let set = text[text.utf8.index(after: equals)...]
        // RFC 9110 §14.1.1: no whitespace stands around the equals sign.
        guard let first = set.utf8.first, !FieldGrammar.isWhitespace(first) else { return .ignored }
        let members = FieldGrammar.plainList(set)
        var specifiers: [RangeSpecifier] = []
        specifiers.reserveCapacity(min(members.count, limit))
        for member in members {
            // RFC 9110 §14.1.1: one invalid range makes the whole field invalid.
            guard let specifier = specifier(member) else { return .ignored }
            if specifiers.count < limit { specifiers.append(specifier) }
        }
        guard members.count <= limit else { return .tooMany }
        guard let first = specifiers.first else { return .ignored }
        return specifiers.count == 1 ? .single(first) : .several(specifiers)
    }

    private static func specifier(_ text: Substring) -> RangeSpecifier? {
        guard let dash = text.utf8.firstIndex(of: UInt8(ascii: "-")) else { return nil }
        let before = text[..<dash]
        let after = text[text.utf8.index(after: dash)...]
        if before.isEmpty {
            return FieldGrammar.decimal(after).map { .suffix(length: $0) }
        }
        guard let first = FieldGrammar.decimal(before) else { return nil }
        if after.isEmpty { return .from(first: first) }
        guard let last = FieldGrammar.decimal(after), first <= last else { return nil }
        return .fromTo(first: first, last: last)
    }
}
