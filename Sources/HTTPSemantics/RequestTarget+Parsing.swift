// Reads request targets, absolute URIs and authorities (RFC 9112 §3.2, RFC 9110 §4.2), strictly: R23 and
// R24. What two readers could understand differently is refused, never repaired; the path and the query
// pass byte for byte. It knows nothing of configuration: which ports and hosts are open is asked elsewhere.

extension RequestTarget {
    /// Reads the target of a request line.
    ///
    /// RFC 9112 §3.2.3: CONNECT takes the authority form and nothing else, and no other method takes it (R28).
    /// RFC 9112 §3.2.4: only OPTIONS takes the asterisk. An absolute `https` target is refused as a scheme: what
    /// comes to a proxy in clear text is not to be fetched as if it had come through TLS.
    package static func parse(_ bytes: UnsafeRawBufferPointer, method: Method) -> Result<RequestTarget, TargetError> {
        if let error = TargetGrammar.firstError(bytes) { return .failure(error) }
        let text = String(decoding: bytes, as: UTF8.self)
        if method == .connect {
            return TargetGrammar.authority(text).flatMap { authority in
                authority.port == nil ? .failure(.badPort) : .success(.authority(authority))
            }
        }
        if text == "*" {
            return method == .options ? .success(.asterisk) : .failure(.malformed)
        }
        if text.utf8.first == UInt8(ascii: "/") {
            return .success(.origin(pathAndQuery: text))
        }
        return AbsoluteURI.parse(text).flatMap { uri in
            guard uri.scheme == "http" else { return .failure(.scheme(uri.scheme)) }
            // RFC 9112 §3.2.4: without path and query it is asked of the server as a whole, as "*".
            if method == .options, uri.pathAndQuery == "/", text.utf8.last != UInt8(ascii: "/") {
                return .success(
                    .absolute(AbsoluteURI(scheme: uri.scheme, authority: uri.authority, pathAndQuery: "*"))
                )
            }
            return .success(.absolute(uri))
        }
    }
}

extension AbsoluteURI {
    /// Reads an absolute `http` or `https` URI; scheme and host become lower case, the rest stays as it is.
    package static func parse(_ text: String) -> Result<AbsoluteURI, TargetError> {
        var text = text
        if let error = text.withUTF8({ TargetGrammar.firstError(UnsafeRawBufferPointer($0)) }) {
            return .failure(error)
        }
        let bytes = text.utf8
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else { return .failure(.malformed) }
        let scheme = FieldGrammar.lowercase(text[..<colon])
        guard TargetGrammar.isScheme(scheme) else { return .failure(.malformed) }
        let rest = text[bytes.index(after: colon)...]
        // `example.org:80` is an authority, which only CONNECT takes, and not a URI of the scheme `example.org`.
        if !rest.isEmpty, rest.utf8.allSatisfy(FieldGrammar.isDigit) { return .failure(.malformed) }
        guard scheme == "http" || scheme == "https" else { return .failure(.scheme(scheme)) }
        guard rest.utf8.starts(with: "//".utf8) else { return .failure(.malformed) }
        let hierarchical = rest.dropFirst(2)
        let pathStart =
            hierarchical.utf8.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") }
            ?? hierarchical.endIndex
        return TargetGrammar.authority(hierarchical[..<pathStart]).map { authority in
            let tail = hierarchical[pathStart...]
            // RFC 9110 §4.2.3: an empty path is the path "/".
            let pathAndQuery = tail.utf8.first == UInt8(ascii: "/") ? String(tail) : "/" + tail
            return AbsoluteURI(scheme: scheme, authority: authority, pathAndQuery: pathAndQuery)
        }
    }
}

extension Authority {
    /// Reads the value of a Host field (R24, RFC 9110 §7.2): `uri-host [":" port]`.
    package static func parse(_ text: String) -> Authority? {
        guard case .success(let authority) = TargetGrammar.authority(text) else { return nil }
        return authority
    }
}

/// The rules that the three readers share.
private enum TargetGrammar {
    /// DNS (RFC 1035 §2.3.4): a name has at most 253 bytes, a label at most 63.
    static let longestName = 253
    static let longestLabel = 63

