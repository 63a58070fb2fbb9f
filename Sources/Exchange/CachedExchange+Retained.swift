// `resume_guard = "retained"`: a client that holds the beginning of an older version and asks for its rest is given that
// rest, for as long as the version is kept (resume-rules 11). Whether it may be is ResumeGuard's verdict.

import Configuration
import HTTPSemantics
import NIOCore
import Resume
import Store
import Transport

extension CachedExchange {
    /// The one range of a request that names no version and makes no condition.
    private var bareRange: RangeSpecifier? {
        guard request.method == .get, !request.fields.contains(.ifRange),
            !ConditionalRequest.isConditional(request.fields),
            !request.fields.contains(.ifMatch), !request.fields.contains(.ifUnmodifiedSince)
        else { return nil }
        return singleRange
    }

    /// Looks for the version that this client holds a part of, where the current one would be a splice. Whether it does;
    /// `use` comes again where there is none.
    ///
    /// - Parameter judged: the current version, which needs no validation.
    func looksForRetained(insteadOf judged: Judged) -> Bool {
        guard table.configuration.resume.resumeGuard == .retained, !hasLookedForRetained, bareRange != nil else {
            return false
        }
        let start = firstByte(of: judged.stored)
        guard start > 0, verdict(judged.stored, start, retained: []) == .fullOfNewVersion else { return false }
        hasLookedForRetained = true
        let loop = self.loop
        hall.store.findRetained(key) { found in
            loop.execute {
                guard case .looking = self.stage else { return }
                self.found(found, judged, start)
            }
        }
        return true
    }

    private func found(_ retained: [StoredResponse], _ judged: Judged, _ start: Int64) {
        let candidates = retained.filter {
            hall.mayBeGiven($0, to: stream.clientAddress, uri: uri)
                && judge($0, now: Clock.unixSeconds()).decision != .mismatch
        }
        let verdict = verdict(
            judged.stored,
            start,
            retained: candidates.map { response in
                let metadata = response.metadata
                let control = CacheControl.response(
                    metadata.head.fields,
                    policy: hall.policy(for: uri, response: metadata.head)
                )
                return RetainedVersion(
                    version: identity(of: response),
                    holdsRange: response.body.completeLength.map {
                        start < $0 && response.body.held.contains(start..<$0)
                    } ?? false,
                    isInvalidated: metadata.isInvalidated,
                    mustRevalidate: control.noCache || control.mustRevalidate || control.proxyRevalidate
                )
            }
        )
        guard case .rangeOfRetained(let version) = verdict,
            let older = candidates.first(where: { response in
                guard identity(of: response) == version, let length = response.body.completeLength else { return false }
                return start < length && response.body.held.contains(start..<length)
            })
        else { return use(judged, validation: nil) }
        let head = older.metadata.head
        let wanted = WantedPart.of(
            request,
            stored: head,
            validator: older.validator,
            completeLength: older.body.completeLength,
            isComplete: older.body.isComplete,
            held: { older.body.held.contains($0) }
        )
        guard case .part(let part) = wanted, older.body.held.contains(part) else {
            return use(judged, validation: nil)
        }
        record.cacheStatus.detail = "retained"
        record.cacheStatus.ttl = nil
        answer(older, wanted, precondition: .proceed, isHit: true)
    }

    private func verdict(_ current: StoredResponse, _ start: Int64, retained: [RetainedVersion]) -> GuardVerdict {
        hall.guardVerdict(
            key: key,
            client: stream.clientAddress,
            rangeStart: start,
            hasIfRange: false,
            version: identity(of: current),
            retained: retained
        )
    }

    /// Where the range begins, in the current version where that depends on it.
    private func firstByte(of stored: StoredResponse) -> Int64 {
        switch bareRange {
        case .from(let first)?, .fromTo(let first, _)?: return first
        case .suffix?, nil: break
        }
        let wanted = WantedPart.of(
            request,
            stored: stored.metadata.head,
            validator: stored.validator,
            completeLength: stored.body.completeLength,
            isComplete: stored.body.isComplete,
            held: { stored.body.held.contains($0) }
        )
        switch wanted {
        case .part(let range): return range.lowerBound
        case .whole, .several, .unsatisfiable: return 0
        }
    }
}
