// Why a fill will not bring what its readers lack, and what that means for a reader whose head has not
// been sent yet. Every failure knows its side, its kind, and whether asking again makes sense (invariant 10).

import HTTPSemantics
import Store
import Transport

struct FillStop: Error, Sendable {
    enum Kind: Sendable {
        /// The origin could not be reached, or broke off, for longer than `upstream.heal_timeout`.
        case upstream(UpstreamFailure)
        /// The origin answered the request for the rest with something that does not continue what is held:
        /// a plain request will show the client what (resume-rules 5).
        case answered(status: Int)
        /// What the origin answered may not be kept with what is held (RFC 9111 §3.5, §5.2.2.5).
        case notKept
        /// It was asked for with credentials, and the client that sent them has left (resume-rules 4).
        case clientGone
        /// The bytes could not be stored.
        case store(StoreError)
        /// There is no strong validator, so that nothing may be appended to what is held (resume-rules 1).
        case notResumable
        /// It was purged while it was read.
        case purged
        /// The origin keeps answering 408, 425, 429 or 5xx.
        case unavailable(status: Int)
    }

    let kind: Kind

    init(_ kind: Kind) { self.kind = kind }

    /// Whether a reader to whom nothing was sent yet should ask the origin plainly, by itself.
    var asksPlainly: Bool {
        switch kind {
        case .answered, .store, .notResumable, .unavailable, .purged, .notKept, .clientGone: true
        case .upstream: false
        }
    }

    /// Whether such a reader should ask for what it wants, by itself and as it came.
    var asksAlone: Bool {
        if case .notKept = kind { true } else { false }
    }

    /// Another client's request for the same may be answered otherwise: other credentials, or another URI under a rule's
    /// key.
    var isOfOneRequest: Bool {
        switch kind {
        case .notKept, .clientGone: true
        case .answered(let status): (400..<500).contains(status)
        case .upstream, .store, .notResumable, .purged, .unavailable: false
        }
    }

    /// The origin has said no, or that it is elsewhere, and nothing suggests that it says otherwise a moment later.
    var isRefusal: Bool {
        if case .answered(let status) = kind { (300..<500).contains(status) } else { false }
    }

    /// The origin would go on: what cannot be kept, or not any more for this client, may still pass through.
    var leavesTheOriginSound: Bool {
        switch kind {
        case .store, .purged, .notKept, .clientGone: true
        case .upstream, .answered, .notResumable, .unavailable: false
        }
    }

    var sentence: String {
        switch kind {
        case .upstream(let failure): failure.sentence
        case .answered(let status): "The origin answered the request for the rest with \(status)."
        case .notKept: "The origin's answer may not be stored."
        case .clientGone: "The client whose credentials it was asked with has left."
        case .store(let error): error.sentence
        case .notResumable:
            "The download broke off, and the origin gives no strong validator under which it could go on."
        case .purged: "It was purged from the cache."
        case .unavailable(let status): "The origin keeps answering \(status)."
        }
    }

    /// The answer to a reader to whom nothing was sent yet and who does not ask plainly.
    var localResponse: LocalResponse {
        switch kind {
        case .upstream(let failure): .upstream(failure)
        case .answered(let status), .unavailable(let status):
            .notContinued(sentence, status: 502, receivedStatus: status)
        case .notResumable, .notKept, .clientGone: .notContinued(sentence, status: 502)
        case .store, .purged: .notContinued(sentence, status: 502, error: .proxyInternalError)
        }
    }
}
