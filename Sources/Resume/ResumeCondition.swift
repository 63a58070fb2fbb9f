// On which condition the rest of a version is asked for: the rungs of resume-rules 5, row 5. A value; which rung is taken is
// OriginCapabilities' decision.

package import HTTPSemantics

package enum ResumeCondition: Equatable, Hashable, Sendable, CaseIterable {
    case ifRangeTag
    case ifRangeDate
    /// RFC 9110 §13.1.1: 412 where the version has changed.
    case ifMatch
    /// No condition: the answer's own validator, its length and the overlap are looked at afterwards.
    case checkedAfterwards

    /// The field that says so; nil where there is none.
    ///
    /// - Parameter lastModified: of the stored response, verbatim: what stands in If-Range where an operator allows a date
    ///   beside an entity tag (`OriginCapabilities.condition`).
    package func field(
        for validator: StrongValidator,
        lastModified: String? = nil
    ) -> (field: KnownField, value: String)? {
        switch self {
        case .ifRangeTag: validator.ifRangeValue.map { (.ifRange, $0) }
        case .ifRangeDate: (validator.isTag ? lastModified : validator.ifRangeValue).map { (.ifRange, $0) }
        case .ifMatch: validator.ifRangeValue.map { (.ifMatch, $0) }
        case .checkedAfterwards: nil
        }
    }
}
