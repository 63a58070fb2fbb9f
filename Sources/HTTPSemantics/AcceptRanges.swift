// What a response says of the ranges of its resource (RFC 9110 §14.3).

extension FieldSection {
    /// Whether Accept-Ranges names the unit `bytes`.
    package var acceptsByteRanges: Bool {
        values(.acceptRanges).contains { line in
            FieldGrammar.plainList(line).contains { FieldGrammar.equalIgnoringCase($0, "bytes") }
        }
    }
}
