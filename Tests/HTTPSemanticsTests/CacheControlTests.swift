// RFC 9111 §5.2 and §5.4: directives, and what is made of those that are broken.

import HTTPSemantics
import Testing

@Suite("Cache-Control (RFC 9111 §5.2)")
struct CacheControlTests {
    private func response(_ value: String) -> CacheControl {
        CacheControl.response(section(["Cache-Control": value]))
    }

    private func request(_ value: String) -> CacheControl {
        CacheControl.request(section(["Cache-Control": value]))
    }

    @Test("Directives without an argument, in any case (§5.2)")
    func flags() {
        let table: [(String, WritableKeyPath<CacheControl, Bool>)] = [
            ("no-store", \.noStore), ("NO-CACHE", \.noCache), ("must-revalidate", \.mustRevalidate),
            ("Proxy-Revalidate", \.proxyRevalidate), ("public", \.isPublic), ("private", \.isPrivate),
            ("no-transform", \.noTransform), ("only-if-cached", \.onlyIfCached), ("immutable", \.immutable),
            ("must-understand", \.mustUnderstand),
        ]
        for (text, path) in table {
            var expected = CacheControl()
            expected[keyPath: path] = true
            #expect(response(text) == expected)
            #expect(response("unknown, \(text) ,, x=y") == expected)
            #expect(response("x\(text), \(text)x") == CacheControl())
        }
    }

    @Test(
        "Seconds, as token or quoted string; what is none is 0, what is too large 2^31 (§1.2.2, §4.2.1)",
        arguments: [
            ("max-age=3600", 3600),
            ("MAX-AGE=3600", 3600),
            ("max-age=\"3600\"", 3600),
            ("max-age=0", 0),
            ("max-age=007", 7),
            ("max-age=2147483647", 2_147_483_647),
            ("max-age=2147483649", 2_147_483_648),
            ("max-age=99999999999999999999999", 2_147_483_648),
            ("max-age", 0),
            ("max-age=", 0),
            ("max-age=\"\"", 0),
            ("max-age=-1", 0),
            ("max-age=+1", 0),
            ("max-age=1.5", 0),
            ("max-age=3600a", 0),
            ("max-age=a3600", 0),
            ("max-age='3600'", 0),
            ("max-age =3600", 0),
            ("max-age= 3600", 0),
            ("max-age=36 00", 0),
            ("max-age=\"3600", 0),
            ("max-age=3600\"", 0),
            ("max-age:3600", nil),
            ("=3600", nil),
            ("x-max-age=3600", nil),
            ("x=\"max-age=3600\"", nil),
            ("x=\"a, max-age=3600, b\"", nil),
            ("max-age=3600, max-age=1800", 1800),
            ("max-age=1800, max-age=3600", 1800),
            ("max-age=1800, max-age", 0),
        ] as [(String, Int64?)]
    )
    func seconds(text: String, seconds: Int64?) {
        #expect(response(text).maxAge == seconds)
        #expect(request(text).maxAge == seconds)
        let shared = text.replacingName("max-age", with: "s-maxage")
        #expect(response(shared).sMaxAge == seconds)
    }

    @Test("Several lines are one list; the stricter of two values holds (§4.2.1)")
    func lines() {
        let control = CacheControl.response(
            section(["Cache-Control": "max-age=100", "Age": "1", "cache-control": "MAX-AGE=50, no-cache"])
        )
        #expect(control.maxAge == 50)
        #expect(control.noCache)
    }

    @Test(
        "A qualified no-cache names fields and is not the plain one (§5.2.2.4)",
        arguments: [
            ("no-cache=\"Set-Cookie\"", false, ["set-cookie"]),
            ("no-cache=\"A, b ,C\"", false, ["a", "b", "c"]),
            ("no-cache=foo", false, ["foo"]),
            ("no-cache=\"a\", no-cache", true, ["a"]),
            ("no-cache=\"a\", no-cache=\"b\"", false, ["a", "b"]),
            ("no-cache=", true, []),
            ("no-cache=\"\"", true, []),
            ("no-cache=\",\"", true, []),
            ("no-cache=\"a b\"", true, []),
            ("no-cache=\"a", true, []),
            ("no-cache =\"a\"", true, []),
        ]
    )
    func qualifiedNoCache(text: String, noCache: Bool, fields: [String]) {
        let control = response(text)
        #expect(control.noCache == noCache)
        #expect(control.noCacheFields == fields)
        #expect(request(text).noCache)
        #expect(request(text).noCacheFields.isEmpty)
    }

