import HTTPSemantics
import Testing

@testable import Configuration

@Suite("Several sources of the same paths (mirrors of a rule)") struct MirrorListTests {
    private static func others(_ sources: [String], of text: String) throws -> [String]? {
        let uri = try AbsoluteURI.parse(text).get()
        return MirrorList(sources)?.others(of: uri).map(\.description)
    }

    static let sources = ["http://a.example/debian", "http://b.example/pub/debian/", "http://c.example"]

    @Test(
        "What follows the base is looked for below the other bases",
        arguments: [
            (
                "http://a.example/debian/pool/x.deb?y=1",
                ["http://b.example/pub/debian/pool/x.deb?y=1", "http://c.example/pool/x.deb?y=1"]
            ),
            (
                "http://b.example/pub/debian/pool/x.deb",
                ["http://a.example/debian/pool/x.deb", "http://c.example/pool/x.deb"]
            ),
            (
                "http://c.example/pool/x.deb",
                ["http://a.example/debian/pool/x.deb", "http://b.example/pub/debian/pool/x.deb"]
            ),
            ("http://a.example/debianish/x.deb", []), ("http://a.example:8080/debian/x.deb", []),
            ("http://d.example/debian/x.deb", []),
        ]
    )
    func others(_ uri: String, _ expected: [String]) throws {
        #expect(try Self.others(Self.sources, of: uri) == expected)
    }

    @Test("Of two bases on one host the longer is meant")
    func nested() throws {
        let sources = ["http://a.example", "http://a.example/mirror"]
        #expect(try Self.others(sources, of: "http://a.example/mirror/x") == ["http://a.example/x"])
        #expect(try Self.others(sources, of: "http://a.example/x") == ["http://a.example/mirror/x"])
    }

    @Test(
        "What is no list of sources",
        arguments: [
            [], ["http://a.example"], ["http://a.example", "http://a.example/"],
            ["http://a.example", "https://b.example"],
            ["http://a.example", "http://b.example/?x"], ["http://a.example", "b.example"],
        ]
    )
    func refused(_ sources: [String]) {
        #expect(MirrorList(sources) == nil)
    }
}
