// What a client asks for, and how it leaves. Values only: SoakClient carries them out.

/// What is asked for.
enum Wish {
    case whole
    /// bytes=K-
    case from(Int64)
    /// Half-open.
    case span(Range<Int64>)
    /// The last so many bytes.
    case suffix(Int64)
    case several([Range<Int64>])
    case head
    /// With If-None-Match.
    case ifChanged
    /// The rest of what it holds, as curl -C - asks: without a condition.
    case bareRest
    /// The rest of what it holds, under the tag that came with it.
    case restUnderTag

    /// The bytes that the origin has to be asked for, of a file of this length.
    func wanted(held: Int64, length: Int64) -> [Range<Int64>] {
        let all = 0..<length
        switch self {
        case .whole, .ifChanged: return [all]
        case .from(let start): return [(min(start, length)..<length)]
        case .span(let range): return [range.clamped(to: all)]
        case .suffix(let count): return [max(0, length - count)..<length]
        case .several(let ranges): return ranges.map { $0.clamped(to: all) }
        case .head: return []
        case .bareRest, .restUnderTag: return [min(held, length)..<length]
        }
    }

    /// The Range field, where there is one.
    func range(held: Int64) -> String? {
        switch self {
        case .whole, .head, .ifChanged: nil
        case .from(let start): "bytes=\(start)-"
        case .span(let range): "bytes=\(range.lowerBound)-\(range.upperBound - 1)"
        case .suffix(let count): "bytes=-\(count)"
        case .several(let ranges):
            "bytes=" + ranges.map { "\($0.lowerBound)-\($0.upperBound - 1)" }.joined(separator: ",")
        case .bareRest, .restUnderTag: "bytes=\(held)-"
        }
    }
}

/// How a client takes a body.
struct Manner {
    /// It leaves after so many body bytes; nil: it stays to the end.
    var leavesAfter: Int64?
    var resets = false
    /// After each piece of so many bytes it sleeps for so many microseconds.
    var nap: (each: Int64, microseconds: UInt32)?
    /// Once, after so many bytes, it takes nothing for so many seconds.
    var pause: (after: Int64, seconds: Double)?
}

/// The beginning of a file, as a client holds it after it left or was cut.
struct HeldBeginning {
    let object: SoakObject
    var count: Int64
    /// The versions that its bytes agree with.
    var versions: [Int64]
    /// As it came; a weak one is of no use in If-Range.
    var tag: String?
    /// When the latest of it began to come, and in which lives: monotonic nanoseconds.
    var since: Int64
    var lives: SoakWorld.Lives
}
