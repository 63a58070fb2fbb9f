// An origin that knows no ranges, or no strong validators, is fetched again from byte 0 and compared with what is held
// (resume-rules 11, R31, R32). The same responses go on if, and only if, every byte that they were given is found equal:
// what they get is then the body of the new answer from its first byte to its last, whatever its validator says. Values
// and decisions; FillStateMachine.continued(span:compareUntil:) does the comparing. It knows no store and no clock.

package import HTTPSemantics

/// What an answer from byte 0 is compared with.
package struct RestartVersion: Sendable, Equatable {
    /// nil: weak or none.
    package var validator: StrongValidator?
    /// ETag and Last-Modified of the stored response, verbatim; nil where it has none.
    package var entityTag: String?
    package var lastModified: String?
    /// nil where it is not known so far.
    package var completeLength: Int64?
    package var contentEncoding: String?
    package var contentType: String?

    package init(
        validator: StrongValidator?,
        entityTag: String? = nil,
        lastModified: String? = nil,
        completeLength: Int64?,
        contentEncoding: String? = nil,
        contentType: String? = nil
    ) {
        self.validator = validator
        self.entityTag = entityTag
        self.lastModified = lastModified
        self.completeLength = completeLength
        self.contentEncoding = contentEncoding
        self.contentType = contentType
    }
}

/// Why an answer is another version before one byte of it is compared.
package enum RestartDifference: Equatable, Sendable, CaseIterable {
    case validator
    case completeLength
    /// It does not say its length, and a response with a length has begun: it could be longer.
    case lengthUnknown
    /// It ends before what is held does.
    case shorterThanHeld
    case representation
}

package enum RestartAnswer: Equatable, Sendable {
    /// The body is this span; the upper bound is `Int64.max` where its length is not known. It is compared below `until`.
    case compare(span: Range<Int64>, until: Int64)
    case newVersion(RestartDifference)
    /// No 200: it is judged like any other answer.
    case otherStatus
}

/// Whether to ask for the whole again.
package enum RestartQuestion: Equatable, Sendable {
    /// A plain GET, without Range and without conditions.
    case plainGET
    /// Nothing was delivered and nothing is held: an ordinary beginning, with nothing to compare.
    case beginAnew
    case no(Reason)

    package enum Reason: Equatable, Sendable, CaseIterable {
        case turnedOff
        /// Ranges under a strong validator do it with fewer bytes.
        case rangesWork
        /// Nobody waits for it.
        case noReader
        /// Not every byte that was delivered is there to be compared with.
        case notProvable
        /// More than the limit would be fetched twice.
        case tooMuch
        /// Several attempts in turn broke before they came as far as the first did.
        case fruitless

        package var sentence: String {
            switch self {
            case .turnedOff: "The whole is not fetched again: verified restart is off."
            case .rangesWork: "The whole is not fetched again: the rest can be asked for."
            case .noReader: "The whole is not fetched again: no client waits for it."
            case .notProvable: "The whole is not fetched again: what was delivered is not there to be compared with."
            case .tooMuch: "The whole is not fetched again: too many bytes would be fetched twice."
            case .fruitless: "The whole is not fetched again: several attempts broke before they brought anything new."
            }
        }
    }
}

/// What follows from the comparison.
package enum RestartOutcome: Equatable, Sendable {
    /// The same version: responses go on, and what comes now is stored.
    case goOn
    /// The whole was compared and ended: what is held is complete.
    case complete(Int64)
    /// Another version, which this answer brings. Its bytes below `equalUntil` are those that were compared; it goes on
    /// being stored for the retry of the clients that are cut.
    case newVersion(equalUntil: Int64, cutsReaders: Bool)
    /// The answer broke before everything was compared: nothing is proven, nothing is gained.
    case unproven
}

