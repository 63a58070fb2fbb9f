// The key under which a rule stores and finds a response, where it is not the URL itself.
//
// A key merges what the operator says is the same thing. It says nothing about bytes: validators still decide whether
// one response continues another, whatever URL it came from.

package import HTTPSemantics

/// `ignore_query` or `key`.
package enum RuleKey: Sendable, Hashable {
    case ignoringQuery(QueryFilter)
    case template(KeyTemplate)

    /// The URI that stands for this one. Where the rule cannot make one, it is the URI itself: two things are never
    /// merged because of a failure.
    package func uri(for uri: AbsoluteURI) -> AbsoluteURI {
        switch self {
        case .ignoringQuery(let filter):
            AbsoluteURI(
                scheme: uri.scheme,
                authority: uri.authority,
                pathAndQuery: filter.applied(to: uri.pathAndQuery)
            )
        case .template(let template):
            template.applied(to: uri) ?? uri
        }
    }
}
