// A fill whose rest cannot be asked for by ranges fetches the whole again, and compares it with what is held, for as
// long as a client waits (resume-rules 11, verified restart). What the answer means is Resume's decision.

import Configuration
import HTTPSemantics
import NIOCore
import Resume
import Store
import Wire

extension Fill {
    /// Whether what broke may be fetched again from byte 0: somebody waits, nothing else can bring the rest, and all that
    /// lies below the first missing byte is there to be compared.
    var mayRestart: Bool { !isResumable && couldRestart }

    /// The same, should ranges be refused.
    private var couldRestart: Bool {
        guard version.hasReaders, version.response.metadata.head.status == 200 else { return false }
        guard let extent = version.tell(number, { $0.extent }) ?? nil else { return false }
        guard extent.start == 0 || body.held.contains(0..<extent.start) else { return false }
        // An origin that always breaks off at the same byte will never get beyond it.
        if restartedAt == extent.offset, fruitlessRestarts >= Self.fruitlessRestartsAtMost { return false }
        return VerifiedRestart.isWorthwhile(
            offset: extent.offset,
            fetchedAgain: fetchedAgain,
            limit: table.configuration.resume.verifiedRestart
        )
    }

    private static let fruitlessRestartsAtMost = 2

    /// Resume-rules 5, row 4: a part that is none is discarded, and the whole asked for; compared with what is held it
    /// goes on in the same response. Whether it is.
    func restarts(_ request: FillRequest, insteadOf reason: BrokenReason, _ call: OriginCall) -> Bool {
        guard couldRestart else { return false }
        version.refusesRanges()
        call.cancel()
        table.log("\(requester.uri): \(reason.sentence)")
        ask(request)
        return true
    }

    /// The answer to a plain request for the whole.
    func restarted(_ answer: OriginCall.Answer, _ request: FillRequest, _ call: OriginCall) {
        let length: Int64? = if case .length(let length) = answer.framing { length } else { nil }
        let offset = request.missing.lowerBound
        let known = VerifiedRestart.Known(
            completeLength: body.completeLength,
            offset: offset,
            fields: version.response.metadata.head.fields
        )
        switch VerifiedRestart.judge(answer.head, contentLength: length, known: known) {
        case .compare(let completeLength):
            compareFromStart(answer, completeLength: completeLength, offset: offset, call)
        case .changed:
            doubtsWhatNames(the: version, answer)
            changed(answer, request, call)
        case .gone(let status):
            call.cancel()
            _ = version.tell(number) { $0.originGone() }
            end(FillStop(.answered(status: status)))
        case .transient(let status):
            call.cancel()
            failed(
                .status(status),
                FillStop(.unavailable(status: status)),
                retryAfter: RetryAfter.of(answer.head.fields, now: answer.responseTime)
            )
        }
    }

    /// Another version under the strong validator of this one: it does not tell this URL's versions apart.
    func doubtsWhatNames(the version: VersionFills, _ answer: OriginCall.Answer) {
        guard let validator = version.response.validator, !validator.isByRule,
            StrongValidator.of(answer.head.fields, receivedAt: answer.responseTime) == validator
        else { return }
        table.doubts(version.response.key)
    }

    /// A whole that begins at byte 0 takes the place of the rest, once its beginning is found equal.
    func compareFromStart(_ answer: OriginCall.Answer, completeLength: Int64?, offset: Int64, _ call: OriginCall) {
        guard Storability.mayKeep(answer: answer.head.fields, request: requester.fields, policy: table.basePolicy)
        else {
            call.cancel()
            _ = version.tell(number) { $0.rejected(.broken(.unexpectedStatus)) }
            return end(FillStop(.notKept))
        }
        let start = version.tell(number) { $0.continued(span: 0..<(completeLength ?? .max), compareUntil: offset) }
        guard start == .readBody else {
            call.cancel()
            return end(start == .filled ? nil : FillStop(.answered(status: answer.head.status)))
        }
        fetchedAgain += offset
        fruitlessRestarts = restartedAt == offset ? fruitlessRestarts + 1 : 1
        restartedAt = offset
        table.log("\(requester.uri): fetched again from byte 0, to be compared up to byte \(offset)")
        lengthToLearn = completeLength
        isContinuation = false
        readBody(of: call, framing: answer.framing)
        if offset == 0 { confirm() }
    }
}
