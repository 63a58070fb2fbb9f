// Heads in the store's form: what was written comes back, and nothing else comes back.

import HTTPSemantics
import Testing
import Wire

@Suite("Stored heads")
struct StoredHeadCodecTests {
    private func sample() -> ResponseHead {
        var fields = FieldSection()
        fields.append(name: "ETag", value: "\"a\"")
        fields.append(name: "x-CASE", value: "")
        fields.append(name: "Link", value: "a")
        fields.append(name: "Link", value: "b")
        return ResponseHead(status: 206, reason: "Some Content", version: .http10, fields: fields)
    }

    @Test("a head comes back with its version, reason, and the case and order of its fields")
    func heads() {
        let head = sample()
        #expect(StoredHeadCodec.decode(StoredHeadCodec.encode(head)) == head)
        let bare = ResponseHead(status: 999, reason: "")
        #expect(StoredHeadCodec.decode(StoredHeadCodec.encode(bare)) == bare)
    }

    @Test("a field section comes back, an empty one too")
    func sections() {
        let fields = sample().fields
        #expect(StoredHeadCodec.decodeFields(StoredHeadCodec.encodeFields(fields)) == fields)
        #expect(StoredHeadCodec.encodeFields(FieldSection()) == bytes("\r\n"))
        #expect(StoredHeadCodec.decodeFields(bytes("\r\n")) == FieldSection())
    }

    @Test("a head at the limits of what a parser admits can be stored")
    func large() throws {
        let name = "X-Field"
        let lines = String(repeating: "\(name): \(String(repeating: "v", count: 200))\r\n", count: 256)
        var head = try #require(response("HTTP/1.1 200 OK\r\n\(lines)\r\n"))
        head.fields.append(.via, "1.1 holdfast")
        #expect(StoredHeadCodec.decode(StoredHeadCodec.encode(head)) == head)
    }

    @Test("bytes that were cut, lengthened or damaged are no head")
    func damaged() {
        let head = StoredHeadCodec.encode(sample())
        for count in 0..<head.count { #expect(StoredHeadCodec.decode(Array(head.prefix(count))) == nil) }
        #expect(StoredHeadCodec.decode(head + [0x61]) == nil)
        #expect(StoredHeadCodec.decode(head + head) == nil)
        #expect(StoredHeadCodec.decode([0] + head) == nil)

        let fields = StoredHeadCodec.encodeFields(sample().fields)
        for count in 0..<fields.count { #expect(StoredHeadCodec.decodeFields(Array(fields.prefix(count))) == nil) }
        #expect(StoredHeadCodec.decodeFields(fields + [0x61]) == nil)
        #expect(StoredHeadCodec.decodeFields(bytes("X: a\n\r\n")) == nil)
        #expect(StoredHeadCodec.decodeFields(bytes("X\r\n\r\n")) == nil)
        #expect(StoredHeadCodec.decodeFields(bytes("\rX: a\r\n\r\n")) == nil)
    }
}
