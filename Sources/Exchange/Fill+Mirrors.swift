// A fill that breaks at its origin goes on at a mirror (`mirrors` of a rule). A mirror's word counts for nothing but the bytes
// of this version: it has to name the same strong validator or the same digest, the same complete length, and the same
// bytes where both have some (resume-rules 11, "Adoption"). Whatever else it answers, it is not asked again, and the version
// stays what it is. Whose turn it is, is Resume's SourceOrder.

import Configuration
import HTTPSemantics
import NIOCore
import Resume
import Store
import Synchronization
import Transport
import Wire

extension Fill {
    /// The origin first. A client's credentials are for its origin alone (resume-rules 4).
    static func sources(of requester: VersionFills.Requester, in version: VersionFills) -> [AbsoluteURI] {
        let uri = requester.uri
        guard requester.credentials.isEmpty, version.response.isResumable,
            version.response.validator?.isByRule == false
        else { return [uri] }
        let table = version.table
        let contentType = version.response.metadata.head.fields.combined(.contentType)
        let others = table.rules.match(uri, contentType: contentType)?.rule.mirrors?.others(of: uri) ?? []
        return [uri] + others.filter { table.access.admitsHTTP(port: $0.port) }
    }

    var source: AbsoluteURI { sources[order.current] }

    /// Another source's turn, where there is one that may be asked. Whether it is worth asking at once.
    func turnsToNextSource() -> Bool {
        guard sources.count > 1 else { return false }
        // A reader whose head has not been sent waits for the origin's word, not for a mirror's.
        guard isResumable, version.hasConfirmedReaders || !version.hasReaders else {
            order.returnToOrigin()
            return false
        }
        let isAtOnce = order.failed()
        if !order.isOrigin { table.log("\(requester.uri): going on at \(source)") }
        return isAtOnce
    }

    func answeredByMirror(_ answer: OriginCall.Answer, to request: FillRequest, by call: OriginCall) {
        guard let known = version.known else { return call.cancel() }
        let length: Int64? = if case .length(let length) = answer.framing { length } else { nil }
        let check = ContinuationCheck.check(
            asked: request.asked,
            known: agreesInDigest(answer) ? known.knownByDigest : known,
            response: answer.head,
            contentLength: length,
            receivedAt: answer.responseTime,
            condition: .checkedAfterwards
        )
        switch check {
        case .continues(let span, let completeLength)
        where known.completeLength != nil && completeLength == known.completeLength
            && (request.overlap > 0 || request.missing.lowerBound == 0)
            && span.upperBound > request.missing.lowerBound
            && Storability.mayKeep(answer: answer.head.fields, request: requester.fields, policy: table.basePolicy):
            let start = version.tell(number) { $0.continued(span: span, compareUntil: request.missing.lowerBound) }
            guard start == .readBody else {
                call.cancel()
                return end(start == .filled ? nil : FillStop(.answered(status: answer.head.status)))
            }
            isContinuation = false
            wroteFromMirror = false
            readBody(of: call, framing: answer.framing)
            if request.overlap == 0 { confirm() }
        case .transient(let status):
            call.cancel()
            failed(
                .status(status),
                FillStop(.unavailable(status: status)),
                retryAfter: RetryAfter.of(answer.head.fields, now: answer.responseTime)
            )
        default:
            call.cancel()
            self.call = nil
            rejectSource(status: answer.head.status)
        }
    }

    /// It has sent other bytes where some are held.
    func mirrorDiffers() {
        closeCall()
        pendingEnd = nil
        table.log("\(requester.uri): \(source) has other bytes")
        order.reject()
        if wroteFromMirror {
            // What it sent before is as wrong, and is held: nothing of all this may be used again.
            _ = version.tell(number) { $0.compared(equal: false) }
            table.doubts(version.response.key)
            stopWork()
            version.changed(by: number, to: nil)
            table.store.remove(version.response)
            return land { self.version.ended(self.number) }
        }
        // What is compared may be another mirror's.
        if version.hasMirrorBytes { order.rejectOthers() }
        let stop = FillStop(.answered(status: 206))
        let end = version.tell(number) { $0.sourceRejected() }
        carryOut(end ?? .nothing, stop)
    }

    private func rejectSource(status: Int) {
        table.log("\(requester.uri): \(source) does not have this version (\(status))")
        order.reject()
        failed(.cutShort, FillStop(.answered(status: status)), retryAfter: nil)
    }

    /// Both name a digest of the whole, and it is the same.
    private func agreesInDigest(_ answer: OriginCall.Answer) -> Bool {
        ExpectedDigest.namesSameWhole(version.response.metadata.head.fields, answer.head.fields)
    }
}

extension VersionFills {
    var hasMirrorBytes: Bool { state.withLock { $0.hasMirrorBytes } }

    /// A mirror goes on where the origin broke off. What waits for the origin's own word has to ask for it.
    func continuedElsewhere(_ number: Int) {
        let work = state.withLock { state -> Work in
            state.fills[number]?.isUnconfirmed = false
            state.fills[number]?.isElsewhere = true
            state.hasMirrorBytes = true
            return state.readers.values.filter { !$0.isConfirmed }.map { reader in
                let (loop, notify) = (reader.loop, reader.notify)
                return { loop.execute { notify(.unanswered) } }
            }
        }
        work.forEach { $0() }
    }
}
