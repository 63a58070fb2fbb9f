// The origin's memory as bytes of a row of the index: one byte for the format, then a slot for each finding: 0 where
// there is none, else its code, a detail, and the instant in eight bytes, the highest first. Whatever does not read
// exactly so is an origin of which nothing is known: a memory may always be lost, and may never be guessed.

extension OriginCapabilities {
    private static let format: UInt8 = 1

    /// Codes are their places, so that a new reason is appended.
    private static let reasons: [BrokenReason] = [
        .multipart, .contentRangeMissing, .contentRangeInvalid, .wrongStart, .beyondAsked, .longerThanSpan,
        .contentEncodingChanged, .contentTypeChanged, .encodedWithoutEntityTag, .unsatisfiedRangeContradicts,
        .unexpectedStatus, .completeLengthContradicts,
    ]

    package var bytes: [UInt8] {
        var bytes = [Self.format]
        func slot<Value>(_ finding: Finding<Value>?, _ code: (Value) -> (UInt8, UInt8)) {
            guard let finding else { return bytes.append(0) }
            let (code, detail) = code(finding.value)
            bytes.append(code)
            bytes.append(detail)
            for shift in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: finding.at >> shift))
            }
        }
        slot(ranges) { Self.code(of: $0) }
        for honour in [tag, date, match] { slot(honour) { (Self.code(of: $0), 0) } }
        slot(validators) { (Self.code(of: $0), 0) }
        slot(deceit) { _ in (1, 0) }
        for count in [tolerated, connectionLimit, truncations] { slot(count) { (1, UInt8(Self.counted($0))) } }
        return bytes
    }

    /// What a row says; an origin of which nothing is known where it says nothing that can be read.
    package init(bytes: [UInt8]) {
        self = Self.read(bytes) ?? OriginCapabilities()
    }

    private static func read(_ bytes: [UInt8]) -> OriginCapabilities? {
        var reader = SlotReader(rest: bytes[...])
        guard reader.byte() == format else { return nil }
        var memory = OriginCapabilities()
        do {
            memory.ranges = try reader.slot { try ranges(code: $0, detail: $1) }
            memory.tag = try reader.slot { code, _ in try honour(code: code) }
            memory.date = try reader.slot { code, _ in try honour(code: code) }
            memory.match = try reader.slot { code, _ in try honour(code: code) }
            memory.validators = try reader.slot { code, _ in try validators(code: code) }
            memory.deceit = try reader.slot { _, _ in true }
            memory.tolerated = try reader.slot { Int($1) }
            memory.connectionLimit = try reader.slot { max(1, Int($1)) }
            memory.truncations = try reader.slot { Int($1) }
        } catch {
            return nil
        }
        return reader.rest.isEmpty ? memory : nil
    }

    private struct Unreadable: Error {}

    private struct SlotReader {
        var rest: ArraySlice<UInt8>

        mutating func byte() -> UInt8? { rest.popFirst() }

        mutating func slot<Value>(_ value: (UInt8, UInt8) throws -> Value) throws -> Finding<Value>? {
            guard let code = byte() else { throw Unreadable() }
            guard code != 0 else { return nil }
            guard let detail = byte(), rest.count >= 8 else { throw Unreadable() }
            let at = rest.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            rest = rest.dropFirst(8)
            return Finding(value: try value(code, detail), at: Int64(bitPattern: at))
        }
    }

    // MARK: Codes

    private static func code(of ranges: Ranges) -> (UInt8, UInt8) {
        switch ranges {
        case .announced: (1, 0)
        case .honoured: (2, 0)
        case .ignored: (3, 0)
        case .broken(let reason): (4, UInt8(reasons.firstIndex(of: reason) ?? 0))
        }
    }

    private static func ranges(code: UInt8, detail: UInt8) throws -> Ranges {
        switch code {
        case 1: return .announced
        case 2: return .honoured
        case 3: return .ignored
        case 4 where Int(detail) < reasons.count: return .broken(reasons[Int(detail)])
        default: throw Unreadable()
        }
    }

    private static func code(of honour: Honour) -> UInt8 {
        switch honour {
        case .accepted: 1
        case .honoured: 2
        case .refused: 3
        case .ignored: 4
        }
    }

    private static func honour(code: UInt8) throws -> Honour {
        switch code {
        case 1: return .accepted
        case 2: return .honoured
        case 3: return .refused
        case 4: return .ignored
        default: throw Unreadable()
        }
    }

    private static func code(of validators: Validators) -> UInt8 {
        switch validators {
        case .strongTag: 1
        case .strongDate: 2
        case .weakOnly: 3
        case .absent: 4
        }
    }

    private static func validators(code: UInt8) throws -> Validators {
        switch code {
        case 1: return .strongTag
        case 2: return .strongDate
        case 3: return .weakOnly
        case 4: return .absent
        default: throw Unreadable()
        }
    }
}
