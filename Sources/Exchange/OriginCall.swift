// One request to the origin and its answer. It hands the head to whoever asked, who then says where the
// body goes: into the store (Fill), or straight to the client (ResponseRelay). It decides nothing.

import HTTPSemantics
import NIOCore
import Resume
import Transport
import Wire

/// Where the body of an origin's answer goes. All calls come on the call's loop.
protocol OriginBodyReceiver: AnyObject {
    func originBody(_ bytes: ByteBuffer)
    func originEnded()
    func originFailed(_ failure: UpstreamFailure)
    /// More of the request's content may be sent.
    func originWritable()
}

/// A request that is out. Bound to one loop, where all its methods are called and all its events come.
final class OriginCall: UpstreamReceiver, @unchecked Sendable {
    struct Answer: Sendable {
        let head: ResponseHead
        let framing: BodyFraming
        /// Unix seconds; `Age` and freshness count from these (RFC 9111 §4.2.3).
        let requestTime: Int64
        let responseTime: Int64
        /// When the request was sent, monotonic nanoseconds.
        let sentAt: Int64
        let address: IPAddress?

        /// Whether this answer to a validation says that the stored response is none any more (RFC 9111 §4.3.3). An error
        /// of the server says nothing of it; nor does what speaks of one client or one request.
        var saysUnsuitable: Bool {
            switch head.status {
            case 304, 401, 403, 407, 408, 412, 416, 417, 421, 425, 426, 428, 429, 431, 451, 500...: false
            default: true
            }
        }

        /// Whether this is the whole of the version that is known: a 200 under the same strong validator and length.
        func isWhole(of known: KnownVersion) -> Bool {
            let length: Int64? = if case .length(let length) = framing { length } else { nil }
            return known.isWhole(head, contentLength: length, receivedAt: responseTime)
        }
    }

    enum Event {
        case interim(ResponseHead)
        case head(Answer)
        /// Failed before the head.
        case failed(UpstreamFailure)
        /// More of the request's content may be sent, before the head came.
        case writable
    }

    /// Set by whoever takes the body, at the latest while the head is handed over.
    var body: (any OriginBodyReceiver)?

    private let requestTime: Int64
    private let sentAt = Clock.monotonicNanoseconds()
    private var address: IPAddress?
    private var call: UpstreamCall?
    private var onEvent: ((OriginCall, Event) -> Void)?
    private var hasHead = false
    private var onFlow: ((Bool) -> Void)?

    private init(requestTime: Int64, onEvent: @escaping (OriginCall, Event) -> Void) {
        self.requestTime = requestTime
        self.onEvent = onEvent
    }

    /// Sends the request. `onEvent` is called on `loop`, which is the current one, and never before this returns.
    static func send(
        _ request: UpstreamRequest,
        with client: UpstreamClient,
        on loop: any EventLoop,
        onEvent: @escaping (OriginCall, Event) -> Void
    ) -> OriginCall {
        let origin = OriginCall(requestTime: Clock.unixSeconds(), onEvent: onEvent)
        origin.call = client.send(request, on: loop, receiver: origin)
        return origin
    }

    /// A call without a request: its body is given to it (`upstreamBody`, `upstreamEnded`), and comes from elsewhere.
    ///
    /// - Parameter onFlow: told true where the body is to pause, false where it may go on.
    static func feeding(onFlow: @escaping (Bool) -> Void) -> OriginCall {
        let origin = OriginCall(requestTime: Clock.unixSeconds(), onEvent: { _, _ in })
        origin.onFlow = onFlow
        origin.hasHead = true
        return origin
    }

    /// False where its body comes from elsewhere.
    var isFromOrigin: Bool { onFlow == nil }

    func pause() {
        call?.pause()
        onFlow?(true)
    }

    func resume() {
        call?.resume()
        onFlow?(false)
    }

    func useLargeReceiveBuffers() { call?.useLargeReceiveBuffers() }
    /// It brings nothing from there: another address of the name is tried first for a while.
    func suspectAddress() { call?.suspectAddress() }
    var isWritable: Bool { call?.isWritable ?? false }
    func sendBody(_ bytes: ByteBuffer) { call?.sendBody(bytes) }
    func endBody() { call?.endBody() }

    /// Closes the connection; nothing more is heard of this call.
    func cancel() {
        onEvent = nil
        body = nil
        call?.cancel()
        call = nil
    }

    // MARK: UpstreamReceiver

    func upstreamConnected(address: IPAddress) { self.address = address }

    func upstreamInterim(_ head: ResponseHead) { onEvent?(self, .interim(head)) }

    func upstreamHead(_ head: ResponseHead, framing: BodyFraming) {
        hasHead = true
        let handler = onEvent
        onEvent = nil
        handler?(
            self,
            .head(
                Answer(
                    head: head,
                    framing: framing,
                    requestTime: requestTime,
                    responseTime: Clock.unixSeconds(),
                    sentAt: sentAt,
                    address: address
                )
            )
        )
    }

    func upstreamBody(_ bytes: ByteBuffer) { body?.originBody(bytes) }

    func upstreamEnded() {
        let receiver = body
        body = nil
        call = nil
        receiver?.originEnded()
    }

    func upstreamFailed(_ failure: UpstreamFailure) {
        call = nil
        if hasHead {
            let receiver = body
            body = nil
            receiver?.originFailed(failure)
        } else {
            let handler = onEvent
            onEvent = nil
            handler?(self, .failed(failure))
        }
    }

    func upstreamWritable() {
        if let body { body.originWritable() } else { onEvent?(self, .writable) }
    }
}