    /// R23: visible ASCII only, no fragment, no backslash (some readers take it for a slash).
    static func firstError(_ bytes: UnsafeRawBufferPointer) -> TargetError? {
        if bytes.isEmpty { return .malformed }
        for byte in bytes {
            if byte < 0x21 || byte > 0x7E || byte == FieldGrammar.backslash { return .malformed }
            if byte == UInt8(ascii: "#") { return .fragment }
        }
        return nil
    }

    /// RFC 3986 §3.1; `text` is in lower case.
    static func isScheme(_ text: String) -> Bool {
        guard let first = text.utf8.first, FieldGrammar.isLetter(first) else { return false }
        return text.utf8.allSatisfy { byte in
            FieldGrammar.isLetter(byte) || FieldGrammar.isDigit(byte)
                || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
        }
    }

    static func authority(_ text: some StringProtocol) -> Result<Authority, TargetError> {
        let text = Substring(text)
        // RFC 9110 §4.2.4: user information in a URI is a means of deceit.
        if text.utf8.contains(UInt8(ascii: "@")) { return .failure(.userinfo) }
        let hostEnd: String.Index
        if text.utf8.first == UInt8(ascii: "[") {
            guard let bracket = text.utf8.firstIndex(of: UInt8(ascii: "]")) else { return .failure(.badHost) }
            hostEnd = text.utf8.index(after: bracket)
        } else {
            hostEnd = text.utf8.firstIndex(of: UInt8(ascii: ":")) ?? text.endIndex
        }
        let host = FieldGrammar.lowercase(text[..<hostEnd])
        if host.isEmpty { return .failure(.emptyHost) }
        guard isHost(host) else { return .failure(.badHost) }
        if hostEnd == text.endIndex { return .success(Authority(host: host, port: nil)) }
        guard text.utf8[hostEnd] == UInt8(ascii: ":") else { return .failure(.badHost) }
        let portText = text[text.utf8.index(after: hostEnd)...]
        // RFC 9110 §4.2.3: an empty port is the default one.
        if portText.isEmpty { return .success(Authority(host: host, port: nil)) }
        guard let port = port(portText) else { return .failure(.badPort) }
        return .success(Authority(host: host, port: port))
    }

    /// R23: 1 to 65535, without leading zeros: so written, the same authority had two spellings.
    static func port(_ text: Substring) -> UInt16? {
        guard let first = text.utf8.first, first != UInt8(ascii: "0"), text.utf8.count <= 5 else { return nil }
        return FieldGrammar.decimal(text).flatMap { UInt16(exactly: $0) }
    }

    /// A canonical IPv4 address, an IPv6 address in brackets, or a name as DNS has them. RFC 3986 §3.2.2 allows
    /// percent-encoding and sub-delimiters in names; no host is called that, and readers differ about them.
    static func isHost(_ host: String) -> Bool {
        if host.utf8.first == UInt8(ascii: "[") {
            guard host.utf8.last == UInt8(ascii: "]"), host.utf8.count > 2 else { return false }
            guard case .v6 = IPAddress.parse(String(host.dropFirst().dropLast())) else { return false }
            return true
        }
        var labels = host.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        let isRooted = labels.count > 1 && labels.last?.isEmpty == true
        if isRooted { labels.removeLast() }
        guard host.utf8.count - (isRooted ? 1 : 0) <= longestName else { return false }
        let isSound = labels.allSatisfy { label in
            (1...longestLabel).contains(label.count)
                && label.allSatisfy { byte in
                    FieldGrammar.isLetter(byte) || FieldGrammar.isDigit(byte)
                        || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "~")
                }
        }
        guard isSound, let last = labels.last else { return false }
        // The WHATWG URL rule: what ends in a number is an IPv4 address to some reader. R23: only the canonical
        // form is let through, so that 0x7f.1, 0177.0.0.1 and 2130706433 are not a way to 127.0.0.1.
        if isNumber(last) {
            guard case .v4 = IPAddress.parse(host) else { return false }
        }
        return true
    }

    private static func isNumber(_ label: Substring.UTF8View) -> Bool {
        if label.allSatisfy(FieldGrammar.isDigit) { return true }
        guard label.starts(with: "0x".utf8) else { return false }
        return label.dropFirst(2).allSatisfy { FieldGrammar.isDigit($0) || ($0 | 0x20) &- 0x61 < 6 }
    }
}
