// A small request of a command to an origin, sent on a loop, and the command's thread that waits for its answer: the parts
// that `adopt` compares, the questions of `doctor`. What an answer means is said by whoever asked.

import Configuration
import HTTPSemantics
import NIOCore
import Synchronization
import Transport
import Wire

/// Why a command cannot be carried out, as a sentence.
struct CommandRefusal: Error {
    let sentence: String

    init(_ sentence: String) { self.sentence = sentence }
}

struct OriginProbe: Sendable {
    let table: FillTable
    private(set) var uri: AbsoluteURI
    /// As DownloadRun has it: on behalf of a person on this machine, until a redirect leads elsewhere (R62).
    private var client: IPAddress? = .v4(0x7f00_0001)

    private static let redirectsAtMost = 10
    /// For one answer: an origin that sends drop by drop holds no thread for ever.
    private static let patienceNanoseconds: Int64 = 120 * 1_000_000_000

    init(table: FillTable, uri: AbsoluteURI) {
        self.table = table
        self.uri = uri
    }

    var key: CacheKey { table.rules.key(of: uri) }
    var request: RequestHead { DownloadRun.request(for: uri) }

    var forwardable: FieldSection {
        Forwarding.request(request, pseudonym: table.pseudonym, keepForwardedFor: false)
    }

    /// The range alone; blocking. The answer is a 206; all of its body came.
    mutating func askPart(_ range: Range<Int64>) throws(CommandRefusal) -> (OriginCall.Answer, [UInt8]) {
        let (answer, bytes) = try ask(range)
        switch answer.head.status {
        case 206: return (answer, bytes)
        case 200: throw CommandRefusal("The origin answers no ranges, so that nothing can be compared.")
        case 416: throw CommandRefusal("The origin's has not so many bytes (416).")
        default: throw CommandRefusal("The origin answered \(answer.head.status).")
        }
    }

    /// The range under a condition; blocking. Redirects are followed, and remembered for the next question. Only the body
    /// of a 206 is read.
    mutating func ask(
        _ range: Range<Int64>,
        _ condition: (field: KnownField, value: String)? = nil
    ) throws(CommandRefusal) -> (OriginCall.Answer, [UInt8]) {
        for _ in 0...Self.redirectsAtMost {
            guard table.access.admitsHTTP(port: uri.port) else {
                throw CommandRefusal("This proxy does not connect to port \(uri.port) (access.http_ports).")
            }
            let (answer, bytes) = try answer(of: send(range, condition), Adoption.text(range))
            guard [301, 302, 303, 307, 308].contains(answer.head.status) else { return (answer, bytes) }
            guard let location = answer.head.fields.only(.location), let next = uri.resolving(location),
                next.scheme == "http"
            else { throw CommandRefusal("The origin redirects to where this proxy cannot go.") }
            if !next.isSameOrigin(as: uri) { client = nil }
            uri = next
        }
        throw CommandRefusal("The origin redirects more than \(Self.redirectsAtMost) times.")
    }

    /// The same range so many times at once; blocking. Failures are nil.
    func askAtOnce(_ range: Range<Int64>, _ count: Int) -> [OriginCall.Answer?] {
        let awaited = (0..<count).map { _ in send(range, nil) }
        return awaited.map { try? answer(of: $0, "").0 }
    }

    private func answer(
        of awaited: AwaitedAnswer,
        _ what: String
    ) throws(CommandRefusal) -> (OriginCall.Answer, [UInt8]) {
        guard let outcome = awaited.wait(until: LogCondition.now() + Self.patienceNanoseconds) else {
            awaited.loop.execute { awaited.cancel() }
            throw CommandRefusal("The origin did not send \(what) in time.")
        }
        return try outcome.get()
    }

    private func send(_ range: Range<Int64>, _ condition: (field: KnownField, value: String)?) -> AwaitedAnswer {
        var fields = forwardable
        fields.append(.range, "bytes=\(range.lowerBound)-\(range.upperBound - 1)")
        if let condition { fields.append(condition.field, condition.value) }
        let upstream = UpstreamRequest(
            host: uri.authority.bareHost,
            port: uri.port,
            head: RequestHead(method: .get, target: .absolute(uri), version: .http11, fields: fields),
            check: table.check(client: client, uri: uri, knownOrigin: nil),
            deniedAddressRefusesAll: true
        )
        let (table, loop) = (table, table.group.next())
        let awaited = AwaitedAnswer(limit: Int(range.upperBound - range.lowerBound), loop: loop)
        loop.execute {
            _ = OriginCall.send(upstream, with: table.client, on: loop) { call, event in
                switch event {
                case .head(let answer) where answer.head.status == 206:
                    awaited.begin(answer, call)
                case .head(let answer):
                    call.cancel()
                    awaited.put(.success((answer, [])))
                case .failed(let failure):
                    awaited.put(.failure(CommandRefusal(failure.sentence)))
                case .interim, .writable:
                    break
                }
            }
        }
        return awaited
    }
}

/// The answer that a thread waits for; it comes on a loop.
private final class AwaitedAnswer: OriginBodyReceiver, Sendable {
    typealias Outcome = Result<(OriginCall.Answer, [UInt8]), CommandRefusal>

    private struct State {
        var answer: OriginCall.Answer?
        var call: OriginCall?
        var bytes: [UInt8] = []
        var outcome: Outcome?
    }

    let loop: any EventLoop
    private let limit: Int
    private let state = Mutex(State())
    private let condition = LogCondition()

    init(limit: Int, loop: any EventLoop) {
        self.limit = limit
        self.loop = loop
    }

    func begin(_ answer: OriginCall.Answer, _ call: OriginCall) {
        state.withLock { state in
            state.answer = answer
            state.call = call
        }
        call.body = self
    }

    func put(_ outcome: Outcome) {
        condition.lock()
        state.withLock { if $0.outcome == nil { $0.outcome = outcome } }
        condition.broadcast()
        condition.unlock()
    }

    /// nil where nothing came until then.
    func wait(until end: Int64) -> Outcome? {
        condition.lock()
        defer { condition.unlock() }
        while true {
            if let outcome = state.withLock({ $0.outcome }) { return outcome }
            guard LogCondition.now() < end else { return nil }
            condition.wait(until: end)
        }
    }

    // MARK: OriginBodyReceiver

    func originBody(_ bytes: ByteBuffer) {
        let isTooMuch = state.withLock { state in
            state.bytes.append(contentsOf: bytes.readableBytesView.prefix(limit - state.bytes.count + 1))
            return state.bytes.count > limit
        }
        guard isTooMuch else { return }
        cancel()
        put(.failure(CommandRefusal("The origin sent more than it was asked for.")))
    }

    func originEnded() {
        let (answer, bytes) = state.withLock { state in
            state.call = nil
            return (state.answer, state.bytes)
        }
        if let answer { put(.success((answer, bytes))) }
    }

    func originFailed(_ failure: UpstreamFailure) { put(.failure(CommandRefusal(failure.sentence))) }

    func originWritable() {}

    /// On the loop.
    func cancel() {
        let call = state.withLock { $0.call.take() }
        call?.cancel()
    }
}
