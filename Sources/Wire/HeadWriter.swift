// From a head to bytes (RFC 9112 §3, §4, §5). Nothing is passed through: every byte of a head that leaves
// is written here from the value, names in the case and order in which they came (hardening R25). Heads
// that we made ourselves come this way too, so what no head may contain is kept out here once more.
// Which fields belong into a head (framing, Connection, Via) is its caller's business.

package import HTTPSemantics

/// The writer of heads.
package enum HeadWriter {
    /// Appends a request's head. To an origin an absolute target goes in origin-form (RFC 9112 §3.2.1), to a parent
    /// proxy in absolute-form (§3.2.2). The version is ours: HTTP/1.1 (RFC 9110 §2.5).
    package static func request(_ head: RequestHead, originForm: Bool, into bytes: inout [UInt8]) {
        let target =
            switch head.target {
            case .absolute(let uri): originForm ? uri.pathAndQuery : uri.description
            case .origin(let pathAndQuery): pathAndQuery
            case .authority(let authority): authority.description
            case .asterisk: "*"
            }
        bytes.reserveCapacity(bytes.count + target.utf8.count + head.fields.lineBytes + 48)
        append(head.method.name, where: ByteClass.isToken, to: &bytes)
        bytes.append(Byte.space)
        append(target, where: ByteClass.isVisible, to: &bytes)
        bytes.append(contentsOf: " HTTP/1.1\r\n".utf8)
        fields(head.fields, into: &bytes)
    }

    /// Appends a response's head. The version is ours: HTTP/1.1 (RFC 9110 §2.5).
    package static func response(_ head: ResponseHead, into bytes: inout [UInt8]) {
        response(head, version: .http11, into: &bytes)
    }

    static func response(_ head: ResponseHead, version: HTTPVersion, into bytes: inout [UInt8]) {
        bytes.reserveCapacity(bytes.count + head.reason.utf8.count + head.fields.lineBytes + 24)
        bytes.append(contentsOf: (version == .http11 ? "HTTP/1.1 " : "HTTP/1.0 ").utf8)
        // RFC 9112 §4: three digits. A parser lets nothing else in; a fault of ours shows itself as what it is.
        let status = (100...999).contains(head.status) ? head.status : 500
        bytes.append(Byte.zero + UInt8(status / 100))
        bytes.append(Byte.zero + UInt8(status / 10 % 10))
        bytes.append(Byte.zero + UInt8(status % 10))
        bytes.append(Byte.space)
        append(head.reason, where: ByteClass.isText, to: &bytes)
        bytes.append(Byte.carriageReturn)
        bytes.append(Byte.lineFeed)
        fields(head.fields, into: &bytes)
    }

    /// Appends the field lines and the empty line after them.
    package static func fields(_ fields: FieldSection, into bytes: inout [UInt8]) {
        fields.forEachBytes { _, name, value in
            guard !name.isEmpty, name.allSatisfy(ByteClass.isToken) else { return }
            bytes.append(contentsOf: name)
            bytes.append(Byte.colon)
            bytes.append(Byte.space)
            if value.allSatisfy(ByteClass.isText) {
                bytes.append(contentsOf: value)
            } else {
                // RFC 9110 §5.5: a control character becomes a space.
                for byte in value { bytes.append(ByteClass.isText(byte) ? byte : Byte.space) }
            }
            bytes.append(Byte.carriageReturn)
            bytes.append(Byte.lineFeed)
        }
        bytes.append(Byte.carriageReturn)
        bytes.append(Byte.lineFeed)
    }

    /// Appends a text without the bytes that may not stand there.
    private static func append(_ text: String, where isAllowed: (UInt8) -> Bool, to bytes: inout [UInt8]) {
        if text.utf8.allSatisfy(isAllowed) {
            bytes.append(contentsOf: text.utf8)
        } else {
            bytes.append(contentsOf: text.utf8.lazy.filter(isAllowed))
        }
    }
}
