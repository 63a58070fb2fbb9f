// Which digest the bytes of a response must have, and who says so. This is the heart of the matter: a digest that is
// compared with other bytes than those it speaks of would condemn what is right.
//
// Repr-Digest (RFC 9530 §3) and Digest (RFC 3230 §4.3.2) speak of the selected representation: of the whole, also in a
// 206, a 304 and an answer to HEAD, and with its content coding. Content-Digest (RFC 9530 §2) speaks of the content of
// that very message: of the whole in a 200 to GET, of the part in a 206, of nothing in an answer to HEAD. Content-MD5
// speaks of the whole body of a 200; what it means in a 206 was never agreed upon. A digest in the URL is one of the
// file, without any coding.

package struct ExpectedDigest: Hashable, Sendable {
    package enum Source: Hashable, Sendable {
        case reprDigest, contentDigest, digest, contentMD5
        /// The URL names it.
        case url
        /// A file of digests beside it, by its URL.
        case sidecar(String)

        package var name: String {
            switch self {
            case .reprDigest: "Repr-Digest"
            case .contentDigest: "Content-Digest"
            case .digest: "Digest"
            case .contentMD5: "Content-MD5"
            case .url: "its URL"
            case .sidecar(let url): url
            }
        }
    }

    package let value: DigestValue
    package let source: Source

    package init(_ value: DigestValue, from source: Source) {
        self.value = value
        self.source = source
    }

    /// The digest that the whole of a stored response must have: of all that is said, the strongest algorithm; of equals
    /// what the URL says, for which it was asked. nil where nothing is said.
    ///
    /// - Parameters:
    ///   - stored: a stored head, from which `StoredAnswerHead` and `StoredHeadUpdate` have kept away what speaks of the
    ///     content of other messages.
    package static func ofWhole(_ stored: ResponseHead, at uri: AbsoluteURI) -> ExpectedDigest? {
        guard stored.status == 200 else { return nil }
        let fields = stored.fields
        var candidates: [ExpectedDigest] = []
        func add(_ value: DigestValue?, _ source: Source) {
            if let value { candidates.append(ExpectedDigest(value, from: source)) }
        }
        if !isCoded(fields) { add(URLDigest.of(uri), .url) }
        add(fields.combined(.reprDigest).flatMap { DigestFields.dictionary($0).first }, .reprDigest)
        add(fields.combined(.contentDigest).flatMap { DigestFields.dictionary($0).first }, .contentDigest)
        add(fields.combined(.digest).flatMap { DigestFields.instance($0).first }, .digest)
        add(fields.only(.contentMD5).flatMap { DigestFields.contentMD5($0) }, .contentMD5)
        // Of equals, `max` gives the first.
        return candidates.max { $0.value.algorithm < $1.value.algorithm }
    }

    /// Whether two responses, of which either may be a part, say the same digest of their wholes: by every strong algorithm
    /// that both name, and by one at least.
    package static func namesSameWhole(_ one: FieldSection, _ other: FieldSection) -> Bool {
        let (ours, theirs) = (strongOfWhole(one), strongOfWhole(other))
        let shared = ours.filter { value in theirs.contains { $0.algorithm == value.algorithm } }
        return !shared.isEmpty && shared.allSatisfy(theirs.contains)
    }

    private static func strongOfWhole(_ fields: FieldSection) -> [DigestValue] {
        let named =
            (fields.combined(.reprDigest).map { DigestFields.dictionary($0) } ?? [])
            + (fields.combined(.digest).map { DigestFields.instance($0) } ?? [])
        return named.filter { $0.algorithm >= .sha256 }
    }

    /// The digest that the content of this very message must have, where it is a part of a representation.
    package static func ofPart(_ answer: ResponseHead) -> ExpectedDigest? {
        guard answer.status == 206, let text = answer.fields.combined(.contentDigest) else { return nil }
        return DigestFields.dictionary(text).first.map { ExpectedDigest($0, from: .contentDigest) }
    }

    private static func isCoded(_ fields: FieldSection) -> Bool {
        guard let codings = fields.combined(.contentEncoding) else { return false }
        return FieldGrammar.plainList(codings).contains { !FieldGrammar.equalIgnoringCase($0, "identity") }
    }
}
