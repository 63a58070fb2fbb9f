// Is a body that has ended whole? (resume-rules 11, RFC 9112 §8.) An end that is only the closing of the connection, or a
// sound one short of a length that was known, is "complete, unproven" until something else confirms it. This file says
// when that is so, what is asked, and what each answer proves. Values only; it sends nothing.

package import HTTPSemantics

/// How the end of a body was to be told (RFC 9112 §6.3).
package enum EndFraming: Equatable, Sendable {
    case length(Int64)
    case chunked
    case close
}

package enum BodyEnd: Equatable, Sendable {
    /// Every byte is there; this is the complete length.
    case whole(Int64)
    /// It may be. The stored response stays incomplete until the end is confirmed at this offset.
    case unproven(Int64)
    /// Bytes are missing: an incomplete message (RFC 9112 §8).
    case cut(Int64)
    /// More came than there is: it is no body of this version.
    case contradicts
}

/// What is asked to confirm an end.
package enum SentinelQuestion: Equatable, Sendable {
    /// The last byte that is held, and no other: Content-Range names the complete length behind its slash.
    case lastByte(offset: Int64, ResumeCondition)
    /// HEAD, without conditions.
    case head
}

package enum SentinelVerdict: Equatable, Sendable {
    /// The body is whole, and this long.
    case confirmed(Int64)
    /// It is longer: what is held is a prefix of it.
    case cut(completeLength: Int64)
    /// It speaks of another version: nothing is proven of this one, which is to be validated before it is used.
    case changed
    /// The next question.
    case saysNothing
}

package enum TruncationSentinel {
    /// A body has ended at `received`.
    ///
    /// - Parameters:
    ///   - received: exclusive end of what came, from byte 0 of the representation.
    ///   - isSound: its framing says that it ended: its length is reached, the last chunk came, or the connection was
    ///     closed in order. False: reset, a missing chunk, an error.
    ///   - known: the complete length by another source under the same validator: a Content-Range, a HEAD; nil: none.
    ///   - distrusts: the origin has broken bodies off before (`OriginCapabilities.truncates`). There may be a relay before
    ///     it that closes what it received in part with a sound last chunk.
    package static func end(
        framing: EndFraming,
        received: Int64,
        isSound: Bool,
        known: Int64?,
        distrusts: Bool = false
    ) -> BodyEnd {
        if let known, received > known { return .contradicts }
        guard isSound else { return .cut(received) }
        switch framing {
        case .length(let length):
            // RFC 9112 §8: fewer bytes than announced are an incomplete message, however the connection ended.
            guard received >= length else { return .cut(received) }
            guard let known, known != received else { return .whole(received) }
            return .unproven(received)
        case .chunked:
            guard let known else { return distrusts ? .unproven(received) : .whole(received) }
            return known == received ? .whole(received) : .unproven(received)
        case .close:
            // Where the length is known otherwise, it says what the closing does not.
            return known == received ? .whole(received) : .unproven(received)
        }
    }

    /// What to ask, dearest last. What none of them answers a second fetch does, when somebody asks for the body again: it
    /// is compared with what is held (`VerifiedRestart`).
    ///
    /// - Parameter condition: of `OriginCapabilities.condition(for:)`; nil where no range may be asked for.
    package static func questions(end: Int64, condition: ResumeCondition?) -> [SentinelQuestion] {
        // An empty body has no last byte.
        guard let condition, end > 0 else { return [.head] }
        return [.lastByte(offset: end - 1, condition), .head]
    }

    // MARK: Answers

    /// What the answer to the last byte proves. `answer`: of `ContinuationCheck`, asked with an overlap of that one byte.
    ///
    /// - Parameter isEqual: the byte is the one that is held.
    package static func verdict(lastByte answer: ContinuationAnswer, end: Int64, isEqual: Bool) -> SentinelVerdict {
        switch answer {
        case .continues(_, let completeLength):
            guard isEqual else { return .changed }
            guard let completeLength else { return .saysNothing }
            return completeLength > end ? .cut(completeLength: completeLength) : .confirmed(end)
        case .newVersion: return .changed
        // It has no byte there although it sent one: whatever it is, it is not this version.
        case .alreadyComplete, .broken, .gone, .transient, .unsolicited: return .saysNothing
        }
    }

    /// What an answer to HEAD proves (RFC 9110 §9.3.2: the fields are those of the GET, as far as they are known).
    ///
    /// - Parameters:
    ///   - head: what HTTPSemantics makes of it, asked without a complete length.
    ///   - stored: of the response whose end is in question.
    package static func verdict(
        head: HeadUpdate,
        fields: FieldSection,
        stored: FieldSection,
        end: Int64
    ) -> SentinelVerdict {
        switch head {
        case .invalidates: return .changed
        case .saysNothing: return .saysNothing
        case .updates:
            // Another coding has another length, and is no change of this representation.
            let encoding = stored.combined(.contentEncoding)
            guard RepresentationField.agree(encoding: fields.combined(.contentEncoding) ?? "", known: encoding),
                let length = fields.contentLength
            else {
                return .saysNothing
            }
            if length == end { return .confirmed(end) }
            // What names no version may be another one each time that it is asked for: its length says nothing of this.
            let namesVersion = [KnownField.etag, .lastModified].contains { fields.contains($0) && stored.contains($0) }
            guard namesVersion else { return .saysNothing }
            return length > end ? .cut(completeLength: length) : .changed
        }
    }
}
