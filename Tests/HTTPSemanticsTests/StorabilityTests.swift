// RFC 9111 §3 and R70: what may be stored, and the reason where it may not.

import HTTPSemantics
import Testing

@Suite("What may be stored (RFC 9111 §3, R70)")
struct StorabilityTests {
    private func judge(
        _ response: ResponseHead,
        _ lines: KeyValuePairs<String, String> = [:],
        policy: CachePolicy = .standard
    ) -> NotStorable? {
        Storability.judge(request: request(lines), response: response, policy: policy)
    }

    @Test("A 200 without a word about caching may be stored, as may the seed's (§5.2.2.4)")
    func plain() {
        #expect(judge(response()) == nil)
        #expect(judge(response(200, ["Cache-Control": "no-cache"]), ["Cache-Control": "no-cache"]) == nil)
    }

    @Test(
        "Methods: GET only (R28)",
        arguments: [
            (.head, .headRequest), (.post, .method), (.put, .method), (.delete, .method), (.options, .method),
            (.trace, .method), (Method("get"), .method), (Method("PROPFIND"), .method),
        ] as [(Method, NotStorable)]
    )
    func methods(method: Method, reason: NotStorable) {
        let head = request(method: method)
        #expect(Storability.judge(request: head, response: response(200, ["Cache-Control": "max-age=9"])) == reason)
    }

    @Test("A GET with content is not stored (R70)")
    func content() {
        #expect(judge(response(), ["Content-Length": "1"]) == .requestContent)
        #expect(judge(response(), ["Content-Length": "x"]) == .requestContent)
        #expect(judge(response(), ["Transfer-Encoding": "chunked"]) == .requestContent)
        #expect(judge(response(), ["Content-Length": "0"]) == nil)
    }

    @Test(
        "Directives of request and response (§5.2)",
        arguments: [
            ("", "no-store", .responseNoStore),
            ("", "max-age=60, No-Store", .responseNoStore),
            ("no-store", "max-age=60", .requestNoStore),
            ("", "private", .responsePrivate),
            ("", "private=\"x\", max-age=60", nil),
            ("", "private=\"x\"", nil),
            ("", "private=\"x y\", max-age=60", .responsePrivate),
            ("", "private=\"x\", private", .responsePrivate),
            ("", "no-cache=\"x\"", nil),
            ("", "foo=\"no-store, private\", max-age=60", nil),
            ("", "must-understand, no-store, private", .responsePrivate),
            ("", "public, private", .responsePrivate),
            ("", "must-understand, no-store, max-age=60", nil),
            ("", "x=\"a, no-store", .responseNoStore),
            ("max-age=0", "max-age=0", nil),
            ("", "must-revalidate", nil),
        ] as [(String, String, NotStorable?)]
    )
    func directives(asked: String, said: String, reason: NotStorable?) {
        #expect(judge(response(200, ["Cache-Control": said]), ["Cache-Control": asked]) == reason)
    }

    @Test("More than 64 directives are no-store (R12)")
    func tooManyDirectives() {
        let value = (0...64).map { "x\($0)" }.joined(separator: ",")
        #expect(judge(response(200, ["Cache-Control": value])) == .responseNoStore)
        #expect(judge(response(), ["Cache-Control": value]) == .requestNoStore)
    }

    @Test(
        "Answers to Authorization only where the response allows it (§3.5)",
        arguments: [
            ("max-age=60", .authorization), ("", .authorization), ("no-cache", .authorization),
            ("public", nil), ("s-maxage=60", nil), ("must-revalidate", nil), ("proxy-revalidate", .authorization),
            ("public, no-store", .responseNoStore), ("private, s-maxage=60", .responsePrivate),
        ] as [(String, NotStorable?)]
    )
    func authorization(said: String, reason: NotStorable?) {
        #expect(judge(response(200, ["Cache-Control": said]), ["Authorization": "Basic x"]) == reason)
    }

    @Test(
        "Status codes without a freshness (RFC 9110 §15.1)",
        arguments: [
            200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501,
        ]
    )
    func heuristic(status: Int) {
        #expect(Storability.isHeuristicallyCacheable(status))
        #expect(judge(response(status)) == nil)
    }

