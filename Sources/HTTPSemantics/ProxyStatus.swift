// Proxy-Status (RFC 9209): what went wrong between this proxy and the next hop, in one member of a structured
// list (RFC 8941). It only writes; what is true is decided where it happened.

/// What a response that this proxy made or passed says about the next hop.
package struct ProxyStatus: Sendable, Equatable {
    /// RFC 9209 §2.3: the kinds of errors, each with the status that it recommends.
    package enum ErrorType: String, Sendable, CaseIterable {
        case dnsTimeout = "dns_timeout"
        case dnsError = "dns_error"
        case destinationNotFound = "destination_not_found"
        case destinationUnavailable = "destination_unavailable"
        case destinationIPProhibited = "destination_ip_prohibited"
        case destinationIPUnroutable = "destination_ip_unroutable"
        case connectionRefused = "connection_refused"
        case connectionTerminated = "connection_terminated"
        case connectionTimeout = "connection_timeout"
        case connectionReadTimeout = "connection_read_timeout"
        case connectionWriteTimeout = "connection_write_timeout"
        case connectionLimitReached = "connection_limit_reached"
        case tlsProtocolError = "tls_protocol_error"
        case tlsCertificateError = "tls_certificate_error"
        case tlsAlertReceived = "tls_alert_received"
        case httpRequestError = "http_request_error"
        case httpRequestDenied = "http_request_denied"
        case httpResponseIncomplete = "http_response_incomplete"
        case httpResponseHeaderSectionSize = "http_response_header_section_size"
        case httpResponseHeaderSize = "http_response_header_size"
        case httpResponseBodySize = "http_response_body_size"
        case httpResponseTrailerSectionSize = "http_response_trailer_section_size"
        case httpResponseTrailerSize = "http_response_trailer_size"
        case httpResponseTransferCoding = "http_response_transfer_coding"
        case httpResponseContentCoding = "http_response_content_coding"
        case httpResponseTimeout = "http_response_timeout"
        case httpUpgradeFailed = "http_upgrade_failed"
        case httpProtocolError = "http_protocol_error"
        case proxyInternalResponse = "proxy_internal_response"
        case proxyInternalError = "proxy_internal_error"
        case proxyConfigurationError = "proxy_configuration_error"
        case proxyLoopDetected = "proxy_loop_detected"

        /// §2.3: the status that the type recommends. Where the RFC names a class ("the most appropriate"), the one
        /// that says least: 400 for a bad request, 500 for an answer that the proxy made itself.
        package var recommendedStatus: Int {
            switch self {
            case .dnsTimeout, .connectionTimeout, .connectionReadTimeout, .connectionWriteTimeout,
                .httpResponseTimeout:
                504
            case .dnsError, .destinationIPProhibited, .destinationIPUnroutable, .connectionRefused,
                .connectionTerminated, .tlsProtocolError, .tlsCertificateError, .tlsAlertReceived,
                .httpResponseIncomplete, .httpResponseHeaderSectionSize, .httpResponseHeaderSize,
                .httpResponseBodySize, .httpResponseTrailerSectionSize, .httpResponseTrailerSize,
                .httpResponseTransferCoding, .httpResponseContentCoding, .httpUpgradeFailed, .httpProtocolError,
                .proxyLoopDetected:
                502
            case .destinationUnavailable, .connectionLimitReached: 503
            case .destinationNotFound, .proxyInternalResponse, .proxyInternalError, .proxyConfigurationError: 500
            case .httpRequestError: 400
            case .httpRequestDenied: 403
            }
        }
    }

    /// §2.1.1: nil where nothing went wrong.
    package var error: ErrorType?
    /// §2.1.2: the host or address that the request was sent to, or would have been.
    package var nextHop: String?
    /// §2.1.4: the status that came from the next hop, where another one is sent.
    package var receivedStatus: Int?
    /// §2.1.5: something for people.
    package var details: String?

    package init(
        error: ErrorType? = nil,
        nextHop: String? = nil,
        receivedStatus: Int? = nil,
        details: String? = nil
    ) {
        self.error = error
        self.nextHop = nextHop
        self.receivedStatus = receivedStatus
        self.details = details
    }

    /// The list member of this proxy, as `holdfast; error=connection_timeout; next-hop=example.org`.
    package func value(proxyName: String) -> String {
        var text = StructuredItem.tokenOrString(proxyName)
        if let error { text += "; error=\(error.rawValue)" }
        if let nextHop { text += "; next-hop=\(StructuredItem.tokenOrString(nextHop))" }
        if let receivedStatus { text += "; received-status=\(receivedStatus)" }
        // §2.1.5: a string, never a token.
        if let details { text += "; details=\(StructuredItem.string(details))" }
        return text
    }
}
