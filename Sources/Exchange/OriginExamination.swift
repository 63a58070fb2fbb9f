// `holdfast doctor`: an origin is asked for single bytes of a URL, under right and wrong conditions, and several at once.
// What its answers say of it is OriginCapabilities' judgement (resume-rules 11, "Origin memory"). Blocking: it lives on the
// thread of a command, never on a loop.

import HTTPSemantics
import Resume
import Transport
import Wire

struct OriginExamination {
    private var probe: OriginProbe
    private let url: AbsoluteURI
    private var capabilities = OriginCapabilities()
    private var requests = 0

    /// So many questions at once: as many as a polite download manager has connections.
    private static let atOnce = 4
    /// No origin has this tag, and nothing was last modified then.
    private static let strangeTag = "\"holdfast-doctor\""
    private static let strangeDate = "Thu, 01 Jan 1970 00:00:01 GMT"

    init(table: FillTable, uri: AbsoluteURI) {
        probe = OriginProbe(table: table, uri: uri)
        url = uri
    }

    consuming func examine() throws(CommandRefusal) -> ExaminedAnswer {
        let (answer, bytes) = try ask(nil)
        let fields = answer.head.fields
        guard answer.head.status == 206 || answer.head.status == 200 else {
            throw CommandRefusal("The origin answered \(answer.head.status): there is nothing to examine.")
        }
        let validator = StrongValidator.of(fields, receivedAt: answer.responseTime)
        learn(.showed(.init(of: validator, fields)))
        if fields.contains(.acceptRanges) { learn(.announcedRanges(fields.acceptsByteRanges)) }
        var completeLength: Int64? = if case .length(let length) = answer.framing { length } else { nil }
        if answer.head.status == 206 {
            completeLength = try examineRanges(answer, bytes, validator)
        } else {
            learn(.ignoredRange(.checkedAfterwards))
        }
        let now = Clock.unixSeconds()
        return ExaminedAnswer(
            url: url.description,
            target: probe.uri == url ? nil : probe.uri.description,
            status: answer.head.status,
            validator: validator?.ifRangeValue,
            completeLength: completeLength,
            prospect: capabilities.prospect(now: now).word,
            sentences: capabilities.sentences(now: now),
            requests: requests
        )
    }

    /// The first byte came as a part: is it one, and what makes the origin send the whole? The complete length.
    private mutating func examineRanges(
        _ answer: OriginCall.Answer,
        _ bytes: [UInt8],
        _ validator: StrongValidator?
    ) throws(CommandRefusal) -> Int64? {
        guard let partial = part(answer, bytes) else {
            learn(.brokeRange(answer.head.fields.contains(.contentRange) ? .contentRangeInvalid : .contentRangeMissing))
            return nil
        }
        learn(.answered206(.checkedAfterwards))
        switch validator {
        case .etag(let tag):
            try examine(.ifRangeTag, .ifRange, right: tag.text, wrong: Self.strangeTag, validator)
            if capabilities.condition(for: .etag(tag), version: .http11, now: Clock.unixSeconds()) != .ifRangeTag {
                try examine(.ifMatch, .ifMatch, right: tag.text, wrong: Self.strangeTag, validator)
            }
        case .lastModified(let text, _):
            try examine(.ifRangeDate, .ifRange, right: text, wrong: Self.strangeDate, validator)
        case .immutable, nil:
            break
        }
        requests += Self.atOnce
        let answers = probe.askAtOnce(0..<1, Self.atOnce)
        if answers.contains(where: { $0?.head.status == 429 || $0?.head.status == 503 }) {
            learn(.tooManyConnections(Self.atOnce))
        } else if answers.allSatisfy({ $0?.head.status == 206 }) {
            learn(.toleratedConnections(Self.atOnce))
        }
        return partial.completeLength
    }

    /// Asked under its own validator an origin sends the part; under another one the whole, or 412.
    private mutating func examine(
        _ condition: ResumeCondition,
        _ field: KnownField,
        right: String,
        wrong: String,
        _ validator: StrongValidator?
    ) throws(CommandRefusal) {
        let (answer, _) = try ask((field, right))
        let isSame = StrongValidator.of(answer.head.fields, receivedAt: answer.responseTime) == validator
        switch answer.head.status {
        case 206: learn(.answered206(condition))
        // It may have changed just now: then it says nothing.
        case 200 where isSame, 412: learn(.ignoredRange(condition))
        default: return
        }
        let (other, _) = try ask((field, wrong))
        switch other.head.status {
        case 206: learn(.ifRangeIgnored(condition))
        case 200 where condition != .ifMatch: learn(.answeredNewVersion(condition))
        case 412 where condition == .ifMatch: learn(.preconditionFailed)
        default: break
        }
    }

    private mutating func ask(
        _ condition: (field: KnownField, value: String)?
    ) throws(CommandRefusal) -> (OriginCall.Answer, [UInt8]) {
        requests += 1
        return try probe.ask(0..<1, condition)
    }

    /// For this answer, and for the next download from there.
    private mutating func learn(_ event: OriginEvent) {
        _ = capabilities.learn(event, at: Clock.unixSeconds())
        probe.table.origins.learn(event, of: probe.uri)
    }

    private func part(_ answer: OriginCall.Answer, _ bytes: [UInt8]) -> FirstPartial? {
        let length: Int64? = if case .length(let length) = answer.framing { length } else { nil }
        guard bytes.count == 1 else { return nil }
        return ContinuationCheck.firstPartial(
            asked: .fromTo(first: 0, last: 0),
            response: answer.head,
            contentLength: length
        )
    }
}

extension OriginCapabilities.Prospect {
    /// As it stands in JSON.
    var word: String {
        switch self {
        case .unknown: "unknown"
        case .resumes: "resumes"
        case .resumesAfterComparing: "resumes-after-comparing"
        case .restarts: "restarts"
        }
    }
}
