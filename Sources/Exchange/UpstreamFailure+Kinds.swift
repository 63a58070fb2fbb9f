// How Transport's failures are called by Resume, which knows no sockets, and by Proxy-Status (RFC 9209 §2.3), and which
// of them are worth a second request before anything was sent to the client (hardening R56).

import HTTPSemantics
import Resume
import Transport
import Wire

extension UpstreamFailure.Kind {
    var asOriginFailure: OriginFailure {
        switch self {
        case .nameNotResolved, .nameLookUpFailed: .nameNotResolved
        case .addressDenied, .refused, .unreachable, .tooManyWaiting, .cancelled: .unreachable
        case .connectTimeout, .headTimeout, .bodyTimeout: .timeout
        case .closedBeforeHead, .closedInBody, .reset: .closed
        case .malformed, .tooManyInterim, .switchedProtocols: .malformed
        }
    }

    /// What a request may be repeated for while the client has seen nothing. A name that does not exist stays away, and
    /// a time-out has cost the client enough.
    var firstAnswerTrouble: FirstAnswerTrouble? {
        switch self {
        case .closedBeforeHead, .reset: .broken
        case .refused, .unreachable, .nameLookUpFailed: .absent
        case .nameNotResolved, .addressDenied, .connectTimeout, .tooManyWaiting, .headTimeout, .bodyTimeout,
            .malformed, .tooManyInterim, .switchedProtocols, .closedInBody, .cancelled:
            nil
        }
    }

    /// RFC 9209 §2.3, of an answer that did not begin.
    var proxyError: ProxyStatus.ErrorType {
        switch self {
        case .nameNotResolved, .nameLookUpFailed: .dnsError
        case .addressDenied: .destinationIPProhibited
        case .refused: .connectionRefused
        case .unreachable: .destinationIPUnroutable
        case .connectTimeout: .connectionTimeout
        case .tooManyWaiting: .connectionLimitReached
        // §2.3.10: nothing came in a configured time.
        case .headTimeout, .bodyTimeout: .connectionReadTimeout
        // §2.3.8: closed before any part of the response came; §2.3.18: after some part.
        case .closedBeforeHead, .reset: .connectionTerminated
        case .closedInBody: .httpResponseIncomplete
        case .malformed(let refusal): refusal.proxyError
        case .tooManyInterim, .switchedProtocols: .httpProtocolError
        case .cancelled: .proxyInternalError
        }
    }

    /// The same, of an answer that broke off after its head.
    var proxyErrorInBody: ProxyStatus.ErrorType {
        self == .reset ? .httpResponseIncomplete : proxyError
    }
}

extension WireRefusal {
    /// RFC 9209 §2.3, of a response that is no sound message.
    fileprivate var proxyError: ProxyStatus.ErrorType {
        switch self {
        case .headTooLarge, .tooManyFields: .httpResponseHeaderSectionSize
        case .fieldTooLarge: .httpResponseHeaderSize
        case .trailerTooLarge, .tooManyTrailerFields: .httpResponseTrailerSectionSize
        case .transferEncodingRepeated, .transferEncodingNotChunked, .transferCodingUnknown, .chunkSizeInvalid,
            .chunkSizeTooLarge, .chunkExtensionInvalid, .chunkExtensionsTooLong, .chunkNotTerminated,
            .chunkFramingTooLarge:
            .httpResponseTransferCoding
        default: .httpProtocolError
        }
    }
}
