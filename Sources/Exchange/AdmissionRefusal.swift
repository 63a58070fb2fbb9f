// Why an answer is not stored: what HTTPSemantics says of the message, and what only the exchange knows.

import HTTPSemantics

enum AdmissionRefusal: Hashable, Sendable {
    case semantics(NotStorable)
    /// A 206 under no strong validator: nothing may ever be added to it, and as a part it cannot be validated.
    case partialWithoutStrongValidator
    /// A 206 with "*" for the complete length.
    case partialOfUnknownLength
    /// R16
    case tooLarge
    /// The disk is full, or switched off after errors (hardening 2.2 items 5 and 6).
    case noRoom
    /// What the origin sends has again and again another digest than the one it names.
    case otherDigest

    /// The `detail` of Cache-Status.
    var detail: String {
        switch self {
        case .semantics(let reason): reason.detail
        case .partialWithoutStrongValidator: "partial-without-strong-validator"
        case .partialOfUnknownLength: "partial-of-unknown-length"
        case .tooLarge: "too-large"
        case .noRoom: "no-room"
        case .otherDigest: "other-digest"
        }
    }
}

extension NotStorable {
    /// The reason as one word, for Cache-Status and the log.
    var detail: String {
        switch self {
        case .method, .headRequest: "method"
        case .requestContent: "request-content"
        case .requestNoStore: "request-no-store"
        case .authorization: "authorization"
        case .longURI: "long-uri"
        case .interimOrNotModified: "not-modified"
        case .statusOfOneRequest, .statusNotUnderstood: "status"
        case .noFreshness: "no-freshness"
        case .responseNoStore: "no-store"
        case .responsePrivate: "private"
        case .varyAny: "vary"
        case .setCookie: "set-cookie"
        case .contentRange: "content-range"
        case .byRule: "rule"
        }
    }
}

extension ValidationReason {
    /// How Cache-Status (RFC 9211 §2.2) calls it.
    var forward: CacheStatus.Forward {
        switch self {
        case .stale, .responseNoCache, .invalidated, .varyAny: .stale
        case .requestNoCache, .requestMaxAge, .minFresh: .request
        }
    }
}
