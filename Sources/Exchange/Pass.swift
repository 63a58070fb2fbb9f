// A request that is not ours to cache: it goes to the origin as it is, and its answer comes back as it is,
// content in both directions at the pace of the slower side. What an unsafe method changes at the origin
// is no longer believed of the store (RFC 9111 §4.4).

import HTTPSemantics
import NIOCore
import Transport
import Wire

/// One passed exchange. Bound to the loop of its client.
final class Pass: DownstreamConsumer, @unchecked Sendable {
    private let hall: ExchangeHall
    private let stream: DownstreamStream
    private let request: RequestHead
    private let uri: AbsoluteURI
    private let framing: BodyFraming
    private var record: ExchangeRecord
    private var call: OriginCall?
    private var relay: ResponseRelay?
    /// Once an attempt has failed that may be repeated.
    private var attempts: FirstAttempts?
    private var isBodyPaused = false
    private var isBodyComplete: Bool
    private var isOver = false
    private var bytesReceived: Int64 = 0
    /// Answers from the store instead of an error, where that may be; true where it has done so.
    var onTrouble: ((UpstreamTrouble) -> Bool)?

    init(
        hall: ExchangeHall,
        stream: DownstreamStream,
        request: RequestHead,
        uri: AbsoluteURI,
        framing: BodyFraming,
        record: ExchangeRecord
    ) {
        self.hall = hall
        self.stream = stream
        self.request = request
        self.uri = uri
        self.framing = framing
        self.record = record
        isBodyComplete = framing == .none
    }

    func start() {
        let body: UpstreamRequest.Body =
            switch framing {
            case .none, .untilClose: .none
            case .length(let length): .length(length)
            case .chunked: .chunked
            }
        let upstream = hall.upstreamRequest(
            head: RequestHead(
                method: request.method,
                target: .absolute(uri),
                version: .http11,
                fields: hall.forwardable(request)
            ),
            uri: uri,
            body: body,
            client: stream.clientAddress
        )
        call = OriginCall.send(upstream, with: hall.table.client, on: stream.loop) { call, event in
            switch event {
            case .interim(let head): self.stream.sendInterim(self.hall.interim(head))
            case .head(let answer): self.answered(answer, by: call)
            case .failed(let failure): self.failed(failure)
            case .writable: self.originTakesMore()
            }
        }
    }

    /// R56: it may be repeated, and what is stale does not answer it at once.
    private var mayAskAgain: Bool {
        (request.method == .get || request.method == .head) && framing == .none && onTrouble == nil && !isOver
    }

    private var firstAttempts: FirstAttempts {
        let attempts = attempts ?? FirstAttempts(uri, table: hall.table, loop: stream.loop)
        self.attempts = attempts
        return attempts
    }

    private func askAgain() {
        if !isOver { start() }
    }

    private func answered(_ answer: OriginCall.Answer, by call: OriginCall) {
        guard !isOver else { return call.cancel() }
        if mayAskAgain, attempts != nil || answer.mayAskToWait,
            firstAttempts.answered(answer, again: { [weak self] in self?.askAgain() })
        {
            self.call = nil
            return call.cancel()
        }
        if answer.head.status >= 500, isBodyComplete, onTrouble?(.serverError(answer.head.status)) == true {
            isOver = true
            return call.cancel()
        }
        onTrouble = nil
        // A 304 answers a condition; nobody had one (resume-rules 5).
        if answer.head.status == 304, !ConditionalRequest.isConditional(request.fields) {
            call.cancel()
            self.call = nil
            if !isBodyComplete { stream.closeAfterResponse() }
            hall.send(.unaskedNotModified, on: stream, method: request.method, record: &record)
            return ended(.complete)
        }
        hall.invalidate(after: answer.head, to: request)
        hall.heard(answer, toHEAD: request, of: uri)
        record.cacheStatus.forwardStatus = answer.head.status
        var head = StoredAnswerHead.passing(answer.head, pseudonym: hall.pseudonym, receivedAt: answer.responseTime)
        head.fields.append(.cacheStatus, record.cacheStatus.value(cacheName: hall.cacheName))
        record.status = head.status
        // R27: a final answer while the request's content is still coming ends the connection with it.
        if !isBodyComplete { stream.closeAfterResponse() }
        let announced = request.method == .head ? nil : ResponseRelay.announced(by: answer.head, answer.framing)
        let body = announced.map { .length($0) } ?? ResponseRelay.body(of: answer.framing)
        stream.sendHead(head, body: request.method == .head ? .none : body)
        stream.flush()
        let relay = ResponseRelay(
            stream: stream,
            call: call,
            expecting: announced,
            healing: framing == .none ? hall.healing(answer, to: request, uri: uri, on: stream) : nil,
            rates: hall.table.rates,
            origin: uri.hostField
        ) { [self] end in ended(end) }
        relay.onOriginWritable = { [weak self] in self?.originTakesMore() }
        self.relay = relay
    }

    private func failed(_ failure: UpstreamFailure) {
        guard !isOver else { return }
        call = nil
        if mayAskAgain, firstAttempts.failed(failure, again: { [weak self] in self?.askAgain() }) { return }
        if failure.kind != .addressDenied, onTrouble?(.unreachable) == true {
            isOver = true
            return
        }
        onTrouble = nil
        let response = LocalResponse.upstream(failure)
        if !isBodyComplete { stream.closeAfterResponse() }
        hall.send(response, on: stream, method: request.method, record: &record)
        ended(.complete)
    }

    private func ended(_ end: DeliveryEnd) {
        guard !isOver else { return }
        isOver = true
        attempts?.stop()
        record.bytesSent = relay?.bytesRelayed ?? stream.bytesSent
        record.bytesFromUpstream = relay?.bytesRelayed ?? 0
        record.ended(end)
        hall.log(record)
        relay = nil
        call = nil
    }

    // MARK: The request's content

    func requestBody(_ bytes: ByteBuffer) {
        guard !isOver, let call else { return }
        bytesReceived += Int64(bytes.readableBytes)
        call.sendBody(bytes)
        if !call.isWritable, !isBodyPaused {
            isBodyPaused = true
            stream.pauseRequestBody()
        }
    }

    private func originTakesMore() {
        guard isBodyPaused, !isOver else { return }
        isBodyPaused = false
        stream.resumeRequestBody()
    }

    func requestBodyEnded() {
        isBodyComplete = true
        call?.endBody()
    }

    func requestBodyFailed(_ failure: RequestBodyFailure) {
        guard !isOver else { return }
        call?.cancel()
        call = nil
        guard relay == nil else {
            stream.abort()
            return ended(.cut(CutReason(failure.sentence, .httpRequestError)))
        }
        let response = LocalResponse(status: failure.status, sentence: failure.sentence, detail: "bad-request")
        stream.closeAfterResponse()
        hall.send(response, on: stream, method: request.method, record: &record)
        ended(.complete)
    }

    // MARK: The client

    func writable() { relay?.writable() }

    func downstreamGone() {
        guard !isOver else { return }
        if let relay { return relay.downstreamGone() }
        call?.cancel()
        ended(.clientLeft)
    }
}
