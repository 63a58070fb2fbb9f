// RFC 9213, and what of RFC 8941 it rests on: which field decides, and what of it is believed.

import HTTPSemantics
import Testing

@Suite("Targeted cache control (RFC 9213)")
struct TargetedCacheControlTests {
    private func control(
        _ lines: KeyValuePairs<String, String>,
        targets: [String] = ["example-cache-control", "cdn-cache-control"]
    ) -> CacheControl {
        var policy = CachePolicy.standard
        policy.targets = targets
        return CacheControl.response(section(lines), policy: policy)
    }

    /// What one targeted field says beside a Cache-Control of `max-age=1`.
    private func targeted(_ value: String) -> CacheControl {
        control(["CDN-Cache-Control": value, "Cache-Control": "max-age=1"])
    }

    @Test("The first target of the list that is there decides, in any case of letters (§2.2)")
    func order() {
        let both: KeyValuePairs = [
            "Cache-Control": "max-age=1", "CDN-CACHE-CONTROL": "max-age=2", "Example-Cache-Control": "max-age=3",
        ]
        #expect(control(both).maxAge == 3)
        #expect(control(both, targets: ["cdn-cache-control", "example-cache-control"]).maxAge == 2)
        #expect(control(both, targets: ["other"]).maxAge == 1)
        #expect(control(both, targets: []).maxAge == 1)
        #expect(CacheControl.response(section(both)).maxAge == 1)
        #expect(control(both).isTargeted)
        #expect(!control(both, targets: []).isTargeted)
    }

    @Test("No directive of Cache-Control is added to those of the target (§2.2)")
    func replaces() {
        let said = control(["CDN-Cache-Control": "max-age=2", "Cache-Control": "no-store, s-maxage=1, private"])
        var expected = control(["CDN-Cache-Control": "x"])
        expected.maxAge = 2
        #expect(said == expected)
    }

    @Test("A targeted field in a request says nothing (§2)")
    func requests() {
        #expect(CacheControl.request(section(["CDN-Cache-Control": "no-store"])) == CacheControl())
    }

    @Test("A sound target stands in the place of Expires too (§2.2)")
    func expires() {
        var policy = CachePolicy.standard
        policy.targets = ["cdn-cache-control"]
        func lifetime(_ targeted: String) -> Freshness {
            let lines: KeyValuePairs = [
                "CDN-Cache-Control": targeted, "Expires": HTTPDate.format(instant + 60),
                "Date": HTTPDate.format(instant),
            ]
            return Freshness.lifetime(
                request: request(),
                response: response(200, lines),
                responseTime: instant,
                policy: policy
            )
        }
        #expect(lifetime("max-age=5") == Freshness(lifetime: 5, isHeuristic: false))
        #expect(lifetime("must-revalidate") == Freshness(lifetime: 0, isHeuristic: true))
        #expect(lifetime("must revalidate") == Freshness(lifetime: 60, isHeuristic: false))
        #expect(lifetime("") == Freshness(lifetime: 60, isHeuristic: false))
    }

    @Test(
        "A field that is empty or no Dictionary is as if it were not there (§2.1, RFC 8941 §4.2)",
        arguments: [
            "", " ", "max-age=9,", ",max-age=9", "max-age=9,,no-store", "Max-Age=9", "max-age=", "max-age=9 no-store",
            "max-age =9", "max-age= 9", "max-age=9;", "max-age=9; =1", "max-age=9;A", "max-age=9;a=", "max-age=--9",
            "max-age=-", "max-age=1234567890123456", "max-age=9.", "max-age=9.1234", "max-age=1234567890123.1",
            "max-age=\"9", "a=\"\\x\"", "a=\"\\", "a=\"\u{e9}\"", "a=\"\u{7f}\"", "a=?2", "a=?", "a=:YQ==", "a=:Y_:",
            "a=(1",
            "a=(1 2", "a=(1,2)", "a=(1\"x\")", "a=!", "a=@1", "1a", "=9", "max-age=9\u{e9}", "\tmax-age=9",
            "max-age=+9",
        ]
    )
    func unreadable(value: String) {
        let said = targeted(value)
        #expect(said.maxAge == 1)
        #expect(!said.isTargeted)
    }

    @Test("After an unreadable target, the next one decides (§2.2)")
    func fallsBack() {
        let said = control([
            "Example-Cache-Control": "max-age=", "CDN-Cache-Control": "max-age=2", "Cache-Control": "max-age=1",
        ])
        #expect(said.maxAge == 2)
    }

