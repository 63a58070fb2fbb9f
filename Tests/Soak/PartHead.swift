// Content-Range and the parts of multipart/byteranges, as a client reads them (RFC 9110 §14.4, §14.6).

import ScriptedPeers

/// Where a part lies.
struct PartHead {
    /// Half-open.
    let range: Range<Int64>
    /// nil for `*`.
    let total: Int64?
    private(set) var bytes: [UInt8] = []

    init?(_ head: ReceivedHead) {
        guard let field = head["Content-Range"] else { return nil }
        self.init(field)
    }

    private init?(_ field: String) {
        guard field.hasPrefix("bytes "), let slash = field.firstIndex(of: "/") else { return nil }
        let ends = field[..<slash].dropFirst(6).split(separator: "-").map { Int64($0) }
        guard ends.count == 2, let first = ends[0], let last = ends[1], first <= last else { return nil }
        range = first..<last + 1
        total = Int64(field[field.index(after: slash)...])
    }

    /// The parts of a body; the last one may be cut.
    static func parts(of body: [UInt8], _ head: ReceivedHead) -> [PartHead] {
        guard let mark = head["Content-Type"]?.split(separator: "boundary=").last else { return [] }
        let delimiter = Array("\r\n--\(mark.filter { $0 != "\"" })".utf8)
        var rest = Array("\r\n".utf8) + body
        var parts: [PartHead] = []
        while let begin = place(of: delimiter, in: rest, from: 0) {
            let afterMark = begin + delimiter.count
            guard let headEnd = place(of: [13, 10, 13, 10], in: rest, from: afterMark) else { return parts }
            let text = String(decoding: rest[afterMark..<headEnd], as: UTF8.self)
            let field = text.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-range: ") }
            guard var part = field.flatMap({ PartHead(String($0.dropFirst(15))) }) else { return parts }
            let start = headEnd + 4
            let end = min(rest.count, start + Int(part.range.upperBound - part.range.lowerBound))
            part.bytes = Array(rest[start..<end])
            parts.append(part)
            rest = Array(rest[end...])
        }
        return parts
    }

    private static func place(of mark: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
        guard bytes.count >= start + mark.count else { return nil }
        return (start...(bytes.count - mark.count)).first { place in
            bytes[place] == mark[0] && bytes[place..<place + mark.count].elementsEqual(mark)
        }
    }
}
