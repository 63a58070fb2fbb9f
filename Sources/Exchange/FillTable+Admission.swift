// What becomes of an origin's first answer: whether it may be stored, as which version, and what a newer answer
// does to the head of a stored one. The judgements are HTTPSemantics' and Resume's.

import Configuration
import HTTPSemantics
import NIOCore
import Resume
import Store
import Synchronization
import Transport
import Wire

extension FillTable {
    // MARK: Admission of a first answer

    /// What a request asks of the store: what is needed to store its answer and to ask again later.
    struct Question {
        let request: RequestHead
        let uri: AbsoluteURI
        let key: CacheKey
        /// The fields that go upstream, without conditions, Range and credentials.
        let template: FieldSection
        /// The request had Authorization.
        let isCredentialed: Bool
        /// nil: no client waits.
        let client: IPAddress?
        /// What the request's Range asked for, where it went upstream with it.
        let range: RangeSpecifier?
    }

    enum Admission {
        /// The answer is being stored: its body goes into the store, whoever reads it.
        case stored(VersionFills)
        case notStorable(AdmissionRefusal)
        /// A 206 that is not an answer to what was asked (hardening R30).
        case unusable
    }

    /// Judges an answer and, where it may be stored, makes it a stored response with a fill under way.
    ///
    /// - Parameters:
    ///   - until: no byte at or beyond this offset is wanted (resume-rules 6: never widened); nil for all.
    func admit(
        _ answer: OriginCall.Answer,
        of call: OriginCall,
        for question: Question,
        until: (_ completeLength: Int64?) -> Int64?,
        on loop: any EventLoop
    ) -> Admission {
        let policy = self.policy(for: question.uri, response: answer.head)
        if let reason = Storability.judge(request: question.request, response: answer.head, policy: policy) {
            return .notStorable(.semantics(reason))
        }
        let length: Int64? = if case .length(let length) = answer.framing { length } else { nil }
        var span: Range<Int64>
        var completeLength: Int64?
        let named = StrongValidator.of(
            answer.head.fields,
            receivedAt: answer.responseTime,
            isImmutable: policy.isImmutable && (200...299).contains(answer.head.status)
        )
        // One that was not true before is none, and that is to be known after a restart, too.
        let validator = isDoubted(question.key) ? nil : named
        if answer.head.status == 206 {
            guard let asked = question.range,
                let partial = ContinuationCheck.firstPartial(
                    asked: asked,
                    response: answer.head,
                    contentLength: length
                )
            else { return .unusable }
            // Without a strong validator nothing can ever be added to it, nor it be validated as a part: it is worth
            // storing only where the origin says for how long it may be used as it is (RFC 9111 §3.3).
            guard validator != nil || isExplicitlyFresh(answer, question, policy) else {
                return .notStorable(.partialWithoutStrongValidator)
            }
            // What was said of this one's versions, or of its parts, was not true: nothing could be joined to it.
            guard !isDoubted(question.key) else {
                return .notStorable(.partialWithoutStrongValidator)
            }
            guard validator != nil || length == partial.span.upperBound - partial.span.lowerBound else {
                return .notStorable(.partialWithoutStrongValidator)
            }
            // Of a part of an unknown whole nobody knows what is still missing.
            guard partial.completeLength != nil else { return .notStorable(.partialOfUnknownLength) }
            span = partial.span
            completeLength = partial.completeLength
        } else {
            span = 0..<(length ?? (answer.framing == .none ? 0 : .max))
            completeLength = answer.framing == .none ? 0 : length
        }
        let highest = max(completeLength ?? 0, span.lowerBound, span.upperBound == .max ? 0 : span.upperBound)
        guard highest <= configuration.cache.maxObjectSize else { return .notStorable(.tooLarge) }
        guard fits(question.key), store.mayStore(completeLength: completeLength) else { return .notStorable(.noRoom) }
        let sent = span
        // What ends early must be one that can be taken up again.
        if validator != nil, let until = until(completeLength) {
            span = span.clamped(to: 0..<max(until, span.lowerBound))
        }

        let capabilities = learn(answer, named, of: question.uri)
        let stored = StoredAnswerHead.storing(
            answer.head,
            pseudonym: pseudonym,
            receivedAt: answer.responseTime,
            policy: policy
        )
        guard !digests.passes(stored, question.key) else { return .notStorable(.otherDigest) }
        if validator == nil { supersedeContradicted(by: answer, question, completeLength: completeLength) }
        let response = store.create(
            NewStoredResponse(
                key: question.key,
                requestFields: Vary.select(Vary.nominated(answer.head.fields) ?? [], from: question.request.fields),
                head: stored,
                requestTime: answer.requestTime,
                responseTime: answer.responseTime,
                validator: validator,
                completeLength: completeLength,
                originAddress: answer.address?.text ?? "",
                expectsSmallBody: answer.head.status != 206 && span == 0..<(completeLength ?? .max)
            )
        )
        if isOutdated(answer, question.key) { store.invalidate(question.key) }
        if span.lowerBound == 0 { _ = digests.watch(of: response) }
        let version = VersionFills(
            response: response,
            uri: question.uri,
            template: question.template,
            isCredentialed: question.isCredentialed,
            hasProvenRanges: answer.head.status == 206,
            // Resume-rules 4: not by an HTTP/1.0 origin that never showed ranges.
            refusesRanges: answer.head.status != 206
                && !capabilities.mayResume(version: answer.head.version, now: Clock.unixSeconds())
                && !answer.head.fields.acceptsByteRanges,
            part: answer.head.status == 206 && validator == nil ? span : nil,
            table: self
        )
        shard(question.key).state.withLock { $0.versions[response.id] = version }
        let requester = VersionFills.Requester(
            uri: question.uri,
            template: question.template,
            credentials: RequestTemplate.credentials(of: question.request.fields),
            client: question.client
        )
        if answer.head.status == 206 { watchPart(sent, of: response, answer) }
        version.begin(span: span, with: call, framing: answer.framing, for: requester, on: loop)
        return .stored(version)
    }

