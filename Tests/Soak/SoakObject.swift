// One file of the laboratory with its faults, and the truth about it: the bytes of each of its versions, and how much of
// what the origin does wrong a proxy can notice.

import ScriptedPeers

/// A file for as long as its place in the run holds it.
struct SoakObject: Sendable {
    let name: String
    /// Bytes of the first version.
    let size: Int64
    /// name=value, as docs/lab.md has them.
    let faults: [(name: String, value: String)]
    /// Strong validators, honest ranges, storable: every byte has to cross the upstream link once.
    let isSound: Bool
    let labSeed: UInt64

    var path: String { "/f/\(size)/\(name)" }
    var target: String {
        path + (faults.isEmpty ? "" : "?") + faults.map { "\($0.name)=\($0.value)" }.joined(separator: "&")
    }

    func fault(_ name: String) -> String? { faults.first { $0.name == name }?.value }
    func has(_ name: String) -> Bool { fault(name) != nil }

    // MARK: The truth

    private var grows: Int64 { fault("grow").flatMap { Int64($0) } ?? 0 }

    /// The bytes of a version, from 1 (docs/lab.md, "Checking what came").
    func content(_ version: Int64) -> Content {
        let hash = path.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        let seed = scrambled(scrambled(labSeed ^ hash) &+ UInt64(version))
        return Content(seed: seed, length: size + (version - 1) * grows)
    }

    /// All versions that there may have been.
    ///
    /// - Parameter elapsed: seconds since the laboratory's epoch.
    func versions(elapsed: Double) -> ClosedRange<Int64> {
        guard let change = fault("change") else { return 1...1 }
        let amount = change.drop { $0 != ":" }.dropFirst()
        if change.hasPrefix("every:"), let seconds = Double(amount) {
            // Those that come while the body does, too.
            return 1...(Int64((elapsed + 120) / seconds) + 1)
        }
        return change.hasPrefix("mid:") ? 1...2 : 1...2000
    }

    /// The version that a head names by its tag or its date; nil where neither says it.
    func version(named head: ReceivedHead) -> Int64? {
        let tagChanges = ["yes", "etag"].contains(fault("change-tag") ?? "yes")
        if let tag = head["ETag"] {
            guard tagChanges, let mark = tag.firstIndex(of: "v") else { return nil }
            return Int64(tag[tag.index(after: mark)...].prefix { $0.isNumber })
        }
        guard ["yes", "lm"].contains(fault("change-tag") ?? "yes"), !has("lm"), let text = head["Last-Modified"] else {
            return nil
        }
        // Each is a minute later than the one before: the first of 1 January 2020, 00:01. Months do not come that far.
        let words = text.split { " :".contains($0) }.map { Int64($0) }
        guard words.count == 8, text.contains("Jan 2020"), let day = words[1], let hour = words[4],
            let minute = words[5]
        else { return nil }
        return ((day - 1) * 24 + hour) * 60 + minute
    }

    // MARK: What cannot be noticed

    /// No validator tells the versions apart: parts that were fetched apart may be of two. Each byte is then still one of
    /// some version's at its place.
    var mixesUnnoticed: Bool {
        guard has("change") else { return false }
        let change = fault("change-tag") ?? "yes"
        let lastModified = fault("lm") ?? "on"
        switch fault("etag") ?? "strong" {
        case "none": return lastModified != "none" && (lastModified != "on" || !["yes", "lm"].contains(change))
        default: return change == "no" || change == "lm"
        }
    }

    /// Without tag and date, and with a length that stays, who resumes joins what he gets, with or without a proxy.
    var tellsVersionsApart: Bool { fault("etag") != "none" || fault("lm") != "none" }

    /// The byte that the origin sends wrong, and that no digest shows.
    var corruptOffset: Int64? { fault("corrupt").flatMap { Int64($0) } }

    /// Ranges that say what was asked and are others: only what is compared with held bytes shows it. So they are asked
    /// for by the proxy alone, never by a client.
    var isForWholeOnly: Bool { fault("ranges") == "shifted" }

    /// A body that only the connection's end delimits may end too early, and nobody can see that.
    var endsUnprovably: Bool { has("close") || has("truncate") || (fault("http") == "1.0" && has("length")) }

    /// A length that is too short by so much makes a whole of a part.
    var lengthLie: Int64 { fault("size-lies").flatMap { Int64($0) } ?? 0 }

    /// Whether the origin says, or may have said, that a version is so long.
    func mayClaim(_ length: Int64, version: Int64) -> Bool {
        let actual = content(version).length
        // The laboratory names no negative length.
        return length == actual || length == max(0, actual + lengthLie) || length == actual + totalLie
    }

    /// Content-Length and Content-Range of its parts name different lengths.
    var contradictsItself: Bool { lengthLie != 0 || fault("ranges") == "long" || fault("ranges") == "short" }

    /// Complete lengths in Content-Range that are one too large.
    var totalLie: Int64 { fault("ranges") == "broken-total" ? 1 : 0 }
}