    @Test(
        "What a Dictionary may be, beside what we read of it (RFC 8941 §3.2)",
        arguments: [
            "max-age=9", "  max-age=9  ", "max-age=9\t,\ta", "a, max-age=9", "max-age=9;a;b=1;  c=\"x\"",
            "max-age=1, max-age=9", "a=(), max-age=9", "a=( 1  \"x\";p=1 tok ?1 );q, max-age=9", "a=-1.5, max-age=9",
            "a=tok/en:*, max-age=9", "a=*t, max-age=9", "*a_b-c.d*1, max-age=9", "a=:YQ==:, max-age=9",
            "a=?0, max-age=9",
            "a=\"\\\"\\\\, \", max-age=9", "max-age=009", "a=123456789012.123, max-age=9", "a=\"\", max-age=9",
            "a=::, max-age=9",
        ]
    )
    func readable(value: String) {
        #expect(targeted(value).maxAge == 9)
    }

    @Test("Several lines are one Dictionary; of two values of a key the last counts (RFC 8941 §4.2)")
    func severalLines() {
        let said = control(["CDN-Cache-Control": "max-age=5, no-transform", "cdn-cache-control": "max-age=9"])
        #expect(said.maxAge == 9)
        #expect(said.noTransform)
        #expect(control(["CDN-Cache-Control": "max-age=5", "cdn-cache-control": "!"]).maxAge == nil)
    }

    @Test("Directives without an argument (§2.1)")
    func flags() {
        let table: [(String, WritableKeyPath<CacheControl, Bool>, Bool)] = [
            ("no-store", \.noStore, true), ("no-cache", \.noCache, true), ("private", \.isPrivate, true),
            ("must-revalidate", \.mustRevalidate, true), ("proxy-revalidate", \.proxyRevalidate, true),
            ("no-transform", \.noTransform, true), ("public", \.isPublic, false), ("immutable", \.immutable, false),
            ("must-understand", \.mustUnderstand, false),
        ]
        for (name, path, isBelievedOfAnyType) in table {
            #expect(targeted(name)[keyPath: path])
            #expect(targeted("\(name)=?1")[keyPath: path])
            #expect(targeted("\(name);x")[keyPath: path])
            #expect(!targeted("\(name)=?0")[keyPath: path])
            #expect(targeted("\(name)=1")[keyPath: path] == isBelievedOfAnyType)
            #expect(targeted("\(name)=tok")[keyPath: path] == isBelievedOfAnyType)
            #expect(!targeted("x-\(name)")[keyPath: path])
        }
    }

    @Test(
        "Seconds are an Integer; of another type they are not consumed (§2.1)",
        arguments: [
            ("9", 9), ("0", 0), ("-9", 0), ("999999999999999", 2_147_483_648), ("\"9\"", nil), ("9.0", nil),
            ("?1", nil),
            ("tok", nil), (":YQ==:", nil), ("(9)", nil),
        ] as [(String, Int64?)]
    )
    func seconds(value: String, expected: Int64?) {
        #expect(targeted("max-age=\(value)").maxAge == expected)
        #expect(targeted("s-maxage=\(value)").sMaxAge == expected)
        #expect(targeted("stale-if-error=\(value)").staleIfError == expected)
        #expect(targeted("stale-while-revalidate=\(value)").staleWhileRevalidate == expected)
        #expect(targeted("max-age=\(value)").isTargeted)
    }

    @Test("Field names are a String, and as in Cache-Control unsound ones are the whole response (§2.1)")
    func fieldNames() {
        #expect(targeted("no-cache=\"A, b\"").noCacheFields == ["a", "b"])
        #expect(!targeted("no-cache=\"A\"").noCache)
        #expect(targeted("private=\"A, b\"").privateFields == ["a", "b"])
        #expect(!targeted("private=\"A\"").isPrivate)
        #expect(targeted("private=\"a b\"").isPrivate)
        #expect(targeted("no-cache=\"\"").noCache)
        #expect(targeted("private=A").isPrivate)
    }

    @Test("The fields that a target withholds are not stored (RFC 9111 §5.2.2.4, §5.2.2.7)")
    func withheld() {
        var policy = CachePolicy.standard
        policy.targets = ["cdn-cache-control"]
        let fields = section(["CDN-Cache-Control": "private=\"x-user\", no-cache=\"y\"", "X-User": "u", "Y": "1"])
        #expect(StoredHeadUpdate.storable(fields, policy: policy).count == 1)
        #expect(StoredHeadUpdate.storable(fields).count == 3)
        let updated = StoredHeadUpdate.apply(section(["X-User": "v", "Z": "1"]), to: fields, policy: policy)
        #expect(lines(updated).sorted() == ["CDN-Cache-Control: private=\"x-user\", no-cache=\"y\"", "Z: 1"])
    }

    @Test("64 members are read, with 65 nothing is stored (R12)")
    func limit() {
        let members = (0..<63).map { "x\($0)" } + ["max-age=9"]
        #expect(targeted(members.joined(separator: ", ")).maxAge == 9)
        #expect(!targeted(members.joined(separator: ", ")).noStore)
        #expect(targeted((members + ["y"]).joined(separator: ", ")).noStore)
        #expect(targeted((members + ["y"]).joined(separator: ", ")).maxAge == nil)
    }
}
