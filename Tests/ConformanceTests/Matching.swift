// Whether what was seen is what an exchange expects. Every answer is a sentence that a reader of the report understands
// without the data file, or nil where all is well.

import ScriptedPeers

/// Compares fields with expected values, the words in them replaced.
struct Matching {
    let words: Words

    /// - Parameter side: whose fields these are, for the sentence.
    func complaint(_ expected: [ExpectedField]?, in fields: PeerFields, of side: String) -> String? {
        for field in expected ?? [] {
            let found = fields.values(field.name)
            let joined = found.isEmpty ? nil : found.joined(separator: ", ")
            let wanted = field.value.map(words.expand)
            if !Self.matches(wanted, joined) {
                let text = wanted.map { "\u{201C}\($0)\u{201D}" } ?? "absent"
                return
                    "\(side): \(field.name) is \(joined.map { "\u{201C}\($0)\u{201D}" } ?? "absent"), expected \(text)"
            }
        }
        return nil
    }

    /// - Parameter wanted: nil for absent; `*` for any value; a form that begins with `~`; else the exact value.
    static func matches(_ wanted: String?, _ found: String?) -> Bool {
        guard let wanted else { return found == nil }
        if wanted.hasPrefix("~not ") { return found != String(wanted.dropFirst(5)) }
        if wanted.hasPrefix("~lacks ") { return !(found ?? "").contains(wanted.dropFirst(7)) }
        guard let found else { return false }
        if wanted == "*" { return true }
        if wanted == "~date" { return isDate(found) }
        if wanted.hasPrefix("~contains ") { return found.contains(wanted.dropFirst(10)) }
        if wanted.hasPrefix("~number") { return isNumber(found, bounds: wanted.dropFirst(7)) }
        return found == wanted
    }

    /// Digits only, and within bounds such as `>=3<=10`.
    private static func isNumber(_ text: String, bounds: Substring) -> Bool {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int64(text) else {
            return false
        }
        var rest = bounds
        while rest.count > 2 {
            let sign = rest.prefix(2)
            let digits = rest.dropFirst(2).prefix(while: \.isNumber)
            guard let bound = Int64(digits) else { return false }
            if sign == ">=" ? number < bound : sign == "<=" ? number > bound : true { return false }
            rest = rest[digits.endIndex...]
        }
        return rest.isEmpty
    }

    /// An IMF-fixdate by its shape (RFC 9110 §5.6.7).
    private static func isDate(_ text: String) -> Bool {
        let shape = "Aaa, 00 Aaa 0000 00:00:00 GMT"
        guard text.count == shape.count, text.hasSuffix(" GMT") else { return false }
        return zip(text, shape).allSatisfy { character, sample in
            switch sample {
            case "0": character.isASCII && character.isNumber
            case "A": character.isASCII && character.isUppercase
            case "a": character.isASCII && character.isLowercase
            default: character == sample || character.isUppercase
            }
        }
    }
}

/// The parts of a multipart/byteranges body.
struct Multipart {
    let parts: [(fields: PeerFields, body: String)]

    /// nil where the body is not one.
    init?(contentType: String?, body: String) {
        guard let contentType, contentType.lowercased().hasPrefix("multipart/byteranges"),
            let mark = contentType.firstRange(of: "boundary=")
        else { return nil }
        let boundary = contentType[mark.upperBound...].prefix { $0 != ";" }.filter { $0 != "\"" }
        var pieces = ("\r\n" + body).split(separator: "\r\n--\(boundary)", omittingEmptySubsequences: false)
        guard pieces.count >= 3, pieces.removeLast().hasPrefix("--") else { return nil }
        var parts: [(PeerFields, String)] = []
        for piece in pieces.dropFirst() {
            guard let gap = piece.firstRange(of: "\r\n\r\n") else { return nil }
            var fields = PeerFields()
            for line in piece[..<gap.lowerBound].split(separator: "\r\n") {
                guard let colon = line.firstIndex(of: ":") else { return nil }
                let value = line[colon...].dropFirst().drop { $0 == " " }
                fields.append(String(line[..<colon]), String(value))
            }
            parts.append((fields, String(piece[gap.upperBound...])))
        }
        self.parts = parts
    }
}
