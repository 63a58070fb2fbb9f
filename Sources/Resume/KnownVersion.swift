// What is known of the version that is held in part: what an answer must agree with, so that its bytes may be
// joined to those that are held (invariant 2, resume-rules 2 and 11). Values only; which answers there are,
// and what follows from them, is the table of ContinuationCheck. It knows no store and no clock.

package import HTTPSemantics

package struct KnownVersion: Sendable, Equatable {
    package let validator: StrongValidator
    /// nil where it is not known so far; the first known one fixes it (resume-rules 2).
    package let completeLength: Int64?
    /// Exclusive end of the highest held run; 0 where nothing is held.
    package let highestHeldEnd: Int64
    package let contentEncoding: String?
    package let contentType: String?
    /// The ETag of the stored response, verbatim, weak or not; nil where it has none. Asked only under a rule.
    package let entityTag: String?
    /// The Last-Modified of the stored response, verbatim; nil where it has none. Asked only under a rule.
    package let lastModified: String?

    package init(
        validator: StrongValidator,
        completeLength: Int64?,
        highestHeldEnd: Int64,
        contentEncoding: String?,
        contentType: String?,
        entityTag: String? = nil,
        lastModified: String? = nil
    ) {
        self.validator = validator
        self.completeLength = completeLength
        self.highestHeldEnd = highestHeldEnd
        self.contentEncoding = contentEncoding
        self.contentType = contentType
        self.entityTag = entityTag
        self.lastModified = lastModified
    }

    /// Where this is false, no continuation is worth asking for.
    ///
    /// Resume-rules 8: encoded content is combined only under a strong entity tag; neither a date nor a rule tells the
    /// encodings of one resource apart. Resume-rules 11: without a complete length a rule has nothing to go by.
    package var mayBeContinued: Bool {
        switch validator {
        case .etag: true
        case .lastModified: !RepresentationField.isEncoded(contentEncoding)
        case .immutable: completeLength != nil && !RepresentationField.isEncoded(contentEncoding)
        }
    }

    /// Whether a 200 brings the whole of this very version: the same strong validator, and the same complete length.
    /// An origin's own validator may go without the length; a rule may not (resume-rules 11).
    ///
    /// - Parameters:
    ///   - contentLength: of the response's framing; nil where it has none.
    ///   - receivedAt: seconds since 1970 UTC.
    package func isWhole(_ response: ResponseHead, contentLength: Int64?, receivedAt: Int64) -> Bool {
        guard response.status == 200 else { return false }
        let fields = response.fields
        switch validator {
        case .etag, .lastModified:
            guard StrongValidator.of(fields, receivedAt: receivedAt) == validator else { return false }
            guard let contentLength, let completeLength else { return true }
            return contentLength == completeLength
        case .immutable:
            guard let contentLength, contentLength == completeLength, !contradicts(fields) else { return false }
            return RepresentationField.agree(encoding: fields.combined(.contentEncoding), known: contentEncoding)
                && RepresentationField.agree(type: fields.combined(.contentType), known: contentType)
        }
    }

    /// The same version at another source whose digest of the whole is the same: what that source calls it does not matter,
    /// the complete length does.
    package var knownByDigest: KnownVersion {
        KnownVersion(
            validator: .immutable,
            completeLength: completeLength,
            highestHeldEnd: highestHeldEnd,
            contentEncoding: contentEncoding,
            contentType: contentType
        )
    }

    /// Whether a response speaks of another version than the stored one does. What only one of them names tells
    /// nothing; a weak tag or date that differs says enough.
    func contradicts(_ fields: FieldSection) -> Bool {
        if let entityTag, let other = fields.combined(.etag), other != entityTag { return true }
        if let lastModified, let other = fields.combined(.lastModified), other != lastModified { return true }
        return false
    }
}
