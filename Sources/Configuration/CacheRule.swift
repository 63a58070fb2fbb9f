// One rule of proxy.conf: which responses it speaks of, and what it says of them. Reading is in RuleReading.swift, the
// order of rules in CacheRules.swift.

package import HTTPSemantics

/// A `[[rule]]`. All the patterns that it has must match; of the entries of one kind, one is enough.
package struct CacheRule: Sendable, Equatable {
    /// Where it stands: `proxy.conf:12`, or `preset apt, rule 2`.
    package var origin = ""

    /// Empty: any host.
    package var hosts: [HostPattern] = []
    /// Empty: any path.
    package var paths: [PathPattern] = []
    /// Empty: any content type, also none.
    package var types: [TypePattern] = []

    /// Seconds.
    package var ttl: Int64?
    /// Seconds.
    package var minTTL: Int64?
    package var stores: Bool?
    package var isImmutable: Bool?
    package var key: RuleKey?
    package var ignoresClientReload: Bool?
    /// In the place of directives below `resume`.
    package var finish = FinishConditions()
    /// Seconds.
    package var staleIfError: Int64?
    /// In the place of `resume.parallel`.
    package var parallel: Int?
    package var mirrors: MirrorList?
    /// An If-Range with a date may be sent beside an entity tag, which RFC 9110 §13.1.5 does not allow.
    package var allowsIfRangeDate: Bool?

    package init() {}

    /// The policy of a response that this rule speaks of.
    package func policy(_ base: CachePolicy) -> CachePolicy {
        var policy = base
        policy.ttl = ttl ?? base.ttl
        policy.minTTL = minTTL ?? base.minTTL
        policy.mayStore = stores ?? base.mayStore
        policy.isImmutable = isImmutable ?? base.isImmutable
        policy.ignoresClientReload = ignoresClientReload ?? base.ignoresClientReload
        policy.staleIfError = staleIfError ?? base.staleIfError
        return policy
    }
}
