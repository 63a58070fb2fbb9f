// What a relay needs to go on when the origin breaks off: how far the body came, when to ask again, and with which
// request. The client's fields, its credentials among them, stay in memory and end with the relay (resume-rules 4).

import Configuration
import HTTPSemantics
import NIOCore
import Resume
import Transport
import Wire

/// The healing of one relay. Bound to its loop.
final class RelayHealing {
    var body: PassedBody
    var retry: RetryPolicy
    var rateWatch: RateWatch?
    let waiting: Waiting
    let table: FillTable
    let uri: AbsoluteURI
    let loop: any EventLoop
    /// Sends the request for a span, under the body's validator.
    let send: (AskedSpan, @escaping (OriginCall, OriginCall.Event) -> Void) -> OriginCall
    /// Monotonic nanoseconds.
    var lastReceived: Int64 = 0
    /// The next attempt was due while the client took nothing: it is made when it takes more.
    var isDue = false
    var stallTimer: Scheduled<Void>?
    var retryTimer: Scheduled<Void>?

    init(
        _ body: PassedBody,
        uri: AbsoluteURI,
        table: FillTable,
        loop: any EventLoop,
        send: @escaping (AskedSpan, @escaping (OriginCall, OriginCall.Event) -> Void) -> OriginCall
    ) {
        self.body = body
        self.uri = uri
        self.table = table
        self.loop = loop
        self.send = send
        let now = Clock.monotonicNanoseconds()
        let upstream = table.configuration.upstream
        retry = RetryPolicy(healTimeoutNanoseconds: upstream.healTimeoutNanoseconds, startedAt: now)
        rateWatch = upstream.rateWatch(at: now)
        waiting = Waiting(uri, in: table)
    }

    /// No timer is left behind.
    func stop() {
        stallTimer?.cancel()
        retryTimer?.cancel()
        stallTimer = nil
        retryTimer = nil
        waiting.ends()
    }

    /// Bytes kept of each relay for the overlap probe, at most: there may be thousands of them.
    static let probeAtMost: Int64 = 64 << 10
}

/// Why an answer brought no more, and whether that may pass.
struct RelayTrouble {
    let sentence: String
    let reason: CutReason
    var isHopeless = false
    /// Seconds.
    var retryAfter: Int64?

    init(_ failure: UpstreamFailure) {
        sentence = failure.sentence
        reason = CutReason(failure)
        isHopeless = failure.kind == .cancelled || failure.kind == .addressDenied
    }

    init(status: Int, retryAfter: Int64?) {
        let stop = FillStop(.unavailable(status: status))
        sentence = "The origin answered \(status)."
        reason = CutReason(stop)
        self.retryAfter = retryAfter
    }

    init(_ sentence: String, _ error: ProxyStatus.ErrorType) {
        self.sentence = sentence
        reason = CutReason(sentence, error)
    }
}

extension ExchangeHall {
    /// How an answer that passes through is healed; nil where its rest could not be asked for.
    func healing(_ answer: OriginCall.Answer, to request: RequestHead, uri: AbsoluteURI, on stream: DownstreamStream)
        -> RelayHealing?
    {
        // What was said of this URL's versions was not true: nothing is joined under it.
        guard request.method == .get, !table.isDoubted(table.rules.key(of: uri)),
            let body = PassedBody(
                answer: answer.head,
                contentLength: answer.framing.contentLength,
                endsByClose: answer.framing == .untilClose,
                receivedAt: answer.responseTime,
                probe: relayProbe
            )
        else { return nil }
        return healing(body, to: request, uri: uri, on: stream)
    }

    /// - Parameter request: the client's: its fields go along, its conditions and its Range do not.
    func healing(_ body: PassedBody, to request: RequestHead, uri: AbsoluteURI, on stream: DownstreamStream)
        -> RelayHealing
    {
        let (table, loop, client) = (self.table, stream.loop, stream.clientAddress)
        let validator = body.validator
        return RelayHealing(body, uri: uri, table: table, loop: loop) { [self] asked, onEvent in
            var fields = forwardable(request)
            ConditionalRequest.completing(
                &fields,
                range: asked.start..<(asked.end ?? .max),
                openEnd: asked.end == nil,
                validator: validator
            )
            var upstream = upstreamRequest(
                head: RequestHead(method: .get, target: .absolute(uri), version: .http11, fields: fields),
                uri: uri,
                body: .none,
                client: client
            )
            upstream.looksUpAnew = true
            return OriginCall.send(upstream, with: table.client, on: loop, onEvent: onEvent)
        }
    }

    var relayProbe: Int64 { min(configuration.resume.overlapProbe, RelayHealing.probeAtMost) }
}

extension BodyFraming {
    /// nil where the length is not announced.
    var contentLength: Int64? {
        if case .length(let length) = self { length } else { nil }
    }
}
