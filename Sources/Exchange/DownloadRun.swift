// One attempt at one download of the queue: find what is held, ask the origin where that is needed, and then read along
// until all is held. It joins the fills of a version like any client, and reads nothing: so every byte is fetched
// once, whoever else wants it. What follows from its end is the queue's decision. Bound to one loop.

import Configuration
import HTTPSemantics
import NIOCore
import Resume
import Store
import Synchronization
import Transport
import Wire

final class DownloadRun: @unchecked Sendable {
    enum End {
        /// All is held. `isProven`: the complete length is known; where not, the body ended with its connection.
        case complete(StoredResponse, isProven: Bool)
        /// It may succeed later. `retryAfter`: seconds that the origin asks for.
        case later(String, retryAfter: Int64?)
        /// Asking again makes no sense.
        case failed(String)
    }

    /// Where the attempt stands.
    enum Stage {
        case looking
        case asking(OriginCall)
        case filling(VersionFills, reader: Int, BodyReader)
        case ended
    }

    let table: FillTable
    let loop: any EventLoop
    private(set) var uri: AbsoluteURI
    /// Where redirects have led so far. May be read from any thread.
    var target: String { targetText.withLock { $0 } }
    private let targetText: Mutex<String>
    /// Of the URL that was asked for.
    let origin: String
    /// R62: who gives commands is on this machine and could reach without us what loopback clients may reach. Where a
    /// redirect leads elsewhere, the origin has said so and not that person: then only what is open to everybody.
    private(set) var client: IPAddress? = .v4(0x7f00_0001)
    var stage = Stage.looking
    /// The version that the origin confirmed in this attempt.
    var validated: Int64?
    /// What is stored did not lead to an answer: the origin is asked for the whole.
    var asksPlainly = false
    var holdsOpening = false
    var openingNumber: Int?
    /// It waited once for another request's first head, and waits no more.
    var hasWaited = false
    private var redirects = 0
    /// How often a stored response was looked for: an attempt that goes round in circles ends.
    private var looks = 0
    private let onEnd: @Sendable (DownloadRun, End) -> Void

    private static let redirectsAtMost = 10
    private static let looksAtMost = 24

    /// - Parameter onEnd: called once, on the loop; not after `stop`.
    init(
        uri: AbsoluteURI,
        table: FillTable,
        loop: any EventLoop,
        onEnd: @escaping @Sendable (DownloadRun, End) -> Void
    ) {
        self.uri = uri
        targetText = Mutex(uri.description)
        origin = uri.hostField
        self.table = table
        self.loop = loop
        self.onEnd = onEnd
    }

    var key: CacheKey { table.rules.key(of: uri) }

    /// What is asked, as if a client that wants the whole had asked it: without Accept-Encoding, since a file is to be
    /// kept as it is.
    var request: RequestHead { Self.request(for: uri) }

    static func request(for uri: AbsoluteURI) -> RequestHead {
        var fields = FieldSection()
        fields.append(.host, uri.hostField)
        fields.append(.userAgent, "holdfast")
        fields.append(.accept, "*/*")
        return RequestHead(method: .get, target: .absolute(uri), version: .http11, fields: fields)
    }

    var forwardable: FieldSection {
        Forwarding.request(request, pseudonym: table.pseudonym, keepForwardedFor: false)
    }

    // MARK: The end

    func end(_ end: End) {
        if case .ended = stage { return }
        if case .complete = end {
            leave(parking: false)
        } else {
            // The queue comes back to it; the finisher is not to do the same beside it.
            leave(parking: true)
        }
        stage = .ended
        onEnd(self, end)
    }

    /// A person has paused or cancelled it: what it caused is parked, unless somebody else reads it. On any thread.
    func stop() {
        loop.execute {
            if case .asking(let call) = self.stage { call.cancel() }
            self.leave(parking: true)
            self.stage = .ended
        }
    }

    func leave(parking: Bool) {
        closeOpening(notStorable: false)
        if let openingNumber { table.leave(key, number: openingNumber) }
        openingNumber = nil
        guard case .filling(let fills, let number, let reader) = stage else { return }
        stage = .looking
        if parking { fills.leaveParked(number) } else { fills.leave(number) }
        reader.close()
    }

    // MARK: What is held

    /// On the loop.
    func look() {
        stage = .looking
        guard table.access.admitsHTTP(port: uri.port) else {
            return end(.failed("This proxy does not connect to port \(uri.port) (access.http_ports)."))
        }
        looks += 1
        guard looks <= Self.looksAtMost else {
            return end(.later("What is stored of it changes all the time.", retryAfter: nil))
        }
        table.store.find(key) { found in
            self.loop.execute {
                if case .looking = self.stage { self.decide(found) }
            }
        }
    }

    private func decide(_ found: [StoredResponse]) {
        guard !asksPlainly || validated != nil else { return ask(validating: nil) }
        let now = Clock.unixSeconds()
        for stored in found {
            let decision = judge(stored, now: now)
            guard decision != .mismatch, isOfUse(stored) else { continue }
            let isFresh =
                switch decision {
                case .fresh, .staleWhileRevalidate: true
                case .validate, .mismatch: stored.id == validated
                }
            if stored.body.isComplete {
                return isFresh ? end(.complete(stored, isProven: true)) : ask(validating: stored)
            }
            let need: VersionFills.Need =
                stored.id == validated ? .nothing : isFresh ? .confirmation : .newAnswer
            return join(stored, need: need)
        }
        ask(validating: nil)
    }

