// A validation that no client waits for (RFC 5861 §3): the stale response has been sent, and the origin is asked
// for the next ones. One at a time for a key; its failure is nobody's.

import Configuration
import HTTPSemantics
import NIOCore
import Resume
import Store
import Transport

enum Revalidation {
    /// Asks the origin about a stored response, under the fields of the request that it just answered.
    static func start(_ stored: StoredResponse, for exchange: CachedExchange) {
        let (hall, uri, key, request) = (exchange.hall, exchange.uri, exchange.key, exchange.request)
        let table = hall.table
        switch table.open(key, released: {}) {
        case .ask: break
        case .pass: return
        // Somebody asks already, and his answer is for all.
        case .wait(let number):
            table.leave(key, number: number)
            return
        }
        var fields = hall.forwardable(request)
        ConditionalRequest.validate(&fields, selected: stored.metadata.head.fields, others: [])
        let upstream = hall.upstreamRequest(
            head: RequestHead(method: .get, target: .absolute(uri), version: .http11, fields: fields),
            uri: uri,
            body: .none,
            client: exchange.stream.clientAddress
        )
        let loop = exchange.loop
        _ = OriginCall.send(upstream, with: table.client, on: loop) { call, event in
            switch event {
            case .interim, .writable:
                break
            case .failed(let failure):
                table.close(key, notStorable: false)
                table.log("\(uri): validation behind a stale answer failed: \(failure.sentence)")
            case .head(let answer):
                answered(
                    answer,
                    by: call,
                    stored,
                    hall,
                    FillTable.Question(
                        request: request.withoutConditions,
                        uri: uri,
                        key: key,
                        template: RequestTemplate.of(hall.forwardable(request)),
                        isCredentialed: false,
                        client: nil,
                        range: nil
                    ),
                    on: loop
                )
                table.close(key, notStorable: false)
            }
        }
    }

    private static func answered(
        _ answer: OriginCall.Answer,
        by call: OriginCall,
        _ stored: StoredResponse,
        _ hall: ExchangeHall,
        _ question: FillTable.Question,
        on loop: any EventLoop
    ) {
        if answer.head.status == 304 {
            call.body = DiscardedBody()
            let isMeant = !FreshenSelection.select(
                notModified: answer.head.fields,
                candidates: [stored.metadata.head.fields]
            ).isEmpty
            let mayKeep = Storability.mayKeep(
                answer: answer.head.fields,
                request: question.request.fields,
                policy: hall.policy(for: question.uri, response: answer.head)
            )
            // It speaks of something that is not held: the next client is to ask for the whole.
            if !isMeant || mayKeep && hall.table.freshen(stored, with: answer) == .tooVague {
                hall.store.invalidate(stored)
            }
            return
        }
        // An error or a part takes no good response's place behind its clients' backs.
        guard answer.head.status == 200,
            case .stored(let fills) = hall.table.admit(answer, of: call, for: question, until: { _ in nil }, on: loop)
        else {
            // Its clients are not to wait for ever for an answer of their own.
            if answer.saysUnsuitable { hall.store.invalidate(stored) }
            return call.cancel()
        }
        fills.leaveUnread([0..<(fills.body.completeLength ?? .max)])
    }
}

extension RequestHead {
    /// The same request for the whole, unconditionally.
    var withoutConditions: RequestHead {
        var request = self
        ConditionalRequest.plain(&request.fields)
        return request
    }
}
