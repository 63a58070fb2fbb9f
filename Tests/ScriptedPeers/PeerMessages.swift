// What the peers know of an HTTP/1.x message: a start line, fields as they were sent, and where the body ends.
//
// Deliberately a second, simpler reading of RFC 9112 that shares no code with the program under test, so that a
// mistake there is not repeated here.

import Glibc

/// Fields in the order and case in which they were on the wire.
package struct PeerFields: Sendable, Equatable, ExpressibleByDictionaryLiteral {
    package struct Field: Sendable, Equatable {
        package let name: String
        package let value: String
    }

    package private(set) var all: [Field] = []

    package init() {}

    package init(dictionaryLiteral elements: (String, String)...) {
        all = elements.map { Field(name: $0.0, value: $0.1) }
    }

    package mutating func append(_ name: String, _ value: String) {
        all.append(Field(name: name, value: value))
    }

    /// The first value of a name, compared without regard to case (RFC 9110 §5.1).
    package subscript(_ name: String) -> String? {
        values(name).first
    }

    /// Every value of a name, in order.
    package func values(_ name: String) -> [String] {
        let lowered = name.lowercased()
        return all.filter { $0.name.lowercased() == lowered }.map(\.value)
    }

    package var names: [String] { all.map(\.name) }

    /// Whether a comma-separated list in these fields holds the token.
    package func list(_ name: String, contains token: String) -> Bool {
        values(name).contains { value in
            value.split(separator: ",").contains { trimmed($0).lowercased() == token.lowercased() }
        }
    }

    /// The field lines, each with its CRLF.
    package var text: String { all.map { "\($0.name): \($0.value)\r\n" }.joined() }
}

/// A request as an origin received it.
package struct ReceivedRequest: Sendable {
    package let method: String
    /// As it stood in the request line.
    package let target: String
    package let version: String
    package let fields: PeerFields
    package internal(set) var body: [UInt8] = []
    /// The head as it was on the wire, the empty line included.
    package let headText: String
    /// Which connection of the origin it came on, counted from 0.
    package let connection: Int

    package subscript(_ name: String) -> String? { fields[name] }
}

/// A response's head as a client received it.
package struct ReceivedHead: Sendable {
    package let version: String
    package let status: Int
    package let reason: String
    package let fields: PeerFields
    /// The head as it was on the wire, the empty line included.
    package let text: String

    package subscript(_ name: String) -> String? { fields[name] }
}

/// How a body ended.
package enum BodyEnd: Sendable, Equatable {
    /// Where its framing said that it ends.
    case complete
    /// The connection was closed before that.
    case truncated
    /// The connection was reset before that.
    case reset
}

/// How a body's end is known (RFC 9112 §6.3).
enum PeerFraming: Equatable {
    case none
    case length(Int64)
    case chunked
    case untilClose

    static func ofResponse(_ head: ReceivedHead, to method: String) throws -> PeerFraming {
        if method == "HEAD" || head.status / 100 == 1 || head.status == 204 || head.status == 304 { return .none }
        if method == "CONNECT" && head.status / 100 == 2 { return .none }
        return try of(head.fields) ?? .untilClose
    }

    static func ofRequest(_ fields: PeerFields) throws -> PeerFraming {
        try of(fields) ?? .none
    }

    private static func of(_ fields: PeerFields) throws -> PeerFraming? {
        if fields.list("Transfer-Encoding", contains: "chunked") {
            if fields["Content-Length"] != nil { throw PeerFailure("both Transfer-Encoding and Content-Length") }
            return .chunked
        }
        let lengths = fields.values("Content-Length")
        guard let first = lengths.first else { return nil }
        guard lengths.count == 1, let length = Int64(first), length >= 0 else {
            throw PeerFailure("Content-Length \(lengths)")
        }
        return .length(length)
    }
}

/// A head's start line and fields.
struct ParsedHead {
    let startLine: [String]
    let fields: PeerFields

    init(_ text: String) throws {
        var lines = text.components(separatedBy: "\r\n")
        guard !lines.isEmpty else { throw PeerFailure("an empty head") }
        startLine = lines.removeFirst().split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
            .map(String.init)
        var read = PeerFields()
        for line in lines where !line.isEmpty {
            guard let colon = line.firstIndex(of: ":") else { throw PeerFailure("not a field line: \(line)") }
            read.append(String(line[..<colon]), trimmed(line[line.index(after: colon)...]))
        }
        fields = read
        if startLine.count < 2 { throw PeerFailure("not a start line: \(startLine)") }
    }
}

extension String {
    /// Splits at every occurrence; characters are compared as UTF-8 so that CRLF is found as two bytes.
    fileprivate func components(separatedBy separator: String) -> [String] {
        let bytes = Array(utf8)
        let mark = Array(separator.utf8)
        var parts: [String] = []
        var begin = 0
        var index = 0
        while index + mark.count <= bytes.count {
            if bytes[index..<index + mark.count].elementsEqual(mark) {
                parts.append(String(decoding: bytes[begin..<index], as: UTF8.self))
                index += mark.count
                begin = index
            } else {
                index += 1
            }
        }
        parts.append(String(decoding: bytes[begin...], as: UTF8.self))
        return parts
    }
}

func trimmed(_ text: some StringProtocol) -> String {
    let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
    let front = text.drop(while: isBlank)
    let back = front.reversed().drop(while: isBlank)
    return String(back.reversed())
}
