// How a fill asks the origin, and what it makes of the answer's head (resume-rules 4 and 5).

import Configuration
import HTTPSemantics
import NIOCore
import Resume
import Store
import Transport
import Wire

extension Fill {
    // MARK: Asking

    func ask(_ request: FillRequest) {
        guard !isOver else { return }
        attempts += 1
        var fields = requester.fields
        asksForWhole = !isResumable
        if let validator = version.response.validator, !asksForWhole {
            let asked = request.asked
            ConditionalRequest.completing(
                &fields,
                range: asked.start..<(asked.end ?? .max),
                openEnd: request.openEnd,
                validator: validator
            )
        } else {
            guard mayRestart else { return end(FillStop(.notResumable)) }
            ConditionalRequest.plain(&fields)
        }
        let upstream = UpstreamRequest(
            host: requester.uri.authority.bareHost,
            port: requester.uri.port,
            head: RequestHead(method: .get, target: .absolute(requester.uri), version: .http11, fields: fields),
            body: .none,
            check: table.check(
                client: requester.client,
                uri: requester.uri,
                knownOrigin: IPAddress.parse(version.response.originAddress)
            ),
            deniedAddressRefusesAll: true
        )
        call = OriginCall.send(upstream, with: table.client, on: loop) { call, event in
            switch event {
            case .head(let answer): self.answered(answer, to: request, by: call)
            case .failed(let failure): self.broke(failure)
            case .interim, .writable: break
            }
        }
    }

    func answered(_ answer: OriginCall.Answer, to request: FillRequest, by call: OriginCall) {
        guard !isOver else { return call.cancel() }
        if asksForWhole { return restarted(answer, request, call) }
        guard let known = version.known else { return call.cancel() }
        let length: Int64? = if case .length(let length) = answer.framing { length } else { nil }
        let check = ContinuationCheck.check(
            asked: request.asked,
            known: known,
            response: answer.head,
            contentLength: length,
            receivedAt: answer.responseTime
        )
        switch check {
        case .continues
        where !Storability.mayKeep(answer: answer.head.fields, request: requester.fields, policy: table.basePolicy):
            call.cancel()
            _ = version.tell(number) { $0.rejected(.broken(.unexpectedStatus)) }
            end(FillStop(.notKept))
        case .continues(let span, let completeLength):
            let start = version.tell(number) { $0.continued(span: span, compareUntil: request.missing.lowerBound) }
            guard start == .readBody else {
                call.cancel()
                return end(start == .filled ? nil : FillStop(.answered(status: answer.head.status)))
            }
            guard max(span.upperBound, completeLength ?? 0) <= table.configuration.cache.maxObjectSize else {
                return refuse(call, .beyondAsked, status: answer.head.status)
            }
            // Not one byte of what is missing, nor the proof that none is.
            guard span.upperBound > request.missing.lowerBound || span.upperBound == completeLength else {
                return refuse(call, .beyondAsked, status: answer.head.status)
            }
            version.provesRanges()
            switch table.freshen(version.response, with: answer) {
            case .updated: break
            case .forbidden:
                call.cancel()
                _ = version.tell(number) { $0.rejected(.broken(.unexpectedStatus)) }
                return end(FillStop(.notKept))
            case .tooVague: return refuse(call, .unexpectedStatus, status: answer.head.status)
            }
            lengthToLearn = completeLength
            readBody(of: call, framing: answer.framing)
            if request.overlap == 0 { confirm() }
        case .newVersion where answer.isWhole(of: known):
            // R31: what is missing cannot be had by ranges; the whole is compared from byte 0 on.
            version.refusesRanges()
            // Under a known length only an answer that says the same one: what goes on behind it would be cut off.
            guard mayRestart, length == known.completeLength else {
                return refuse(call, .unexpectedStatus, status: answer.head.status)
            }
            compareFromStart(
                answer,
                completeLength: length,
                offset: request.missing.lowerBound,
                call
            )
        case .newVersion:
            changed(answer, request, call)
        case .transient(let status):
            call.cancel()
            failed(
                .status(status),
                FillStop(.unavailable(status: status)),
                retryAfter: RetryAfter.of(answer.head.fields, now: answer.responseTime)
            )
        case .gone(let status):
            call.cancel()
            _ = version.tell(number) { $0.originGone() }
            end(FillStop(.answered(status: status)))
        case .alreadyComplete:
            // Rule 5 wants a further check before it is believed: a plain request will tell.
            refuse(call, .unexpectedStatus, status: 416)
        case .broken(let reason):
            // Under the same validator: it does not tell this origin's versions apart.
            if reason == .contentEncodingChanged || reason == .contentTypeChanged {
                table.doubts(version.response.key)
            }
            refuse(call, reason, status: answer.head.status)
        case .unsolicited:
            refuse(call, .unexpectedStatus, status: answer.head.status)
        }
    }

    func refuse(_ call: OriginCall, _ reason: BrokenReason, status: Int) {
        call.cancel()
        _ = version.tell(number) { $0.rejected(.broken(reason)) }
        table.log("\(requester.uri): \(reason.sentence)")
        end(FillStop(.answered(status: status)))
    }

    /// The origin has another version, and this answer begins it (rule 5, rows 3 and 6).
    func changed(_ answer: OriginCall.Answer, _ request: FillRequest, _ call: OriginCall) {
        _ = version.tell(number) { $0.rejected(.versionChanged) }
        guard version.hasReaders else {
            // Nobody waits for another version of what a client once asked for.
            call.cancel()
            self.call = nil
            isOver = true
            version.changed(by: number, to: nil)
            return land { self.version.ended(self.number) }
        }
        // Of several fills that learn it at once, one begins the new version: the others' answers would fetch it again.
        guard version.beginsChange() else {
            call.cancel()
            self.call = nil
            isOver = true
            return land { self.version.ended(self.number) }
        }
        let question = FillTable.Question(
            request: RequestHead(
                method: .get,
                target: .absolute(requester.uri),
                version: .http11,
                fields: requester.fields
            ),
            uri: requester.uri,
            key: version.response.key,
            template: requester.template,
            isCredentialed: requester.credentials.contains(.authorization),
            client: requester.client,
            // R30: to a plain request a part is no answer.
            range: asksForWhole ? nil : request.asked.specifier
        )
        let admission = table.admit(answer, of: call, for: question, until: { _ in nil }, on: loop)
        self.call = nil
        isOver = true
        if case .stored(let new) = admission {
            version.changed(by: number, to: new.response)
        } else {
            call.cancel()
            version.changed(by: number, to: nil)
        }
        land { self.version.ended(self.number) }
    }

    func confirm() {
        guard !isConfirmed else { return }
        isConfirmed = true
        if let lengthToLearn { body.learn(completeLength: lengthToLearn) }
        lengthToLearn = nil
        version.confirmed(by: number)
    }
}
