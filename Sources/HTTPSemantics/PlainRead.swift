// Whether a request is so plain that the answer to an earlier one of its kind is its answer too, word for
// word: the condition of the short way of a hit. Everything that any rule of this module looks at in a
// request makes it not plain; the nominated fields of Vary are compared by whoever keeps the answer.

extension RequestHead {
    /// HTTP/1.1 GET of an absolute URI without content, range, condition, cache directive, credentials, expectation,
    /// Via, or anything about the connection but `keep-alive`.
    package var isPlainRead: Bool {
        guard method == .get, version == .http11, case .absolute = target else { return false }
        var isPlain = true
        fields.forEachBytes { known, _, value in
            switch known {
            case .range, .ifMatch, .ifNoneMatch, .ifModifiedSince, .ifUnmodifiedSince, .ifRange, .cacheControl,
                .pragma, .authorization, .expect, .via, .contentLength, .transferEncoding, .upgrade, .te, .trailer,
                .proxyAuthorization, .http2Settings:
                isPlain = false
            case .connection, .proxyConnection:
                if !value.lazy.map({ lowercased($0) }).elementsEqual("keep-alive".utf8) { isPlain = false }
            default:
                break
            }
        }
        return isPlain
    }
}
