// A body that passes through to one client and is stored nowhere: how far it came, what is asked for when it breaks
// off, and whether the answer continues it (resume-rules 2, 4 and 5). A value with one method an event, each with an
// answer of its own. It knows no socket, no clock, and of the bytes only the last ones.

package import HTTPSemantics

package struct PassedBody: Equatable, Sendable {
    package enum State: Equatable, Sendable {
        /// The next byte to arrive is the one at `offset`.
        case receiving
        /// What arrives was sent before, and must equal it; `next` is the offset of the next byte.
        case comparing(next: Int64)
        /// Nothing is open. Left by `asks`.
        case broken
        case asking(AskedSpan)
        case ended
    }

    package private(set) var state: State
    /// The first byte that the client was not sent.
    package private(set) var offset: Int64
    /// Where the response ends, exclusive; nil while it is not known.
    package private(set) var end: Int64?
    /// A 206 came, or the head said `Accept-Ranges: bytes`: a stalled connection may be given up early (R55).
    package private(set) var hasProvenRanges: Bool
    package let validator: StrongValidator
    private let start: Int64
    private var completeLength: Int64?
    private let contentEncoding: String?
    private let contentType: String?
    private var tail: PassedTail
    /// Where the running answer ends, exclusive; nil where its framing alone tells.
    private var spanEnd: Int64?
    /// The running answer is the first, so that its framing says where the response ends.
    private var isFirstAnswer = true

    /// The body of an answer whose head is passed on; nil where its rest could not be asked for.
    ///
    /// - Parameters:
    ///   - head: as the origin sent it.
    ///   - contentLength: of its framing; nil where it has none.
    ///   - endsByClose: its end is that of the connection, which is no sign that something is missing.
    ///   - receivedAt: seconds since 1970 UTC.
    ///   - probe: how many of the last bytes are kept to be compared.
    package init?(
        answer head: ResponseHead,
        contentLength: Int64?,
        endsByClose: Bool,
        receivedAt: Int64,
        probe: Int64
    ) {
        guard !endsByClose, let validator = StrongValidator.of(head.fields, receivedAt: receivedAt) else { return nil }
        switch head.status {
        case 200:
            (start, end, completeLength) = (0, contentLength, contentLength)
        case 206:
            guard case .success(let part) = PartialSpan.read(head),
                contentLength ?? Int64(part.span.count) == Int64(part.span.count)
            else { return nil }
            (start, end, completeLength) = (part.span.lowerBound, part.span.upperBound, part.completeLength)
        default:
            return nil
        }
        hasProvenRanges = head.status == 206 || head.fields.acceptsByteRanges
        // Resume-rules 4: what speaks HTTP/1.0 may not know ranges at all.
        guard hasProvenRanges || head.version != .http10 else { return nil }
        self.validator = validator
        offset = start
        contentEncoding = head.fields.combined(.contentEncoding)
        contentType = head.fields.combined(.contentType)
        tail = PassedTail(limit: probe)
        spanEnd = end
        state = .receiving
        guard known.mayBeContinued else { return nil }
    }

    /// What is missing of a response whose beginning came from elsewhere.
    ///
    /// - Parameters:
    ///   - offset: the first byte that the client was not sent.
    ///   - end: exclusive; nil while it is not known.
    package init(continuing known: KnownVersion, from offset: Int64, to end: Int64?, probe: Int64) {
        validator = known.validator
        completeLength = known.completeLength
        contentEncoding = known.contentEncoding
        contentType = known.contentType
        start = offset
        self.offset = offset
        self.end = end
        hasProvenRanges = false
        tail = PassedTail(limit: probe)
        state = .broken
        isFirstAnswer = false
    }

    private var known: KnownVersion {
        KnownVersion(
            validator: validator,
            completeLength: completeLength,
            highestHeldEnd: offset,
            contentEncoding: contentEncoding,
            contentType: contentType
        )
    }

    // MARK: Asking

    /// What Range names: what is missing, and before it the bytes that are compared. nil where nothing is to be asked.
    package mutating func asks() -> AskedSpan? {
        guard state == .broken else { return nil }
        let overlap = min(Int64(tail.count), offset - start)
        let asked = AskedSpan(start: offset - overlap, end: end, overlap: overlap)
        state = .asking(asked)
        isFirstAnswer = false
        return asked
    }

    /// The head of the answer.
    ///
    /// - Parameters:
    ///   - contentLength: of its framing; nil where it has none.
    ///   - receivedAt: seconds since 1970 UTC.
    package mutating func answered(
        _ head: ResponseHead,
        contentLength: Int64?,
        receivedAt: Int64
    ) -> PassedAnswer {
        guard case .asking(let asked) = state else { return .useless }
        let check = ContinuationCheck.check(
            asked: asked,
            known: known,
            response: head,
            contentLength: contentLength,
            receivedAt: receivedAt
        )
        switch check {
        case .continues(let span, let completeLength)
        where span.upperBound > offset || span.upperBound == completeLength:
            self.completeLength = completeLength
            end = end ?? completeLength
            spanEnd = span.upperBound
            hasProvenRanges = true
            state = asked.overlap > 0 ? .comparing(next: asked.start) : .receiving
            return .readBody
        case .newVersion where isWholeFromStart(head, contentLength, receivedAt):
            spanEnd = end
            state = .receiving
            return .readBody
        case .transient(let status):
            state = .broken
            return .askAgainLater(status: status)
        case .newVersion:
            state = .ended
            return .otherVersion
        case .continues, .broken, .alreadyComplete, .gone, .unsolicited:
            state = .ended
            return .useless
        }
    }

    /// Where nothing was sent but the head, the whole of the same version will do.
    private func isWholeFromStart(_ head: ResponseHead, _ contentLength: Int64?, _ receivedAt: Int64) -> Bool {
        offset == 0 && contentLength != nil && contentLength == completeLength && contentLength == end
            && known.isWhole(head, contentLength: contentLength, receivedAt: receivedAt)
            && RepresentationField.agree(encoding: head.fields.combined(.contentEncoding), known: contentEncoding)
            && RepresentationField.agree(type: head.fields.combined(.contentType), known: contentType)
    }

    // MARK: The body

    /// Bytes arrived.
    package mutating func bytesReceived(_ bytes: UnsafeRawBufferPointer) -> PassedBytes {
        var compared = 0
        switch state {
        case .receiving:
            break
        case .comparing(let next):
            compared = min(bytes.count, Int(offset - next))
            let overlap = UnsafeRawBufferPointer(rebasing: bytes.prefix(compared))
            guard tail.matches(overlap, distance: Int(offset - next)) else {
                state = .ended
                return .differ
            }
            state = next + Int64(compared) == offset ? .receiving : .comparing(next: next + Int64(compared))
        case .broken, .asking, .ended:
            return .send(from: bytes.count)
        }
        let new = UnsafeRawBufferPointer(rebasing: bytes.dropFirst(compared))
        guard Int64(new.count) <= (spanEnd ?? .max) - offset else {
            state = .ended
            return .tooMany
        }
        tail.append(new)
        offset += Int64(new.count)
        return .send(from: compared)
    }

    /// The body of the running answer ended as its framing foresaw.
    package mutating func bodyEnded() -> PassedEnd {
        if state == .receiving, isFirstAnswer, end == nil {
            // The last chunk says that this was all.
            state = .ended
            return .complete
        }
        return broke()
    }

    /// The origin failed, or was given up.
    package mutating func broke() -> PassedEnd {
        switch state {
        case .receiving where offset == end:
            state = .ended
            return .complete
        case .receiving, .comparing, .asking, .broken:
            state = .broken
            return .askAgain
        case .ended:
            return .nothing
        }
    }
}

/// What becomes of an answer to the request for the rest.
package enum PassedAnswer: Equatable, Sendable {
    case readBody
    /// 408, 425, 429, 5xx: by RetryPolicy.
    case askAgainLater(status: Int)
    /// Another version: the response is cut (resume-rules 5, row 3 and 6).
    case otherVersion
    /// It continues nothing: the response is cut.
    case useless
}

/// What becomes of bytes that arrived.
package enum PassedBytes: Equatable, Sendable {
    /// Those from this index on are sent to the client; those before it were compared.
    case send(from: Int)
    /// They differ from what was sent: another version. The response is cut.
    case differ
    /// More than was announced. The response is cut.
    case tooMany
}

/// What follows when an answer ended.
package enum PassedEnd: Equatable, Sendable {
    /// The response is whole.
    case complete
    /// The rest is to be asked for, when RetryPolicy says.
    case askAgain
    case nothing
}
