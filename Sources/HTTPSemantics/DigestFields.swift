// The fields that carry digests: Repr-Digest and Content-Digest (RFC 9530), Digest (RFC 3230), Content-MD5 (RFC 1864,
// RFC 2616 §14.15). Reading only; of which bytes each of them speaks, says ExpectedDigest.

package enum DigestFields {
    /// Repr-Digest and Content-Digest: a Dictionary of byte sequences by algorithm (RFC 9530 §2, §3). Algorithms that
    /// are not known are passed over; a field with any other fault says nothing at all. The strongest comes first.
    static func dictionary(_ text: String) -> [DigestValue] {
        guard let members = StructuredDictionary.parse(text) else { return [] }
        var found: [DigestValue] = []
        for member in members {
            guard let algorithm = DigestAlgorithm.ofRegistry(member.key) else { continue }
            guard case .byteSequence(let text) = member.value, let bytes = DigestText.base64(text),
                let value = DigestValue(algorithm, bytes)
            else { return [] }
            found.append(value)
        }
        return found.sorted { $0.algorithm > $1.algorithm }
    }

    /// Digest: `SHA-256=base64,MD5=base64` (RFC 3230 §4.3.2). Some servers write the digest in hexadecimal; what has
    /// exactly so many hexadecimal digits can be nothing else. Two different digests by one algorithm say nothing.
    static func instance(_ text: String) -> [DigestValue] {
        var found: [DigestAlgorithm: DigestValue] = [:]
        var contradicted: Set<DigestAlgorithm> = []
        for member in FieldGrammar.plainList(text) {
            guard let equals = member.utf8.firstIndex(of: UInt8(ascii: "=")),
                let algorithm = DigestAlgorithm.ofInstanceDigest(FieldGrammar.trimmed(member[..<equals])),
                let value = value(
                    algorithm,
                    FieldGrammar.trimmed(member[member.utf8.index(after: equals)...])
                )
            else { continue }
            if let other = found[algorithm], other != value { contradicted.insert(algorithm) }
            found[algorithm] = value
        }
        return found.values.filter { !contradicted.contains($0.algorithm) }.sorted { $0.algorithm > $1.algorithm }
    }

    /// Content-MD5: one MD5 in base64 (RFC 1864 §2).
    static func contentMD5(_ text: String) -> DigestValue? {
        value(.md5, FieldGrammar.trimmed(Substring(text)))
    }

    private static func value(_ algorithm: DigestAlgorithm, _ text: Substring) -> DigestValue? {
        if text.utf8.count == algorithm.byteCount * 2, let value = DigestValue(algorithm, hexadecimal: text) {
            return value
        }
        return DigestText.base64(text).flatMap { DigestValue(algorithm, $0) }
    }

    /// Whether two heads say the same of the digests of what they describe.
    package static func areEqual(_ one: FieldSection, _ other: FieldSection) -> Bool {
        [KnownField.reprDigest, .contentDigest, .digest, .contentMD5, .contentEncoding].allSatisfy {
            one.values($0) == other.values($0)
        }
    }

    /// Those that speak of the content of one message, and so of no other.
    static func speaksOfContent(_ field: KnownField) -> Bool { field == .contentDigest || field == .contentMD5 }
}
