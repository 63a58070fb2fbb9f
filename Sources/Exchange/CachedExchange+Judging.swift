// Steps 6 and 7 of an exchange: which of the stored responses may answer, and what has to be done before one
// does. Every decision is HTTPSemantics' (Reuse, Preconditions, WantedPart); here they are put in order.

import Configuration
import HTTPSemantics
import NIOCore
import Resume
import Store
import Transport
import Wire

/// A stored response, and what it is good for in this request.
struct Judged {
    let stored: StoredResponse
    let view: StoredView
    let policy: CachePolicy
    let decision: ReuseDecision
}

extension CachedExchange {
    // MARK: 6: may it answer

    func decide(_ candidates: [StoredResponse]) {
        seen = Set(candidates.map(\.id))
        // Why it was not a hit is what it was at first (RFC 9211 §2.2).
        guard !asksPlainly else { return fetch(record.cacheStatus.forward ?? .miss) }
        let now = Clock.unixSeconds()
        let judged =
            candidates
            .filter { hall.mayBeGiven($0, to: stream.clientAddress, uri: uri) }
            .map { judge($0, now: now) }
            .filter { isStillVouchedFor($0) }
        let matching = judged.filter { $0.decision != .mismatch || $0.stored.id == validated }
        guard let best = choose(among: matching) else {
            return judged.isEmpty ? fetch(.uriMiss) : fetchVariant(beside: judged.map(\.stored))
        }
        switch best.decision {
        case _ where best.stored.id == validated:
            crossesVariants = best.decision == .mismatch
            use(best, validation: nil)
        case .fresh(_, let ttl):
            record.cacheStatus.ttl = ttl
            use(best, validation: nil)
        case .staleWhileRevalidate(_, let ttl):
            useWhileRevalidating(best, ttl: ttl)
        case .validate(let reason):
            use(best, validation: reason)
        case .mismatch:
            fetch(.varyMiss)
        }
    }

    /// A part under no validator but an operator's rule ends with that rule: nothing vouches for it any more.
    private func isStillVouchedFor(_ judged: Judged) -> Bool {
        let stored = judged.stored
        guard stored.validator?.isByRule == true, !judged.policy.isImmutable, !stored.body.isComplete else {
            return true
        }
        hall.store.supersede(stored)
        return false
    }

    /// RFC 9111 §4: of several that are suitable, the most recent by Date. What cannot become an answer comes last.
    private func choose(among matching: [Judged]) -> Judged? {
        if let validated, let own = matching.first(where: { $0.stored.id == validated }), isOfUse(own) { return own }
        return matching.enumerated().min { one, other in
            let (left, right) = (isOfUse(one.element), isOfUse(other.element))
            if left != right { return left }
            // RFC 9111 §4.1: a default response that forgot its Vary does not hide those that have one.
            let (chosen, given) = (variesKnowingly(one.element), variesKnowingly(other.element))
            if chosen != given { return chosen }
            let (newer, older) = (age(of: one.element), age(of: other.element))
            if Vary.isNewer(newer, than: older) { return true }
            if Vary.isNewer(older, than: newer) { return false }
            return one.offset < other.offset
        }?.element
    }

    private func variesKnowingly(_ judged: Judged) -> Bool {
        judged.view.head.fields.contains(.vary) && judged.decision != .validate(.varyAny)
    }

    private func age(of judged: Judged) -> (date: Int64?, receivedAt: Int64) {
        let receivedAt = judged.view.responseTime
        return (judged.view.head.fields.only(.date).flatMap { HTTPDate.parse($0, now: receivedAt) }, receivedAt)
    }

    /// Whether it can become an answer at all: it is complete, or can be completed, or holds what is asked for.
    private func isOfUse(_ judged: Judged) -> Bool {
        let stored = judged.stored
        // An error that is over hides nothing that is still good.
        if stored.metadata.head.status >= 500, case .validate = judged.decision { return false }
        if stored.body.isComplete || stored.isResumable || table.liveFills(of: stored) != nil { return true }
        guard case .fresh = judged.decision else { return false }
        return isHeld(neededBytes(wantedPart(of: stored, judged.view.head), of: stored), of: stored)
    }

    func judge(_ candidate: StoredResponse, now: Int64) -> Judged {
        let metadata = candidate.metadata
        let policy = hall.policy(for: uri, response: metadata.head)
        let view = StoredView(
            head: metadata.head,
            requestFields: candidate.requestFields,
            requestTime: metadata.requestTime,
            responseTime: metadata.responseTime,
            lifetime: Freshness.lifetime(
                request: request,
                response: metadata.head,
                responseTime: metadata.responseTime,
                policy: policy
            ),
            isInvalidated: metadata.isInvalidated
        )
        let decision = Reuse.judge(request: request, stored: view, now: now, policy: policy)
        return Judged(stored: candidate, view: view, policy: policy, decision: decision)
    }

