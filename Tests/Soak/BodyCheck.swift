// Compares a body with the truth while it comes: it must be of one version, the one that its head names or else one that
// there was. Where no validator tells versions apart, each byte must be some version's at its place.

import ScriptedPeers

/// What is known of a body, from its bytes so far.
struct BodyCheck {
    let object: SoakObject
    /// The versions that every byte so far agrees with.
    private(set) var versions: [Int64]
    /// The offset in the content of the next byte.
    private(set) var position: Int64
    /// How often another version went on where nobody could notice.
    private(set) var switches = 0
    private let all: ClosedRange<Int64>

    /// - Parameter versions: those that it may be of.
    init(_ object: SoakObject, of versions: [Int64], among all: ClosedRange<Int64>, at position: Int64) {
        self.object = object
        self.versions = versions
        self.all = all
        self.position = position
    }

    mutating func keep(_ isPossible: (Int64) -> Bool) {
        versions.removeAll { !isPossible($0) }
    }

    /// The lengths that the whole may have.
    var lengths: Set<Int64> { Set(versions.map { object.content($0).length }) }

    /// The next bytes of the body; answers with the offset of a wrong one.
    mutating func take(_ bytes: UnsafeRawBufferPointer) -> Int64? {
        var rest = bytes
        while !rest.isEmpty {
            var furthest = position
            var equal: [Int64] = []
            for version in versions {
                guard let different = object.content(version).firstDifference(rest, at: position) else {
                    equal.append(version)
                    continue
                }
                furthest = max(furthest, different)
            }
            if !equal.isEmpty {
                versions = equal
                position += Int64(rest.count)
                return nil
            }
            let isCorrupt = furthest == object.corruptOffset
            let next = isCorrupt ? furthest + 1 : furthest
            guard isCorrupt || object.mixesUnnoticed, next > position || versions.count < all.count else {
                return furthest
            }
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(Int(next - position)))
            if !isCorrupt {
                if next > position { switches += 1 }
                versions = Array(all)
            }
            position = next
        }
        return nil
    }

    /// What the bytes at an offset really are, in words.
    static func origin(of bytes: [UInt8], at offset: Int64, _ object: SoakObject, among all: ClosedRange<Int64>)
        -> String
    {
        for version in all where object.content(version).firstDifference(bytes, at: offset) == nil {
            return "those of version \(version)"
        }
        for version in all {
            for shift in (-4096 as Int64)...4096 where offset + shift >= 0 {
                if object.content(version).firstDifference(bytes, at: offset + shift) == nil {
                    return "those of version \(version), shifted by \(shift)"
                }
            }
        }
        return "of no version: \(bytes.prefix(32).map { String($0, radix: 16) }.joined(separator: " "))"
    }
}
