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
        if !isResumable { order.returnToOrigin() }
        let uri = source
        if !order.isOrigin {
            condition = .checkedAfterwards
            fields.set(.host, uri.hostField)
        } else if isResumable, let rung = nextCondition {
            condition = rung
        } else {
            version.refusesRanges()
        }
        asksForWhole = !isResumable
        if version.response.validator != nil, !asksForWhole {
            let asked = request.asked
            ConditionalRequest.completing(
                &fields,
                range: asked.start..<(asked.end ?? .max),
                openEnd: request.openEnd,
                condition: order.isOrigin ? conditionField : nil
            )
        } else {
            guard mayRestart else { return end(FillStop(.notResumable)) }
            ConditionalRequest.plain(&fields)
        }
        var upstream = UpstreamRequest(
            host: uri.authority.bareHost,
            port: uri.port,
            head: RequestHead(method: .get, target: .absolute(uri), version: .http11, fields: fields),
            body: .none,
            check: table.check(
                client: requester.client,
                uri: uri,
                knownOrigin: order.isOrigin ? IPAddress.parse(version.response.originAddress) : nil
            ),
            deniedAddressRefusesAll: true
        )
        // Resume-rules 5: a resume looks the name up again.
        upstream.looksUpAnew = request.attempt > 1
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
        if !order.isOrigin { return answeredByMirror(answer, to: request, by: call) }
        if asksForWhole { return restarted(answer, request, call) }
        guard let known = version.known else { return call.cancel() }
        let length: Int64? = if case .length(let length) = answer.framing { length } else { nil }
        let check = ContinuationCheck.check(
            asked: request.asked,
            known: known,
            response: answer.head,
            contentLength: length,
            receivedAt: answer.responseTime,
            condition: condition
        )
        if case .newVersion = check, mustCompare(request, answer) {
            call.cancel()
            return ask(comparing(request))
        }
        let step = check.step(
            status: answer.head.status,
            condition: condition,
            isWhole: answer.isWhole(of: known),
            openConnections: version.openConnections,
            namesOther: StrongValidator.of(answer.head.fields, receivedAt: answer.responseTime).map {
                $0 != known.validator
            } ?? false
        )
        if let event = step.event { learn(event) }
        // RFC 9110 §14.3: it does not even say that it has ranges, so that it will not be the condition.
        if step.action == .compareWhole, !answer.head.fields.acceptsByteRanges {
            learn(.ignoredRange(.checkedAfterwards))
        }
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
            isContinuation = true
            table.watchPart(span, of: version.response, answer)
            readBody(of: call, framing: answer.framing)
            if request.overlap == 0 { confirm() }
        case .newVersion where answer.isWhole(of: known):
            // Row 5: perhaps it was the condition. The next rung costs a request; the whole, all that is held.
            if answer.head.fields.acceptsByteRanges, let next = nextCondition, next != condition {
                call.cancel()
                // Under the next condition more may have to be compared (resume-rules 4).
                return ask(comparing(request))
            }
            // R31: what is missing cannot be had by ranges; the whole is compared from byte 0 on.
            version.refusesRanges()
            // Under a known length only an answer that says the same one: what goes on behind it would be cut off.
            guard mayRestart, length == known.completeLength else {
                if version.returnsClaim(number, because: FillStop(.answered(status: answer.head.status))) {
                    call.cancel()
                    return end(nil)
                }
                return refuse(call, .unexpectedStatus, status: answer.head.status)
            }
            compareFromStart(
                answer,
                completeLength: length,
                offset: request.missing.lowerBound,
                call
            )
        case .newVersion:
            doubtsWhatNames(the: version, answer)
            changed(answer, request, call)
        case .transient(let status):
            call.cancel()
            if (status == 429 || status == 503), version.isCrowded(number) { return end(nil) }
            failed(
                .status(status),
                FillStop(.unavailable(status: status)),
                retryAfter: RetryAfter.of(answer.head.fields, now: answer.responseTime)
            )
        case .gone(let status):
            call.cancel()
            // Row 11: what is held is kept, for another URL or other credentials; it is not fresh.
            if case .park(_, invalidates: true) = step.action { table.store.invalidate(version.response) }
            if version.returnsClaim(number, because: FillStop(.answered(status: status))) { return end(nil) }
            _ = version.tell(number) { $0.originGone() }
            end(FillStop(.answered(status: status)))
        case .alreadyComplete(let length):
            // Row 7: a further question before it is believed.
            guard table.configuration.resume.confirmsEnd, body.held.contains(0..<length) else {
                return refuse(call, .unsatisfiedRangeContradicts, status: 416)
            }
            call.cancel()
            self.call = nil
            confirmNothingIsMissing(length)
        case .broken(let reason):
            // Under the same validator: it does not tell this origin's versions apart.
            if reason == .contentEncodingChanged || reason == .contentTypeChanged {
                table.doubts(version.response.key)
            } else if version.returnsClaim(number, because: FillStop(.answered(status: answer.head.status))) {
                call.cancel()
                version.refusesRanges()
                table.log("\(requester.uri): \(reason.sentence)")
                return end(nil)
            } else if restarts(request, insteadOf: reason, call) {
                return
            }
            refuse(call, reason, status: answer.head.status)
        case .unsolicited:
            // Rows 9 and 10: a plain request tells what there is now.
            if restarts(request, insteadOf: .unexpectedStatus, call) { return }
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
            stopWork()
            version.changed(by: number, to: nil)
            return land { self.version.ended(self.number) }
        }
        // Of several fills that learn it at once, one begins the new version: the others' answers would fetch it again.
        guard version.beginsChange() else {
            call.cancel()
            self.call = nil
            stopWork()
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
        stopWork()
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
        guard order.isOrigin else { return version.continuedElsewhere(number) }
        version.confirmed(by: number)
    }
}
