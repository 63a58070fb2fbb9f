// What an unsafe request makes doubtful (RFC 9111 §4.4): after it succeeded, what is stored under its URI
// must be validated before it is used again. Location and Content-Location may name further ones; they
// count only on the same origin, so that nobody can empty somebody else's cache.

/// RFC 9111 §4.4.
package enum Invalidation {
    /// The URIs whose stored responses are to be marked; none after a safe method or a response that is an error. What
    /// Location and Content-Location hold is a reference, relative to the target (RFC 9110 §10.2.2 and §8.7).
    package static func targets(request: RequestHead, response: ResponseHead) -> [AbsoluteURI] {
        guard !request.method.isSafe, case .absolute(let uri) = request.target,
            // §4.4: a response that is no error is a 2xx or a 3xx.
            (200..<400).contains(response.status)
        else { return [] }
        var targets = [uri]
        for text in [response.fields.only(.location), response.fields.only(.contentLocation)] {
            guard let other = text.flatMap(uri.resolving), other.isSameOrigin(as: uri), !targets.contains(other) else {
                continue
            }
            targets.append(other)
        }
        return targets
    }
}