    /// Whether it is a whole, or can become one.
    private func isOfUse(_ stored: StoredResponse) -> Bool {
        let head = stored.metadata.head
        guard head.status == 200 else { return false }
        // R62: what was fetched from an address that is not open to this request is none for it.
        if let address = IPAddress.parse(stored.originAddress),
            !table.access.reaches(
                client: client,
                host: uri.authority.bareHost,
                address: address,
                port: uri.port
            )
        {
            return false
        }
        // A part under no validator but an operator's rule ends with that rule.
        if stored.validator?.isByRule == true, !table.policy(for: uri, response: head).isImmutable,
            !stored.body.isComplete
        {
            return false
        }
        // RFC 9111 §3.4: what nothing may be added to is of use where it is whole, or about to be.
        return stored.body.isComplete || stored.isResumable
            || table.liveFills(of: stored)?.covers([0..<(stored.body.completeLength ?? .max)]) == true
    }

    private func judge(_ stored: StoredResponse, now: Int64) -> ReuseDecision {
        let metadata = stored.metadata
        let policy = table.policy(for: uri, response: metadata.head)
        let view = StoredView(
            head: metadata.head,
            requestFields: stored.requestFields,
            requestTime: metadata.requestTime,
            responseTime: metadata.responseTime,
            lifetime: Freshness.lifetime(
                request: request,
                response: metadata.head,
                responseTime: metadata.responseTime,
                policy: policy
            ),
            isInvalidated: metadata.isInvalidated
        )
        return Reuse.judge(request: request, stored: view, now: now, policy: policy)
    }

    // MARK: Filling

    func join(_ stored: StoredResponse, need: VersionFills.Need) {
        let template = RequestTemplate.of(forwardable)
        let fills = table.fills(of: stored, uri: uri, template: template)
        let joined = fills.join(
            range: 0..<(stored.body.completeLength ?? .max),
            need: need,
            requester: VersionFills.Requester(uri: uri, template: template, client: client),
            isClient: false,
            loop: loop,
            notify: { [weak self] notice in self?.noticed(notice, of: stored) }
        )
        switch joined {
        case .confirmed(let number), .waiting(let number):
            // Every end of a fill wakes whoever waits for a byte, and this one never comes.
            let loop = self.loop
            let reader = stored.body.openReader { [weak self] in
                loop.execute { [weak self] in self?.watch() }
            }
            stage = .filling(fills, reader: number, reader)
            watch()
        case .mustValidate:
            ask(validating: stored)
        case .ended, .alone:
            // Whoever ended it may be about to take it out of the table.
            loop.execute { if case .looking = self.stage { self.look() } }
        }
    }

    /// Ends where all is held; waits for the next end of a fill otherwise.
    private func watch() {
        guard case .filling(let fills, _, let reader) = stage else { return }
        // First the waiting, then the look: nothing comes between unseen.
        let step = reader.read(at: .max - 1, atMost: 1)
        if fills.body.isComplete { return end(.complete(fills.response, isProven: true)) }
        if case .failed(let error) = step { end(.later(error.sentence, retryAfter: nil)) }
    }

    private func noticed(_ notice: ReaderNotice, of stored: StoredResponse) {
        guard case .filling(let fills, _, _) = stage, fills.response === stored else { return }
        switch notice {
        case .confirmed:
            validated = stored.id
        case .unanswered:
            leave(parking: false)
            ask(validating: stored)
        case .versionChanged(let new):
            leave(parking: false)
            validated = new?.id
            asksPlainly = new == nil
            look()
        case .endedUnproven(let offset):
            if stored.body.held.contains(0..<max(1, offset)) || offset == 0 {
                end(.complete(stored, isProven: false))
            } else {
                end(.later("The connection ended before all of it was there.", retryAfter: nil))
            }
        case .failed(let stop):
            failed(stop)
        case .distrusted: break
        }
    }

    private func failed(_ stop: FillStop) {
        switch stop.kind {
        case .upstream(let failure) where !mayPass(failure):
            end(.failed(failure.sentence))
        case .upstream, .unavailable:
            end(.later(stop.sentence, retryAfter: nil))
        case .answered, .notKept, .clientGone, .notResumable:
            // A plain request shows what the origin has to say.
            guard !asksPlainly else { return end(.later(stop.sentence, retryAfter: nil)) }
            leave(parking: false)
            asksPlainly = true
            validated = nil
            look()
        case .store(let error):
            end(error.kind == .tooLarge ? .failed(error.sentence) : .later(error.sentence, retryAfter: nil))
        case .purged:
            end(.failed(stop.sentence))
        }
    }

    /// Whether the same request may succeed later: what is no sound HTTP today may be so after a repair, but not soon.
    func mayPass(_ failure: UpstreamFailure) -> Bool { failure.isTransient || failure.kind == .cancelled }

    // MARK: Redirects

    /// Resume-rules 4: what is held belongs to the final URI; the redirect itself is another resource's answer.
    func redirected(_ answer: OriginCall.Answer) {
        redirects += 1
        guard let location = answer.head.fields.only(.location), let next = uri.resolving(location) else {
            return end(.failed("The origin redirects (\(answer.head.status)), and does not say where to."))
        }
        guard redirects <= Self.redirectsAtMost else {
            return end(.failed("The origin redirects more than \(Self.redirectsAtMost) times."))
        }
        guard next.scheme == "http" else {
            return end(.failed("The origin redirects to \(next), and https is tunnelled, and not cached so far."))
        }
        if !next.isSameOrigin(as: uri) { client = nil }
        uri = next
        targetText.withLock { $0 = next.description }
        validated = nil
        asksPlainly = false
        hasWaited = false
        look()
    }
}
