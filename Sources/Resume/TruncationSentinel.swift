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
    /// GET with If-None-Match or If-Modified-Since: 304 with a Content-Length would confirm it, and 200 is a second fetch.
    case conditional
    /// The whole again, compared.
    case secondFetch
}

package enum SentinelVerdict: Equatable, Sendable {
    /// The body is whole, and this long.
    case confirmed(Int64)
    /// It is longer: what is held is a prefix of it.
    case cut(completeLength: Int64?)
    /// It speaks of another version: nothing is proven of this one, which is to be validated before it is used.
    case changed
    /// The next question.
    case saysNothing
}

/// How a second fetch went.
package enum SecondFetch: Equatable, Sendable {
    /// Every byte that both have is equal; it ended so.
    case equal(BodyEnd)
    case differs
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

    /// What to ask, dearest last.
    ///
    /// - Parameters:
    ///   - condition: of `OriginCapabilities.condition(for:)`; nil where no range may be asked for.
    ///   - hasValidator: an ETag or a Last-Modified, weak or not.
    ///   - limit: at most so many bytes are fetched a second time.
    package static func questions(
        end: Int64,
        condition: ResumeCondition?,
        hasValidator: Bool,
        limit: Int64
    ) -> [SentinelQuestion] {
        var questions: [SentinelQuestion] = []
        // An empty body has no last byte.
        if let condition, end > 0 { questions.append(.lastByte(offset: end - 1, condition)) }
        questions.append(.head)
        if hasValidator { questions.append(.conditional) }
        if end <= limit { questions.append(.secondFetch) }
        return questions
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
    /// - Parameter head: what HTTPSemantics makes of it, asked without a complete length.
    package static func verdict(
        head: HeadUpdate,
        fields: FieldSection,
        storedEncoding: String?,
        end: Int64
    ) -> SentinelVerdict {
        switch head {
        case .invalidates: return .changed
        case .saysNothing: return .saysNothing
        case .updates:
            // Another coding has another length, and is no change of this representation.
            guard RepresentationField.agree(encoding: fields.combined(.contentEncoding) ?? "", known: storedEncoding)
            else {
                return .saysNothing
            }
            return compare(fields, end: end)
        }
    }

    /// What a 304 proves: that the version is current; of its length only what it says itself (RFC 9110 §8.6 allows a
    /// Content-Length there, and hardly anybody sends one).
    package static func verdict(notModified fields: FieldSection, end: Int64) -> SentinelVerdict {
        compare(fields, end: end)
    }

    private static func compare(_ fields: FieldSection, end: Int64) -> SentinelVerdict {
        guard let length = fields.contentLength else { return .saysNothing }
        if length == end { return .confirmed(end) }
        return length > end ? .cut(completeLength: length) : .changed
    }

    /// What a second fetch proves that was compared from byte 0 (`VerifiedRestart`).
    package static func verdict(_ second: SecondFetch, end: Int64) -> SentinelVerdict {
        switch second {
        case .differs, .equal(.contradicts):
            return .changed
        // Twice the same end by a mere closing is not likely to be chance: a break falls where it falls.
        case .equal(.whole(let length)), .equal(.unproven(let length)):
            if length == end { return .confirmed(end) }
            // Equal as far as it went, and sound: a shorter one is another version.
            return length > end ? .cut(completeLength: length) : .changed
        case .equal(.cut(let length)):
            return length > end ? .cut(completeLength: nil) : .saysNothing
        }
    }
}