    /// Whether what Vary names was the same in the request that it answered.
    func answers(_ stored: StoredResponse) -> Bool {
        switch judge(stored, now: Clock.unixSeconds()).decision {
        case .mismatch, .validate(.varyAny): false
        case .fresh, .staleWhileRevalidate, .validate: true
        }
    }

    // MARK: 7: what is to be done

    /// A stored response matches; `validation` says why the origin must be asked first, where it must.
    func use(_ judged: Judged, validation: ValidationReason?) {
        let stored = judged.stored
        let precondition = self.precondition(stored)
        if precondition == .forward {
            record.cacheStatus.ttl = nil
            return passInstead(validation == nil ? .request : .stale)
        }
        if validation == nil, looksForRetained(insteadOf: judged) { return }
        let wanted = wantedPart(of: stored, judged.view.head)
        let needed = neededBytes(wanted, of: stored)
        let needsBytes = request.method == .get && precondition == .proceed
        let isHeld = !needsBytes || self.isHeld(needed, of: stored)

        // Hardening 2.2 item 2: a body in very many pieces takes no further ones; what is asked of it passes through.
        if !isHeld, wanted.isPart, stored.body.held.ranges.count >= FillPlan.extentLimit {
            record.cacheStatus.detail = "too-many-extents"
            return passInstead(.bypass)
        }
        if validation == nil, isHeld {
            readAhead(stored, wanted)
            return answer(stored, wanted, precondition: precondition, isHit: validated != stored.id)
        }
        // RFC 9111 §5.2.1.7.
        let directives = CacheControl.request(request.fields)
        if directives.onlyIfCached { return answerLocally(.onlyIfCached) }
        // RFC 9111 §5.2.1.5: what has to be fetched for it may not be stored; nor is it taken out of others' fills.
        if directives.noStore || asksAlone, !isHeld { return fetch(validation == nil ? .partial : .stale) }
        guard let validation else {
            // Fresh, and bytes are missing: the origin confirms first (invariant 4), if only by a fill that it has confirmed.
            record.cacheStatus.forward = .partial
            guard stored.isResumable || table.liveFills(of: stored)?.covers(needed) == true else {
                return fetch(.partial)
            }
            let need: VersionFills.Need = validated == stored.id || mayBegin(judged, wanted) ? .nothing : .confirmation
            return join(stored, needed, need: need)
        }
        record.cacheStatus.forward = validation.forward
        if isHeld, stored.body.isComplete { fallback = judged }
        if request.method == .head { return passInstead(record.cacheStatus.forward ?? .stale) }
        if isHeld || table.liveFills(of: stored)?.covers(needed) == true { return validate(stored) }
        guard stored.isResumable else { return fetch(record.cacheStatus.forward ?? .stale) }
        record.cacheStatus.forward = .partial
        join(stored, needed, need: .newAnswer)
    }

    /// A hit of a client that reads piece by piece: what follows is fetched while it is delivered.
    private func readAhead(_ stored: StoredResponse, _ wanted: WantedPart) {
        guard table.configuration.resume.readAhead > 0, case .part(let range) = wanted, !stored.body.isComplete,
            request.method == .get, !CacheControl.request(request.fields).noStore
        else { return }
        let bytes = table.readAhead(of: stored, for: stream.clientAddress, asking: range)
        let ahead = range.upperBound..<min(range.upperBound + bytes, stored.body.completeLength ?? .max)
        guard !ahead.isEmpty, !stored.body.held.contains(ahead), stored.isResumable else { return }
        let fills = table.fills(of: stored, uri: uri, template: RequestTemplate.of(forwardable()))
        let joined = fills.join(
            range: range,
            need: .nothing,
            requester: requester,
            readAhead: bytes,
            loop: loop,
            notify: { [weak self] notice in self?.noticed(notice, of: stored) }
        )
        if case .confirmed(let reader) = joined { membership = (fills, reader) }
    }

    /// `resume.eager` (resume-rules 3.1): the one exception to invariant 4.
    private func mayBegin(_ judged: Judged, _ wanted: WantedPart) -> Bool {
        guard wanted == .whole else { return false }
        let stored = judged.stored
        let control = CacheControl.request(request.fields)
        let decision = EagerStart.decide(
            isOn: table.configuration.resume.isEager,
            isFresh: true,
            mustAsk: control.noCache || CacheControl.response(judged.view.head.fields, policy: judged.policy).noCache,
            validator: stored.validator,
            completeLength: stored.body.completeLength,
            heldPrefix: stored.body.held.runEnd(from: 0),
            rangesRefused: !stored.isResumable || table.liveFills(of: stored)?.isResumable == false
        )
        return decision == .begin
    }

