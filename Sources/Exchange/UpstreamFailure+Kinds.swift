// How Transport's failures are called by Resume, which knows no sockets, and which of them are worth a
// second request before anything was sent to the client (hardening R56).

import Resume
import Transport

extension UpstreamFailure.Kind {
    var asOriginFailure: OriginFailure {
        switch self {
        case .nameNotResolved: .nameNotResolved
        case .addressDenied, .refused, .unreachable, .tooManyWaiting, .cancelled: .unreachable
        case .connectTimeout, .headTimeout, .bodyTimeout: .timeout
        case .closedBeforeHead, .closedInBody, .reset: .closed
        case .malformed, .tooManyInterim, .switchedProtocols: .malformed
        }
    }

    /// The connection broke before a byte of the answer came: a new one may do better at once.
    var isWorthAskingAgain: Bool {
        switch self {
        case .closedBeforeHead, .reset: true
        case .nameNotResolved, .addressDenied, .refused, .unreachable, .connectTimeout, .tooManyWaiting, .headTimeout,
            .bodyTimeout, .malformed, .tooManyInterim, .switchedProtocols, .closedInBody, .cancelled:
            false
        }
    }
}
