// What the operator's rules say of a request (proxy.conf, `[[rule]]`), and what a HEAD says of what is stored.
// The rules themselves are Configuration's, their meaning is HTTPSemantics'.

import Configuration
import HTTPSemantics
import Store

extension ExchangeHall {
    /// The policy that a response of this URI is stored and reused under.
    func policy(for uri: AbsoluteURI, response: ResponseHead) -> CachePolicy {
        table.policy(for: uri, response: response)
    }

    /// RFC 9111 §4.3.5: what the answer to a HEAD says of the stored responses that could have answered it.
    func heard(_ answer: OriginCall.Answer, toHEAD request: RequestHead, of uri: AbsoluteURI) {
        guard request.method == .head, !ConditionalRequest.isConditional(request.fields),
            Storability.mayKeep(answer: answer.head.fields, request: request.fields, policy: table.basePolicy)
        else { return }
        store.find(table.rules.key(of: uri)) { [self] found in
            for response in found {
                let head = response.metadata.head
                guard let names = Vary.nominated(head.fields),
                    Vary.matches(names: names, stored: response.requestFields, request: request.fields)
                else { continue }
                let completeLength = response.body.completeLength
                switch HeadUpdate.judge(head: answer.head, stored: head, completeLength: completeLength) {
                case .updates: table.freshen(response, with: answer)
                case .invalidates: store.invalidate(response)
                case .saysNothing: break
                }
            }
        }
    }
}

extension FillTable {
    /// The policy that a response of this URI is stored and reused under.
    func policy(for uri: AbsoluteURI, response: ResponseHead) -> CachePolicy {
        rules.policy(basePolicy, for: uri, contentType: response.fields.combined(.contentType))
    }
}
