// May a 200 begin with the held prefix before the origin has confirmed the version? (resume-rules 3.1, `eager`, off by
// default, the one exception to invariant 4.) If it does, and the version turns out to have changed, the response is cut.
// A decision on values; it knows neither the store nor a clock.

package import HTTPSemantics

package enum EagerDecision: Equatable, Sendable {
    /// The head and the prefix are sent at once, while the rest is asked for.
    case begin
    /// The head is sent once the origin's 206 is in: the default.
    case confirmFirst
}

package enum EagerStart {
    /// - Parameters:
    ///   - isOn: the directive.
    ///   - isFresh: by RFC 9111 §4.2; a stale one is validated and completed by one request (resume-rules 3.2).
    ///   - mustAsk: `no-cache` of the response or of the request (RFC 9111 §5.2.1.4, §5.2.2.4).
    ///   - validator: nil where it is weak or absent.
    ///   - heldPrefix: how many bytes from byte 0 on are held.
    ///   - rangesRefused: the origin is known not to continue (`OriginCapabilities.mayResume`).
    package static func decide(
        isOn: Bool,
        isFresh: Bool,
        mustAsk: Bool,
        validator: StrongValidator?,
        completeLength: Int64?,
        heldPrefix: Int64,
        rangesRefused: Bool
    ) -> EagerDecision {
        guard isOn, isFresh, !mustAsk, !rangesRefused, heldPrefix > 0 else { return .confirmFirst }
        // What begins without a length could not be cut so that an HTTP/1.0 client notices; and it has to be one
        // version by the origin's own word, not by a rule alone.
        guard completeLength != nil, let validator, !validator.isByRule else { return .confirmFirst }
        return .begin
    }
}
