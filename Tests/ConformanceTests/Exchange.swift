// One conformance exchange as the data files write it: what a client asks, what the origin answers, and what has to be
// seen on both sides. Only the shape; nothing here knows a socket, a proxy or a rule of HTTP.
//
// The files are read when the tests run, so that an exchange is added without a build.

import FoundationEssentials

/// A file of exchanges about one part of the RFCs.
struct ExchangeGroup: Decodable, Sendable {
    let group: String
    let about: String
    let exchanges: [Exchange]
}

/// What a failed exchange means.
enum Level: String, Decodable, Sendable {
    /// A requirement was violated.
    case must
    /// A recommendation was not followed.
    case should
    /// An allowed optimisation is not done.
    case may
}

/// A short conversation that proves one sentence.
struct Exchange: Decodable, Sendable {
    let id: String
    /// The RFC section that says so.
    let rule: String
    let says: String
    let level: Level
    /// Why Holdfast does otherwise, and knowingly: the exchange must then fail.
    let deviation: String?
    let steps: [Step]
}

/// One request of the client, and all that follows from it.
struct Step: Decodable, Sendable {
    var request: AskedRequest?
    /// What the origin answers to the requests that reach it in this step, in order.
    let origin: OneOrMany<OriginEntry>?
    var expect: Expectation?
    /// Seconds to wait before the step: only where staleness cannot be dated back.
    var pause: Double?
}

/// What the client sends.
struct AskedRequest: Decodable, Sendable {
    var method: String?
    /// Appended to the exchange's own prefix.
    var path: String?
    var fields: [FieldPair]?
    var body: String?
    var version: String?
}

/// One answer of the origin.
struct OriginEntry: Decodable, Sendable {
    var status: Int?
    var reason: String?
    var fields: [FieldPair]?
    var body: String?
    var framing: Framing?
    var version: String?
    var interim: [InterimEntry]?
    /// Closes without an answer, for as long as this is the last entry.
    var disconnect: Bool?
    /// Body bytes after which the connection is closed.
    var cut: Int?
    /// The body is the whole representation, of which the origin sends the range that is asked for.
    var ranges: Bool?
    /// With `ranges`: the range is sent whatever If-Range says, as some origins do.
    var ignoresIfRange: Bool?
    /// These bytes as they stand, then the connection is closed.
    var raw: String?
    /// Answers without reading the request's body, and closes.
    var early: Bool?
    /// Given to every further request of the step too.
    var `repeat`: Bool?

    enum Framing: String, Decodable, Sendable {
        case length, chunked, close
    }
}

/// A 1xx answer before the final one.
struct InterimEntry: Decodable, Sendable {
    let status: Int
    var fields: [FieldPair]?
}

/// What has to be seen.
struct Expectation: Decodable, Sendable {
    var from: Source?
    var status: OneOrMany<Int>?
    /// Any of these.
    var body: OneOrMany<String>?
    var fields: [ExpectedField]?
    var originRequest: OneOrMany<ExpectedRequest>?
    /// The client can see that the response is incomplete.
    var cut: Bool?
    /// The statuses of the 1xx answers before the final one.
    var interim: [Int]?
    var parts: [ExpectedPart]?
    /// The client is answered first; the origin is asked meanwhile, and answers only when the client has its response.
    var background: Bool?

    enum CodingKeys: String, CodingKey {
        case from, status, body, fields, cut, interim, parts, background
        case originRequest = "origin-request"
    }

    enum Source: String, Decodable, Sendable {
        /// The origin saw no request.
        case cache
        /// The origin was asked.
        case origin
        /// The origin was asked conditionally.
        case validated
        case any
    }
}

/// What a request at the origin has to look like.
struct ExpectedRequest: Decodable, Sendable {
    var method: String?
    var fields: [ExpectedField]?
    var body: String?
    /// How many requests the step may cause in all.
    var count: Int?
}

/// One part of a multipart/byteranges body (RFC 9110 §14.6).
struct ExpectedPart: Decodable, Sendable {
    let range: String
    var type: String?
    let body: String
}

/// `["Name", "value"]`
struct FieldPair: Decodable, Sendable {
    let name: String
    let value: String

    init(from decoder: any Decoder) throws {
        var items = try decoder.unkeyedContainer()
        name = try items.decode(String.self)
        value = try items.decode(String.self)
        if !items.isAtEnd {
            throw DecodingError.dataCorruptedError(in: items, debugDescription: "more than a name and a value")
        }
    }
}

/// `["Name", "value"]`, or `["Name", null]` for a field that must be absent.
struct ExpectedField: Decodable, Sendable {
    let name: String
    let value: String?

    init(from decoder: any Decoder) throws {
        var items = try decoder.unkeyedContainer()
        name = try items.decode(String.self)
        value = try items.decodeNil() ? nil : items.decode(String.self)
    }
}

/// A value, or a list of them.
struct OneOrMany<Element: Decodable & Sendable>: Decodable, Sendable {
    let all: [Element]

    init(from decoder: any Decoder) throws {
        let single = try decoder.singleValueContainer()
        if let one = try? single.decode(Element.self) {
            all = [one]
        } else {
            all = try single.decode([Element].self)
        }
    }
}
