// Which fields belong to one connection and go no further (RFC 9110 §7.6.1, R26). Asked by whoever
// forwards a head and by whoever stores one.

/// The fields of one message that are not for the next recipient.
struct ConnectionFields {
    /// What Connection nominates, in lower case.
    private var nominated: Set<String> = []

    init(_ fields: FieldSection) {
        for line in fields.values(.connection) {
            for member in FieldGrammar.plainList(line) {
                nominated.insert(FieldGrammar.lowercase(member))
            }
        }
    }

    func contains(_ field: FieldSection.Field) -> Bool {
        switch field.known {
        case .connection, .keepAlive, .proxyConnection, .proxyAuthorization, .proxyAuthenticate,
            .proxyAuthenticationInfo, .te, .trailer, .transferEncoding, .upgrade, .http2Settings:
            return true
        // R26: these are needed by the next recipient, or by us; nominating them is an attack (RFC 9110 §7.6.1: what
        // is meant for all recipients must not be nominated). Without Content-Encoding and Content-Type the bytes mean
        // something else, without the last five a response is fresher or changes less than its origin said.
        case .host, .contentLength, .cacheControl, .authorization, .contentRange, .etag, .vary,
            .contentEncoding, .contentType, .age, .date, .expires, .lastModified, .pragma:
            return false
        default:
            return !nominated.isEmpty && nominated.contains(FieldGrammar.lowercase(field.name))
        }
    }
}
