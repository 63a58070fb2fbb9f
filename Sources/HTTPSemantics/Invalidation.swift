// What an unsafe request makes doubtful (RFC 9111 §4.4): after it succeeded, what is stored under its URI
// must be validated before it is used again. Location and Content-Location may name further ones; they
// count only on the same origin, so that nobody can empty somebody else's cache.

/// RFC 9111 §4.4.
package enum Invalidation {
    /// The URIs whose stored responses are to be marked; none after a safe method or a response that is an error.
    package static func targets(request: RequestHead, response: ResponseHead) -> [AbsoluteURI] {
        guard !request.method.isSafe, case .absolute(let uri) = request.target,
            (200..<400).contains(response.status)
        else { return [] }
        var targets = [uri]
        for text in [response.fields.only(.location), response.fields.only(.contentLocation)] {
            guard let text, let other = resolve(text, against: uri), !targets.contains(other) else { continue }
            targets.append(other)
        }
        return targets
    }

    /// An absolute URI of the same origin, or an absolute path; other relative references are left alone.
    private static func resolve(_ text: String, against base: AbsoluteURI) -> AbsoluteURI? {
        let reference = String(Substring(text.utf8.prefix { $0 != UInt8(ascii: "#") }))
        if reference.utf8.first == UInt8(ascii: "/"), !reference.utf8.starts(with: "//".utf8) {
            guard case .success(let uri) = AbsoluteURI.parse("\(base.scheme)://\(base.hostField)\(reference)") else {
                return nil
            }
            return uri
        }
        guard case .success(let uri) = AbsoluteURI.parse(reference), uri.scheme == base.scheme,
            uri.authority.host == base.authority.host, uri.port == base.port
        else { return nil }
        return uri
    }
}
