// A range that is fetched for this request alone, beside what is stored of the same version: no fill will bring it soon,
// or its answer may not be kept. It passes through, unless it speaks of another version.

import HTTPSemantics
import NIOCore
import Resume
import Store
import Transport

extension CachedExchange {
    /// The answer to a range that was asked for beside what is stored.
    func answeredAlone(_ answer: OriginCall.Answer, by call: OriginCall, _ asking: Asking) {
        if let stored = aloneBeside?.response {
            if contradicts(answer, stored) {
                // Another version than the one whose bytes this client may hold: the whole of it, from its beginning.
                call.cancel()
                hall.store.supersede(stored)
                (asksAlone, asksPlainly) = (false, true)
                return look()
            }
            if answer.head.status == 206, let validator = stored.validator,
                StrongValidator.of(answer.head.fields, receivedAt: answer.responseTime) == validator
            {
                // What jumps from now on need not go by itself.
                aloneBeside?.provesRanges()
            }
        }
        // Beside what is stored it would be a second one of the same version.
        relay(answer, call, asking)
    }

    /// Whether a part speaks of another version than the stored one: another tag, even a weak one, date or length.
    private func contradicts(_ answer: OriginCall.Answer, _ stored: StoredResponse) -> Bool {
        guard answer.head.status == 206 else { return false }
        let (theirs, ours) = (answer.head.fields, stored.metadata.head.fields)
        if case .satisfied(_, let length?)? = theirs.only(.contentRange).flatMap({ ContentRange.parse($0) }),
            let completeLength = stored.body.completeLength, length != completeLength
        {
            return true
        }
        return [KnownField.etag, .lastModified].contains { field in
            guard let ours = ours.combined(field) else { return false }
            return theirs.combined(field).map { $0 != ours } ?? false
        }
    }

    /// Whether this client was given bytes of some version, to which it could join parts of another one that pass through
    /// (rule 11).
    var mayBeSpliced: Bool {
        hall.guardVerdict(
            key: key,
            client: stream.clientAddress,
            rangeStart: 1,
            hasIfRange: request.fields.contains(.ifRange),
            version: -1
        ) == .fullOfNewVersion
    }
}
