// What is known of an origin, in plain words for `holdfast doctor`: first what will happen to an interrupted download
// from it, then why. The words promise no more than the decisions in OriginCapabilities keep.

extension OriginCapabilities {
    /// What becomes of a download that breaks.
    package enum Prospect: Equatable, Sendable {
        /// Nothing was asked yet, or it is too long ago.
        case unknown
        /// It goes on at the byte at which it broke.
        case resumes
        /// It goes on there, after a comparison of some bytes before it.
        case resumesAfterComparing
        /// The whole is fetched again and compared with what was delivered.
        case restarts
    }

    /// - Parameter now: seconds since 1970 UTC.
    package func prospect(now: Int64) -> Prospect {
        let known = asOf(now)
        switch (known.ranges?.value, known.validators?.value) {
        case (.ignored, _), (.broken, _), (_, .weakOnly), (_, .absent): return .restarts
        case (nil, _), (_, nil): return .unknown
        case (.announced, _), (.honoured, _):
            let condition: ResumeCondition = known.validators?.value == .strongTag ? .ifRangeTag : .ifRangeDate
            return known.overlap(under: condition, usual: 1, now: now) == 0 ? .resumes : .resumesAfterComparing
        }
    }

    package func sentences(now: Int64) -> [String] {
        let known = asOf(now)
        var sentences = [Self.sentence(of: known.prospect(now: now))]
        switch known.ranges?.value {
        case .announced: sentences.append("It announces ranges (Accept-Ranges: bytes); none was asked for yet.")
        case .honoured: sentences.append("It answers a request for a range with that range.")
        case .ignored: sentences.append("It answers a request for a range with the whole, or announces no ranges.")
        case .broken(let reason): sentences.append("Its ranges cannot be used. \(reason.sentence)")
        case nil: break
        }
        switch known.validators?.value {
        case .strongTag: sentences.append("It names its versions by a strong ETag.")
        case .strongDate: sentences.append("It names its versions by a Last-Modified date only.")
        case .weakOnly: sentences.append("It names its versions by weak validators only, which join no ranges.")
        case .absent: sentences.append("It names no versions: there is neither an ETag nor a Last-Modified.")
        case nil: break
        }
        for (field, honour) in [
            ("If-Range with an ETag", known.tag), ("If-Range with a date", known.date), ("If-Match", known.match),
        ] {
            if let honour { sentences.append(Self.sentence(of: honour.value, field: field)) }
        }
        if known.deceit != nil {
            sentences.append(
                "It sent other bytes under an unchanged validator: every resume is compared."
            )
        }
        if let limit = known.connectionLimit {
            sentences.append("It refused more than \(limit.value) \(Self.connections(limit.value)) at once.")
        } else if let count = known.tolerated {
            sentences.append("It tolerated \(count.value) connections at once.")
        }
        if let count = known.truncations {
            sentences.append(
                "\(count.value) of its bodies ended soundly before they were whole; the end of a chunked body is confirmed."
            )
        }
        return sentences
    }

    private static func sentence(of prospect: Prospect) -> String {
        switch prospect {
        case .unknown:
            "What an interrupted download from this origin will do is not known yet; the first one will tell."
        case .resumes:
            "An interrupted download from this origin will go on at the byte at which it broke."
        case .resumesAfterComparing:
            "An interrupted download from this origin will go on where it broke, once some bytes before that are compared."
        case .restarts:
            """
            An interrupted download from this origin will be fetched again from its first byte; it goes on if what was \
            delivered is the same.
            """
        }
    }

    private static func sentence(of honour: Honour, field: String) -> String {
        switch honour {
        case .accepted: "It accepts \(field); whether it notices a change is not known yet."
        case .honoured: "It honours \(field), and notices a change."
        case .refused: "It answers \(field) with the whole, though nothing has changed."
        case .ignored: "It ignores \(field): it sent a part of another version."
        }
    }

    private static func connections(_ count: Int) -> String { count == 1 ? "connection" : "connections" }
}
