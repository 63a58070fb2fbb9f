// The questions of the truncation sentinel, one after the other: a last byte, HEAD. It sends, compares and hears; what is
// asked and what an answer proves is Resume's TruncationSentinel. Bound to one loop.

import HTTPSemantics
import NIOCore
import Resume
import Store
import Transport
import Wire

final class EndConfirmation: OriginBodyReceiver, @unchecked Sendable {
    private let version: VersionFills
    private let requester: VersionFills.Requester
    private let end: Int64
    private let loop: any EventLoop
    private let onVerdict: (SentinelVerdict) -> Void
    private var questions: ArraySlice<SentinelQuestion>
    private var call: OriginCall?
    private var timer: Scheduled<Void>?
    private var isOver = false
    /// The answer to a last byte whose body is coming, and what has come of it.
    private var lastByte: (answer: ContinuationAnswer, bytes: [UInt8])?

    /// A client waits for the end of its response.
    private static let patience = TimeAmount.seconds(10)

    /// - Parameters:
    ///   - condition: under which a range may be asked for; nil: under none.
    ///   - end: exclusive end of what came, from byte 0 on; all of it is held.
    ///   - onVerdict: called once on the loop, unless `cancel` is called before; never from inside `begin`.
    init(
        version: VersionFills,
        requester: VersionFills.Requester,
        condition: ResumeCondition?,
        end: Int64,
        on loop: any EventLoop,
        onVerdict: @escaping (SentinelVerdict) -> Void
    ) {
        self.version = version
        self.requester = requester
        self.end = end
        self.loop = loop
        self.onVerdict = onVerdict
        questions = TruncationSentinel.questions(end: end, condition: condition)[...]
    }

    func begin() {
        timer = loop.scheduleTask(in: Self.patience) { [weak self] in self?.conclude(.saysNothing) }
        askNext()
    }

    func cancel() {
        isOver = true
        timer?.cancel()
        call?.cancel()
        call = nil
    }

    private func conclude(_ verdict: SentinelVerdict) {
        guard !isOver else { return }
        cancel()
        onVerdict(verdict)
    }

    // MARK: Asking

    private func askNext() {
        guard !isOver else { return }
        lastByte = nil
        // Resume-rules 4: the client may have left since the last question.
        guard requester.credentials.isEmpty || version.isAwaited(requester) else {
            return loop.execute { self.conclude(.saysNothing) }
        }
        guard let question = questions.popFirst() else { return conclude(.saysNothing) }
        var fields = requester.fields
        var method = Method.get
        switch question {
        case .lastByte(let offset, let condition):
            ConditionalRequest.completing(
                &fields,
                range: offset..<offset + 1,
                openEnd: false,
                condition: version.response.validator.flatMap {
                    condition.field(for: $0, lastModified: version.response.metadata.head.fields.only(.lastModified))
                }
            )
        case .head:
            method = .head
            ConditionalRequest.plain(&fields)
        }
        let uri = requester.uri
        let request = UpstreamRequest(
            host: uri.authority.bareHost,
            port: uri.port,
            head: RequestHead(method: method, target: .absolute(uri), version: .http11, fields: fields),
            body: .none,
            check: version.table.check(
                client: requester.client,
                uri: uri,
                knownOrigin: IPAddress.parse(version.response.originAddress)
            ),
            deniedAddressRefusesAll: true
        )
        call = OriginCall.send(request, with: version.table.client, on: loop) { [weak self] call, event in
            guard let self, !isOver else { return call.cancel() }
            switch event {
            case .head(let answer): answered(answer, to: question, call)
            case .failed: askNext()
            case .interim, .writable: break
            }
        }
    }

    private func answered(_ answer: OriginCall.Answer, to question: SentinelQuestion, _ call: OriginCall) {
        switch question {
        case .lastByte(let offset, let condition):
            guard let known = version.known else { return next(after: call) }
            let length: Int64? = if case .length(let length) = answer.framing { length } else { nil }
            let check = ContinuationCheck.check(
                asked: AskedSpan(start: offset, end: offset + 1, overlap: 1),
                known: known,
                response: answer.head,
                contentLength: length,
                receivedAt: answer.responseTime,
                condition: condition
            )
            guard case .continues = check else {
                // The whole of the same version says nothing of its length, unless it names it.
                if answer.isWhole(of: known) { return next(after: call) }
                call.cancel()
                self.call = nil
                return follow(TruncationSentinel.verdict(lastByte: check, end: end, isEqual: false))
            }
            lastByte = (check, [])
            call.body = self
        case .head:
            let stored = version.response.metadata.head
            let verdict = TruncationSentinel.verdict(
                head: HeadUpdate.judge(head: answer.head, stored: stored, completeLength: nil),
                fields: answer.head.fields,
                stored: stored.fields,
                end: end
            )
            // Nothing follows: its connection is free for what comes next.
            call.body = DiscardedBody()
            self.call = nil
            follow(verdict)
        }
    }

    private func next(after call: OriginCall) {
        call.cancel()
        self.call = nil
        askNext()
    }

    private func follow(_ verdict: SentinelVerdict) {
        if case .saysNothing = verdict { askNext() } else { conclude(verdict) }
    }

    // MARK: The last byte

    func originBody(_ bytes: ByteBuffer) {
        guard lastByte != nil else { return }
        lastByte?.bytes += Array(bytes.readableBytesView.prefix(2))
    }

    func originEnded() {
        call = nil
        guard !isOver, let (answer, bytes) = lastByte else { return }
        guard bytes.count == 1 else { return askNext() }
        let (loop, end) = (self.loop, self.end)
        version.body.matches(bytes, at: end - 1) { comparison in
            loop.execute {
                // Damaged or gone: whoever reads it will notice; of its length this says nothing.
                guard !self.isOver, comparison != .notHeld else { return self.askNext() }
                self.follow(TruncationSentinel.verdict(lastByte: answer, end: end, isEqual: comparison == .equal))
            }
        }
    }

    func originFailed(_ failure: UpstreamFailure) {
        call = nil
        askNext()
    }

    func originWritable() {}
}
