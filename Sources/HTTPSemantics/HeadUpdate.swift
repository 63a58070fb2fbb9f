// What the answer to a HEAD says of a stored response to GET (RFC 9111 §4.3.5): it can confirm the stored one,
// or show that there is another one now. It judges only; the fields are taken over by `StoredHeadUpdate`.

package enum HeadUpdate: Equatable, Sendable {
    /// The same representation: the fields of the answer are the stored ones' from now on.
    case updates
    /// Another representation, or none any more: what is stored has to be validated before it is used again.
    case invalidates
    /// The answer is about something else.
    case saysNothing

    /// - Parameters:
    ///   - answer: the answer to a HEAD that could have been answered with the stored response (same key, same
    ///     nominated fields, no condition).
    ///   - stored: the stored head; its Content-Length is not looked at.
    ///   - completeLength: bytes of the stored representation, or nil while unknown.
    package static func judge(head answer: ResponseHead, stored: ResponseHead, completeLength: Int64?) -> HeadUpdate {
        switch answer.status {
        case 404, 410:
            // Resume-rules 5: what is gone is not fresh any longer. A stored 404 or 410 is no other than this one.
            return stored.status == answer.status ? .saysNothing : .invalidates
        case 200:
            return stored.status == 200 ? compare(answer.fields, stored.fields, completeLength) : .invalidates
        default:
            return .saysNothing
        }
    }

    private static func compare(_ answer: FieldSection, _ stored: FieldSection, _ completeLength: Int64?) -> HeadUpdate
    {
        // §4.3.5: the values of the validators that came have to match; one that the stored response has not does not. That
        // the answer has none says nothing of the content.
        if answer.contains(.etag) {
            switch (tag(answer), tag(stored)) {
            case (.some(let theirs), .some(let ours)):
                guard theirs.weaklyEquals(ours) else { return .invalidates }
            case (.some, .none), (.none, .some):
                return .invalidates
            case (.none, .none):
                break  // What is no tag on either side is no validator.
            }
        }
        if answer.contains(.lastModified) {
            guard let theirs = answer.only(.lastModified), let ours = stored.only(.lastModified),
                theirs.utf8.elementsEqual(ours.utf8)
            else { return .invalidates }
        }
        // R21: exactly one Content-Length, exactly one number.
        if answer.contains(.contentLength) {
            guard let length = answer.contentLength else {
                return .saysNothing
            }
            if let completeLength, completeLength != length { return .invalidates }
        }
        return .updates
    }

    private static func tag(_ fields: FieldSection) -> EntityTag? {
        fields.only(.etag).flatMap(EntityTag.parse)
    }
}
