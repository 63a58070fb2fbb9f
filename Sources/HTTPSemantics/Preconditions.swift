// The conditions of a client's request against a stored response (RFC 9110 §13, RFC 9111 §4.3.2,
// resume-rules 7): 304 from the store, the response itself, or a matter for the origin. Whether the
// stored response may be reused at all was judged before.

/// What the conditions come to.
package enum PreconditionResult: Equatable, Sendable {
    /// Answer as if there were no condition.
    case proceed
    /// Answer 304.
    case notModified
    /// Ask the origin, the condition included: only it may answer 412.
    case forward
}

/// RFC 9110 §13.2.2.
package enum Preconditions {
    /// Evaluates the conditions in the order of RFC 9110 §13.2.2, If-Range excepted. `receivedAt` is when the stored
    /// response was received, in seconds since 1970 UTC.
    package static func evaluate(
        request: RequestHead,
        storedFields: FieldSection,
        storedStatus: Int,
        receivedAt: Int64
    ) -> PreconditionResult {
        evaluate(
            request: request,
            storedFields: storedFields,
            storedStatus: storedStatus,
            receivedAt: receivedAt,
            modified: StrongValidator.strongLastModified(storedFields, receivedAt: receivedAt)
        )
    }

    /// The same, with the validator that was recorded when the bytes came. To be preferred where fields were updated
    /// since: the Date of a later 304 must not make a weak modification date strong (resume-rules 1).
    package static func evaluate(
        request: RequestHead,
        storedFields: FieldSection,
        storedStatus: Int,
        receivedAt: Int64,
        validator: StrongValidator?
    ) -> PreconditionResult {
        evaluate(
            request: request,
            storedFields: storedFields,
            storedStatus: storedStatus,
            receivedAt: receivedAt,
            modified: validator
        )
    }

    /// Whether the Range field counts: true without If-Range. R33 and resume-rules 7: a tag by strong comparison; a
    /// date only where it is strong and exactly the stored one.
    package static func ifRangeHolds(request: RequestHead, storedFields: FieldSection, receivedAt: Int64) -> Bool {
        ifRangeHolds(
            request: request,
            tag: StrongValidator.of(storedFields, receivedAt: receivedAt),
            modified: StrongValidator.strongLastModified(storedFields, receivedAt: receivedAt),
            storedFields: storedFields
        )
    }

    /// The same, with the validator that was recorded when the bytes came. To be preferred where fields were updated
    /// since: the Date of a later 304 must not make a weak modification date strong (resume-rules 1).
    package static func ifRangeHolds(
        request: RequestHead,
        storedFields: FieldSection,
        validator: StrongValidator?
    ) -> Bool {
        ifRangeHolds(request: request, tag: validator, modified: validator, storedFields: storedFields)
    }

    private static func evaluate(
        request: RequestHead,
        storedFields: FieldSection,
        storedStatus: Int,
        receivedAt: Int64,
        modified: StrongValidator?
    ) -> PreconditionResult {
        let fields = request.fields
        let isRead = request.method == .get || request.method == .head
        let isSuccess = (200..<300).contains(storedStatus)
        // Steps 1 and 2. A cache may ignore these two (§13.1.1, §13.1.4), but ignoring them can splice what a client
        // holds with what we hold: only what is certainly the same is answered here.
        if fields.contains(.ifMatch) {
            guard isRead, isSuccess, matchesStrongly(fields, storedFields) else { return .forward }
        } else if fields.contains(.ifUnmodifiedSince) {
            guard isRead, isSuccess, let text = fields.only(.ifUnmodifiedSince),
                case .lastModified(text, _) = modified
            else { return .forward }
        }
        // §13.2.1: conditions count only where the answer would be a success without them.
        guard isRead, isSuccess else { return .proceed }
        // Step 3. RFC 9110 §13.1.3: where there is If-None-Match, If-Modified-Since does not count.
        if fields.contains(.ifNoneMatch) {
            return noneMatches(fields, storedFields) ? .proceed : .notModified
        }
        // Step 4.
        guard let text = fields.only(.ifModifiedSince), let since = HTTPDate.parse(text, now: receivedAt) else {
            return .proceed
        }
        guard let stored = modificationDate(storedFields, receivedAt: receivedAt) else { return .proceed }
        return stored <= since ? .notModified : .proceed
    }

    private static func matchesStrongly(_ fields: FieldSection, _ stored: FieldSection) -> Bool {
        guard let list = fields.combined(.ifMatch).flatMap(EntityTag.parseList) else { return false }
        switch list {
        case .any:
            return true
        case .tags(let tags):
            guard let own = stored.only(.etag).flatMap(EntityTag.parse) else { return false }
            return tags.contains { $0.stronglyEquals(own) }
        }
    }

    private static func noneMatches(_ fields: FieldSection, _ stored: FieldSection) -> Bool {
        // What cannot be read matches nothing: the client gets the whole response, which is never wrong.
        guard let list = fields.combined(.ifNoneMatch).flatMap(EntityTag.parseList) else { return true }
        switch list {
        case .any:
            return false
        case .tags(let tags):
            guard let own = stored.only(.etag).flatMap(EntityTag.parse) else { return true }
            return !tags.contains { $0.weaklyEquals(own) }
        }
    }

    /// RFC 9111 §4.3.2: where there is no Last-Modified, the Date; where there is none either, when it was received.
    private static func modificationDate(_ stored: FieldSection, receivedAt: Int64) -> Int64? {
        if stored.contains(.lastModified) {
            return stored.only(.lastModified).flatMap { HTTPDate.parse($0, now: receivedAt) }
        }
        if stored.contains(.date) {
            return stored.only(.date).flatMap { HTTPDate.parse($0, now: receivedAt) }
        }
        return receivedAt
    }

    private static func ifRangeHolds(
        request: RequestHead,
        tag: StrongValidator?,
        modified: StrongValidator?,
        storedFields: FieldSection
    ) -> Bool {
        guard request.fields.contains(.ifRange) else { return true }
        guard let text = request.fields.only(.ifRange) else { return false }
        if text.utf8.contains(FieldGrammar.quote) {
            guard let asked = EntityTag.parse(text), case .etag(let own) = tag else { return false }
            return asked.stronglyEquals(own)
        }
        // A weak or unreadable tag says that the date alone does not tell two representations apart.
        if storedFields.contains(.etag) {
            guard case .etag = tag else { return false }
        }
        guard case .lastModified(text, _) = modified else { return false }
        return true
    }
}
