// The hall: one request, from arrival to delivery. The steps stand in `receive`, in order; what each
// decides is said by HTTPSemantics, Resume and Configuration, and done by Store and Transport.

package import Configuration
package import HTTPSemantics
import NIOCore
import Resume
package import Store
import Synchronization
package import Transport
package import Wire

/// Takes requests from Transport and brings them to their end. May be used from any thread; each exchange
/// is bound to the loop of its client.
package final class ExchangeHall: ExchangeDoor {
    let configuration: Configuration
    let store: Store
    let access: Access
    package let table: FillTable
    /// Our name in Via, unique to this process, so that a loop is told from another Holdfast upstream.
    let pseudonym: String
    let cacheName: String
    private let writeRecord: @Sendable (ExchangeRecord) -> Void
    /// When running responses will be cut, monotonic nanoseconds; `Int64.max` while nobody stops the proxy.
    private let cutAt = Atomic<Int64>(.max)

    package init(
        configuration: Configuration,
        store: Store,
        access: Access,
        table: FillTable,
        log: @escaping @Sendable (ExchangeRecord) -> Void
    ) {
        self.configuration = configuration
        self.store = store
        self.access = access
        self.table = table
        pseudonym = table.pseudonym
        cacheName = configuration.forward.viaName
        writeRecord = log
    }

    var viaField: String { "1.1 \(pseudonym)" }

    // MARK: ExchangeDoor

    package func receive(_ head: RequestHead, framing: BodyFraming, on stream: DownstreamStream) {
        var record = ExchangeRecord(
            client: stream.clientText,
            method: head.method.name,
            uri: head.target.logText,
            startedAt: Clock.monotonicNanoseconds()
        )
        // 2: may this client ask this?
        guard access.admits(stream.clientAddress) else {
            let client = stream.clientAddress?.text ?? "without an address"
            return refuse(.clientNotAllowed(client), stream, head, framing, record)
        }
        // 3: forwardable?
        guard !Forwarding.isLoop(head.fields, pseudonym: pseudonym) else {
            return refuse(.loop, stream, head, framing, record)
        }
        if let expectation = Forwarding.unknownExpectation(head.fields) {
            return refuse(.expectation(expectation), stream, head, framing, record)
        }
        // 4: CONNECT? ours to cache?
        let uri: AbsoluteURI
        switch head.target {
        case .authority:
            return connect(head, framing, stream, record)
        case .origin, .asterisk:
            return refuse(.originForm, stream, head, framing, record)
        case .absolute(let absolute):
            uri = absolute
        }
        guard uri.scheme == "http" else { return refuse(.httpsNeedsConnect, stream, head, framing, record) }
        guard access.admitsHTTP(port: uri.port) else {
            return refuse(.portNotAllowed(uri.port, directive: "access.http_ports"), stream, head, framing, record)
        }
        if head.method == .trace {
            guard configuration.forward.trace else { return refuse(.traceRefused, stream, head, framing, record) }
            guard framing == .none else { return refuse(.traceWithContent, stream, head, framing, record) }
        }
        if Forwarding.isLastRecipient(head) { return answerHere(stream, head, framing, record) }
        guard head.method == .get || head.method == .head, framing == .none else {
            record.cacheStatus.forward = head.method == .get || head.method == .head ? .bypass : .method
            let pass = Pass(hall: self, stream: stream, request: head, uri: uri, framing: framing, record: record)
            stream.consumer = pass
            return pass.start()
        }
        let exchange = CachedExchange(hall: self, stream: stream, request: head, uri: uri, record: record)
        stream.consumer = exchange
        exchange.start()
    }

    package func refused(_ refusal: WireRefusal, on stream: DownstreamStream) {
        var record = ExchangeRecord(
            client: stream.clientText,
            method: "-",
            uri: "-",
            startedAt: Clock.monotonicNanoseconds()
        )
        stream.closeAfterResponse()
        send(.refused(refusal), on: stream, method: .get, record: &record)
        record.bytesSent = stream.bytesSent
        log(record)
    }

    private func connect(
        _ head: RequestHead,
        _ framing: BodyFraming,
        _ stream: DownstreamStream,
        _ record: ExchangeRecord
    ) {
        switch ConnectRoute.of(head, framing: framing, access: access) {
        case .refuse(let response):
            refuse(response, stream, head, framing, record)
        case .tunnel(let authority):
            TunnelExchange(hall: self, record: record).start(to: authority, on: stream)
        }
    }

    private func refuse(
        _ response: LocalResponse,
        _ stream: DownstreamStream,
        _ head: RequestHead,
        _ framing: BodyFraming,
        _ record: ExchangeRecord
    ) {
        var record = record
        // Content that nobody will read ends the connection (R27).
        if framing != .none || head.method == .connect { stream.closeAfterResponse() }
        send(response, on: stream, method: head.method, record: &record)
        record.bytesSent = stream.bytesSent
        log(record)
    }

    /// RFC 9110 §7.6.2: an OPTIONS or TRACE that may go no further.
    private func answerHere(
        _ stream: DownstreamStream,
        _ head: RequestHead,
        _ framing: BodyFraming,
        _ record: ExchangeRecord
    ) {
        var record = record
        record.cacheStatus.detail = "max-forwards"
        if framing != .none { stream.closeAfterResponse() }
        let answer = LastRecipient.answer(
            head,
            allowsTrace: configuration.forward.trace,
            now: Clock.unixSeconds(),
            via: viaField
        )
        stream.sendHead(answer.head, body: .length(Int64(answer.body.count)))
        if !answer.body.isEmpty { stream.send(ByteBuffer(bytes: answer.body)) }
        stream.finish()
        record.status = answer.head.status
        record.bytesSent = stream.bytesSent
        log(record)
    }

    // MARK: What exchanges share

    /// Sends an answer of our own, finishes the response, and enters into the record what was said.
    func send(_ response: LocalResponse, on stream: DownstreamStream, method: Method, record: inout ExchangeRecord) {
        record.cacheStatus.detail = response.detail
        record.proxyStatus = response.proxyStatus
        record.status = response.status
        let message = response.message(
            now: Clock.unixSeconds(),
            proxyName: configuration.forward.proxyStatus ? cacheName : nil,
            via: viaField
        )
        if method == .head {
            stream.sendHead(message.head, body: .none)
        } else {
            stream.sendHead(message.head, body: .length(Int64(message.body.count)))
            stream.send(ByteBuffer(bytes: message.body))
        }
        stream.finish()
    }

    /// The proxy stops: what still runs at this instant (monotonic nanoseconds) is cut by it, and not by its client.
    package func stops(at instant: Int64) { cutAt.store(instant, ordering: .relaxed) }

    func log(_ record: ExchangeRecord) {
        guard record.end == DeliveryEnd.clientLeft.logText,
            Clock.monotonicNanoseconds() >= cutAt.load(ordering: .relaxed)
        else { return writeRecord(record) }
        var record = record
        record.ended(.cut(.stopped))
        writeRecord(record)
    }

    /// The fields of a client's request as they go upstream.
    func forwardable(_ request: RequestHead) -> FieldSection {
        Forwarding.request(
            request,
            pseudonym: pseudonym,
            keepForwardedFor: configuration.forward.xForwardedFor == .keep
        )
    }

    func interim(_ head: ResponseHead) -> ResponseHead {
        var head = head
        head.version = .http11
        head.fields = Forwarding.response(head, pseudonym: pseudonym)
        // RFC 9110 §8.6: an interim response has no content, and says no length of one.
        head.fields.removeAll(.contentLength)
        return head
    }

    func upstreamRequest(
        head: RequestHead,
        uri: AbsoluteURI,
        body: UpstreamRequest.Body,
        client: IPAddress?
    ) -> UpstreamRequest {
        UpstreamRequest(
            host: uri.authority.bareHost,
            port: uri.port,
            head: head,
            body: body,
            check: access.judge(client: client, host: uri.authority.bareHost, port: uri.port),
            deniedAddressRefusesAll: true
        )
    }

    /// R62: a stored response answers only clients to whom the address that it came from is open.
    func mayBeGiven(_ response: StoredResponse, to client: IPAddress?, uri: AbsoluteURI) -> Bool {
        guard let address = IPAddress.parse(response.originAddress) else { return true }
        return access.reaches(client: client, host: uri.authority.bareHost, address: address, port: uri.port)
    }

    /// RFC 9111 §4.4, and unfinished downloads with it (resume-rules 9).
    func invalidate(after response: ResponseHead, to request: RequestHead) {
        for uri in Invalidation.targets(request: request, response: response) {
            let key = table.rules.key(of: uri)
            table.closeFills(of: key)
            store.invalidate(key)
        }
    }

    /// Runs something on a loop after a time that is so short that a timer of its own does no harm.
    func after(_ nanoseconds: Int64, on loop: any EventLoop, _ body: @escaping @Sendable () -> Void) {
        loop.scheduleTask(in: .nanoseconds(nanoseconds), body)
    }

    // MARK: The resume guard (resume-rules 11)

    func guardVerdict(
        key: CacheKey,
        client: IPAddress?,
        rangeStart: Int64,
        hasIfRange: Bool,
        version: Int64,
        retained: [RetainedVersion] = []
    ) -> GuardVerdict {
        guard configuration.resume.resumeGuard != .off, let client else { return .serve }
        return ResumeGuard.verdict(
            rangeStart: rangeStart,
            hasIfRange: hasIfRange,
            currentVersion: version,
            records: store.guardRecords(for: key),
            now: Clock.unixSeconds(),
            guardSeconds: configuration.resume.guardTimeSeconds,
            client: client.text,
            retained: retained
        )
    }

    func recordGuard(key: CacheKey, client: IPAddress, version: Int64, highestByte: Int64, isOpen: Bool) {
        guard configuration.resume.resumeGuard != .off else { return }
        store.record(
            GuardRecord(
                client: client.text,
                version: version,
                highestByte: highestByte,
                at: Clock.unixSeconds(),
                isOpen: isOpen
            ),
            key: key
        )
    }
}

extension RequestTarget {
    /// The target as the log shows it.
    var logText: String {
        switch self {
        case .absolute(let uri): uri.description
        case .origin(let path): path
        case .authority(let authority): authority.description
        case .asterisk: "*"
        }
    }
}
