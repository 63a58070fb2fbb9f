// Which rule a URL meets and why, for `holdfast check --url`: the rule, its key, and the rules that were passed over
// because the content type is not known. It knows no command line and no cache: it speaks of rules, not of what is held.

package import HTTPSemantics

/// What the rules say of one URL.
package struct RuleReport: Sendable, Equatable, CustomStringConvertible {
    package let url: String
    /// The URI under which a response is stored.
    package let key: String
    /// nil: no rule holds.
    package let matched: MatchedRule?
    /// Rules in front of the one that holds which would hold for another content type.
    package let passedOver: [CacheRule]

    /// - Parameter contentType: the response's Content-Type; nil: not known.
    package init(_ uri: AbsoluteURI, contentType: String?, rules: CacheRules) {
        url = uri.description
        key = rules.keyURI(of: uri).description
        matched = rules.match(uri, contentType: contentType)
        passedOver = rules.passedOver(uri, contentType: contentType)
    }

    /// Several lines for people.
    package var description: String {
        var lines = [url]
        if let matched {
            lines.append("rule: \(matched.origin)")
            lines += matched.explanation.map { "  " + $0 }
        } else {
            lines.append("rule: none; what the response says and the directives of [freshness] hold")
        }
        lines.append(key == url ? "key: the URL" : "key: \(key)")
        for rule in passedOver {
            let types = Directive.quoted(rule.types.map(\.text))
            lines.append("passed over: \(rule.origin), which speaks of type = \(types) only (--type)")
        }
        return lines.joined(separator: "\n")
    }
}
