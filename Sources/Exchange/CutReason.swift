// Why a response that had begun was cut (resume-rules 3.4): the sentence, and the error type of Proxy-Status (RFC 9209
// §2.3), for the log alone. In the response it would have to be a trailer, and a trailer section completes a message.

import HTTPSemantics
import Store
import Transport

/// Why no more bytes of a response will come.
struct CutReason: Equatable, Sendable {
    let sentence: String
    let proxyStatus: ProxyStatus

    init(_ sentence: String, _ error: ProxyStatus.ErrorType, receivedStatus: Int? = nil) {
        self.sentence = sentence
        proxyStatus = ProxyStatus(error: error, receivedStatus: receivedStatus)
    }

    /// The origin's answer broke off, or a new one did not come.
    init(_ failure: UpstreamFailure) {
        sentence = failure.sentence
        proxyStatus = ProxyStatus(error: failure.kind.proxyErrorInBody, nextHop: failure.host)
    }

    init(_ stop: FillStop) {
        switch stop.kind {
        case .upstream(let failure): self.init(failure)
        case .answered(let status): self.init(stop.sentence, .httpResponseIncomplete, receivedStatus: status)
        case .unavailable(let status): self.init(stop.sentence, .destinationUnavailable, receivedStatus: status)
        case .notResumable, .notKept, .clientGone: self.init(stop.sentence, .httpResponseIncomplete)
        case .store, .purged: self.init(stop.sentence, .proxyInternalError)
        }
    }

    /// What is held could not be read.
    init(_ error: StoreError) {
        self.init(error.sentence, .proxyInternalError)
    }

    /// All of it is there, and it is not what was named.
    static func otherDigest(_ expected: ExpectedDigest) -> CutReason {
        CutReason(
            "its \(expected.value.algorithm.rawValue) is not the one that \(expected.source.name) names",
            .httpResponseIncomplete
        )
    }

    static let otherVersion = CutReason("the origin has another version now", .httpResponseIncomplete)
    static let endedVersion = CutReason("the stored version has come to its end", .proxyInternalError)
    static let stopped = CutReason("the proxy was stopped", .proxyInternalError)
}

extension ExchangeRecord {
    /// How the response ended, and what of it is Proxy-Status's business.
    mutating func ended(_ how: DeliveryEnd) {
        end = how.logText
        if case .cut(let reason) = how { proxyStatus = reason.proxyStatus }
    }
}
