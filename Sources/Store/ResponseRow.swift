// A stored response as a row of the index, and back (table `stored_response`). A row carries a checksum over
// everything that decides what it means (hardening 2.2 item 7); a row that does not agree with it is deleted.

import HTTPSemantics
import Resume
import Wire

/// The fixed part of a row.
struct ResponseRow {
    var id: Int64
    var key: [UInt8]
    var uri: String
    var requestFields: [UInt8]
    var head: [UInt8]
    var requestTime: Int64
    var responseTime: Int64
    var validator: StrongValidator?
    var completeLength: Int64?
    var originAddress: String
    var isInRow: Bool
    var size: Int64
    var hits: Int64
    var lastUse: Int64
    var isInvalidated: Bool
    var supersededUntil: Int64?
    var content: [UInt8]
    /// That which its bytes were found to have, and who named it; empty where none was checked.
    var digest = ""
    /// As it was read; see `expectedChecksum`.
    var checksum: Int64 = 0

    static let columns = """
        id, key, uri, request_fields, head, request_time, response_time, validator_kind, validator, \
        validator_seconds, complete_length, origin_address, in_row, size, hits, last_use, invalidated, \
        superseded_until, checksum, body, digest
        """

    /// The sixteen bytes by which a key is looked up. Equality is decided by the URI.
    static func bytes(of key: CacheKey) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendLittleEndian(key.high)
        bytes.appendLittleEndian(key.low)
        return bytes
    }

    /// Over identity, head, validator, lengths, and the bytes of a small body.
    var expectedChecksum: Int64 {
        let (kind, text, seconds) = Self.parts(of: validator)
        var sum = Checksum.of(key)
        func add(_ bytes: [UInt8]) {
            var length: [UInt8] = []
            length.appendLittleEndian(Int64(bytes.count))
            sum = Checksum.of(bytes, continuing: Checksum.of(length, continuing: sum))
        }
        var numbers: [UInt8] = []
        for number in [
            id, kind, seconds, completeLength ?? -1, requestTime, responseTime, isInRow ? 1 : 0, isInvalidated ? 1 : 0,
        ] {
            numbers.appendLittleEndian(number)
        }
        add(numbers)
        add(Array(uri.utf8))
        add(requestFields)
        add(head)
        add(Array(text.utf8))
        add(Array(originAddress.utf8))
        add(isInRow ? content : [])
        // Rows that were written before there were digests have the checksum that they had.
        if !digest.isEmpty { add(Array(digest.utf8)) }
        return Int64(sum)
    }

    // MARK: Writing

    init(_ response: StoredResponse, record: StoredResponse.Record, change: BodyChange) {
        id = response.id
        key = Self.bytes(of: response.key)
        uri = response.key.uri
        requestFields = StoredHeadCodec.encodeFields(response.requestFields)
        head = StoredHeadCodec.encode(record.metadata.head)
        requestTime = record.metadata.requestTime
        responseTime = record.metadata.responseTime
        validator = response.validator
        completeLength = change.completeLength
        originAddress = response.originAddress
        isInRow = change.content != nil
        size = change.size
        hits = record.hits
        lastUse = record.lastUse
        isInvalidated = record.metadata.isInvalidated
        supersededUntil = record.supersededUntil
        content = change.content ?? []
        digest = record.digest.text
    }

    func insert(into database: Database) throws {
        let (kind, text, seconds) = Self.parts(of: validator)
        try database.run(
            """
            INSERT OR REPLACE INTO stored_response (\(Self.columns)) \
            VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
            """,
            [
                .integer(id), .blob(key), .text(uri), .blob(requestFields), .blob(head), .integer(requestTime),
                .integer(responseTime), .integer(kind), .text(text), .integer(seconds), .optional(completeLength),
                .text(originAddress), .integer(isInRow ? 1 : 0), .integer(size), .integer(hits), .integer(lastUse),
                .integer(isInvalidated ? 1 : 0), .optional(supersededUntil), .integer(expectedChecksum),
                isInRow ? .blob(content) : .null, .text(digest),
            ]
        )
    }

    /// Everything that changes, but not the bytes of a small body, which do not.
    func update(in database: Database) throws {
        try database.run(
            """
            UPDATE stored_response SET head = ?, request_time = ?, response_time = ?, complete_length = ?, size = ?, \
            hits = ?, last_use = ?, invalidated = ?, superseded_until = ?, checksum = ?, \
            digest = ? WHERE id = ?
            """,
            [
                .blob(head), .integer(requestTime), .integer(responseTime), .optional(completeLength),
                .integer(size), .integer(hits), .integer(lastUse), .integer(isInvalidated ? 1 : 0),
                .optional(supersededUntil), .integer(expectedChecksum), .text(digest), .integer(id),
            ]
        )
    }

    // MARK: Reading

    /// nil where the row is not sound.
    init?(reading row: Row) {
        id = row.integer(0)
        key = row.blob(1)
        uri = row.text(2)
        requestFields = row.blob(3)
        head = row.blob(4)
        requestTime = row.integer(5)
        responseTime = row.integer(6)
        guard let validator = Self.validator(kind: row.integer(7), text: row.text(8), seconds: row.integer(9)) else {
            return nil
        }
        self.validator = validator.value
        completeLength = row.optionalInteger(10)
        originAddress = row.text(11)
        isInRow = row.integer(12) != 0
        size = row.integer(13)
        hits = row.integer(14)
        lastUse = row.integer(15)
        isInvalidated = row.integer(16) != 0
        supersededUntil = row.optionalInteger(17)
        checksum = row.integer(18)
        content = isInRow ? row.blob(19) : []
        digest = row.text(20)
        guard checksum == expectedChecksum else { return nil }
        if isInRow, completeLength != Int64(content.count) { return nil }
    }

    private static func parts(of validator: StrongValidator?) -> (kind: Int64, text: String, seconds: Int64) {
        switch validator {
        case nil: (0, "", 0)
        case .etag(let tag): (1, tag.text, 0)
        case .lastModified(let text, let seconds): (2, text, seconds)
        case .immutable: (3, "", 0)
        }
    }

    private struct Validator {
        let value: StrongValidator?
    }

    private static func validator(kind: Int64, text: String, seconds: Int64) -> Validator? {
        switch kind {
        case 0: return Validator(value: nil)
        case 1: return EntityTag.parse(text).map { Validator(value: .etag($0)) }
        case 2: return Validator(value: .lastModified(text: text, seconds: seconds))
        case 3: return Validator(value: .immutable)
        default: return nil
        }
    }
}

/// Byte ranges as bytes: start and end of each, little-endian.
enum RangeCodec {
    static func encode(_ ranges: ByteRangeSet) -> [UInt8] {
        var bytes: [UInt8] = []
        for range in ranges.ranges {
            bytes.appendLittleEndian(range.lowerBound)
            bytes.appendLittleEndian(range.upperBound)
        }
        return bytes
    }

    static func decode(_ bytes: [UInt8]) -> ByteRangeSet? {
        var reader = LittleEndianReader(bytes[...])
        var found = ByteRangeSet()
        while !reader.isAtEnd {
            guard let first = reader.uint64(), let end = reader.uint64() else { return nil }
            let lower = Int64(bitPattern: first)
            let upper = Int64(bitPattern: end)
            guard lower >= 0, upper > lower else { return nil }
            found.insert(lower..<upper)
        }
        return found
    }
}
