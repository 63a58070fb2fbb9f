// Cache-Status (RFC 9211): what the cache did with a request, in one member of a structured list
// (RFC 8941). It only writes; what is true is decided where it happened.

/// What a response says about its way through the cache.
package struct CacheStatus: Sendable, Equatable {
    /// RFC 9211 §2.2: why the request went to the origin.
    package enum Forward: String, Sendable, CaseIterable {
        case bypass
        case method
        case uriMiss = "uri-miss"
        case varyMiss = "vary-miss"
        case miss
        case request
        case stale
        case partial
    }

    /// §2.1: answered without the origin. Excludes `forward`.
    package var hit: Bool
    package var forward: Forward?
    /// §2.3: the status that the origin answered with.
    package var forwardStatus: Int?
    /// §2.5: whether the response was stored.
    package var stored: Bool
    /// §2.6: whether the request shared another one's way to the origin.
    package var collapsed: Bool
    /// §2.4: seconds for which the response is still fresh; negative where it is stale.
    package var ttl: Int64?
    /// §2.8: something for people.
    package var detail: String?

    package init(
        hit: Bool = false,
        forward: Forward? = nil,
        forwardStatus: Int? = nil,
        stored: Bool = false,
        collapsed: Bool = false,
        ttl: Int64? = nil,
        detail: String? = nil
    ) {
        self.hit = hit
        self.forward = forward
        self.forwardStatus = forwardStatus
        self.stored = stored
        self.collapsed = collapsed
        self.ttl = ttl
        self.detail = detail
    }

    /// The list member of this cache, as `holdfast; fwd=stale; fwd-status=304`.
    package func value(cacheName: String) -> String {
        var text = Self.item(cacheName)
        if let forward {
            text += "; fwd=\(forward.rawValue)"
            if let forwardStatus { text += "; fwd-status=\(forwardStatus)" }
            if stored { text += "; stored" }
            if collapsed { text += "; collapsed" }
        } else if hit {
            text += "; hit"
        }
        if let ttl { text += "; ttl=\(min(max(ttl, -Self.largestInteger), Self.largestInteger))" }
        if let detail { text += "; detail=\(Self.item(detail))" }
        return text
    }

    /// RFC 8941 §3.3.1.
    private static let largestInteger: Int64 = 999_999_999_999_999

    /// A token where the text is one (RFC 8941 §3.3.4), else a string (§3.3.3), in which what cannot stand in one
    /// becomes a question mark.
    private static func item(_ text: String) -> String {
        if let first = text.utf8.first, FieldGrammar.isLetter(first) || first == UInt8(ascii: "*"),
            text.utf8.allSatisfy({
                FieldGrammar.isTokenByte($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "/")
            })
        {
            return text
        }
        var bytes = [FieldGrammar.quote]
        for byte in text.utf8 {
            if byte == FieldGrammar.quote || byte == FieldGrammar.backslash { bytes.append(FieldGrammar.backslash) }
            bytes.append(byte >= 0x20 && byte < 0x7F ? byte : UInt8(ascii: "?"))
        }
        bytes.append(FieldGrammar.quote)
        return String(decoding: bytes, as: UTF8.self)
    }
}
