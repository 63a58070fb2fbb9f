// A request as the laboratory reads it: a deliberately simple reading of RFC 9112 that shares no code with the proxy.
// It knows neither files nor faults.

/// A request's head.
package struct LabRequest: Sendable, Equatable {
    package let method: String
    /// As it stood in the request line.
    package let target: String
    package let isHTTP10: Bool
    package let fields: [HeadField]

    /// - Parameter head: everything up to and including the empty line. nil where it is no request.
    package init?(head: some Collection<UInt8>) {
        let text = String(decoding: head, as: UTF8.self)
        // In Swift CRLF is one character.
        var lines = text.split(separator: "\r\n", omittingEmptySubsequences: true)
        guard !lines.isEmpty else { return nil }
        let words = lines.removeFirst().split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, words[2].hasPrefix("HTTP/1.") else { return nil }
        method = String(words[0])
        target = String(words[1])
        isHTTP10 = words[2] == "HTTP/1.0"
        var read: [HeadField] = []
        for line in lines {
            guard let colon = line.firstIndex(of: ":") else { return nil }
            read.append(HeadField(String(line[..<colon]), trimmed(line[line.index(after: colon)...])))
        }
        fields = read
    }

    package init(method: String = "GET", target: String, fields: [HeadField] = []) {
        self.method = method
        self.target = target
        self.fields = fields
        isHTTP10 = false
    }

    /// The first value of a name, compared without regard to case.
    package subscript(_ name: String) -> String? {
        let lowered = name.lowercased()
        return fields.first { $0.name.lowercased() == lowered }?.value
    }

    /// Whether a comma-separated list holds the token.
    package func list(_ name: String, contains token: String) -> Bool {
        let lowered = name.lowercased()
        return fields.contains { field in
            field.name.lowercased() == lowered
                && field.value.split(separator: ",").contains {
                    trimmed($0.prefix { $0 != ";" }).lowercased() == token
                }
        }
    }

    /// Whether the client lets the connection stay open (RFC 9112 §9.3).
    package var keepsAlive: Bool {
        !list("Connection", contains: "close") && (!isHTTP10 || list("Connection", contains: "keep-alive"))
    }
}

/// Without blanks at both ends.
func trimmed(_ text: some StringProtocol) -> String {
    let front = text.drop { $0 == " " || $0 == "\t" }
    return String(front.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
}
