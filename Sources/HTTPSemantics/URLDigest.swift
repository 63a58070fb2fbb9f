// Digests in URLs that name their content: blobs and manifests of container registries (the distribution specification,
// "Pulling blobs"), and the by-hash directories of apt repositories. Only where the path says which algorithm it is.

enum URLDigest {
    /// nil where the URL names none.
    static func of(_ uri: AbsoluteURI) -> DigestValue? {
        let path = uri.pathAndQuery.prefix { $0 != "?" }
        let segments = path.split(separator: "/")
        guard segments.count >= 3, let last = segments.last else { return nil }
        let folder = segments[segments.count - 2]
        if segments[0] == "v2", folder == "blobs" || folder == "manifests" { return ofRegistry(last) }
        if segments[segments.count - 3] == "by-hash" { return byHash(folder, last) }
        return nil
    }

    /// `sha256:HEX`; the colon may be percent-encoded.
    private static func ofRegistry(_ segment: Substring) -> DigestValue? {
        for (prefix, algorithm) in [("sha256", DigestAlgorithm.sha256), ("sha512", .sha512)] {
            for colon in [":", "%3A", "%3a"] where segment.hasPrefix(prefix + colon) {
                return DigestValue(algorithm, hexadecimal: segment.dropFirst((prefix + colon).count))
            }
        }
        return nil
    }

    /// `by-hash/SHA256/HEX`
    private static func byHash(_ folder: Substring, _ name: Substring) -> DigestValue? {
        switch folder {
        case "SHA512": DigestValue(.sha512, hexadecimal: name)
        case "SHA256": DigestValue(.sha256, hexadecimal: name)
        case "SHA1": DigestValue(.sha1, hexadecimal: name)
        case "MD5Sum": DigestValue(.md5, hexadecimal: name)
        default: nil
        }
    }
}
