// What a fill makes of what is known of its origin (resume-rules 11, "Origin memory"), and what it adds to it: under which
// condition it asks, and how much of what is held it has compared. The judgements are OriginCapabilities'.

import Configuration
import HTTPSemantics
import Resume
import Store
import Transport

extension Fill {
    func learn(_ event: OriginEvent) { table.origins.learn(event, of: requester.uri) }

    private var capabilities: OriginCapabilities { table.origins.capabilities(of: requester.uri) }

    /// The condition to ask under now; nil where the origin gives no parts of this.
    var nextCondition: ResumeCondition? {
        guard let validator = version.response.validator else { return nil }
        let fields = version.response.metadata.head.fields
        return capabilities.condition(
            for: validator,
            announcesRanges: fields.acceptsByteRanges,
            allowsDate: fields.contains(.lastModified) && validator.isTag
                && table.allowsIfRangeDate(requester.uri, fields),
            now: Clock.unixSeconds()
        )
    }

    /// The field by which the running request names its condition.
    var conditionField: (field: KnownField, value: String)? {
        version.response.validator.flatMap {
            condition.field(for: $0, lastModified: version.response.metadata.head.fields.only(.lastModified))
        }
    }

    /// How many held bytes of as many as are usual are compared (resume-rules 4).
    func overlap(usual: Int64) -> Int64 {
        guard !insistsOnOverlap, order.isOrigin, !mayHoldMirrorBytes, version.response.validator?.isByRule == false,
            let next = nextCondition
        else {
            return usual
        }
        return capabilities.overlap(under: next, usual: usual, now: Clock.unixSeconds())
    }

    /// A mirror may have brought what is held, in this run or in an earlier one: that the origin honours conditions says
    /// nothing of such bytes.
    private var mayHoldMirrorBytes: Bool {
        let contentType = version.response.metadata.head.fields.combined(.contentType)
        return version.hasMirrorBytes
            || table.rules.match(requester.uri, contentType: contentType)?.rule.mirrors != nil
    }

    /// The same request, with as much to compare as its next condition needs.
    func comparing(_ request: FillRequest) -> FillRequest {
        let probe = overlap(usual: version.fillPlan.probe)
        return request.comparing(body.held.heldBefore(request.missing.lowerBound, limit: probe))
    }

    /// Whether a part that names no version was asked for without anything to compare, though there is something: it is
    /// asked for again, and then compared (resume-rules 5, row 2).
    func mustCompare(_ request: FillRequest, _ answer: OriginCall.Answer) -> Bool {
        guard answer.head.status == 206, request.overlap == 0, !insistsOnOverlap,
            body.held.heldBefore(request.missing.lowerBound, limit: 1) > 0
        else { return false }
        let field: KnownField = if case .etag? = version.response.validator { .etag } else { .lastModified }
        guard !answer.head.fields.contains(field) else { return false }
        insistsOnOverlap = true
        return true
    }
}

extension FillTable {
    /// Resume-rules 5, row 5: an override for origins that honour nothing else.
    func allowsIfRangeDate(_ uri: AbsoluteURI, _ fields: FieldSection) -> Bool {
        rules.match(uri, contentType: fields.combined(.contentType))?.rule.allowsIfRangeDate ?? false
    }
}
