// A header section: one arena of bytes and an ordered table of spans into it. Case, order and repeats
// stay as they were received, and nothing is allocated per field. It holds what a parser has already
// found sound: it does not judge names or values itself.

/// The fields of one message, in order.
package struct FieldSection: Sendable {
    private var arena: [UInt8] = []
    private var table: [Entry] = []

    fileprivate struct Entry: Sendable {
        var known: KnownField
        var name: Range<UInt32>
        var value: Range<UInt32>
    }

    package init() {}

    package var count: Int { table.count }
    package var isEmpty: Bool { table.isEmpty }

    package mutating func reserve(bytes: Int, fields: Int) {
        arena.reserveCapacity(arena.count + bytes)
        table.reserveCapacity(table.count + fields)
    }

    // MARK: Writing

    /// Appends a field as it was received. Name and value are copied into the arena.
    package mutating func append(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
        let nameStart = UInt32(truncatingIfNeeded: arena.count)
        arena.append(contentsOf: name)
        let valueStart = UInt32(truncatingIfNeeded: arena.count)
        arena.append(contentsOf: value)
        let end = UInt32(truncatingIfNeeded: arena.count)
        table.append(
            Entry(known: KnownField.named(name), name: nameStart..<valueStart, value: valueStart..<end)
        )
    }

    package mutating func append(name: String, value: String) {
        var name = name
        var value = value
        name.withUTF8 { nameBytes in
            value.withUTF8 { valueBytes in
                append(name: UnsafeRawBufferPointer(nameBytes), value: UnsafeRawBufferPointer(valueBytes))
            }
        }
    }

    /// Appends a field that we write ourselves, its name spelled as the RFCs spell it.
    package mutating func append(_ field: KnownField, _ value: String) {
        append(name: field.canonicalName.description, value: value)
    }

    /// Appends a copy of one field of another section.
    package mutating func append(_ field: Field) {
        field.withBytes { append(name: $0, value: $1) }
    }

    /// Gives the field this one value: in the place and with the spelling of its first occurrence,
    /// further ones removed; at the end where there was none.
    package mutating func set(_ field: KnownField, _ value: String) {
        guard let first = table.firstIndex(where: { $0.known == field }) else {
            append(field, value)
            return
        }
        let start = UInt32(truncatingIfNeeded: arena.count)
        arena.append(contentsOf: value.utf8)
        table[first].value = start..<UInt32(truncatingIfNeeded: arena.count)
        var index = table.count - 1
        while index > first {
            if table[index].known == field { table.remove(at: index) }
            index -= 1
        }
    }

    package mutating func removeAll(_ field: KnownField) {
        table.removeAll { $0.known == field }
    }

    /// Removes every field that the condition names.
    package mutating func removeAll(where condition: (Field) -> Bool) {
        let arena = self.arena
        table.removeAll { entry in condition(Field(arena: arena, entry: entry)) }
    }

    // MARK: Reading

    /// One field: its name and value as bytes and as text.
    package struct Field {
        private let arena: [UInt8]
        private let entry: Entry

        fileprivate init(arena: [UInt8], entry: Entry) {
            self.arena = arena
            self.entry = entry
        }

        package var known: KnownField { entry.known }
        package var name: String { FieldSection.text(arena, entry.name) }
        /// The value as text. Bytes that are not UTF-8 become U+FFFD here; `withBytes` has them as they are.
        package var value: String { FieldSection.text(arena, entry.value) }

        package func withBytes<Result>(
            _ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Result
        ) -> Result {
            arena.withUnsafeBytes { bytes in
                body(
                    UnsafeRawBufferPointer(rebasing: bytes[Int(entry.name.lowerBound)..<Int(entry.name.upperBound)]),
                    UnsafeRawBufferPointer(rebasing: bytes[Int(entry.value.lowerBound)..<Int(entry.value.upperBound)])
                )
            }
        }

        /// Whether the name is this one in any case of letters. `name` must be lower case.
        package func isNamed(lowercase name: String) -> Bool {
            FieldSection.equal(arena, entry.name, lowercase: name)
        }
    }

    /// Calls `body` with every field, in order.
    package func forEach(_ body: (Field) -> Void) {
        for entry in table { body(Field(arena: arena, entry: entry)) }
    }

    /// Calls `body` with the bytes of every field, in order, without copying them.
    package func forEachBytes(
        _ body: (_ known: KnownField, _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Void
    ) {
        arena.withUnsafeBytes { bytes in
            for entry in table {
                body(
                    entry.known,
                    UnsafeRawBufferPointer(rebasing: bytes[Int(entry.name.lowerBound)..<Int(entry.name.upperBound)]),
                    UnsafeRawBufferPointer(rebasing: bytes[Int(entry.value.lowerBound)..<Int(entry.value.upperBound)])
                )
            }
        }
    }

    package func contains(_ field: KnownField) -> Bool {
        table.contains { $0.known == field }
    }

    /// How many field lines have this name.
    package func occurrences(of field: KnownField) -> Int {
        table.reduce(0) { $0 + ($1.known == field ? 1 : 0) }
    }

    /// The value of the first field line of this name.
    package func first(_ field: KnownField) -> String? {
        guard let entry = table.first(where: { $0.known == field }) else { return nil }
        return Self.text(arena, entry.value)
    }

    /// The value of the only field line of this name; nil where there is none, or more than one.
    package func only(_ field: KnownField) -> String? {
        occurrences(of: field) == 1 ? first(field) : nil
    }

    /// The values of all field lines of this name, in order.
    package func values(_ field: KnownField) -> [String] {
        table.filter { $0.known == field }.map { Self.text(arena, $0.value) }
    }

    /// The values of all field lines of this name (`name` in lower case), in order.
    package func values(named name: String) -> [String] {
        table.filter { Self.equal(arena, $0.name, lowercase: name) }.map { Self.text(arena, $0.value) }
    }

    /// All field lines of this name as one list value (RFC 9110 §5.3), or nil where there is none.
    package func combined(_ field: KnownField) -> String? {
        let all = values(field)
        return all.isEmpty ? nil : all.joined(separator: ", ")
    }

    /// All field lines of this name (`name` in lower case) as one list value (RFC 9110 §5.3), or nil.
    package func combined(named name: String) -> String? {
        let all = values(named: name)
        return all.isEmpty ? nil : all.joined(separator: ", ")
    }

    /// The number of bytes that the section takes as `Name: value` lines with CRLF, without the empty line.
    package var lineBytes: Int {
        table.reduce(0) { $0 + $1.name.count + $1.value.count + 4 }
    }

    private static func text(_ arena: [UInt8], _ span: Range<UInt32>) -> String {
        String(decoding: arena[Int(span.lowerBound)..<Int(span.upperBound)], as: UTF8.self)
    }

    private static func equal(_ arena: [UInt8], _ span: Range<UInt32>, lowercase name: String) -> Bool {
        guard span.count == name.utf8.count else { return false }
        return zip(arena[Int(span.lowerBound)..<Int(span.upperBound)], name.utf8)
            .allSatisfy { lowercased($0) == $1 }
    }
}

extension FieldSection: Equatable {
    /// Two sections are equal when they have the same lines, byte for byte, in the same order.
    package static func == (left: FieldSection, right: FieldSection) -> Bool {
        guard left.count == right.count else { return false }
        return zip(left.table, right.table).allSatisfy { one, other in
            left.arena[Int(one.name.lowerBound)..<Int(one.name.upperBound)]
                == right.arena[Int(other.name.lowerBound)..<Int(other.name.upperBound)]
                && left.arena[Int(one.value.lowerBound)..<Int(one.value.upperBound)]
                    == right.arena[Int(other.value.lowerBound)..<Int(other.value.upperBound)]
        }
    }
}
