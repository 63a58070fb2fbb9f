// Finds the line on which each key of a TOML text stands. It reads just enough TOML for that: table headers, dotted and
// quoted keys, and how far a value reaches (strings of all four kinds, arrays over several lines, inline tables).
//
// It judges nothing: a text that TOMLKit accepted is found right, any other ends the search early. Every look at a byte
// asks first whether there is one.

package struct KeyLines {
    /// Path of unquoted parts → line, counted from 1. Tables are there with the line of their header.
    package private(set) var lines: [[String]: Int] = [:]
    /// Path of an array of tables → for each of its tables, in their order, the lines of the keys below it; the table's
    /// own line is that of the empty path.
    private var elements: [[String]: [[[String]: Int]]] = [:]

    private let bytes: [UInt8]
    private var position = 0
    private var line = 1

    package init(_ text: String) {
        bytes = Array(text.utf8)
        // A byte order mark is no part of the first key.
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
        var table: [String] = []
        while let byte = peek() {
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\n"):
                advance()
            case UInt8(ascii: "#"):
                skipComment()
            case UInt8(ascii: "["):
                var brackets = 0
                while peek() == UInt8(ascii: "[") {
                    advance()
                    brackets += 1
                }
                guard let path = readPath() else { return }
                table = path
                note(path)
                if brackets > 1 { beginElement(of: path) }
                while let byte = peek(), byte == UInt8(ascii: "]") || byte == UInt8(ascii: " ") { advance() }
            default:
                guard readAssignment(under: table) else { return }
            }
        }
    }

    /// The line of the key, or of the nearest table above it that has one; for a table that only dotted keys make, that
    /// of the first of them.
    package func line(of path: [String]) -> Int? {
        if lines[path] == nil, let first = lines.filter({ $0.key.starts(with: path) }).values.min() { return first }
        var path = path[...]
        while !path.isEmpty {
            if let line = lines[Array(path)] { return line }
            path = path.dropLast()
        }
        return nil
    }

    /// The line of a key in one of the tables of an array, or of the nearest table above it; nil where the array has no
    /// such table.
    package func line(of path: [String], inElement index: Int, of array: [String]) -> Int? {
        guard let tables = elements[array], tables.indices.contains(index) else { return nil }
        var path = path[...]
        while true {
            if let line = tables[index][Array(path)] { return line }
            if path.isEmpty { return nil }
            path = path.dropLast()
        }
    }

    private mutating func note(_ path: [String]) {
        if lines[path] == nil { lines[path] = line }
        for count in 1..<max(path.count, 1) {
            let array = Array(path.prefix(count))
            guard let last = elements[array]?.indices.last else { continue }
            let rest = Array(path.dropFirst(count))
            if elements[array]?[last][rest] == nil { elements[array]?[last][rest] = line }
        }
    }

    private mutating func beginElement(of array: [String]) {
        elements[array, default: []].append([[]: line])
    }

    // MARK: Keys

    /// `a.b = value`; false where that is not what stands here.
    private mutating func readAssignment(under table: [String]) -> Bool {
        guard let key = readPath() else { return false }
        let path = table + key
        note(path)
        guard peek() == UInt8(ascii: "=") else { return false }
        advance()
        return skipValue(of: path)
    }

    /// Parts with dots between them, and the spaces after the last.
    private mutating func readPath() -> [String]? {
        var path: [String] = []
        while true {
            skipSpaces()
            guard let part = readPart() else { return nil }
            path.append(part)
            skipSpaces()
            guard peek() == UInt8(ascii: ".") else { return path }
            advance()
        }
    }

    private mutating func readPart() -> String? {
        guard let byte = peek() else { return nil }
        if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") { return readString(quote: byte) }
        let start = position
        while let byte = peek(), Self.isBare(byte) { advance() }
        return start == position ? nil : String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private static func isBare(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"), UInt8(ascii: "-"): true
        // Beyond TOML 1.0, but the parser may let such keys pass.
        case 0x80...: true
        default: false
        }
    }

    // MARK: Values

    private mutating func skipValue(of path: [String]) -> Bool {
        skipSpaces()
        guard let byte = peek() else { return false }
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "'"):
            return readString(quote: byte) != nil
        case UInt8(ascii: "["):
            return skipArray(of: path)
        case UInt8(ascii: "{"):
            return skipInlineTable(of: path)
        default:
            while let byte = peek(), !Self.endsBareValue(byte) { advance() }
            return true
        }
    }

    private static func endsBareValue(_ byte: UInt8) -> Bool {
        [UInt8(ascii: "\n"), UInt8(ascii: "#"), UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}")].contains(byte)
    }

    private mutating func skipArray(of path: [String]) -> Bool {
        advance()
        while let byte = peek() {
            switch byte {
            case UInt8(ascii: "]"):
                advance()
                return true
            case UInt8(ascii: "#"):
                skipComment()
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\n"), UInt8(ascii: ","):
                advance()
            default:
                let before = position
                if byte == UInt8(ascii: "{") { beginElement(of: path) }
                guard skipValue(of: path), position > before else { return false }
            }
        }
        return false
    }

    private mutating func skipInlineTable(of path: [String]) -> Bool {
        advance()
        while let byte = peek() {
            switch byte {
            case UInt8(ascii: "}"):
                advance()
                return true
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\n"), UInt8(ascii: ","):
                advance()
            default:
                guard readAssignment(under: path) else { return false }
            }
        }
        return false
    }

    /// The content between the quotes. Escapes stay as they are, but for an escaped quote or backslash: a key that
    /// needs others is no directive, and its error then names the table's line.
    private mutating func readString(quote: UInt8) -> String? {
        advance()
        var isMultiline = false
        if peek() == quote {
            advance()
            guard peek() == quote else { return "" }
            advance()
            isMultiline = true
        }
        var content: [UInt8] = []
        while let byte = peek() {
            advance()
            if byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
                guard let escaped = peek() else { return nil }
                if escaped != quote, escaped != byte { content.append(byte) }
                content.append(escaped)
                advance()
            } else if byte == quote {
                guard isMultiline else { return String(decoding: content, as: UTF8.self) }
                guard peek() == quote, peek(1) == quote else {
                    content.append(byte)
                    continue
                }
                // Up to two quotes may stand before the closing three.
                while peek() == quote { advance() }
                return String(decoding: content, as: UTF8.self)
            } else {
                content.append(byte)
            }
        }
        return nil
    }

    // MARK: Bytes

    private func peek(_ ahead: Int = 0) -> UInt8? {
        bytes.indices.contains(position + ahead) ? bytes[position + ahead] : nil
    }

    private mutating func advance() {
        if peek() == UInt8(ascii: "\n") { line += 1 }
        position += 1
    }

    private mutating func skipSpaces() {
        while let byte = peek(), byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") { advance() }
    }

    private mutating func skipComment() {
        while let byte = peek(), byte != UInt8(ascii: "\n") { advance() }
    }
}