    /// RFC 5861 §3: the stale response goes out at once, and the origin is asked behind its back. Resume-rules 9: only
    /// where all of it that is wanted is held.
    private func useWhileRevalidating(_ judged: Judged, ttl: Int64) {
        let stored = judged.stored
        let precondition = self.precondition(stored)
        let wanted = wantedPart(of: stored, judged.view.head)
        let needsBytes = request.method == .get && precondition == .proceed
        guard precondition != .forward, !needsBytes || isHeld(neededBytes(wanted, of: stored), of: stored),
            stored.body.isComplete, !request.fields.contains(.authorization)
        else { return use(judged, validation: .stale) }
        record.cacheStatus.ttl = ttl
        record.cacheStatus.detail = "stale-while-revalidate"
        Revalidation.start(stored, for: self)
        answer(stored, wanted, precondition: precondition, isHit: true)
    }

    /// The stale response instead of an error. Whether there is one that may be used so.
    func answerStale(insteadOf trouble: UpstreamTrouble) -> Bool {
        guard let judged = fallback, isAttached else { return false }
        fallback = nil
        guard
            let (_, ttl) = Reuse.staleInstead(
                of: trouble,
                request: request,
                stored: judged.view,
                now: Clock.unixSeconds(),
                policy: judged.policy
            )
        else { return false }
        record.cacheStatus.ttl = ttl
        record.cacheStatus.detail = trouble.detail
        let stored = judged.stored
        let precondition = self.precondition(stored)
        guard precondition != .forward else { return false }
        answer(stored, wantedPart(of: stored, judged.view.head), precondition: precondition, isHit: false)
        return true
    }

    /// RFC 9111 §5.2.2.2: what must be validated, and cannot be, is answered with 504.
    var mustFailWithoutValidation: Bool {
        guard let fallback else { return false }
        return Reuse.mustFailWithoutValidation(stored: fallback.view, policy: fallback.policy)
    }

    // MARK: What is wanted of it

    func precondition(_ stored: StoredResponse) -> PreconditionResult {
        let metadata = stored.metadata
        return Preconditions.evaluate(
            request: request,
            storedFields: metadata.head.fields,
            storedStatus: metadata.head.status,
            receivedAt: metadata.responseTime,
            validator: stored.validator
        )
    }

    /// Rules 7 and 11: the ranges that are wanted, or the whole where a range could be spliced by its client.
    func wantedPart(of stored: StoredResponse, _ head: ResponseHead) -> WantedPart {
        let wanted = WantedPart.of(
            request,
            stored: head,
            validator: stored.validator,
            completeLength: stored.body.completeLength,
            isComplete: stored.body.isComplete,
            held: { stored.body.held.contains($0) }
        )
        let first: Int64
        switch wanted {
        case .part(let range): first = range.lowerBound
        // The lowest is the first that could be joined to what the client was given before.
        case .several(let parts): first = parts.map(\.lowerBound).filter { $0 > 0 }.min() ?? 0
        case .whole, .unsatisfiable: return wanted
        }
        guard request.method == .get, first > 0 else { return wanted }
        let verdict = hall.guardVerdict(
            key: key,
            client: stream.clientAddress,
            rangeStart: first,
            hasIfRange: request.fields.contains(.ifRange),
            version: identity(of: stored)
        )
        return verdict == .fullOfNewVersion ? .whole : wanted
    }

    /// The spans that an answer carries, in order, half-open; the upper bound of a single one is `Int64.max` while
    /// the length is not known.
    func neededBytes(_ wanted: WantedPart, of stored: StoredResponse) -> [Range<Int64>] {
        switch wanted {
        case .whole: [0..<(stored.body.completeLength ?? .max)]
        case .part(let range): [range]
        case .several(let ranges): ranges
        case .unsatisfiable: []
        }
    }

    func isHeld(_ needed: [Range<Int64>], of stored: StoredResponse) -> Bool {
        let held = stored.body.held
        return needed.allSatisfy { $0.isEmpty || held.contains($0) }
    }
}

extension WantedPart {
    /// Whether the answer is a 206.
    var isPart: Bool {
        switch self {
        case .part, .several: true
        case .whole, .unsatisfiable: false
        }
    }
}

extension UpstreamTrouble {
    /// The `detail` of Cache-Status.
    var detail: String {
        switch self {
        case .unreachable: "stale-on-disconnect"
        case .serverError: "stale-if-error"
        }
    }
}
