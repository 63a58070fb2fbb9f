// What part of a representation a request wants, as far as it can be told from what is known of the
// representation: ranges applied, If-Range judged, what cannot be answered by a part answered by the whole
// (RFC 9110 §14.2: a Range may always be ignored).

package enum WantedPart: Equatable, Sendable {
    /// The whole, with the stored status.
    case whole
    /// One range, half-open, for a 206.
    case part(Range<Int64>)
    /// 416 with this complete length.
    case unsatisfiable(completeLength: Int64)
    /// Several ranges.
    case several

    /// - Parameters:
    ///   - validator: the strong validator under which the bytes came.
    ///   - completeLength: bytes, or nil while unknown.
    ///   - held: whether these bytes (half-open) are all held; asked only where the length is unknown.
    package static func of(
        _ request: RequestHead,
        stored: ResponseHead,
        validator: StrongValidator?,
        completeLength: Int64?,
        held: (Range<Int64>) -> Bool
    ) -> WantedPart {
        // Ranges apply to 200 only (RFC 9110 §14.2).
        guard stored.status == 200 else { return .whole }
        let specifier: RangeSpecifier
        switch RangeRequest.of(request) {
        case .none, .ignored: return .whole
        case .several, .tooMany:
            // RFC 9110 §13.1.5: a false If-Range makes the Range as if it were not there.
            return Preconditions.ifRangeHolds(request: request, storedFields: stored.fields, validator: validator)
                ? .several : .whole
        case .single(let single): specifier = single
        }
        guard Preconditions.ifRangeHolds(request: request, storedFields: stored.fields, validator: validator) else {
            return .whole
        }
        guard let completeLength else {
            // Without a complete length an open end or a suffix has no Content-Range to announce; what lies
            // within the held bytes has ("a-b/*", resume-rules 7).
            guard case .fromTo(let first, let last) = specifier, last < .max, first <= last else { return .whole }
            return held(first..<last + 1) ? .part(first..<last + 1) : .whole
        }
        guard let range = specifier.resolve(completeLength: completeLength) else {
            return .unsatisfiable(completeLength: completeLength)
        }
        return .part(range)
    }
}
