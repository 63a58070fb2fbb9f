// A rule that holds for a request, and why: which of its patterns matched, and what it sets. Sentences for people, for
// `holdfast check --url` and `holdfast show`; nothing is put into words before somebody asks.

import HTTPSemantics

package struct MatchedRule: Sendable, Equatable {
    package let rule: CacheRule
    let uri: AbsoluteURI
    let contentType: String?
    let host: HostPattern?
    let path: PathPattern?
    let type: TypePattern?

    /// Where the rule stands: `proxy.conf:12`, or `preset apt, rule 2`.
    package var origin: String { rule.origin }
    /// What is not set there is as the directives below `resume` say.
    package var finish: FinishConditions { rule.finish }

    /// Which pattern matched what, then what the rule sets; one sentence each.
    package var explanation: [String] { reasons + rule.sentences }

    /// `path "/pool/**" matches /pool/a.deb`
    package var reasons: [String] {
        var reasons: [String] = []
        if let host {
            reasons.append("host \(Directive.quoted(host.text)) matches \(uri.authority.host):\(uri.port)")
        }
        if let path {
            reasons.append("path \(Directive.quoted(path.text)) matches \(uri.pathAndQuery.prefix { $0 != "?" })")
        }
        if let type, let contentType {
            reasons.append("type \(Directive.quoted(type.text)) matches \(ConfigurationValue.bounded(contentType))")
        }
        return reasons
    }
}

extension CacheRule {
    /// What the rule sets, as it was written and in words.
    package var sentences: [String] {
        var sentences: [String] = []
        func add(_ setting: String, _ meaning: String) { sentences.append(setting + ": " + meaning) }
        if let stores {
            add("store = \(stores)", stores ? "responses may be stored, as without a rule" : "nothing is stored")
        }
        if let ttl {
            add("ttl = \(Self.written(ttl))", "a response is fresh for that long, whatever its own lifetime is")
        }
        if let minTTL {
            add("min_ttl = \(Self.written(minTTL))", "a response is fresh for at least that long")
        }
        if let isImmutable {
            let meaning =
                isImmutable
                ? "what is held never changes; without a lifetime of its own it is fresh for a year, and a fresh one "
                    + "is not asked about because of a client's max-age"
                : "nothing is taken to be unchanging, as without a rule"
            add("immutable = \(isImmutable)", meaning)
        }
        switch key {
        case .ignoringQuery(.all): add("ignore_query = true", "the query is no part of the key")
        case .ignoringQuery(.parameters(let patterns)):
            add("ignore_query = \(Directive.quoted(patterns.map(\.text)))", "these parameters are no part of the key")
        case .template(let template):
            add("key = \(Directive.quoted(template.text))", "URLs with the same result share what is held")
        case nil: break
        }
        if let ignoresClientReload {
            let meaning = ignoresClientReload ? "a client's reload is answered from what is fresh" : "a reload counts"
            add("ignore_client_reload = \(ignoresClientReload)", meaning)
        }
        finish.sentences(add)
        if let staleIfError {
            add(
                "stale_if_error = \(Self.written(staleIfError))",
                "a stale response answers that long in the place of an origin's error"
            )
        }
        if let parallel { add("parallel = \(parallel)", "so many connections at most fetch one large download") }
        if let allowsIfRangeDate {
            let meaning =
                allowsIfRangeDate
                ? "If-Range with a date is tried where its tag and If-Match are ignored" : "never a date beside a tag"
            add("if_range_date = \(allowsIfRangeDate)", meaning)
        }
        if let mirrors {
            add(
                "mirrors = \(Directive.quoted(mirrors.sources.map(\.text)))",
                "a download that breaks at one of them goes on at another that has the same version"
            )
        }
        return sentences
    }

    /// Seconds as proxy.conf writes them.
    private static func written(_ seconds: Int64) -> String {
        // In bounds: it was read from at most 100 years.
        Directive.quoted(DurationText.format(nanoseconds: seconds &* DurationText.nanosecondsPerSecond))
    }
}
