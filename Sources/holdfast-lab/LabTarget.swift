// What a request's target asks the laboratory for: a file with its faults, the truth about one, the log, the page.

/// One URL of a file: its path, its size, its faults.
package struct LabFile: Sendable, Equatable {
    /// Without the query: `/f/35M/disk.iso`. The content is made from it.
    package let path: String
    /// Bytes of the first version.
    package let size: Int64
    /// As it stood behind the question mark.
    package let query: String
    package let faults: Faults

    /// What counts are kept by: every other query is another URL, with counts of its own.
    package var key: String { query.isEmpty ? path : "\(path)?\(query)" }

    package func length(ofVersion version: Int64) -> Int64 {
        grown(size, by: faults.grow, versions: version - faults.version)
    }

    package func content(labSeed: UInt64, version: Int64) -> LabContent {
        LabContent(labSeed: labSeed, path: path, version: version, length: length(ofVersion: version))
    }

    /// Where a redirect leads: the same URL with one hop less.
    package func afterRedirect(_ redirect: Redirect) -> String {
        var pieces = query.split(separator: "&").filter { !$0.hasPrefix("redirect=") }.map(String.init)
        if redirect.hops > 1 { pieces.append("redirect=\(redirect.status):\(redirect.hops - 1)") }
        return pieces.isEmpty ? path : "\(path)?\(pieces.joined(separator: "&"))"
    }
}

/// The length of a version that comes so many versions after the first one, in bytes.
func grown(_ size: Int64, by step: Int64, versions: Int64) -> Int64 {
    let (growth, overflow) = max(0, versions).multipliedReportingOverflow(by: step)
    return overflow ? Quantity.limit : size + min(growth, Quantity.limit)
}

package enum LabTarget: Sendable, Equatable {
    case file(LabFile)
    /// What the file is: of one version, or of the present one; with or without its hash.
    case truth(LabFile, version: Int64?, isHashed: Bool)
    case log(LogPart)
    case page
    case unknown

    /// Reads origin-form and absolute-form.
    package init(_ target: String) throws(FaultError) {
        var rest = Substring(target)
        if rest.lowercased().hasPrefix("http://") {
            rest = rest.dropFirst(7)
            rest = rest.drop { $0 != "/" && $0 != "?" }
        }
        let mark = rest.firstIndex(of: "?") ?? rest.endIndex
        let path = String(rest[..<mark])
        let query = String(rest[mark...].dropFirst())
        switch path {
        case "", "/": self = .page
        case "/log": self = .log(try LogPart(query: query))
        default:
            if path.hasPrefix("/f/") {
                self = .file(try LabFile(path: path, query: query))
            } else if path.hasPrefix("/truth/") {
                self = try .truth(path: "/f/" + path.dropFirst(7), query: query)
            } else {
                self = .unknown
            }
        }
    }

    /// `for=VERSION` and `hash=no` are for the truth, everything else is the file's own query.
    private static func truth(path: String, query: String) throws(FaultError) -> LabTarget {
        var own: [Substring] = []
        var version: Int64?
        var isHashed = true
        for piece in query.split(separator: "&") {
            if piece == "hash=no" {
                isHashed = false
            } else if piece.hasPrefix("for=") {
                guard let number = FaultValue.version(String(piece.dropFirst(4))) else {
                    throw FaultError(description: "for= needs the number of a version: \(piece)")
                }
                version = number
            } else {
                own.append(piece)
            }
        }
        let file = try LabFile(path: path, query: own.joined(separator: "&"))
        return .truth(file, version: version, isHashed: isHashed)
    }
}

extension LabFile {
    fileprivate init(path: String, query: String) throws(FaultError) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        // An empty part before the first slash, `f`, the size, and at least one part of a name.
        guard parts.count >= 4, !parts[3].isEmpty, let size = Quantity.bytes(parts[2]) else {
            throw FaultError(description: "A file is /f/SIZE/NAME, such as /f/35M/disk.iso: \(path)")
        }
        self.init(path: path, size: size, query: query, faults: try Faults(query: query))
    }
}
