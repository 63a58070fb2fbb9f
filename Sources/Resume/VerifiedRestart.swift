// The verified restart (resume-rules 5 and 11): what cannot be continued by ranges is fetched again from byte 0, and
// what comes is compared with what is held. Where all of it is equal, the two together are exactly what the origin
// sends now, whatever its validators say. Here is only whether an answer is worth comparing; the bytes are the fill's.

package import HTTPSemantics

package enum RestartAnswer: Equatable, Sendable {
    /// The body begins at byte 0; compare it up to the first missing byte, then go on.
    case compare(completeLength: Int64?)
    /// It is of another version: judge it as a first answer.
    case changed
    /// 3xx and 4xx: nothing more comes, and the status is what a plain request would show.
    case gone(status: Int)
    /// 408, 425, 429, 5xx: try again later (R47).
    case transient(status: Int)
}

package enum VerifiedRestart {
    /// What is known of the version that is held in part.
    package struct Known: Sendable, Equatable {
        package var completeLength: Int64?
        /// The first missing byte: what lies below is held, and will be compared.
        package var offset: Int64
        package var fields: FieldSection

        package init(completeLength: Int64?, offset: Int64, fields: FieldSection) {
            self.completeLength = completeLength
            self.offset = offset
            self.fields = fields
        }
    }

    /// Judges the answer to a plain GET.
    ///
    /// - Parameter contentLength: of the response's framing; nil where it has none.
    package static func judge(_ response: ResponseHead, contentLength: Int64?, known: Known) -> RestartAnswer {
        switch response.status {
        case 200: break
        case 408, 425, 429, 500...: return .transient(status: response.status)
        case 300..<500: return .gone(status: response.status)
        default: return .changed
        }
        if let contentLength {
            // The head has been sent, and said how long the body is.
            if let completeLength = known.completeLength, completeLength != contentLength { return .changed }
            if contentLength < known.offset { return .changed }
        }
        let fields = response.fields
        // What both name and name differently is another version: no need to read it to its difference.
        for field in [KnownField.etag, .lastModified] {
            if let theirs = fields.combined(field), let ours = known.fields.combined(field), theirs != ours {
                return .changed
            }
        }
        let (encoding, type) = (known.fields.combined(.contentEncoding), known.fields.combined(.contentType))
        guard RepresentationField.agree(encoding: fields.combined(.contentEncoding) ?? "identity", known: encoding),
            RepresentationField.agree(type: fields.combined(.contentType), known: type)
        else { return .changed }
        return .compare(completeLength: contentLength ?? known.completeLength)
    }

    /// Whether it is worth fetching again.
    ///
    /// - Parameters:
    ///   - offset: the first missing byte: so many will be fetched once more.
    ///   - fetchedAgain: bytes that restarts of this fill have fetched so far.
    ///   - limit: how many may be in all; 0: never.
    package static func isWorthwhile(offset: Int64, fetchedAgain: Int64, limit: Int64) -> Bool {
        let (sum, overflows) = offset.addingReportingOverflow(fetchedAgain)
        return limit > 0 && !overflows && sum <= limit
    }
}