    @Test(
        "Other status codes need an explicit freshness; public is not enough for errors (R70)",
        arguments: [
            201, 202, 205, 226, 299, 302, 303, 307, 399, 400, 402, 403, 409, 418, 422, 451, 499, 500, 502, 503, 504,
            505, 599, 600, 999,
        ]
    )
    func explicit(status: Int) {
        #expect(!Storability.isHeuristicallyCacheable(status))
        #expect(judge(response(status)) == .noFreshness(status))
        #expect(judge(response(status, ["Last-Modified": HTTPDate.format(0)])) == .noFreshness(status))
        #expect(judge(response(status, ["Cache-Control": "max-age=60"])) == nil)
        #expect(judge(response(status, ["Cache-Control": "s-maxage=60"])) == nil)
        #expect(judge(response(status, ["Expires": HTTPDate.format(instant)])) == nil)
        #expect(
            judge(response(status, ["Cache-Control": "public"])) == (status < 400 ? nil : .noFreshness(status))
        )
    }

    @Test("Interim answers and 304 are nothing to store", arguments: [100, 101, 103, 199, 304])
    func interim(status: Int) {
        #expect(judge(response(status, ["Cache-Control": "max-age=60"])) == .interimOrNotModified)
    }

    @Test(
        "What speaks of one request is not stored, whatever it says (RFC 6585, R70)",
        arguments: [
            401, 407, 408, 411, 412, 413, 416, 417, 421, 425, 426, 428, 429, 431, 511,
        ]
    )
    func oneRequest(status: Int) {
        #expect(judge(response(status, ["Cache-Control": "public, max-age=60"])) == .statusOfOneRequest(status))
    }

    @Test(
        "must-understand: only the status codes whose rules are known (§5.2.2.3)",
        arguments: [
            (200, nil), (404, nil), (302, nil), (201, .statusNotUnderstood(201)), (599, .statusNotUnderstood(599)),
        ] as [(Int, NotStorable?)]
    )
    func mustUnderstand(status: Int, reason: NotStorable?) {
        #expect(judge(response(status, ["Cache-Control": "must-understand, max-age=60"])) == reason)
    }

    @Test("A 206 is judged as the 200 that it is a part of, if its Content-Range is sound (R30, resume-rules 2)")
    func partial() {
        #expect(judge(response(206, ["Content-Range": "bytes 0-1/2"])) == nil)
        #expect(judge(response(206, ["Content-Range": "bytes 0-1/*"])) == nil)
        #expect(judge(response(206)) == .contentRange)
        #expect(judge(response(206, ["Content-Range": "bytes */2"])) == .contentRange)
        #expect(judge(response(206, ["Content-Range": "bytes 0-2/2"])) == .contentRange)
        #expect(
            judge(response(206, ["Content-Range": "bytes 0-1/2", "Content-Range": "bytes 0-1/2"])) == .contentRange
        )
        #expect(judge(response(206, ["Content-Type": "multipart/byteranges; boundary=x"])) == .contentRange)
        #expect(
            judge(response(206, ["Content-Range": "bytes 0-1/2", "Cache-Control": "no-store"])) == .responseNoStore
        )
    }

    @Test("Vary beyond R11 is not stored")
    func vary() {
        #expect(judge(response(200, ["Vary": "*"])) == .varyAny)
        #expect(judge(response(200, ["Vary": "a b"])) == .varyAny)
        #expect(judge(response(200, ["Vary": (0...16).map { "x\($0)" }.joined(separator: ",")])) == .varyAny)
        #expect(judge(response(200, ["Vary": "Accept-Encoding"])) == nil)
    }

    @Test(
        "Set-Cookie needs a freshness by the origin's own word (R70)",
        arguments: [
            (["Cache-Control": "max-age=60"], nil),
            (["Cache-Control": "s-maxage=60, max-age=0"], nil),
            (["Cache-Control": "max-age=60, s-maxage=0"], .setCookie),
            (["Cache-Control": "max-age=0"], .setCookie),
            (["Cache-Control": "no-cache, max-age=60"], .setCookie),
            (["Cache-Control": "public"], .setCookie),
            (["Expires": "0", "Date": HTTPDate.format(instant)], .setCookie),
            (["Expires": HTTPDate.format(instant + 1), "Date": HTTPDate.format(instant)], nil),
            (["Expires": HTTPDate.format(instant), "Date": HTTPDate.format(instant)], .setCookie),
            (["Expires": HTTPDate.format(instant)], .setCookie),
            ([:], .setCookie),
        ] as [([String: String], NotStorable?)]
    )
    func setCookie(said: [String: String], reason: NotStorable?) {
        var fields = section(["Set-Cookie": "a=b"])
        for (name, value) in said { fields.append(name: name, value: value) }
        #expect(judge(ResponseHead(status: 200, fields: fields)) == reason)
    }

    @Test("A rule that says store = false is obeyed before all else")
    func byRule() {
        var policy = CachePolicy.standard
        policy.mayStore = false
        #expect(judge(response(200, ["Cache-Control": "public, max-age=60"]), policy: policy) == .byRule)
        #expect(judge(response(200, ["Cache-Control": "no-store"]), policy: policy) == .byRule)
    }

    @Test(
        "A rule's lifetime is an explicit freshness, for what is no error and forbidden by nothing (§3)",
        arguments: [
            (302, [:], nil), (201, [:], nil), (299, [:], nil),
            (500, [:], .noFreshness(500)), (403, [:], .noFreshness(403)), (404, [:], nil),
            (200, ["Cache-Control": "no-store"], .responseNoStore),
            (200, ["Cache-Control": "private"], .responsePrivate),
            (200, ["Vary": "*"], .varyAny), (200, ["Set-Cookie": "a=b"], .setCookie),
            (401, [:], .statusOfOneRequest(401)), (304, [:], .interimOrNotModified),
        ] as [(Int, [String: String], NotStorable?)]
    )
    func ruledLifetime(status: Int, said: [String: String], reason: NotStorable?) {
        var fields = FieldSection()
        for (name, value) in said { fields.append(name: name, value: value) }
        let head = ResponseHead(status: status, fields: fields)
        var (ttl, minTTL) = (CachePolicy.standard, CachePolicy.standard)
        ttl.ttl = 3600
        minTTL.minTTL = 3600
        #expect(judge(head, policy: ttl) == reason)
        #expect(judge(head, policy: minTTL) == reason)
    }

    @Test("A rule's lifetime does not make public what was answered to Authorization (§3.5)")
    func ruledAuthorization() {
        var policy = CachePolicy.standard
        policy.ttl = 3600
        policy.isImmutable = true
        #expect(judge(response(), ["Authorization": "Basic x"], policy: policy) == .authorization)
        #expect(judge(response(), ["Cache-Control": "no-store"], policy: policy) == .requestNoStore)
    }

    @Test("What is immutable by rule is stored as without the rule: a 302 needs a freshness still (RFC 8246)")
    func immutableByRule() {
        var policy = CachePolicy.standard
        policy.isImmutable = true
        #expect(judge(response(302), policy: policy) == .noFreshness(302))
        #expect(judge(response(200), policy: policy) == nil)
    }

    @Test("A field that is targeted at us decides instead of Cache-Control and Expires (RFC 9213 §2.2)")
    func targeted() {
        var policy = CachePolicy.standard
        policy.targets = ["cdn-cache-control"]
        func said(_ targeted: String, _ plain: String, status: Int = 200) -> NotStorable? {
            judge(response(status, ["CDN-Cache-Control": targeted, "Cache-Control": plain]), policy: policy)
        }
        #expect(said("max-age=60", "no-store") == nil)
        #expect(said("no-store", "max-age=60") == .responseNoStore)
        #expect(said("private", "public") == .responsePrivate)
        #expect(said("max-age=60", "", status: 302) == nil)
        #expect(said("immutable", "max-age=60", status: 302) == .noFreshness(302))
        #expect(said("no store", "max-age=60", status: 302) == nil)
        let expires = HTTPDate.format(instant + 60)
        let date = HTTPDate.format(instant)
        #expect(
            judge(response(302, ["CDN-Cache-Control": "immutable", "Expires": expires]), policy: policy)
                == .noFreshness(302)
        )
        let cookie: KeyValuePairs = [
            "CDN-Cache-Control": "immutable", "Expires": expires, "Date": date, "Set-Cookie": "a=b",
        ]
        #expect(judge(response(200, cookie), policy: policy) == .setCookie)
        #expect(judge(response(200, cookie)) == nil)
    }

    @Test("A URI of 8 KiB is stored, a longer one is not (R13)")
    func longURI() {
        func ask(_ length: Int) -> NotStorable? {
            let path = "/" + String(repeating: "a", count: length - "http://example.org/".utf8.count)
            let uri = AbsoluteURI(scheme: "http", authority: exampleURI.authority, pathAndQuery: path)
            return Storability.judge(request: request(target: .absolute(uri)), response: response())
        }
        #expect(ask(8192) == nil)
        #expect(ask(8193) == .longURI)
    }

    @Test("Every reason is a sentence of its own")
    func sentences() {
        let reasons: [NotStorable] = [
            .method, .headRequest, .requestContent, .requestNoStore, .authorization, .longURI, .interimOrNotModified,
            .statusOfOneRequest(412), .statusNotUnderstood(599), .noFreshness(500), .responseNoStore, .responsePrivate,
            .varyAny, .setCookie, .contentRange, .byRule,
        ]
        #expect(Set(reasons.map(\.sentence)).count == reasons.count)
        #expect(reasons.allSatisfy { $0.sentence.hasSuffix(".") })
    }
}
