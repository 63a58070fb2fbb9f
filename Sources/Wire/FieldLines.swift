// From the bytes of field lines to a FieldSection (RFC 9112 §5), strictly: what is not exactly a field
// line is refused, never repaired, because the next reader might repair it differently (hardening R22).
// It judges the form of names and values, not what they mean.

import HTTPSemantics

enum FieldLines {
    /// Reads the field lines in `span`, which ends with the empty line. `count` is how many there are, so that the
    /// section takes its memory at once.
    static func parse(
        _ bytes: UnsafeRawBufferPointer,
        in span: Range<Int>,
        count: Int
    ) throws(WireRefusal) -> FieldSection {
        var fields = FieldSection()
        guard span.lowerBound >= 0, span.upperBound <= bytes.count else { throw .missingColon }
        if count > 0 { fields.reserve(bytes: span.count, fields: count) }
        let end = span.upperBound
        var position = span.lowerBound
        while position < end {
            if bytes[position] == Byte.carriageReturn {
                guard position + 2 == end, bytes[position + 1] == Byte.lineFeed else { throw .bareCarriageReturn }
                return fields
            }
            position = try parseLine(bytes, from: position, to: end, into: &fields)
        }
        throw .missingColon
    }

    /// Reads one line and answers where the next begins. Bounds: `position < end <= bytes.count`, and every
    /// subscript below stands behind a comparison with `end`.
    @inline(__always)
    private static func parseLine(
        _ bytes: UnsafeRawBufferPointer,
        from position: Int,
        to end: Int,
        into fields: inout FieldSection
    ) throws(WireRefusal) -> Int {
        // field-name ":" (RFC 9112 §5.1: no white space before the colon; §5.2: no line folding)
        let nameStart = position
        var index = position
        while index < end, ByteClass.isToken(bytes[index]) { index += 1 }
        guard index < end, bytes[index] == Byte.colon, index > nameStart else {
            throw refusal(ofName: bytes, from: nameStart, at: index, to: end)
        }
        let nameEnd = index
        index += 1

        // OWS field-value OWS (RFC 9110 §5.5)
        while index < end, ByteClass.isWhitespace(bytes[index]) { index += 1 }
        let valueStart = index
        while index < end, ByteClass.isText(bytes[index]) { index += 1 }
        guard index + 1 < end, bytes[index] == Byte.carriageReturn else { throw .invalidFieldValue }
        guard bytes[index + 1] == Byte.lineFeed else { throw .bareCarriageReturn }
        var valueEnd = index
        while valueEnd > valueStart, ByteClass.isWhitespace(bytes[valueEnd - 1]) { valueEnd -= 1 }

        fields.append(name: bytes.slice(nameStart..<nameEnd), value: bytes.slice(valueStart..<valueEnd))
        return index + 2
    }

    /// What is wrong with a line whose name ends at `index` without a colon.
    private static func refusal(
        ofName bytes: UnsafeRawBufferPointer,
        from start: Int,
        at index: Int,
        to end: Int
    ) -> WireRefusal {
        guard index < end else { return .missingColon }
        let byte = bytes[index]
        if ByteClass.isWhitespace(byte) {
            if index == start { return .foldedField }
            var next = index
            while next < end, ByteClass.isWhitespace(bytes[next]) { next += 1 }
            return next < end && bytes[next] == Byte.colon ? .whitespaceBeforeColon : .invalidFieldName
        }
        if byte == Byte.colon { return .emptyFieldName }
        if byte == Byte.carriageReturn {
            return index + 1 < end && bytes[index + 1] == Byte.lineFeed ? .missingColon : .bareCarriageReturn
        }
        return .invalidFieldName
    }
}
