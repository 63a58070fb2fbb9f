// A body of unknown length has ended as if it were whole. Before anybody is told so, the origin is asked how long it is
// (resume-rules 11, "Truncation sentinel"); what turns out to be missing is fetched, and the client's response goes on.
// What is asked, and what an answer proves, is Resume's TruncationSentinel.

import Configuration
import HTTPSemantics
import NIOCore
import Resume
import Store
import Transport
import Wire

extension Fill {
    /// The end of the body that has just come, where nothing but its framing says that it is one, and that is not enough.
    var unprovenEnd: Int64? {
        guard table.configuration.resume.confirmsEnd, version.response.metadata.head.status == 200 else { return nil }
        let ends: EndFraming
        switch framing {
        case .untilClose: ends = .close
        case .chunked: ends = .chunked
        case .none, .length: return nil
        }
        // Resume-rules 4: credentials do not outlive the request that brought them.
        guard requester.credentials.isEmpty || version.isAwaited(requester) else { return nil }
        guard case .receiving(let extent, _)? = version.tell(number, { $0.state }), extent.end == nil else {
            return nil
        }
        let end = TruncationSentinel.end(
            framing: ends,
            received: extent.offset,
            isSound: true,
            known: body.completeLength,
            distrusts: table.origins.capabilities(of: requester.uri).truncates(now: Clock.unixSeconds())
        )
        guard case .unproven(let offset) = end else { return nil }
        return offset
    }

    /// Asks, once all is written that has come: the last byte is to be compared.
    func confirmEnd(at offset: Int64) {
        if let writer, writer.unwritten > 0 {
            writer.flush()
            afterLanding = { if !self.isOver { self.confirmEnd(at: offset) } }
            return
        }
        askTheSentinel(offset) { self.endConfirmed($0, offset) }
    }

    /// 416 says that what is held is all that there is (resume-rules 5, row 7).
    func confirmNothingIsMissing(_ length: Int64) {
        askTheSentinel(length) { verdict in
            guard case .confirmed = verdict else {
                _ = self.version.tell(self.number) { $0.rejected(.broken(.unsatisfiedRangeContradicts)) }
                return self.end(FillStop(.answered(status: 416)))
            }
            let end = self.version.tell(self.number) { $0.foundComplete(at: length) }
            self.carryOut(end ?? .nothing, FillStop(.answered(status: 416)))
        }
    }

    private func askTheSentinel(_ end: Int64, _ onVerdict: @escaping (SentinelVerdict) -> Void) {
        let questions = EndConfirmation(
            version: version,
            requester: requester,
            condition: isResumable ? nextCondition : nil,
            end: end,
            on: loop
        ) { [weak self] verdict in
            guard let self, !isOver else { return }
            confirmation = nil
            onVerdict(verdict)
        }
        confirmation = questions
        questions.begin()
    }

    private func endConfirmed(_ verdict: SentinelVerdict, _ offset: Int64) {
        switch verdict {
        case .confirmed:
            bodyEnded(isProven: true)
        case .cut(let completeLength):
            table.log("\(requester.uri): ended at byte \(offset), and is \(completeLength) bytes long")
            learn(.endedTooEarly)
            let failure = UpstreamFailure(
                .closedInBody,
                host: requester.uri.authority.bareHost,
                port: requester.uri.port
            )
            failed(.cutShort, FillStop(.upstream(failure)), retryAfter: nil)
        case .changed:
            // It ended while it was another's turn: it may be whole, and has to be asked about before it is used.
            table.store.invalidate(version.response)
            bodyEnded(isProven: false)
        case .saysNothing:
            bodyEnded(isProven: false)
        }
    }
}
