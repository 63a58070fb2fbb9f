// Reads messages from a socket: heads as text, bodies by their framing, in pieces that the caller looks at.
//
// One reader belongs to one connection and is used by one thread at a time. What was read beyond a message stays
// for the next one.

import Glibc

/// The reading half of a connection.
///
/// `@unchecked`: confined to the thread that owns the connection.
final class PeerReader: @unchecked Sendable {
    let socket: PeerSocket
    private let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 262_144, alignment: 16)
    private var unread = 0..<0
    private var chunkMissing: Int64 = 0
    private(set) var ended: Arrival?
    /// The trailer lines of chunked bodies.
    private(set) var trailers: [String] = []

    init(_ socket: PeerSocket) {
        self.socket = socket
    }

    deinit { memory.deallocate() }

    /// The bytes up to and including the first empty line; nil where the connection ends before the first byte.
    func headText(within seconds: Double) throws -> String? {
        var head: [UInt8] = []
        while true {
            guard let byte = try nextByte(within: seconds) else {
                if head.isEmpty { return nil }
                throw PeerFailure("the connection ended within a head: \(String(decoding: head, as: UTF8.self))")
            }
            head.append(byte)
            if byte == 0x0A, head.count >= 4, head.suffix(4).elementsEqual([0x0D, 0x0A, 0x0D, 0x0A]) {
                return String(decoding: head, as: UTF8.self)
            }
            if head.count > 262_144 { throw PeerFailure("a head of more than 256 KiB") }
        }
    }

    /// Reads a body by its framing; `limit` stops early (then the answer is nil, and reading may go on later: of a
    /// body with a length the caller subtracts what it had, of a chunked one the reader remembers the place).
    func body(
        _ framing: PeerFraming,
        limit: Int64 = .max,
        within seconds: Double,
        _ take: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> BodyEnd? {
        var left = limit
        switch framing {
        case .none:
            return .complete
        case .length(let length):
            var missing = length
            if try span(&missing, &left, seconds, take) { return .complete }
            return left == 0 ? nil : cut
        case .untilClose:
            var missing = Int64.max
            if try !span(&missing, &left, seconds, take), left == 0 { return nil }
            if case .end? = ended { return .complete }
            return .reset
        case .chunked:
            return try chunks(&left, seconds, take)
        }
    }

    /// What the end of the connection means for a body that is not complete.
    private var cut: BodyEnd {
        if case .reset? = ended { return .reset }
        return .truncated
    }

    private func chunks(
        _ left: inout Int64,
        _ seconds: Double,
        _ take: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> BodyEnd? {
        while true {
            if chunkMissing == 0 {
                guard let line = try line(within: seconds) else { return cut }
                guard let size = Int64(line.prefix { $0 != ";" }, radix: 16), size >= 0 else {
                    throw PeerFailure("not a chunk size: \(line)")
                }
                if size == 0 { return try trailersEnd(within: seconds) ? .complete : cut }
                chunkMissing = size
            }
            if try !span(&chunkMissing, &left, seconds, take) {
                if left == 0 { return nil }
                chunkMissing = 0
                return cut
            }
            guard let end = try line(within: seconds) else { return cut }
            if !end.isEmpty { throw PeerFailure("bytes beyond a chunk's size: \(end)") }
        }
    }

    private func trailersEnd(within seconds: Double) throws -> Bool {
        while let trailer = try line(within: seconds) {
            if trailer.isEmpty { return true }
            trailers.append(trailer)
        }
        return false
    }

    /// Hands on exactly the missing bytes; false where the connection or the limit ended before.
    private func span(
        _ missing: inout Int64,
        _ left: inout Int64,
        _ seconds: Double,
        _ take: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> Bool {
        while missing > 0 {
            if left == 0 { return false }
            if unread.isEmpty, try !refill(within: seconds) { return false }
            let size = Int(min(missing, left, Int64(unread.count)))
            let piece = UnsafeRawBufferPointer(rebasing: memory[unread.lowerBound..<unread.lowerBound + size])
            unread = unread.lowerBound + size..<unread.upperBound
            missing -= Int64(size)
            left -= Int64(size)
            try take(piece)
        }
        return true
    }

    /// A line without its CRLF; nil where the connection ends first.
    private func line(within seconds: Double) throws -> String? {
        var bytes: [UInt8] = []
        while let byte = try nextByte(within: seconds) {
            if byte == 0x0A, bytes.last == 0x0D { return String(decoding: bytes.dropLast(), as: UTF8.self) }
            bytes.append(byte)
            if bytes.count > 65_536 { throw PeerFailure("a line of more than 64 KiB") }
        }
        return nil
    }

    private func nextByte(within seconds: Double) throws -> UInt8? {
        if unread.isEmpty, try !refill(within: seconds) { return nil }
        let byte = memory[unread.lowerBound]
        unread = unread.lowerBound + 1..<unread.upperBound
        return byte
    }

    private func refill(within seconds: Double) throws -> Bool {
        if ended != nil { return false }
        let arrival = try socket.receive(into: memory, within: seconds)
        guard case .bytes(let count) = arrival else {
            ended = arrival
            return false
        }
        unread = 0..<count
        return true
    }

    /// All raw bytes until the connection ends, and how it ended.
    func rest(within seconds: Double) throws -> (bytes: [UInt8], end: BodyEnd) {
        var bytes: [UInt8] = []
        let end = try body(.untilClose, within: seconds) { bytes.append(contentsOf: $0) }
        return (bytes, end ?? .truncated)
    }

    /// The next raw bytes, exactly that many.
    func exactly(_ count: Int, within seconds: Double) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var missing = Int64(count)
        var left = Int64.max
        if try !span(&missing, &left, seconds, { bytes.append(contentsOf: $0) }) {
            throw PeerFailure("the connection ended after \(bytes.count) of \(count) bytes")
        }
        return bytes
    }
}
