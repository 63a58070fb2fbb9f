// Why a stored response would or would not be reused, and resumed, as sentences. The judgements are those of
// HTTPSemantics (Reuse, Freshness, StrongValidator); here they are asked about a request that nobody sends, and put
// into words.

import Configuration
package import HTTPSemantics
import Resume
import Store

/// Asks how a stored response stands to a plain GET of its URL.
struct FreshnessJudge {
    private let base: CachePolicy
    private let rules: CacheRules

    init(_ configuration: Configuration) {
        base = configuration.policy
        rules = configuration.rules
    }

    /// - Parameter requestFields: the stored ones. The imagined GET sends them too, since with others it would ask for
    ///   another variant.
    func note(
        uri: String,
        requestFields: FieldSection,
        head: ResponseHead,
        requestTime: Int64,
        responseTime: Int64,
        isInvalidated: Bool,
        body: BodyState,
        now: Int64
    ) -> FreshnessNote {
        let target: RequestTarget
        var policy = base
        switch AbsoluteURI.parse(uri) {
        case .success(let parsed):
            target = .absolute(parsed)
            policy = rules.policy(base, for: parsed, contentType: head.fields.combined(.contentType))
        case .failure:
            target = .origin(pathAndQuery: "/")
        }
        let request = RequestHead(method: .get, target: target, version: .http11, fields: requestFields)
        let freshness = Freshness.lifetime(
            request: request,
            response: head,
            responseTime: responseTime,
            policy: policy
        )
        let age = Freshness.age(
            response: head.fields,
            requestTime: requestTime,
            responseTime: responseTime,
            now: now
        )
        let view = StoredView(
            head: head,
            requestFields: requestFields,
            requestTime: requestTime,
            responseTime: responseTime,
            lifetime: freshness,
            isInvalidated: isInvalidated
        )
        let decision = Reuse.judge(request: request, stored: view, now: now, policy: policy)
        return FreshnessNote(
            lifetime: freshness.lifetime,
            isHeuristic: freshness.isHeuristic,
            age: age,
            ttl: freshness.lifetime - age,
            mustValidate: Self.mustValidate(decision),
            verdict: Self.sentence(decision, body)
        )
    }

    private static func mustValidate(_ decision: ReuseDecision) -> Bool {
        switch decision {
        case .fresh, .staleWhileRevalidate, .validate(.stale): false
        case .validate, .mismatch: true
        }
    }

    /// What of the body decides over a plain GET.
    enum BodyState {
        case complete
        case incomplete(isResumable: Bool)

        init(held: ByteRangeSet, completeLength: Int64?, isResumable: Bool) {
            let isComplete = completeLength.map { $0 == 0 || held.contains(0..<$0) } ?? false
            self = isComplete ? .complete : .incomplete(isResumable: isResumable)
        }
    }

    private static func sentence(_ decision: ReuseDecision, _ body: BodyState) -> String {
        switch (decision, body) {
        case (.fresh(_, let ttl), .incomplete(isResumable: true)):
            "A plain GET gets what is held, and the rest from the origin, once the origin has confirmed it; a range that "
                + "is wholly held is answered from the store, for another \(HumanText.duration(seconds: ttl))."
        case (.fresh, .incomplete(isResumable: false)):
            "A plain GET fetches it anew: it is not complete, and cannot be completed."
        case (.fresh(_, let ttl), .complete):
            "A plain GET is answered from the store without asking the origin, for another "
                + "\(HumanText.duration(seconds: ttl))."
        case (.staleWhileRevalidate, .complete):
            "A plain GET is answered from the store although it is stale, and the origin is asked behind it."
        case (.staleWhileRevalidate, .incomplete):
            "A plain GET makes the proxy ask the origin first. It is stale, and not complete."
        case (.validate(let reason), _):
            "A plain GET makes the proxy ask the origin first. \(reason.sentence)"
        case (.mismatch, _):
            "A plain GET asks for another variant (Vary)."
        }
    }
}

/// Whether what is missing of a stored response can be added to what is held of it (resume-rules 1).
package enum Resumability {
    static func of(_ response: StoredResponse) -> (isResumable: Bool, sentence: String) {
        if response.body.isComplete {
            let remark =
                response.validator == nil ? " The origin gave no strong validator: cut short, it could not be." : ""
            return (response.validator != nil, "It is complete; nothing is to be resumed." + remark)
        }
        return of(response.metadata.head.fields, validator: response.validator)
    }

    package static func of(_ fields: FieldSection, validator: StrongValidator?) -> (isResumable: Bool, sentence: String)
    {
        switch validator {
        case .etag(let tag):
            return (true, "It can be resumed: the origin named a strong entity tag, \(tag.text).")
        case .lastModified(let text, _):
            return (true, "It can be resumed: the modification date \(text) is strong (RFC 9110, section 8.8.2.2).")
        case .immutable:
            return (true, "It can be resumed: a rule of proxy.conf says that its bytes never change.")
        case nil:
            break
        }
        if fields.occurrences(of: .etag) > 1 {
            return (false, "It cannot be resumed: the origin sent several entity tags.")
        }
        if fields.contains(.etag) {
            return (false, "It cannot be resumed: its entity tag is weak or malformed, and does not prove equal bytes.")
        }
        if fields.contains(.lastModified) {
            return (
                false,
                "It cannot be resumed: its modification date is too close to the date of the response, or one of the "
                    + "two is unreadable, so that it does not prove equal bytes."
            )
        }
        return (
            false,
            "It cannot be resumed: the origin sent neither an entity tag nor a modification date, so that nothing "
                + "would prove that the rest belongs to what is held."
        )
    }
}
