// Files of digests that stand beside what they speak of: `file.sha256`, `file.sha512`, `SHA256SUMS`. What programs write
// into them: the digest alone, the lines of sha256sum, the lines of BSD's sha256. It knows no network.

package enum DigestSidecar {
    /// Where such a file may be, the likeliest first. A query is no part of the name.
    package static func places(of uri: AbsoluteURI) -> [AbsoluteURI] {
        let path = String(uri.pathAndQuery.prefix { $0 != "?" })
        guard let slash = path.lastIndex(of: "/"), path.index(after: slash) != path.endIndex else { return [] }
        let folder = path[...slash]
        return [path + ".sha256", path + ".sha512", folder + "SHA256SUMS", folder + "SHA512SUMS"].map {
            AbsoluteURI(scheme: uri.scheme, authority: uri.authority, pathAndQuery: String($0))
        }
    }

    /// The name under which a file of digests lists what stands at this URL.
    package static func name(of uri: AbsoluteURI) -> String {
        let path = uri.pathAndQuery.prefix { $0 != "?" }
        return String(path[(path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex)...])
    }

    /// The digest of the file of this name. A digest without a name is taken where it stands alone in the file.
    package static func find(_ name: String, in text: String) -> DigestValue? {
        var unnamed: [DigestValue] = []
        var lines = 0
        for line in text.split(whereSeparator: { $0 == "\n" || $0 == "\r\n" || $0 == "\r" }) {
            let line = FieldGrammar.trimmed(line)
            if line.isEmpty || line.utf8.first == UInt8(ascii: "#") { continue }
            lines += 1
            guard let (value, named) = entry(line) else { continue }
            guard let named else {
                unnamed.append(value)
                continue
            }
            if named == name || named.hasSuffix("/" + name) { return value }
        }
        return lines == 1 ? unnamed.first : nil
    }

    private static func entry(_ line: Substring) -> (DigestValue, name: String?)? {
        if let entry = taggedEntry(line) { return entry }
        let digits = line.prefix { $0 != " " && $0 != "\t" }
        guard let value = DigestValue(hexadecimal: digits) else { return nil }
        // `HEX  name`, and `HEX *name` for what was read as binary.
        let rest = FieldGrammar.trimmed(line[digits.endIndex...])
        let name = rest.hasPrefix("*") ? rest.dropFirst() : rest
        return (value, name.isEmpty ? nil : String(name))
    }

    /// `SHA256 (name) = HEX`
    private static func taggedEntry(_ line: Substring) -> (DigestValue, name: String?)? {
        guard let open = line.firstIndex(of: "("), let close = line.lastIndex(of: ")"), open < close else { return nil }
        let algorithm: DigestAlgorithm
        switch FieldGrammar.lowercase(FieldGrammar.trimmed(line[..<open])) {
        case "sha256", "sha2-256": algorithm = .sha256
        case "sha512", "sha2-512": algorithm = .sha512
        case "sha1": algorithm = .sha1
        case "md5": algorithm = .md5
        default: return nil
        }
        let rest = FieldGrammar.trimmed(line[line.index(after: close)...])
        guard rest.hasPrefix("="),
            let value = DigestValue(algorithm, hexadecimal: FieldGrammar.trimmed(rest.dropFirst()))
        else { return nil }
        return (value, String(line[line.index(after: open)..<close]))
    }
}
