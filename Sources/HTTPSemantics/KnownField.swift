// The field names that a cache or a proxy has to understand, as small numbers, so that the question
// "is there a Range?" compares a byte and not a string. Every other name passes as bytes.

/// A field name that some rule looks at. `.other` stands for every name that none does.
package enum KnownField: UInt8, CaseIterable, Sendable {
    case other
    case accept, acceptCharset, acceptEncoding, acceptLanguage, acceptRanges, age, allow, authorization
    case cacheControl, cacheStatus, connection, contentDigest, contentEncoding, contentLanguage, contentLength
    case contentLocation, contentMD5, contentRange, contentType, cookie
    case date, digest, etag, expect, expires, from, host
    case http2Settings, ifMatch, ifModifiedSince, ifNoneMatch, ifRange, ifUnmodifiedSince
    case keepAlive, lastModified, location, maxForwards, pragma
    case proxyAuthenticate, proxyAuthenticationInfo, proxyAuthorization, proxyConnection, proxyStatus
    case range, referer, reprDigest, retryAfter, server, setCookie, te, trailer, transferEncoding
    case upgrade, userAgent, vary, via, warning, wwwAuthenticate, xForwardedFor

    /// The name as the RFCs write it; empty for `.other`.
    package var canonicalName: StaticString {
        switch self {
        case .other: ""
        case .accept: "Accept"
        case .acceptCharset: "Accept-Charset"
        case .acceptEncoding: "Accept-Encoding"
        case .acceptLanguage: "Accept-Language"
        case .acceptRanges: "Accept-Ranges"
        case .age: "Age"
        case .allow: "Allow"
        case .authorization: "Authorization"
        case .cacheControl: "Cache-Control"
        case .cacheStatus: "Cache-Status"
        case .connection: "Connection"
        case .contentDigest: "Content-Digest"
        case .contentEncoding: "Content-Encoding"
        case .contentLanguage: "Content-Language"
        case .contentLength: "Content-Length"
        case .contentLocation: "Content-Location"
        case .contentMD5: "Content-MD5"
        case .contentRange: "Content-Range"
        case .contentType: "Content-Type"
        case .cookie: "Cookie"
        case .date: "Date"
        case .digest: "Digest"
        case .etag: "ETag"
        case .expect: "Expect"
        case .expires: "Expires"
        case .from: "From"
        case .host: "Host"
        case .http2Settings: "HTTP2-Settings"
        case .ifMatch: "If-Match"
        case .ifModifiedSince: "If-Modified-Since"
        case .ifNoneMatch: "If-None-Match"
        case .ifRange: "If-Range"
        case .ifUnmodifiedSince: "If-Unmodified-Since"
        case .keepAlive: "Keep-Alive"
        case .lastModified: "Last-Modified"
        case .location: "Location"
        case .maxForwards: "Max-Forwards"
        case .pragma: "Pragma"
        case .proxyAuthenticate: "Proxy-Authenticate"
        case .proxyAuthenticationInfo: "Proxy-Authentication-Info"
        case .proxyAuthorization: "Proxy-Authorization"
        case .proxyConnection: "Proxy-Connection"
        case .proxyStatus: "Proxy-Status"
        case .range: "Range"
        case .referer: "Referer"
        case .reprDigest: "Repr-Digest"
        case .retryAfter: "Retry-After"
        case .server: "Server"
        case .setCookie: "Set-Cookie"
        case .te: "TE"
        case .trailer: "Trailer"
        case .transferEncoding: "Transfer-Encoding"
        case .upgrade: "Upgrade"
        case .userAgent: "User-Agent"
        case .vary: "Vary"
        case .via: "Via"
        case .warning: "Warning"
        case .wwwAuthenticate: "WWW-Authenticate"
        case .xForwardedFor: "X-Forwarded-For"
        }
    }

    /// The known field of this name in any case of letters (RFC 9110 §5.1), or `.other`.
    package static func named(_ name: UnsafeRawBufferPointer) -> KnownField {
        guard name.count < byLength.count else { return .other }
        candidates: for candidate in byLength[name.count] {
            var equal = true
            candidate.canonicalName.withUTF8Buffer { canonical in
                for (index, byte) in name.enumerated() where lowercased(byte) != lowercased(canonical[index]) {
                    equal = false
                    return
                }
            }
            if equal { return candidate }
        }
        return .other
    }

    package static func named(_ name: String) -> KnownField {
        var name = name
        return name.withUTF8 { named(UnsafeRawBufferPointer($0)) }
    }

    /// The known fields by the length of their names in bytes.
    private static let byLength: [[KnownField]] = {
        var table: [[KnownField]] = []
        for field in allCases where field != .other {
            let length = field.canonicalName.utf8CodeUnitCount
            while table.count <= length { table.append([]) }
            table[length].append(field)
        }
        return table
    }()
}

/// ASCII lower case of one byte; every byte that is not an ASCII capital stays as it is.
@inline(__always)
package func lowercased(_ byte: UInt8) -> UInt8 {
    byte &- 0x41 < 26 ? byte | 0x20 : byte
}
