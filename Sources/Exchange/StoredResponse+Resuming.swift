// Whether a stored response can be continued: its validator, and what it says of itself.

import HTTPSemantics
import Resume
import Store

extension StoredResponse {
    /// More of it can be asked for: a strong validator (resume-rules 1), and no content coding under a date (rule 8).
    var isResumable: Bool {
        // RFC 9111 §3.3: only a 200 may be held in part.
        guard let validator, metadata.head.status == 200 else { return false }
        return KnownVersion(
            validator: validator,
            completeLength: body.completeLength,
            highestHeldEnd: 0,
            contentEncoding: metadata.head.fields.combined(.contentEncoding),
            contentType: nil
        ).mayBeContinued
    }
}
