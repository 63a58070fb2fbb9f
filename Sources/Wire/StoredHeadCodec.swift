// Heads as a store keeps them: in their wire form, so that a stored head can be read with the eye, and is
// read back by the same strict parser that admitted it. What a damaged disk or a foreign hand has made of
// it comes back as nil, never as a head. It knows no file and no checksum.

package import HTTPSemantics

/// Heads and field sections to bytes and back.
package enum StoredHeadCodec {
    /// A stored head may be a little larger than a received one, as fields are added before it is stored.
    private static let limits: WireLimits = {
        var limits = WireLimits()
        limits.responseHead *= 2
        limits.field *= 2
        limits.fieldCount *= 2
        return limits
    }()

    /// The head with its own version.
    package static func encode(_ head: ResponseHead) -> [UInt8] {
        var bytes: [UInt8] = []
        HeadWriter.response(head, version: head.version, into: &bytes)
        return bytes
    }

    /// The head that `encode` wrote, or nil where the bytes are anything else.
    package static func decode(_ bytes: [UInt8]) -> ResponseHead? {
        bytes.withUnsafeBytes { buffer in
            var parser = ResponseParser(limits: limits)
            guard case .head(let head, let consumed) = parser.parse(buffer), consumed == buffer.count else {
                return nil
            }
            return head
        }
    }

    /// The field lines and the empty line after them.
    package static func encodeFields(_ fields: FieldSection) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(fields.lineBytes + 2)
        HeadWriter.fields(fields, into: &bytes)
        return bytes
    }

    /// The fields that `encodeFields` wrote, or nil where the bytes are anything else.
    package static func decodeFields(_ bytes: [UInt8]) -> FieldSection? {
        bytes.withUnsafeBytes { buffer in
            var lines = HeadLines()
            do throws(WireRefusal) {
                let found = try lines.endOfFields(in: buffer, limits: limits, headLimit: limits.responseHead)
                guard let (end, count) = found, end == buffer.count else { return nil }
                return try FieldLines.parse(buffer, in: 0..<end, count: count)
            } catch {
                return nil
            }
        }
    }
}
