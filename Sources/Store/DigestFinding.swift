// What is known of the digest of a stored response, and kept with it. The store compares nothing itself: whoever found it
// out hands it in.

import Synchronization

/// Whether the bytes of a stored response are those that somebody has named by their digest.
package enum DigestFinding: Hashable, Sendable {
    /// Nobody has looked.
    case unknown
    /// Nobody has named a digest. Not remembered beyond this run.
    case nothingNamed
    /// All of it has this digest (`sha-256:9f86…`), which was named there.
    case matches(String, namedBy: String)
    /// All of it has this digest, and another one was named: it is on its way out. Not remembered beyond this run.
    case differs(String)

    /// As the index has it.
    var text: String {
        switch self {
        case .unknown, .nothingNamed, .differs: ""
        case .matches(let digest, let source): "\(digest) \(source)"
        }
    }

    init(text: String) {
        let parts = text.split(separator: " ", maxSplits: 1)
        self = parts.count == 2 ? .matches(String(parts[0]), namedBy: String(parts[1])) : .unknown
    }
}

extension StoredResponse {
    /// What is known of its digest.
    package var digest: DigestFinding { record.withLock { $0.digest } }
}

extension Store {
    /// Keeps what was found out about a digest.
    package func note(_ finding: DigestFinding, of response: StoredResponse) {
        let isChanged = response.record.withLock { record in
            defer { record.digest = finding }
            return record.digest.text != finding.text
        }
        // Without a further revision: nobody decides by it.
        guard isChanged else { return }
        response.record.withLock { $0.isRowChanged = true }
        services.mailbox.changed(response, bytes: 0)
    }
}
