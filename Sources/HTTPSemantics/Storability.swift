// May a response be stored (RFC 9111 §3, R70)? The answer is a reason against it, or nil. Whether it may
// be reused afterwards is another question (Reuse), and whether parts of it may be joined a third one
// (Validator). A 206 is judged as the 200 that it is a part of (resume-rules 2).

/// Why a response is not stored.
package enum NotStorable: Hashable, Sendable {
    case method
    case headRequest
    case requestContent
    case requestNoStore
    case authorization
    case longURI
    case interimOrNotModified
    case statusOfOneRequest(Int)
    case statusNotUnderstood(Int)
    case noFreshness(Int)
    case responseNoStore
    case responsePrivate
    case varyAny
    case setCookie
    case contentRange
    case byRule

    /// A sentence for the person who asks why.
    package var sentence: String {
        switch self {
        case .method: "Only answers to GET are stored."
        case .headRequest: "An answer to HEAD has no content to store."
        case .requestContent: "The request had content, which is no part of the key (hardening R70)."
        case .requestNoStore: "The request says Cache-Control: no-store."
        case .authorization:
            "The request had Authorization, and the response does not say public, s-maxage or must-revalidate."
        case .longURI: "The URI is longer than 8 KiB (hardening R13)."
        case .interimOrNotModified: "An interim answer or a 304 is no response to store."
        case .statusOfOneRequest(let status): "The status \(status) speaks of one request, not of the resource."
        case .statusNotUnderstood(let status):
            "The response says must-understand, and the status \(status) has rules that this cache does not know."
        case .noFreshness(let status):
            "The status \(status) is stored only with an explicit freshness, and the response has none."
        case .responseNoStore: "The response says Cache-Control: no-store, or more directives than are read."
        case .responsePrivate: "The response says Cache-Control: private."
        case .varyAny: "Vary is *, unreadable, or names too many fields (hardening R11)."
        case .setCookie: "The response sets a cookie and has no explicit freshness (hardening R70)."
        case .contentRange: "The response is a part, and its Content-Range is missing or malformed (hardening R30)."
        case .byRule: "A rule of proxy.conf says store = false."
        }
    }
}

/// RFC 9111 §3.
package enum Storability {
    /// R13: the longest URI, in bytes, that is stored.
    package static let longestURI = 8192

    /// Why the response may not be stored; nil where it may.
    package static func judge(
        request: RequestHead,
        response: ResponseHead,
        policy: CachePolicy = .standard
    ) -> NotStorable? {
        guard policy.mayStore else { return .byRule }
        return refusal(request) ?? refusal(status: response) ?? refusal(request, response, policy)
    }

    /// Whether something of an answer may be kept with what is stored already: the fields of a 304 or of the answer to a
    /// HEAD, the bytes and fields of a part. They are parts of a response that may not be stored where the request says
    /// no-store (RFC 9111 §5.2.1.5), and where its credentials were needed and the answer does not allow it (§3.5).
    ///
    /// - Parameter request: the fields of the request that was answered.
    package static func mayKeep(
        answer: FieldSection,
        request: FieldSection,
        policy: CachePolicy = .standard
    ) -> Bool {
        if CacheControl.request(request).noStore { return false }
        guard request.contains(.authorization) else { return true }
        return allowsSharing(CacheControl.response(answer, policy: policy))
    }

    /// RFC 9111 §3.5: what an answer to a request with Authorization has to say.
    private static func allowsSharing(_ control: CacheControl) -> Bool {
        control.isPublic || control.mustRevalidate || control.sMaxAge != nil
    }

    /// RFC 9110 §15.1: the status codes that may be kept without an explicit freshness.
    package static func isHeuristicallyCacheable(_ status: Int) -> Bool {
        switch status {
        case 200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501: true
        default: false
        }
    }

    private static func refusal(_ request: RequestHead) -> NotStorable? {
        if request.method == .head { return .headRequest }
        guard request.method == .get else { return .method }
        // R70: an origin that looks at the content of a GET answers what the key does not show.
        if request.fields.contains(.transferEncoding) { return .requestContent }
        if request.fields.values(.contentLength).contains(where: { FieldGrammar.decimal($0) != 0 }) {
            return .requestContent
        }
        switch request.target {
        case .absolute(let uri): if uri.description.utf8.count > longestURI { return .longURI }
        case .origin(let path): if path.utf8.count > longestURI { return .longURI }
        case .authority, .asterisk: return .method
        }
        return CacheControl.request(request.fields).noStore ? .requestNoStore : nil
    }

    private static func refusal(status response: ResponseHead) -> NotStorable? {
        switch response.status {
        case ..<200, 304:
            return .interimOrNotModified
        // RFC 6585 forbids to store 428, 429, 431 and 511. The others of this list are brought about by a field of
        // one request (credentials, conditions, ranges, expectations, its length), and stored under a key that does not
        // show it they are how caches are poisoned. A 400 is not among them: an origin that gives it an explicit freshness
        // speaks of the resource, and R70 bounds how long it is believed.
        case 401, 407, 408, 411, 412, 413, 416, 417, 421, 425, 426, 428, 429, 431, 511:
            return .statusOfOneRequest(response.status)
        case 206:
            guard let text = response.fields.only(.contentRange), case .satisfied = ContentRange.parse(text) else {
                return .contentRange
            }
            return nil
        default:
            return nil
        }
    }

    private static func refusal(
        _ request: RequestHead,
        _ response: ResponseHead,
        _ policy: CachePolicy
    ) -> NotStorable? {
        let control = CacheControl.response(response.fields, policy: policy)
        let expires = response.fields.contains(.expires) && !control.isTargeted
        let isUnderstood = understands(response.status)
        // RFC 9111 §5.2.2.3: must-understand beside no-store means "store it where you know the status".
        if control.mustUnderstand, !isUnderstood { return .statusNotUnderstood(response.status) }
        if control.noStore, !(control.mustUnderstand && isUnderstood) { return .responseNoStore }
        if control.isPrivate { return .responsePrivate }
        // RFC 9111 §3.5.
        if request.fields.contains(.authorization), !allowsSharing(control) { return .authorization }
        if Vary.nominated(response.fields) == nil { return .varyAny }
        let isExplicit =
            control.sMaxAge != nil || control.maxAge != nil || expires || policy.isExplicit(status: response.status)
        // R70: `public` alone is enough for a success or a redirect, not for an error.
        let isAllowed = isExplicit || (control.isPublic && response.status < 400)
        if !isAllowed, !isHeuristicallyCacheable(response.status) { return .noFreshness(response.status) }
        if response.fields.contains(.setCookie), !isExplicitlyFresh(control, response.fields) { return .setCookie }
        return nil
    }

    /// R70 for Set-Cookie: fresh for some time, by the origin's own word, and without having to ask again. What is
    /// stale at once (`Expires: 0`, `no-cache`) is how origins mark what is meant for one client.
    private static func isExplicitlyFresh(_ control: CacheControl, _ fields: FieldSection) -> Bool {
        guard !control.noCache else { return false }
        if let seconds = control.sMaxAge ?? control.maxAge { return seconds > 0 }
        guard !control.isTargeted, let expires = fields.only(.expires).flatMap({ HTTPDate.parse($0) }),
            let date = fields.only(.date).flatMap({ HTTPDate.parse($0) })
        else { return false }
        return expires > date
    }

    /// The status codes whose caching rules are carried out here (RFC 9111 §3, "understands").
    private static func understands(_ status: Int) -> Bool {
        switch status {
        case 200, 203, 204, 206, 300, 301, 302, 303, 307, 308, 404, 405, 410, 414, 501: true
        default: false
        }
    }
}
