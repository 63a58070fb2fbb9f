// What part of a representation a request wants, as far as it can be told from what is known of the
// representation: ranges applied, If-Range judged, what cannot be answered by a part answered by the whole
// (RFC 9110 §14.2: a Range may always be ignored). Whether the bytes can be had is for others to say.

package enum WantedPart: Equatable, Sendable {
    /// The whole, with the stored status.
    case whole
    /// One range, half-open, for a 206.
    case part(Range<Int64>)
    /// 416 with this complete length.
    case unsatisfiable(completeLength: Int64)
    /// Several ranges, half-open, for a 206 of the type multipart/byteranges: at least two, in the order of the
    /// request, no two of them closer than `smallestGap`.
    case several([Range<Int64>])

    /// - Parameters:
    ///   - validator: the strong validator under which the bytes came.
    ///   - completeLength: bytes, or nil while unknown.
    ///   - isComplete: whether the whole is held; asked only where the request names too many ranges (R10).
    ///   - held: whether these bytes (half-open) are all held; asked only where the length is unknown.
    package static func of(
        _ request: RequestHead,
        stored: ResponseHead,
        validator: StrongValidator?,
        completeLength: Int64?,
        isComplete: Bool = false,
        held: (Range<Int64>) -> Bool
    ) -> WantedPart {
        // Ranges apply to 200 only (RFC 9110 §14.2).
        guard stored.status == 200 else { return .whole }
        let asked = RangeRequest.of(request)
        if asked == .none || asked == .ignored { return .whole }
        // RFC 9110 §13.1.5: a false If-Range makes the Range as if it were not there.
        guard Preconditions.ifRangeHolds(request: request, storedFields: stored.fields, validator: validator) else {
            return .whole
        }
        switch asked {
        case .none, .ignored:
            return .whole
        case .single(let specifier):
            return single(specifier, completeLength: completeLength, held: held)
        case .several(let specifiers):
            return several(specifiers, completeLength: completeLength)
        case .tooMany:
            // R10: a whole that is held costs nothing more than itself; one that is not would have to be fetched.
            guard let completeLength, !isComplete else { return .whole }
            return .unsatisfiable(completeLength: completeLength)
        }
    }

    private static func single(
        _ specifier: RangeSpecifier,
        completeLength: Int64?,
        held: (Range<Int64>) -> Bool
    ) -> WantedPart {
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

    /// Without a complete length nobody can say which of the ranges can be satisfied, nor how long the answer is.
    private static func several(_ specifiers: [RangeSpecifier], completeLength: Int64?) -> WantedPart {
        guard let completeLength else { return .whole }
        // RFC 9110 §14.1.2: the field is satisfiable where one of its ranges is; the others are left out.
        let parts = coalesced(specifiers.compactMap { $0.resolve(completeLength: completeLength) })
        guard let first = parts.first else { return .unsatisfiable(completeLength: completeLength) }
        // RFC 9110 §15.3.7.2: one part that is left is sent as a single one.
        if parts.count == 1 { return .part(first) }
        return .several(parts)
    }
}

// MARK: Several ranges

extension WantedPart {
    /// RFC 9110 §15.3.7.2: a gap of fewer bytes than these costs less than the head of a further part.
    package static let smallestGap: Int64 = 80

    /// Joins ranges that overlap, touch, or are closer than `smallestGap`. What is joined stands where the first of
    /// its ranges stood; the order is that of the request otherwise (RFC 9110 §15.3.7.2).
    ///
    /// R10: what comes out has no byte twice, so the parts together are never longer than the whole.
    package static func coalesced(_ ranges: [Range<Int64>]) -> [Range<Int64>] {
        var groups: [(place: Int, range: Range<Int64>)] = []
        let byStart = ranges.enumerated().filter { !$0.element.isEmpty }
            .sorted { ($0.element.lowerBound, $0.offset) < ($1.element.lowerBound, $1.offset) }
        for (place, range) in byStart {
            if let last = groups.last, isClose(range, to: last.range) {
                let joined = last.range.lowerBound..<max(last.range.upperBound, range.upperBound)
                groups[groups.count - 1] = (min(last.place, place), joined)
            } else {
                groups.append((place, range))
            }
        }
        return groups.sorted { $0.place < $1.place }.map(\.range)
    }

    /// `range` starts no earlier than `earlier`.
    private static func isClose(_ range: Range<Int64>, to earlier: Range<Int64>) -> Bool {
        let (gap, overflows) = range.lowerBound.subtractingReportingOverflow(earlier.upperBound)
        return !overflows && gap < smallestGap
    }
}
