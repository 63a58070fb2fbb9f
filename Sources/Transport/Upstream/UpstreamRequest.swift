// What is asked of an origin, and who hears the answer. Everything a receiver is told happens on the
// event loop on which it asked.

package import HTTPSemantics
package import NIOCore
package import Wire

/// One request to an origin over plain HTTP.
package struct UpstreamRequest: Sendable {
    /// How the body of a request is delimited.
    package enum Body: Hashable, Sendable {
        case none
        /// So many bytes follow by `sendBody`.
        case length(Int64)
        /// As many bytes as `sendBody` gives until `endBody`.
        case chunked
    }

    /// A name or an IP address, an IPv6 address without brackets.
    package var host: String
    package var port: UInt16
    /// The head with its final fields; the target is written in origin-form. The framing fields are set by `body`.
    package var head: RequestHead
    package var body: Body
    /// R62: whether this address, at this port, may be connected to.
    package var check: @Sendable (IPAddress, UInt16) -> Bool
    /// R63: one address that `check` denies makes the whole name denied.
    package var deniedAddressRefusesAll: Bool
    /// Resume-rules 5: it follows one that failed, so the name is looked up again, whatever is remembered of it.
    package var looksUpAnew = false

    package init(
        host: String,
        port: UInt16,
        head: RequestHead,
        body: Body = .none,
        check: @escaping @Sendable (IPAddress, UInt16) -> Bool,
        deniedAddressRefusesAll: Bool
    ) {
        self.host = host
        self.port = port
        self.head = head
        self.body = body
        self.check = check
        self.deniedAddressRefusesAll = deniedAddressRefusesAll
    }
}

/// Whoever asked. The call holds it until the last of these events, which is `upstreamEnded` or
/// `upstreamFailed`; after `cancel` it hears nothing.
package protocol UpstreamReceiver: AnyObject {
    /// A connection to this address is about to carry the request. Told a second time where a kept connection
    /// had already been closed by the origin and the request goes out again (R56).
    func upstreamConnected(address: IPAddress)
    /// A 1xx head; at most 16 of them (R9).
    func upstreamInterim(_ head: ResponseHead)
    func upstreamHead(_ head: ResponseHead, framing: BodyFraming)
    /// Bytes of the body, chunk framing removed. They may come even after `pause`.
    func upstreamBody(_ bytes: ByteBuffer)
    /// The body is complete by its framing. What `.untilClose` delimits ended with the connection, which proves nothing.
    func upstreamEnded()
    func upstreamFailed(_ failure: UpstreamFailure)
    /// More of the request body may be sent.
    func upstreamWritable()
}

/// Why there is no response, or no more of it.
package struct UpstreamFailure: Error, Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        /// The name does not exist, or has no addresses.
        case nameNotResolved
        /// Nobody says so at this moment: the resolver failed, or did not answer.
        case nameLookUpFailed
        /// R62 to R64
        case addressDenied
        case refused
        case unreachable
        case connectTimeout
        /// R52
        case tooManyWaiting
        /// R47, before the head
        case headTimeout
        /// R47, inside the body
        case bodyTimeout
        case closedBeforeHead
        case malformed(WireRefusal)
        /// R9
        case tooManyInterim
        /// R9: a 101 to a request that asked for none.
        case switchedProtocols
        case closedInBody
        case reset
        /// The client of this side is being closed.
        case cancelled
    }

    package let kind: Kind
    /// The host that was asked, for the sentence.
    package let host: String
    package let port: UInt16

    package init(_ kind: Kind, host: String, port: UInt16) {
        self.kind = kind
        self.host = host
        self.port = port
    }

    /// The status of the answer to the client, where none was sent.
    package var status: Int {
        switch kind {
        case .addressDenied: 403
        case .tooManyWaiting, .cancelled: 503
        case .connectTimeout, .headTimeout, .bodyTimeout: 504
        case .nameNotResolved, .nameLookUpFailed, .refused, .unreachable, .closedBeforeHead, .malformed,
            .tooManyInterim,
            .switchedProtocols, .closedInBody, .reset:
            502
        }
    }

    /// Whether the same request may succeed a little later.
    package var isTransient: Bool {
        switch kind {
        case .nameNotResolved, .nameLookUpFailed, .refused, .unreachable, .connectTimeout, .tooManyWaiting,
            .headTimeout, .bodyTimeout, .closedBeforeHead, .closedInBody, .reset:
            true
        case .addressDenied, .malformed, .tooManyInterim, .switchedProtocols, .cancelled: false
        }
    }

    /// A sentence for the person who asked.
    package var sentence: String {
        switch kind {
        case .nameNotResolved: "\(host) could not be resolved."
        case .nameLookUpFailed: "\(host) could not be resolved: the name server gave no answer."
        case .addressDenied: "This proxy does not connect to the address of \(host)."
        case .refused: "\(host) refused the connection to port \(port)."
        case .unreachable: "\(host) cannot be reached."
        case .connectTimeout: "No connection to \(host) came about in time."
        case .tooManyWaiting: "Too many requests to \(host) are waiting."
        case .headTimeout: "\(host) did not answer in time."
        case .bodyTimeout: "\(host) stopped sending in the middle of its answer."
        case .closedBeforeHead: "\(host) closed the connection without an answer."
        case .malformed(let refusal): "The answer of \(host) is not sound HTTP. \(refusal.sentence)"
        case .tooManyInterim: "\(host) sent too many interim answers."
        case .switchedProtocols: "\(host) switched to another protocol, which nobody had asked for."
        case .closedInBody: "\(host) closed the connection in the middle of its answer."
        case .reset: "\(host) reset the connection."
        case .cancelled: "The request was given up."
        }
    }
}
