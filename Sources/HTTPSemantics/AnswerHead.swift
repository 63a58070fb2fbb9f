// The heads of answers made from a stored response: 200 or whatever status is stored, 206, 304, 416.
// It says which fields each carries. Framing (how the body is delimited on the connection) is added by
// whoever writes the head; the store and the origin are unknown here.

package enum AnswerHead {
    /// The stored response as a whole.
    ///
    /// - Parameters:
    ///   - stored: the stored head; hop-by-hop fields and Content-Range were removed when it was stored.
    ///   - age: seconds (RFC 9111 §5.1); nil where the response has just come from the origin for this
    ///     very request, which keeps the Age that the origin's side may have sent.
    ///   - completeLength: bytes, or nil while unknown.
    package static func whole(stored: ResponseHead, age: Int64?, completeLength: Int64?) -> ResponseHead {
        var head = stored
        head.version = .http11
        // RFC 9110 §8.6: none in a 204.
        if let completeLength, stored.status != 204 {
            head.fields.set(.contentLength, String(completeLength))
        } else {
            head.fields.removeAll(.contentLength)
        }
        if let age { head.fields.set(.age, String(age)) }
        if stored.status == 200 { advertiseRanges(&head.fields) }
        return head
    }

    /// 206 with one range (RFC 9110 §15.3.7.1).
    ///
    /// - Parameters:
    ///   - range: half-open, bytes.
    ///   - completeLength: bytes, or nil while unknown.
    ///   - hasIfRange: whether the request had an If-Range that held: then its client has the rest of the head already.
    package static func partial(
        stored: ResponseHead,
        range: Range<Int64>,
        completeLength: Int64?,
        age: Int64?,
        hasIfRange: Bool = false
    ) -> ResponseHead {
        var head = ResponseHead(status: 206, fields: stored.fields)
        dropDigestsOfContent(&head.fields)
        if hasIfRange { keepWhatIsNew(&head.fields) }
        head.fields.set(.contentLength, String(range.upperBound - range.lowerBound))
        // Beside Content-Length, where the origin of a 206 puts it, too.
        head.fields.set(.contentRange, ContentRange.satisfied(range, completeLength: completeLength).text)
        if let age { head.fields.set(.age, String(age)) }
        advertiseRanges(&head.fields)
        return head
    }

    /// 206 with several ranges (RFC 9110 §15.3.7.2): a type and a length of its own, and no Content-Range, which stands
    /// with each part.
    package static func multipart(
        stored: ResponseHead,
        parts: MultipartRanges,
        age: Int64?,
        hasIfRange: Bool = false
    ) -> ResponseHead {
        var head = ResponseHead(status: 206, fields: stored.fields)
        dropDigestsOfContent(&head.fields)
        if hasIfRange { keepWhatIsNew(&head.fields) }
        head.fields.removeAll(.contentRange)
        head.fields.set(.contentType, parts.mediaType)
        head.fields.set(.contentLength, String(parts.contentLength))
        if let age { head.fields.set(.age, String(age)) }
        advertiseRanges(&head.fields)
        return head
    }

    /// 304 (RFC 9110 §15.4.5): what a 200 would have said of caching and validation, and nothing of the content.
    package static func notModified(stored: ResponseHead, age: Int64?) -> ResponseHead {
        var head = ResponseHead(status: 304)
        stored.fields.forEach { field in
            switch field.known {
            // Cache-Status: ours is appended to those of the caches before (RFC 9211 §2).
            case .cacheControl, .cacheStatus, .contentLocation, .date, .etag, .expires, .vary, .lastModified, .via,
                .server, .setCookie:
                head.fields.append(field)
            default: break
            }
        }
        if let age { head.fields.set(.age, String(age)) }
        return head
    }

    /// 416 (RFC 9110 §15.5.17), with the complete length; it has no content.
    package static func unsatisfiable(completeLength: Int64) -> ResponseHead {
        var head = ResponseHead(status: 416)
        head.fields.append(.contentRange, ContentRange.unsatisfied(completeLength: completeLength).text)
        head.fields.append(.acceptRanges, "bytes")
        return head
    }

    /// RFC 9110 §15.3.7: what a 206 to a request with If-Range SHOULD NOT repeat of the representation goes. What is said
    /// of its content stays: the same bytes mean something else under another coding or type.
    private static func keepWhatIsNew(_ fields: inout FieldSection) {
        let isTagged = fields.contains(.etag)
        fields.removeAll { field in
            switch field.known {
            case .contentLanguage: true
            // The date is not needed beside a tag; alone, it is the validator.
            case .lastModified: isTagged
            default: false
            }
        }
    }

    /// RFC 9530 §2: Content-Digest speaks of the content of its message, and the stored one of the whole; Content-MD5 too.
    private static func dropDigestsOfContent(_ fields: inout FieldSection) {
        fields.removeAll { DigestFields.speaksOfContent($0.known) }
    }

    /// We serve ranges of whatever we hold, also where the origin does not (resume-rules 7).
    private static func advertiseRanges(_ fields: inout FieldSection) {
        fields.set(.acceptRanges, "bytes")
    }
}