    @Test(
        "A qualified private names fields and is not the plain one; malformed, it is the plain one (§5.2.2.7)",
        arguments: [
            ("private", true, []), ("private=\"X-User\"", false, ["x-user"]), ("private=\"a, B\"", false, ["a", "b"]),
            ("private=a", false, ["a"]), ("private=\"a\", private", true, ["a"]),
            ("private, private=\"a\"", true, ["a"]), ("private=\"a\", private=\"b\"", false, ["a", "b"]),
            ("private=", true, []), ("private=\"\"", true, []), ("private=\",\"", true, []),
            ("private=\"a b\"", true, []), ("private=\"a", true, []), ("private =\"a\"", true, []),
            ("private= \"a\"", true, []), ("x=\"private\"", false, []), ("x=\"a, private\"", false, []),
        ]
    )
    func qualifiedPrivate(text: String, isPrivate: Bool, fields: [String]) {
        #expect(response(text).isPrivate == isPrivate)
        #expect(response(text).privateFields == fields)
    }

    @Test("What an extension directive names is no directive and no withheld field (§5.2.3)")
    func extensions() {
        for text in [
            "foo=\"no-store\"", "foo=\"x-user, private\"", "foo=no-cache", "community=\"UCI\"",
            "foo=\"a\\\", no-store\"",
        ] {
            #expect(response(text) == CacheControl())
        }
        #expect(response("foo=\"x\", max-age=9").maxAge == 9)
    }

    @Test("A quoted string without an end might hide anything (nothing is stored, nothing reused)")
    func unclosed() {
        for text in ["x=\"a, no-store", "max-age=60, x=\"", "x=\"a\\\", max-age=60"] {
            #expect(response(text).noStore)
            #expect(response(text).noCache)
            #expect(request(text).noCache)
        }
        #expect(!response("x=\"a\\\"b\", max-age=60").noStore)
        #expect(response("x=\"a\\\"b\", max-age=60").maxAge == 60)
    }

    @Test(
        "max-stale: any, or the least number given (§5.2.1.2)",
        arguments: [
            ("max-stale", .any), ("max-stale=10", .seconds(10)), ("max-stale, max-stale=10", .seconds(10)),
            ("max-stale=10, max-stale", .seconds(10)), ("max-stale=10, max-stale=5", .seconds(5)),
            ("max-stale=x", .seconds(0)), ("max-stale=", .seconds(0)), ("x", nil),
        ] as [(String, CacheControl.MaxStale?)]
    )
    func maxStale(text: String, expected: CacheControl.MaxStale?) {
        #expect(request(text).maxStale == expected)
    }

    @Test(
        "min-fresh: the largest number given; what is none is the largest of all (§5.2.1.3)",
        arguments: [
            ("min-fresh=10", 10), ("min-fresh=10, min-fresh=20", 20), ("min-fresh=20, min-fresh=10", 20),
            ("min-fresh", 2_147_483_648), ("min-fresh=x", 2_147_483_648), ("x", nil),
        ] as [(String, Int64?)]
    )
    func minFresh(text: String, expected: Int64?) {
        #expect(request(text).minFresh == expected)
    }

    @Test("The extensions of RFC 5861")
    func stale() {
        let control = response("stale-while-revalidate=30, stale-if-error=\"60\", stale-if-error=50")
        #expect(control.staleWhileRevalidate == 30)
        #expect(control.staleIfError == 50)
    }

    @Test("64 directives are read, with 65 nothing is stored (R12)")
    func limit() {
        let directives = (0..<63).map { "x\($0)" } + ["max-age=60"]
        #expect(!response(directives.joined(separator: ",")).noStore)
        #expect(response(directives.joined(separator: ",")).maxAge == 60)
        #expect(response((directives + ["y"]).joined(separator: ",")).noStore)
        #expect(request((directives + ["y"]).joined(separator: ",")).noStore)
    }

    @Test("Pragma: no-cache counts in a request without Cache-Control, and only there (§5.4)")
    func pragma() {
        #expect(CacheControl.request(section(["Pragma": "No-Cache"])).noCache)
        #expect(CacheControl.request(section(["Pragma": "a, no-cache"])).noCache)
        #expect(!CacheControl.request(section(["Pragma": "no-cache", "Cache-Control": "max-age=60"])).noCache)
        #expect(!CacheControl.request(section(["Pragma": "no-cached"])).noCache)
        #expect(!CacheControl.response(section(["Pragma": "no-cache"])).noCache)
    }
}

extension String {
    /// Every occurrence of a directive's name, in either case, as another one.
    fileprivate func replacingName(_ name: String, with other: String) -> String {
        var text = self
        for spelling in [name, name.uppercased()] {
            text = text.split(separator: spelling, omittingEmptySubsequences: false).joined(separator: other)
        }
        return text
    }
}
