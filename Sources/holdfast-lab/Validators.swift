// The validators of the version that is answered, and what conditions say to them (RFC 9110 §8.8, §13).

/// Entity tag and Last-Modified of one answer.
package struct Validators: Sendable, Equatable {
    package let etag: String?
    package let lastModified: String?

    /// 1 January 2020; each version is a minute later than the one before, so that all are long past.
    private static let firstModified: Int64 = 1_577_836_800

    package init(_ file: LabFile, _ moment: Moment, labSeed: UInt64, coding: String?) {
        let faults = file.faults
        let tagged = faults.changeTag == .yes || faults.changeTag == .etag ? moment.version : faults.version
        let dated = faults.changeTag == .yes || faults.changeTag == .lastModified ? moment.version : faults.version
        let seed = file.content(labSeed: labSeed, version: tagged).seed
        let plain = "v\(tagged)-" + String(seed, radix: 16) + (coding.map { "-" + $0 } ?? "")
        etag =
            switch faults.etag {
            case .strong: "\"\(plain)\""
            case .weak: "W/\"\(plain)\""
            case .none: nil
            case .changing(let seconds): "\"\(plain)-t\(Int64(moment.elapsed / seconds))\""
            case .perRequest: "\"\(plain)-r\(moment.requestNumber)\""
            }
        lastModified =
            switch faults.lastModified {
            case .on: httpDate(Self.firstModified + dated * 60)
            case .none: nil
            case .now: httpDate(moment.now)
            case .fixed(let seconds): httpDate(seconds)
            }
    }

    /// 412 or 304, where the conditions say so (RFC 9110 §13.2.2).
    package func refusal(of request: LabRequest) -> Int? {
        if let field = request["If-Match"] {
            if field != "*" && !tags(field).contains(where: isStrongly) { return 412 }
        } else if let field = request["If-Unmodified-Since"], let lastModified, field != lastModified {
            return 412
        }
        if let field = request["If-None-Match"] {
            let isSame = field == "*" || tags(field).contains { opaque($0) == etag.map { opaque($0) } }
            return isSame ? 304 : nil
        }
        if let field = request["If-Modified-Since"], let lastModified, field == lastModified { return 304 }
        return nil
    }

    /// Whether a range may be answered with a part (RFC 9110 §13.1.5).
    package func allowsPart(_ request: LabRequest, _ conduct: IfRangeConduct) -> Bool {
        guard let field = request["If-Range"] else { return true }
        let isTag = field.hasPrefix("\"") || field.hasPrefix("W/")
        switch conduct {
        case .ignore: return true
        case .never: return false
        case .dateOnly: if isTag { return false }
        case .etagOnly: if !isTag { return false }
        case .on: break
        }
        return isTag ? isStrongly(field) : field == lastModified
    }

    /// RFC 9110 §8.8.3.2: the strong comparison.
    private func isStrongly(_ tag: String) -> Bool { tag == etag && !tag.hasPrefix("W/") }

    private func opaque(_ tag: String) -> String { tag.hasPrefix("W/") ? String(tag.dropFirst(2)) : tag }

    private func tags(_ field: String) -> [String] { field.split(separator: ",").map { trimmed($0) } }
}
