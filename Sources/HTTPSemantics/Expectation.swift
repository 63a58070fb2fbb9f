// What a client expects of those along the way (RFC 9110 §10.1.1).

extension Forwarding {
    /// The first expectation other than `100-continue` (RFC 9110 §10.1.1: answered with 417); nil where there is none.
    package static func unknownExpectation(_ fields: FieldSection) -> String? {
        for line in fields.values(.expect) {
            for member in FieldGrammar.plainList(line)
            where !FieldGrammar.equalIgnoringCase(member, "100-continue") {
                return String(member)
            }
        }
        return nil
    }
}
