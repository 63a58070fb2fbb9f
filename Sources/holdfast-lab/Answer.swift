// An answer before it is sent: a status, fields, and which bytes in which framing. Values only.

/// A piece of a body.
package enum BodyPart: Sendable, Equatable {
    case text([UInt8])
    /// Bytes of the representation.
    case span(Range<Int64>)

    package var count: Int64 {
        switch self {
        case .text(let bytes): Int64(bytes.count)
        case .span(let range): range.upperBound - range.lowerBound
        }
    }
}

/// What is sent for a request.
package struct Answer: Sendable, Equatable {
    package var status: Int
    package var fields: [HeadField] = []
    package var parts: [BodyPart] = []
    package var framing = Framing.length
    /// What Content-Length says beyond the bytes of the body.
    package var lengthLie: Int64 = 0
    /// Whether the body is (a part of) the file, so that the faults of the transfer touch it.
    package var isFile = false

    package var bodyLength: Int64 { parts.reduce(0) { $0 + $1.count } }

    package subscript(_ name: String) -> String? {
        fields.first { $0.name.lowercased() == name.lowercased() }?.value
    }

    package mutating func add(_ name: String, _ value: String?) {
        if let value { fields.append(HeadField(name, value)) }
    }

    /// An answer of the laboratory's own, in plain text.
    package static func sentence(_ status: Int, _ text: String) -> Answer {
        var answer = Answer(status: status)
        answer.add("Content-Type", "text/plain; charset=utf-8")
        answer.parts = [.text(Array((text + "\n").utf8))]
        return answer
    }

    /// The head on the wire; the field that frames the body is the last one.
    package func head(isHTTP10: Bool, closes: Bool) -> [UInt8] {
        var text = "\(isHTTP10 ? "HTTP/1.0" : "HTTP/1.1") \(status) \(Self.reason(status))\r\n"
        for field in fields { text += "\(field.name): \(field.value)\r\n" }
        if status != 304 && status != 204 {
            switch framing {
            case .length: text += "Content-Length: \(max(0, bodyLength + lengthLie))\r\n"
            case .chunked: text += "Transfer-Encoding: chunked\r\n"
            case .untilClose: break
            }
        }
        if closes { text += "Connection: close\r\n" }
        return Array((text + "\r\n").utf8)
    }

    private static func reason(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 206: "Partial Content"
        case 304: "Not Modified"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 412: "Precondition Failed"
        case 416: "Range Not Satisfiable"
        case 429: "Too Many Requests"
        case 503: "Service Unavailable"
        default: "As The URL Says"
        }
    }
}

/// What the laboratory knows at the moment in which it answers.
package struct Moment: Sendable, Equatable {
    /// Which request of this URL it is, from 1.
    package var requestNumber = 1
    package var version: Int64 = 1
    /// Seconds since the laboratory's epoch.
    package var elapsed = 0.0
    /// Seconds since 1970.
    package var now: Int64 = 1_800_000_000
    /// Requests of this URL that are being answered, this one included.
    package var runningHere = 1
    /// Requests of this client address that are being answered, this one included.
    package var runningOfClient = 1

    package init() {}
}

/// Which hash of some bytes.
package enum HashAlgorithm: Sendable, Hashable {
    case sha256
    case md5
}
