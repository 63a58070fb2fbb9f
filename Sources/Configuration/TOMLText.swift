// From TOML to a flat list of keys and values, each with its line. TOMLKit reads the values; it does not say on which
// line a value stands, so KeyLines looks for the keys in the text again.
//
// Only this file knows TOMLKit.

import TOMLKit

enum TOMLText {
    struct Entry {
        /// The key's parts, as after unquoting: a part may contain a dot.
        let path: [String]
        let value: ConfigurationValue
    }

    struct SyntaxError: Error {
        let line: Int?
        let what: String
    }

    /// The entries of a whole file. Tables are entered as long as `isTable` says that a directive lies below them;
    /// others are one entry of kind "a table".
    static func entries(of text: String, isTable: ([String]) -> Bool) throws(SyntaxError) -> [Entry] {
        // The parser below takes a C string, which would end here without a word.
        if let end = text.utf8.firstIndex(of: 0) {
            let line = text.utf8[..<end].count { $0 == UInt8(ascii: "\n") } + 1
            throw SyntaxError(line: line, what: "a NUL byte")
        }
        var entries: [Entry] = []
        collect(try table(text), path: [], isTable: isTable, into: &entries)
        return entries
    }

    /// The value of `text` where it is one TOML value; nil otherwise.
    static func value(_ text: String) -> ConfigurationValue? {
        guard !text.utf8.contains(0), let table = try? table("value = " + text) else { return nil }
        // A line break in the text could have brought further keys: then it is not one value.
        guard table.count == 1, let value = table["value"] else { return nil }
        return convert(value)
    }

    private static func table(_ text: String) throws(SyntaxError) -> TOMLTable {
        do {
            return try TOMLTable(string: text)
        } catch let error as TOMLParseError {
            throw SyntaxError(line: error.source.begin.line, what: error.description)
        } catch {
            throw SyntaxError(line: nil, what: "\(error)")
        }
    }

    private static func collect(
        _ table: TOMLTable,
        path: [String],
        isTable: ([String]) -> Bool,
        into entries: inout [Entry]
    ) {
        for key in table.keys {
            let path = path + [key]
            if let inner = table[key]?.table, isTable(path) {
                collect(inner, path: path, isTable: isTable, into: &entries)
            } else {
                entries.append(
                    Entry(path: path, value: table[key].map { convert($0) } ?? .other("a key with a NUL byte"))
                )
            }
        }
    }

    private static func convert(_ table: TOMLTable) -> ConfigurationValue {
        var values: [String: ConfigurationValue] = [:]
        for key in table.keys {
            values[key] = table[key].map { convert($0) } ?? .other("a key with a NUL byte")
        }
        return .table(values)
    }

    private static func convert(_ value: any TOMLValueConvertible) -> ConfigurationValue {
        switch value.type {
        case .string: value.string.map { .string($0) } ?? .other("a string")
        case .int: value.int.map { .integer(Int64($0)) } ?? .other("an integer")
        case .double: value.double.map { .number($0) } ?? .other("a number")
        case .bool: value.bool.map { .flag($0) } ?? .other("true or false")
        case .array: .list(value.array.map { array in array.map { convert($0) } } ?? [])
        case .table: value.table.map { convert($0) } ?? .other("a table")
        case .date: .other("a date")
        case .time: .other("a time of day")
        case .dateTime: .other("a date with a time")
        }
    }
}
