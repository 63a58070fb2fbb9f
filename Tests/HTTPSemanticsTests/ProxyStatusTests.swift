// RFC 9209: the text of Proxy-Status, and the statuses that its error types recommend.

import HTTPSemantics
import Testing

@Suite("Proxy-Status (RFC 9209)")
struct ProxyStatusTests {
    @Test(
        "Members and parameters (§2.1)",
        arguments: [
            (ProxyStatus(), "holdfast"),
            (ProxyStatus(error: .connectionTimeout), "holdfast; error=connection_timeout"),
            (
                ProxyStatus(
                    error: .httpResponseIncomplete,
                    nextHop: "example.org:8080",
                    receivedStatus: 200,
                    details: "cut"
                ),
                "holdfast; error=http_response_incomplete; next-hop=example.org:8080; received-status=200; details=\"cut\""
            ),
            (ProxyStatus(nextHop: "192.0.2.1"), "holdfast; next-hop=\"192.0.2.1\""),
            (ProxyStatus(nextHop: "[2001:db8::1]:80"), "holdfast; next-hop=\"[2001:db8::1]:80\""),
            (ProxyStatus(details: "a \"b\\\"\r\nc"), "holdfast; details=\"a \\\"b\\\\\\\"??c\""),
        ]
    )
    func value(status: ProxyStatus, text: String) {
        #expect(status.value(proxyName: "holdfast") == text)
    }

    @Test("A name that is no token is a string")
    func name() {
        #expect(ProxyStatus().value(proxyName: "my proxy") == "\"my proxy\"")
    }

    @Test("All error types of §2.3 with the statuses that they recommend")
    func types() {
        let expected: [String: Int] = [
            "dns_timeout": 504, "dns_error": 502, "destination_not_found": 500, "destination_unavailable": 503,
            "destination_ip_prohibited": 502, "destination_ip_unroutable": 502, "connection_refused": 502,
            "connection_terminated": 502, "connection_timeout": 504, "connection_read_timeout": 504,
            "connection_write_timeout": 504, "connection_limit_reached": 503, "tls_protocol_error": 502,
            "tls_certificate_error": 502, "tls_alert_received": 502, "http_request_error": 400,
            "http_request_denied": 403, "http_response_incomplete": 502, "http_response_header_section_size": 502,
            "http_response_header_size": 502, "http_response_body_size": 502,
            "http_response_trailer_section_size": 502, "http_response_trailer_size": 502,
            "http_response_transfer_coding": 502, "http_response_content_coding": 502, "http_response_timeout": 504,
            "http_upgrade_failed": 502, "http_protocol_error": 502, "proxy_internal_response": 500,
            "proxy_internal_error": 500, "proxy_configuration_error": 500, "proxy_loop_detected": 502,
        ]
        let types = ProxyStatus.ErrorType.allCases
        #expect(Dictionary(uniqueKeysWithValues: types.map { ($0.rawValue, $0.recommendedStatus) }) == expected)
    }
}
