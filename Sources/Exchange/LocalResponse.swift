// Every answer that Holdfast makes itself because something went wrong: which error gives which status, which error type
// of Proxy-Status (RFC 9209 §2.3), and the sentence that a person reads. The only place that knows this.

package import HTTPSemantics
package import Transport
package import Wire

/// An answer of our own: a status, a sentence, and what the log, Cache-Status and Proxy-Status say of it.
package struct LocalResponse: Sendable, Equatable {
    package let status: Int
    package let sentence: String
    /// The `detail` of Cache-Status: a word.
    package let detail: String
    /// Further fields, such as Allow or Retry-After.
    package var fields = FieldSection()

    /// What Proxy-Status says of it.
    package let proxyStatus: ProxyStatus

    /// - Parameters:
    ///   - error: without one, what RFC 9209 has for answers that were made before anybody was asked: §2.3.16 for the
    ///     client's faults (4xx), §2.3.29 for all else.
    ///   - nextHop: the host that was asked, or would have been.
    ///   - receivedStatus: what the next hop answered with, where that is not what is sent.
    package init(
        status: Int,
        sentence: String,
        detail: String,
        error: ProxyStatus.ErrorType? = nil,
        nextHop: String? = nil,
        receivedStatus: Int? = nil
    ) {
        self.status = status
        self.sentence = sentence
        self.detail = detail
        proxyStatus = ProxyStatus(
            error: error ?? ((400..<500).contains(status) ? .httpRequestError : .proxyInternalResponse),
            nextHop: nextHop,
            receivedStatus: receivedStatus,
            // A client's own words may be in it, at any length.
            details: String(sentence.prefix(Self.longestDetails))
        )
    }

    private static let longestDetails = 200

    // MARK: Requests that cannot be served as they are

    package static func refused(_ refusal: WireRefusal) -> LocalResponse {
        LocalResponse(status: refusal.status, sentence: refusal.sentence, detail: "bad-request")
    }

    package static let originForm = LocalResponse(
        status: 400,
        sentence: """
            This is a proxy, not a web server: it wants the whole address in the request line \
            (GET http://example.org/file HTTP/1.1). Set it as the HTTP proxy of your program, for example \
            with: export http_proxy=http://127.0.0.1:3128
            """,
        detail: "origin-form"
    )

    package static let httpsNeedsConnect = LocalResponse(
        status: 501,
        sentence: "An https address is reached through CONNECT; set this proxy as the https proxy of your program.",
        detail: "scheme"
    )

    package static let loop = LocalResponse(
        status: 508,
        sentence: "This request has passed through this proxy before: two proxies are each other's upstream.",
        detail: "loop",
        error: .proxyLoopDetected
    )

    /// R10.
    package static let tooManyRanges = LocalResponse(
        status: 416,
        sentence: "More than 256 ranges were asked for, and not all of the body is held.",
        detail: "too-many-ranges"
    )

    package static let connectWithContent = LocalResponse(
        status: 400,
        sentence: "A CONNECT request has no content (RFC 9110, section 9.3.6).",
        detail: "bad-request"
    )

    package static let traceRefused: LocalResponse = {
        var response = LocalResponse(
            status: 405,
            sentence: "TRACE is not forwarded by this proxy.",
            detail: "trace",
            error: .httpRequestDenied
        )
        response.fields.append(.allow, LastRecipient.allowed(trace: false))
        return response
    }()

    package static let traceWithContent = LocalResponse(
        status: 400,
        sentence: "A TRACE request has no content (RFC 9110, section 9.3.8).",
        detail: "bad-request"
    )

    package static func expectation(_ value: String) -> LocalResponse {
        LocalResponse(
            status: 417,
            sentence: "The expectation \"\(value)\" is not known; the only one is 100-continue.",
            detail: "expectation"
        )
    }

    // MARK: Requests that may not be served

    package static func clientNotAllowed(_ client: String) -> LocalResponse {
        LocalResponse(
            status: 403,
            sentence: "The client \(client) may not use this proxy; access.clients in proxy.conf says who may.",
            detail: "client-denied",
            error: .httpRequestDenied
        )
    }

    package static func portNotAllowed(_ port: UInt16, directive: String) -> LocalResponse {
        LocalResponse(
            status: 403,
            sentence: "Port \(port) may not be reached through this proxy; \(directive) in proxy.conf says which may.",
            detail: "port-denied",
            error: .httpRequestDenied
        )
    }

    // MARK: Upstream

    package static func upstream(_ failure: UpstreamFailure) -> LocalResponse {
        LocalResponse(
            status: failure.status,
            sentence: failure.sentence,
            detail: failure.kind == .addressDenied ? "destination-denied" : "upstream-failed",
            error: failure.kind.proxyError,
            nextHop: failure.host
        )
    }

    /// RFC 9111 §5.2.2.2: what is stored may not be used without the origin's word.
    package static func notValidated(_ failure: UpstreamFailure) -> LocalResponse {
        LocalResponse(
            status: 504,
            sentence: failure.sentence + " What is stored may not be used without asking it.",
            detail: "must-revalidate",
            error: failure.kind.proxyError,
            nextHop: failure.host
        )
    }

    package static let onlyIfCached = LocalResponse(
        status: 504,
        sentence: "The client asked for what is cached only, and this is not, or may not be used without validation.",
        detail: "only-if-cached"
    )

    package static let partialUnasked = LocalResponse(
        status: 502,
        sentence: "The origin sent a part (206) of something of which the whole was asked.",
        detail: "unasked-206",
        error: .httpProtocolError,
        receivedStatus: 206
    )

    /// The origin did not come back while its download was to be continued, before anything was sent.
    package static func notContinued(
        _ sentence: String,
        status: Int,
        error: ProxyStatus.ErrorType = .httpResponseIncomplete,
        receivedStatus: Int? = nil
    ) -> LocalResponse {
        LocalResponse(
            status: status,
            sentence: sentence,
            detail: "not-continued",
            error: error,
            receivedStatus: receivedStatus
        )
    }

    /// RFC 9110 §15.4.5, resume-rules 5.
    static let unaskedNotModified = LocalResponse.notContinued(
        "The origin answered 304 to a request without a condition.",
        status: 502,
        error: .httpProtocolError,
        receivedStatus: 304
    )

    // MARK: As a message

    /// The head and the body as they are sent: plain text, one line. No Cache-Status: that is for responses of an origin
    /// server (RFC 9211 §2).
    ///
    /// - Parameter proxyName: our name in Proxy-Status; nil: the field is not sent.
    package func message(
        now: Int64,
        proxyName: String?,
        via: String
    ) -> (head: ResponseHead, body: [UInt8]) {
        let body = Array((sentence + "\n").utf8)
        var head = ResponseHead(status: status)
        head.fields.append(.date, HTTPDate.format(now))
        fields.forEach { head.fields.append($0) }
        head.fields.append(.contentType, "text/plain; charset=utf-8")
        head.fields.append(.contentLength, String(body.count))
        head.fields.append(.cacheControl, "no-store")
        if let proxyName { head.fields.append(.proxyStatus, proxyStatus.value(proxyName: proxyName)) }
        head.fields.append(.via, via)
        return (head, body)
    }
}
