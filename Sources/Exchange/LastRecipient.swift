// Requests that may go no further (RFC 9110 §7.6.2) and are answered here: OPTIONS with what this proxy takes, TRACE
// with the request as it came (§9.3.8). Whether a request is one of them is said by HTTPSemantics.

import HTTPSemantics
import Wire

enum LastRecipient {
    /// The answer to an OPTIONS or TRACE whose Max-Forwards is 0.
    static func answer(
        _ request: RequestHead,
        allowsTrace: Bool,
        now: Int64,
        via: String
    ) -> (head: ResponseHead, body: [UInt8]) {
        let body = request.method == .trace ? reflected(request) : []
        var head = ResponseHead(status: 200)
        head.fields.append(.date, HTTPDate.format(now))
        if request.method == .trace {
            head.fields.append(.contentType, "message/http")
        } else {
            head.fields.append(.allow, allowed(trace: allowsTrace))
        }
        head.fields.append(.contentLength, String(body.count))
        head.fields.append(.via, via)
        return (head, body)
    }

    /// The value of Allow.
    static func allowed(trace: Bool) -> String {
        "GET, HEAD, POST, PUT, DELETE, OPTIONS, CONNECT" + (trace ? ", TRACE" : "")
    }

    /// The request as it was received, but for what a script that reads the answer must not see (RFC 9110 §9.3.8).
    private static func reflected(_ request: RequestHead) -> [UInt8] {
        var request = request
        for field in [KnownField.authorization, .cookie, .proxyAuthorization] { request.fields.removeAll(field) }
        let version = request.version == .http10 ? "1.0" : "1.1"
        var bytes = Array("\(request.method.name) \(request.target.logText) HTTP/\(version)\r\n".utf8)
        HeadWriter.fields(request.fields, into: &bytes)
        return bytes
    }
}
