// R71: which URIs have one key.

import HTTPSemantics
import Testing

@Suite("The cache key is the URI, byte for byte beyond the authority (RFC 9111 §2, R71)")
struct CacheKeyTests {
    private func key(_ text: String) throws -> CacheKey { CacheKey(try AbsoluteURI.parse(text).get()) }

    @Test(
        "These spellings are one key",
        arguments: [
            ("http://example.org/", "HTTP://EXAMPLE.ORG/"),
            ("http://example.org/", "http://example.org"),
            ("http://example.org/", "http://example.org:80/"),
            ("https://example.org/", "https://example.org:443"),
            ("http://example.org?a", "http://example.org/?a"),
        ]
    )
    func same(one: String, other: String) throws {
        #expect(try key(one) == key(other))
        #expect(try key(one).hashValue == key(other).hashValue)
        #expect(try key(one).uri == key(other).uri)
    }

    @Test(
        "These are different ones",
        arguments: [
            ("http://example.org/", "https://example.org/"),
            ("http://example.org/", "http://example.org:8080/"),
            ("http://example.org:443/", "https://example.org/"),
            ("http://example.org/", "http://example.org./"),
            ("http://example.org/a", "http://example.org/A"),
            ("http://example.org/a", "http://example.org/a?"),
            ("http://example.org/%7ea", "http://example.org/~a"),
            ("http://example.org/%7ea", "http://example.org/%7Ea"),
            ("http://example.org/a/../b", "http://example.org/b"),
            ("http://example.org/a//b", "http://example.org/a/b"),
            ("http://example.org/?a&b", "http://example.org/?b&a"),
        ]
    )
    func different(one: String, other: String) throws {
        let first = try key(one)
        let second = try key(other)
        #expect(first != second)
        #expect(first.high != second.high || first.low != second.low)
    }

    @Test("The hash is the same in every process, for the index on disk keeps it")
    func stable() throws {
        let key = try key("http://127.0.0.3/VS0515AI.EXE")
        #expect(key.high == 0x7071826e26332e36)
        #expect(key.low == 0x0aed8d3c78530912)
    }

    @Test(
        "SipHash-2-4-128 of the bytes 0, 1, 2… under the key of its reference vectors",
        arguments: [
            (0, 0xe6a825ba047f81a3, 0x930255c71472f66d),
            (1, 0x44af996bd8c187da, 0x45fc229b11597634),
            (7, 0x53c1dbd8beebf1a1, 0x3982f01fa64ab8c0),
            (8, 0x61f55862baa9623b, 0xb49714f364e2830f),
            (15, 0x11a8b03399e99354, 0xd9c3cf970fec087e),
            (63, 0x4a83502f77d15051, 0x7cbd3f979a063e50),
        ] as [(Int, UInt64, UInt64)]
    )
    func reference(length: Int, high: UInt64, low: UInt64) {
        let message = (0..<length).map { UInt8($0) }
        let hash = message.withUnsafeBytes {
            SipHash128.hash($0, key0: 0x0706_0504_0302_0100, key1: 0x0f0e_0d0c_0b0a_0908)
        }
        #expect(hash.high == high)
        #expect(hash.low == low)
    }

    @Test("A hundred thousand URIs have a hundred thousand hashes, in either half")
    func spread() {
        var high: Set<UInt64> = []
        var low: Set<UInt64> = []
        for number in 0..<100_000 {
            let key = CacheKey(
                AbsoluteURI(
                    scheme: "http",
                    authority: Authority(host: "example.org", port: nil),
                    pathAndQuery: "/\(number)"
                )
            )
            high.insert(key.high)
            low.insert(key.low)
        }
        #expect(high.count == 100_000)
        #expect(low.count == 100_000)
    }
}