package struct VerifiedRestart: Sendable, Equatable {
    package var isOn: Bool
    /// At most so many bytes are fetched twice to be compared.
    package var limit: Int64
    /// So many attempts in turn may break before they bring a new byte.
    package var fruitlessLimit: Int

    package init(isOn: Bool = true, limit: Int64 = 4 << 30, fruitlessLimit: Int = 3) {
        self.isOn = isOn
        self.limit = limit
        self.fruitlessLimit = fruitlessLimit
    }

    // MARK: Asking

    /// Whether the whole is asked for again, once a body broke.
    ///
    /// - Parameters:
    ///   - mayResume: a strong validator, and a condition that the origin has not failed on (`OriginCapabilities`).
    ///   - hasReaders: a client waits. For nobody, nothing is fetched twice.
    ///   - delivered: exclusive end of the highest byte that a waiting client was given; 0 where none was.
    ///   - provable: so many bytes from byte 0 on can be compared: the held prefix, or what a running hash covers.
    ///   - fruitless: how many restarts in turn brought no new byte.
    package func question(
        mayResume: Bool,
        hasReaders: Bool,
        delivered: Int64,
        provable: Int64,
        fruitless: Int
    ) -> RestartQuestion {
        guard !mayResume else { return .no(.rangesWork) }
        guard hasReaders else { return .no(.noReader) }
        guard delivered > 0 || provable > 0 else { return .beginAnew }
        // Nobody was given a byte: a first answer is as good, and compares nothing.
        guard delivered > 0 || isOn else { return .beginAnew }
        guard isOn else { return .no(.turnedOff) }
        guard provable >= delivered else { return .no(.notProvable) }
        guard provable <= limit else { return delivered > 0 ? .no(.tooMuch) : .beginAnew }
        guard fruitless < fruitlessLimit else { return .no(.fruitless) }
        return .plainGET
    }

    // MARK: The answer

    /// Judges the head of an answer from byte 0: to the plain GET, or a 200 in place of a 206 (R31).
    ///
    /// - Parameters:
    ///   - provable: as above: what is compared.
    ///   - contentLength: of the response's framing; nil where it has none.
    ///   - receivedAt: seconds since 1970 UTC.
    package func judge(
        _ response: ResponseHead,
        known: RestartVersion,
        provable: Int64,
        contentLength: Int64?,
        receivedAt: Int64
    ) -> RestartAnswer {
        guard response.status == 200 else { return .otherStatus }
        let fields = response.fields
        guard names(fields, known, receivedAt: receivedAt) else { return .newVersion(.validator) }
        // Offsets count encoded bytes (RFC 9110 §14.1.2); here it is named or not for the whole, so that one that is
        // absent is another than one that is there.
        guard
            RepresentationField.agree(encoding: fields.combined(.contentEncoding) ?? "", known: known.contentEncoding),
            RepresentationField.agree(type: fields.combined(.contentType), known: known.contentType)
        else { return .newVersion(.representation) }
        if let contentLength {
            if let completeLength = known.completeLength, completeLength != contentLength {
                return .newVersion(.completeLength)
            }
            guard contentLength >= provable else { return .newVersion(.shorterThanHeld) }
        } else if known.completeLength != nil, known.validator == nil {
            return .newVersion(.lengthUnknown)
        }
        return .compare(span: 0..<(contentLength ?? known.completeLength ?? Int64.max), until: provable)
    }

    /// Whether the answer's validators may be those of the known version. Under a strong one they have to be
    /// (resume-rules 5, row 6: another, or none, is a new version); of weak ones it is enough that they do not differ,
    /// since the bytes decide.
    private func names(_ fields: FieldSection, _ known: RestartVersion, receivedAt: Int64) -> Bool {
        switch known.validator {
        case .etag, .lastModified:
            return StrongValidator.of(fields, receivedAt: receivedAt) == known.validator
        case .immutable, nil:
            if let text = known.entityTag, fields.contains(.etag) {
                guard let theirs = fields.only(.etag) else { return false }
                // What is no tag on either side says the same where it is written in the same way.
                guard let tag = EntityTag.parse(text), let other = EntityTag.parse(theirs) else {
                    return theirs == text
                }
                // RFC 9110 §8.8.3.2: the weak comparison.
                return tag.weaklyEquals(other)
            }
            if let date = known.lastModified, fields.contains(.lastModified) {
                return fields.only(.lastModified) == date
            }
            return true
        }
    }

    // MARK: The comparison

    /// A comparison came to its end, or the body did before.
    ///
    /// - Parameters:
    ///   - equalUntil: so many bytes from byte 0 on were equal.
    ///   - isEqual: false: the next byte was not.
    ///   - hasEnded: the body ended there, soundly framed; nil: it broke there, or goes on.
    package static func outcome(
        equalUntil: Int64,
        isEqual: Bool,
        until provable: Int64,
        hasEnded: Bool,
        delivered: Int64
    ) -> RestartOutcome {
        guard isEqual else { return .newVersion(equalUntil: equalUntil, cutsReaders: delivered > 0) }
        if hasEnded {
            // A body that is whole, and shorter than what is held, is another one, however equal so far.
            return equalUntil < provable
                ? .newVersion(equalUntil: equalUntil, cutsReaders: delivered > equalUntil)
                : .complete(equalUntil)
        }
        return equalUntil >= provable ? .goOn : .unproven
    }
}
