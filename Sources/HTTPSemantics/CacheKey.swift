// The primary cache key (RFC 9111 §2, R71): the URI, and a hash of it that is the same in every process,
// so that the index can look it up by a small number. The method is no part of it: only answers to GET
// are stored. The secondary key, by Vary, is in Vary.swift.

/// The key that a stored response is found by.
package struct CacheKey: Hashable, Sendable {
    /// The first 64 bits of the hash of `uri`.
    package let high: UInt64
    /// The last 64 bits of the hash of `uri`.
    package let low: UInt64
    /// R71: scheme, lower-case host, port where it is not the scheme's own, path and query byte for byte.
    package let uri: String

    package init(_ uri: AbsoluteURI) {
        var text = uri.description
        let hash = text.withUTF8 {
            SipHash128.hash(UnsafeRawBufferPointer($0), key0: 0x486f_6c64_6661_7374, key1: 0x5265_7375_6d65_2121)
        }
        self.high = hash.high
        self.low = hash.low
        self.uri = text
    }

    /// The hash only finds; the URI decides. Two URIs of one hash must never be taken for each other.
    package static func == (left: CacheKey, right: CacheKey) -> Bool {
        left.low == right.low && left.high == right.high && left.uri.utf8.elementsEqual(right.uri.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(high)
        hasher.combine(low)
    }
}
