// Sends the body of one answer, with whatever disturbs it: cuts, stalls, a rate, wrong bytes, a content that changes on
// the way. It holds one piece in memory at a time, whatever the length of the body.

import Glibc

/// One body on its way.
///
/// Confined to the thread of its connection.
final class BodySender {
    private let socket: LabSocket
    private let answer: Answer
    private let plan: TransferPlan
    private let memory: UnsafeMutableRawBufferPointer
    private var representation: Representation
    /// The offset at which the content changes, and what it goes on with (nil: with itself). Once.
    private var change: (offset: Int64, next: () -> Representation?)?
    private let willEnd: () -> Void
    private let progressed: (Int64) -> Void
    private var reported: Int64 = 0
    private var hasStalled = false
    private let started = steadyNanoseconds()

    /// Body bytes that were taken by the kernel.
    private(set) var sent: Int64 = 0

    /// - Parameters:
    ///   - memory: for one piece; at least a byte.
    ///   - change: the offset in the representation at which the content changes, and what is then told, and asked
    ///     for the representation that the rest comes from.
    ///   - willEnd: is told before the last byte leaves: a client that has it may ask again at once.
    ///   - progressed: is told how many body bytes were sent, every 64 KiB.
    init(
        _ socket: LabSocket,
        _ answer: Answer,
        _ representation: Representation,
        _ plan: TransferPlan,
        memory: UnsafeMutableRawBufferPointer,
        change: (offset: Int64, next: () -> Representation?)?,
        willEnd: @escaping () -> Void,
        progressed: @escaping (Int64) -> Void
    ) {
        self.socket = socket
        self.answer = answer
        self.representation = representation
        self.plan = plan
        self.memory = memory
        self.change = change
        self.willEnd = willEnd
        self.progressed = progressed
    }

    /// Sends all of it; the connection is open afterwards, unless it was reset.
    func send() -> ResponseEnd {
        let last = min(answer.bodyLength, plan.cut?.after ?? .max)
        if last == 0 { willEnd() }
        for part in answer.parts {
            var offset: Int64 = 0
            while offset < part.count {
                if let cut = plan.cut, sent >= cut.after { return ended(by: cut) }
                guard stalled() else { return .clientLeft }
                let size = pieceSize(part, at: offset)
                fill(size, part, at: offset)
                guard paced(after: size) else { return .clientLeft }
                if sent + Int64(size) == last { willEnd() }
                guard sendPiece(size) else { return .clientLeft }
                offset += Int64(size)
            }
        }
        // A cut at the very end of a body is none.
        if answer.framing == .chunked, !socket.send(Array("0\r\n\r\n".utf8)) { return .clientLeft }
        return .complete
    }

    private func ended(by cut: TransferPlan.Cut) -> ResponseEnd {
        if cut.isReset {
            // A reset throws away what the kernel still holds, and the bytes before it are promised.
            socket.waitUntilTaken()
            socket.reset()
            return .reset
        }
        return answer.framing == .untilClose ? .truncated : .dropped
    }

    /// False where the client left during the stall.
    private func stalled() -> Bool {
        guard let stall = plan.stall, !hasStalled, sent >= stall.after else { return true }
        hasStalled = true
        return socket.nap(seconds: stall.seconds)
    }

    /// Waits until the rate allows what has been sent so far; false where the client left.
    private func paced(after size: Int) -> Bool {
        guard let rate = plan.rate else { return true }
        let due = Double(sent + Int64(size)) / Double(rate)
        let elapsed = Double(steadyNanoseconds() - started) / 1e9
        return due <= elapsed || socket.nap(seconds: due - elapsed)
    }

    private func pieceSize(_ part: BodyPart, at offset: Int64) -> Int {
        var size = min(Int64(memory.count), part.count - offset)
        if let cut = plan.cut { size = min(size, cut.after - sent) }
        if let stall = plan.stall, !hasStalled { size = min(size, stall.after - sent) }
        // Twenty pieces a second.
        if let rate = plan.rate { size = min(size, max(1, rate / 20)) }
        if let change, case .span(let range) = part, change.offset > range.lowerBound + offset {
            size = min(size, change.offset - range.lowerBound - offset)
        }
        return Int(plan.pieceSize(at: sent, atMost: size))
    }

    private func fill(_ size: Int, _ part: BodyPart, at offset: Int64) {
        let piece = UnsafeMutableRawBufferPointer(rebasing: memory[..<size])
        switch part {
        case .text(let bytes):
            piece.copyBytes(from: bytes[Int(offset)..<Int(offset) + size])
        case .span(let range):
            let begin = range.lowerBound + offset
            if let change, begin == change.offset {
                self.change = nil
                if let next = change.next() { representation = next }
            }
            representation.copy(into: piece, at: begin)
            if let wrong = plan.corruptOffset, (begin..<begin + Int64(size)).contains(wrong) {
                piece[Int(wrong - begin)] ^= 0xFF
            }
        }
    }

    private func sendPiece(_ size: Int) -> Bool {
        let isChunked = answer.framing == .chunked
        if isChunked, !socket.send(Array("\(String(size, radix: 16))\r\n".utf8)) { return false }
        let taken = socket.send(UnsafeRawBufferPointer(rebasing: memory[..<size]))
        sent += Int64(taken)
        if sent - reported >= 65_536 {
            reported = sent
            progressed(sent)
        }
        return taken == size && (!isChunked || socket.send([13, 10]))
    }
}
