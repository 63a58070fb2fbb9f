// The head of a response as it is stored. A 206 is stored as the incomplete 200 that it is a part of
// (RFC 9111 §3.3); what belonged to the connection or to the part is gone.

package enum StoredAnswerHead {
    /// The head to store of an answer that may be stored.
    ///
    /// - Parameters:
    ///   - pseudonym: our name in Via.
    ///   - receivedAt: seconds since 1970; becomes Date where the origin sent none (RFC 9110 §6.6.1).
    ///   - policy: whose targeted fields say what is withheld (RFC 9213).
    package static func storing(
        _ answer: ResponseHead,
        pseudonym: String,
        receivedAt: Int64,
        policy: CachePolicy = .standard
    ) -> ResponseHead {
        var head = answer
        head.fields = StoredHeadUpdate.storable(Forwarding.response(answer, pseudonym: pseudonym), policy: policy)
        if answer.status == 206 {
            head.status = 200
            head.reason = ReasonPhrase.of(200)
            // RFC 9530 §2: they speak of the part.
            head.fields.removeAll { DigestFields.speaksOfContent($0.known) }
        }
        addDate(&head.fields, receivedAt: receivedAt)
        return head
    }

    /// The head of an answer that passes through unstored.
    package static func passing(_ answer: ResponseHead, pseudonym: String, receivedAt: Int64) -> ResponseHead {
        var head = answer
        head.version = .http11
        head.fields = Forwarding.response(answer, pseudonym: pseudonym)
        addDate(&head.fields, receivedAt: receivedAt)
        return head
    }

    private static func addDate(_ fields: inout FieldSection, receivedAt: Int64) {
        if !fields.contains(.date) { fields.append(.date, HTTPDate.format(receivedAt)) }
    }
}
