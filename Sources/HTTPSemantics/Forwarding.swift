// The fields of a head that is passed on (RFC 9110 §7.6, R25, R26): what belongs to the connection goes,
// Via comes, Host is built from the URI. Everything else leaves as it came, in order and spelling. How
// the body is framed on the next connection is not decided here.

/// RFC 9110 §7.6.
package enum Forwarding {
    /// The fields of a request as they go to the origin. `pseudonym` is our name in Via (RFC 9110 §7.6.3).
    package static func request(_ head: RequestHead, pseudonym: String, keepForwardedFor: Bool) -> FieldSection {
        let connection = ConnectionFields(head.fields)
        let host = hostValue(head)
        let expectsContinue =
            head.fields.only(.expect).map { FieldGrammar.equalIgnoringCase($0, "100-continue") } ?? false
        var fields = FieldSection()
        fields.reserve(bytes: head.fields.lineBytes + pseudonym.utf8.count + 64, fields: head.fields.count + 2)
        var hasHost = head.fields.contains(.host)
        if !hasHost, let host {
            // RFC 9112 §3.2: Host goes first where it had no place of its own.
            fields.append(.host, host)
            hasHost = true
        } else {
            hasHost = false
        }
        head.fields.forEach { field in
            switch field.known {
            case .host:
                // R24: built from the URI, never copied, so that it and the target cannot disagree.
                if !hasHost { fields.append(name: field.name, value: host ?? field.value) }
                hasHost = true
            case .expect:
                if expectsContinue { fields.append(field) }
            case .xForwardedFor:
                if keepForwardedFor, !connection.contains(field) { fields.append(field) }
            default:
                if !connection.contains(field) { fields.append(field) }
            }
        }
        decrementMaxForwards(&fields, method: head.method)
        fields.append(.via, "\(protocolVersion(head.version)) \(pseudonym)")
        return fields
    }

    /// The fields of a response as they go to the client; Content-Length stays as it is.
    package static func response(_ head: ResponseHead, pseudonym: String) -> FieldSection {
        let connection = ConnectionFields(head.fields)
        var fields = FieldSection()
        fields.reserve(bytes: head.fields.lineBytes + pseudonym.utf8.count + 64, fields: head.fields.count + 1)
        head.fields.forEach { field in
            if !connection.contains(field) { fields.append(field) }
        }
        fields.append(.via, "\(protocolVersion(head.version)) \(pseudonym)")
        return fields
    }

    /// Whether the request went through us before: our pseudonym is a recipient in Via. Commas within comments are
    /// taken for separators too; that can only find more, and a loop that is overlooked does not end.
    package static func isLoop(_ fields: FieldSection, pseudonym: String) -> Bool {
        for line in fields.values(.via) {
            for member in FieldGrammar.plainList(line) {
                let words = member.utf8.split(whereSeparator: FieldGrammar.isWhitespace)
                if words.count >= 2, FieldGrammar.equalIgnoringCase(Substring(words[1]), pseudonym) { return true }
            }
        }
        return false
    }

    /// RFC 9110 §7.6.2: whether an OPTIONS or TRACE may not be passed on any further, and is to be answered here.
    package static func isLastRecipient(_ head: RequestHead) -> Bool {
        guard head.method == .options || head.method == .trace else { return false }
        return head.fields.only(.maxForwards).flatMap { FieldGrammar.decimal($0) } == 0
    }

    /// nil where the target names no host (origin form, asterisk): then the field of the client, which the parser has
    /// found sound, is all there is.
    private static func hostValue(_ head: RequestHead) -> String? {
        switch head.target {
        case .absolute(let uri): uri.hostField
        case .authority(let authority): authority.description
        case .origin, .asterisk: nil
        }
    }

    private static func decrementMaxForwards(_ fields: inout FieldSection, method: Method) {
        guard method == .options || method == .trace,
            let hops = fields.only(.maxForwards).flatMap({ FieldGrammar.decimal($0) }), hops > 0
        else { return }
        fields.set(.maxForwards, String(hops - 1))
    }

    private static func protocolVersion(_ version: HTTPVersion) -> String {
        switch version {
        case .http10: "1.0"
        case .http11: "1.1"
        }
    }
}
