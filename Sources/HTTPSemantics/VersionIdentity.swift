// A number for one version of one representation, by what its responses say of it: the same version, fetched
// anew, has the same number (resume-rules 11: the guard asks which version a client was given bytes of).

package enum VersionIdentity {
    /// The number of no version that could be the present one.
    package static let ofNone = Int64.min

    /// By entity tag (weak ones too), modification date and complete length.
    ///
    /// - Parameters:
    ///   - completeLength: bytes; nil while unknown, which makes another number than any length.
    ///   - doubts: how often bytes were seen to change without these fields.
    /// - Returns: nil where the response says nothing that tells its version from another.
    package static func number(_ fields: FieldSection, completeLength: Int64?, doubts: Int = 0) -> Int64? {
        let tag = fields.combined(.etag)
        let date = fields.combined(.lastModified)
        guard tag != nil || date != nil || completeLength != nil else { return nil }
        var text = "\(tag ?? "")\n\(date ?? "")\n\(completeLength.map { String($0) } ?? "")\n\(doubts)"
        // No secret: whoever makes two versions of his own look like one harms his own clients only.
        return text.withUTF8 { bytes in
            Int64(
                bitPattern: SipHash128.hash(UnsafeRawBufferPointer(bytes), key0: 0x68_6F_6C_64, key1: 0x66_61_73_74).low
            )
        }
    }
}
