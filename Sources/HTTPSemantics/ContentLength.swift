// Content-Length of a head that has no body of its own: of an answer to HEAD, or of a 304 (RFC 9110 §8.6). What frames a
// body is Wire's matter.

extension FieldSection {
    /// Bytes; nil unless there is exactly one field with exactly one number (R21).
    package var contentLength: Int64? { only(.contentLength).flatMap { FieldGrammar.decimal($0) } }
}
