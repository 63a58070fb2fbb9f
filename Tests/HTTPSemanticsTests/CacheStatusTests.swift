// RFC 9211: the text of Cache-Status.

import HTTPSemantics
import Testing

@Suite("Cache-Status (RFC 9211)")
struct CacheStatusTests {
    @Test(
        "Members and parameters (§2)",
        arguments: [
            (CacheStatus(hit: true, ttl: 376), "holdfast; hit; ttl=376"),
            (CacheStatus(hit: true, ttl: -412), "holdfast; hit; ttl=-412"),
            (CacheStatus(forward: .uriMiss, stored: true), "holdfast; fwd=uri-miss; stored"),
            (CacheStatus(forward: .uriMiss, collapsed: true), "holdfast; fwd=uri-miss; collapsed"),
            (CacheStatus(forward: .stale, forwardStatus: 304), "holdfast; fwd=stale; fwd-status=304"),
            (
                CacheStatus(
                    forward: .partial,
                    forwardStatus: 206,
                    stored: true,
                    collapsed: true,
                    ttl: 5,
                    detail: "HOLE"
                ),
                "holdfast; fwd=partial; fwd-status=206; ttl=5; stored; collapsed; detail=HOLE"
            ),
            (CacheStatus(forward: .bypass, detail: "no-store"), "holdfast; fwd=bypass; detail=no-store"),
            (CacheStatus(hit: true, forward: .miss), "holdfast; fwd=miss"),
            (CacheStatus(hit: true, forwardStatus: 200, stored: true, collapsed: true), "holdfast; hit"),
            (CacheStatus(forwardStatus: 200, stored: true, collapsed: true), "holdfast"),
            (
                CacheStatus(forward: .stale, ttl: -1, key: "http://example.org/", detail: "d"),
                "holdfast; fwd=stale; ttl=-1; key=\"http://example.org/\"; detail=d"
            ),
            (CacheStatus(hit: true, key: "a"), "holdfast; hit; key=\"a\""),
            (CacheStatus(hit: true, key: "a\"b\\c\u{e9}"), "holdfast; hit; key=\"a\\\"b\\\\c??\""),
            (CacheStatus(), "holdfast"),
            (CacheStatus(hit: true, ttl: .max), "holdfast; hit; ttl=999999999999999"),
            (CacheStatus(hit: true, ttl: .min), "holdfast; hit; ttl=-999999999999999"),
        ]
    )
    func value(status: CacheStatus, text: String) {
        #expect(status.value(cacheName: "holdfast") == text)
    }

    @Test(
        "Detail and name are tokens where they can be, else strings (RFC 8941 §3.3.3, §3.3.4)",
        arguments: [
            ("abc", "abc"), ("*a:b/c", "*a:b/c"), ("a b", "\"a b\""), ("1a", "\"1a\""), ("", "\"\""),
            ("say \"x\\\"", "\"say \\\"x\\\\\\\"\""), ("a\r\nb", "\"a??b\""), ("ä", "\"??\""), ("a\u{7f}", "\"a?\""),
            ("a;b", "\"a;b\""), ("a,b", "\"a,b\""),
        ]
    )
    func items(text: String, written: String) {
        #expect(CacheStatus(hit: true, detail: text).value(cacheName: "h") == "h; hit; detail=\(written)")
        #expect(CacheStatus(hit: true).value(cacheName: text) == "\(written); hit")
    }

    @Test("The reasons for forwarding are those of §2.2")
    func reasons() {
        #expect(
            Set(CacheStatus.Forward.allCases.map(\.rawValue))
                == ["bypass", "method", "uri-miss", "vary-miss", "miss", "request", "stale", "partial"]
        )
    }
}