    /// What a first answer says of its origin (resume-rules 11), and what is known of it now.
    private func learn(
        _ answer: OriginCall.Answer,
        _ validator: StrongValidator?,
        of uri: AbsoluteURI
    ) -> OriginCapabilities {
        let fields = answer.head.fields
        if (200...299).contains(answer.head.status) { origins.learn(.showed(.init(of: validator, fields)), of: uri) }
        if answer.head.status == 206 {
            origins.learn(.answered206(.checkedAfterwards), of: uri)
        } else if fields.acceptsByteRanges {
            origins.learn(.announcedRanges(true), of: uri)
        }
        return origins.capabilities(of: uri)
    }

    private func isExplicitlyFresh(_ answer: OriginCall.Answer, _ question: Question, _ policy: CachePolicy) -> Bool {
        let freshness = Freshness.lifetime(
            request: question.request,
            response: answer.head,
            responseTime: answer.responseTime,
            policy: policy
        )
        return !freshness.isHeuristic && freshness.lifetime > 0
    }

    /// Parts under no strong validator stand side by side while they are fresh, each by itself; one that speaks of
    /// another length or another validator than the newest answer is of another version, and goes.
    private func supersedeContradicted(by answer: OriginCall.Answer, _ question: Question, completeLength: Int64?) {
        for older in store.findInMemory(question.key) ?? [] where older.validator == nil && !older.body.isComplete {
            let fields = older.metadata.head.fields
            let isOfOneVersion =
                (completeLength == nil || older.body.completeLength == completeLength)
                && fields.combined(.etag) == answer.head.fields.combined(.etag)
                && fields.combined(.lastModified) == answer.head.fields.combined(.lastModified)
            if !isOfOneVersion, liveFills(of: older) == nil { store.supersede(older) }
        }
    }

    /// A 304, or a 206 that continues what is held: its fields and times are the stored response's from now on
    /// (RFC 9111 §3.2, resume-rules 9).
    ///
    /// Who waits for the answer may be given the response in any case but `tooVague`.
    @discardableResult
    func freshen(_ response: StoredResponse, with answer: OriginCall.Answer) -> Freshening {
        let stored = response.metadata.head.fields
        guard !StoredHeadUpdate.nominatesMore(answer.head.fields, than: stored) else { return .tooVague }
        var head = response.metadata.head
        let newer = StoredAnswerHead.storing(
            answer.head,
            pseudonym: pseudonym,
            receivedAt: answer.responseTime,
            policy: basePolicy
        )
        head.fields = StoredHeadUpdate.apply(newer.fields, to: head.fields, policy: basePolicy)
        // R3, R5: what no origin may send at once does not grow out of many answers either.
        guard head.fields.count <= WireLimits.standard.fieldCount,
            head.fields.lineBytes <= WireLimits.standard.responseHead
        else {
            return .tooVague
        }
        store.update(response, head: head, requestTime: answer.requestTime, responseTime: answer.responseTime)
        // Before what is being hashed under the digest of the older head is found equal to that.
        if digests.runningWatch(of: response) != nil { _ = digests.watch(of: response) }
        // RFC 9111 §5.2.2.5 and §5.2.2.7: a 304 may forbid what its 200 allowed.
        let control = CacheControl.response(head.fields, policy: basePolicy)
        guard !control.isPrivate, !control.noStore else {
            store.supersede(response)
            return .forbidden
        }
        if isOutdated(answer, response.key) { store.invalidate(response.key) }
        return .updated
    }

    enum Freshening {
        case updated
        /// It may be kept no longer, and is gone from the store: nobody else is given it.
        case forbidden
        /// The response has to be fetched anew: the answer nominates request fields that the stored one did not, by which
        /// the variants that are stored cannot be told apart, or the fields would be too many.
        case tooVague
    }

    /// Whether an unsafe method succeeded after this answer was asked for: it may be of before (RFC 9111 §4.4).
    private func isOutdated(_ answer: OriginCall.Answer, _ key: CacheKey) -> Bool {
        shard(key).state.withLock { shard in shard.invalidations[key].map { $0 >= answer.sentAt } ?? false }
    }
}
