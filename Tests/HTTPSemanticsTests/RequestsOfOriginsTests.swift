// What origins and clients ask of those along the way: Retry-After, Expect, Accept-Ranges, and the guess at
// freshness where nobody says it.

import HTTPSemantics
import Testing

@Suite("Retry-After, Expect, Accept-Ranges and heuristic freshness")
struct RequestsOfOriginsTests {
    private static let now: Int64 = 784_111_777

    private static func fields(_ field: KnownField, _ values: [String]) -> FieldSection {
        var fields = FieldSection()
        for value in values { fields.append(field, value) }
        return fields
    }

    @Test(
        "Retry-After in seconds from now (RFC 9110 §10.2.3), never more than 2^31",
        arguments: [
            (["120"], 120), (["0"], 0), ([], nil), (["-1"], nil), (["soon"], nil), (["1", "2"], nil),
            (["Sun, 06 Nov 1994 08:50:37 GMT"], 60), (["Sun, 06 Nov 1994 08:49:00 GMT"], 0),
            (["Fri, 31 Dec 9999 23:59:59 GMT"], 1 << 31), (["99999999999999999999"], nil),
        ] as [([String], Int64?)]
    )
    func retryAfter(_ values: [String], _ expected: Int64?) {
        let seconds = RetryAfter.of(Self.fields(.retryAfter, values), now: Self.now)
        if values == ["99999999999999999999"] {
            // A number beyond all bounds is either none or the largest.
            #expect(seconds == nil || seconds == 1 << 31)
        } else {
            #expect(seconds == expected)
        }
    }

    @Test(
        "An expectation other than 100-continue is named (RFC 9110 §10.1.1)",
        arguments: [
            (["100-continue"], nil), (["100-Continue"], nil), ([], nil), (["100-continue, 100-continue"], nil),
            (["200-ok"], "200-ok"), (["100-continue, wine"], "wine"), (["100-continue", "wine"], "wine"),
        ] as [([String], String?)]
    )
    func expectation(_ values: [String], _ expected: String?) {
        #expect(Forwarding.unknownExpectation(Self.fields(.expect, values)) == expected)
    }

    @Test(
        "Accept-Ranges (RFC 9110 §14.3)",
        arguments: [
            (["bytes"], true), (["Bytes"], true), (["lines, bytes"], true), (["none"], false), ([], false),
            (["megabytes"], false), (["none", "bytes"], true),
        ] as [([String], Bool)]
    )
    func acceptRanges(_ values: [String], _ expected: Bool) {
        #expect(Self.fields(.acceptRanges, values).acceptsByteRanges == expected)
    }

    @Test(
        "The heuristic lifetime is a share of the time since the modification, within its bound (RFC 9111 §4.2.2, R72)",
        arguments: [
            (0.1, 86_400, "Sun, 06 Nov 1994 08:33:00 GMT", 99), (0.5, 86_400, "Sun, 06 Nov 1994 08:33:00 GMT", 498),
            (0, 86_400, "Sun, 06 Nov 1994 08:33:00 GMT", 0), (0.1, 60, "Sun, 06 Nov 1994 08:33:00 GMT", 60),
            (0.1, 86_400, "Sat, 06 Nov 1993 08:49:37 GMT", 86_400), (0.1, 86_400, "Mon, 07 Nov 1994 08:49:37 GMT", 0),
            (.nan, 86_400, "Sun, 06 Nov 1994 08:33:00 GMT", 0),
        ] as [(Double, Int64, String, Int64)]
    )
    func heuristic(_ share: Double, _ longest: Int64, _ modified: String, _ expected: Int64) {
        var fields = FieldSection()
        fields.append(.date, HTTPDate.format(Self.now))
        fields.append(.lastModified, modified)
        let uri = AbsoluteURI(scheme: "http", authority: Authority(host: "a.example", port: nil), pathAndQuery: "/")
        var policy = CachePolicy.standard
        policy.heuristic = HeuristicFreshness(share: share, longest: longest)
        let freshness = Freshness.lifetime(
            request: RequestHead(method: .get, target: .absolute(uri), version: .http11, fields: FieldSection()),
            response: ResponseHead(status: 200, fields: fields),
            responseTime: Self.now,
            policy: policy
        )
        #expect(freshness == Freshness(lifetime: expected, isHeuristic: true))
    }

    @Test(
        "What asks again for a variant asks as the variant was asked for, and with nobody's credentials (resume-rules 4)"
    )
    func askingForAVariant() {
        let fields = section(["Host": "a", "accept": "*/*", "Authorization": "x", "Range": "bytes=0-"])
        let nominated = section(["Accept": "text/html", "Accept-Encoding": "gzip"])
        #expect(
            lines(RequestTemplate.of(fields, askingAs: nominated)) == [
                "Host: a", "Accept: text/html", "Accept-Encoding: gzip",
            ]
        )
    }

    @Test("OPTIONS of a whole server keeps its asterisk, every other empty path is \"/\" (RFC 9112 §3.2.4)")
    func serverWideOptions() {
        func path(_ text: String, _ method: Method) -> String? {
            let target = Array(text.utf8).withUnsafeBytes { RequestTarget.parse($0, method: method) }
            guard case .success(.absolute(let uri)) = target else { return nil }
            return uri.pathAndQuery
        }
        #expect(path("http://a.example", .options) == "*")
        #expect(path("http://a.example:8080", .options) == "*")
        #expect(path("http://a.example/", .options) == "/")
        #expect(path("http://a.example?q", .options) == "/?q")
        #expect(path("http://a.example", .get) == "/")
    }
}
