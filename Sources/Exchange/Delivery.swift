// Carries the bytes of a stored body to one client: what is held at once, what is still to come as it
// comes. It waits where bytes are missing, and asks the fills of the version to bring them. It knows
// neither the origin nor why a fill ended: only that bytes will come, or will not.

import HTTPSemantics
import NIOCore
import Resume
import Store
import Synchronization
import Transport

/// What the fills of a version tell one of its readers.
enum ReaderNotice: Sendable {
    /// The origin has confirmed the version: the head may be sent (invariant 4).
    case confirmed
    /// The origin has another version now; nil where it is not stored.
    case versionChanged(new: StoredResponse?)
    /// No fill will bring what this reader lacks.
    case failed(FillStop)
    /// No answer will come that could confirm the version.
    case unanswered
    /// The body ended with the connection at this offset: nothing says whether it is whole (resume-rules 8).
    case endedUnproven(at: Int64)
    /// These bytes have another digest than the origin names, and are held no longer.
    case distrusted(Range<Int64>, ExpectedDigest)
}

/// How a delivery came to its end.
enum DeliveryEnd: Equatable {
    case complete
    /// The response was cut, visibly (resume-rules 3.4).
    case cut(CutReason)
    case clientLeft
}

extension DeliveryEnd {
    var logText: String {
        switch self {
        case .complete: "complete"
        case .cut(let reason): "cut: \(reason.sentence)"
        case .clientLeft: "client-left"
        }
    }
}

/// One span of a body, half-open.
struct DeliveryPart {
    let range: Range<Int64>
    /// Its number in the multipart body that it is a part of.
    var number = 0
}

/// One body on its way to one client. Bound to the loop of its stream.
final class Delivery: @unchecked Sendable {
    private let stream: DownstreamStream
    let response: StoredResponse
    private let rejoin: (Delivery, _ position: Int64) -> Void
    /// nil once it has been called. It holds the exchange while the delivery lasts: the stream lets go of it first.
    private var onEnd: ((DeliveryEnd) -> Void)?
    private let reader: BodyReader
    private let wakePending: WakeFlag
    /// What is delivered, in order, and what of it comes next.
    private let parts: [DeliveryPart]
    /// What stands between the parts of a multipart body. Made when it is sent: a response may have hundreds of them.
    private let framing: MultipartRanges?
    private var partIndex = 0
    private var start: Int64
    private var end: Int64
    private(set) var position: Int64
    private var finishedParts = ByteRangeSet()
    /// Called before another part begins: whoever brought bytes for the last one need not any more.
    var onNextPart: (() -> Void)?
    /// Called before the end is sent: what has to be known by the time that the client can ask again.
    var onFinishing: (() -> Void)?
    private var isSendingFile = false
    private var isEnded = false
    private var isPumping = false
    /// It was asked for while it was at work.
    private var isPumpDue = false
    private var doom: CutReason?
    /// Takes the response over at this offset when what is held has been delivered; false where it cannot.
    var rescue: ((_ position: Int64) -> Bool)?
    private var unprovenEnd: Int64?
    /// nil where no rate is set.
    private let pace: DownstreamPace?
    /// The last bytes wait until it is known that all together have the digest that was named. See `Delivery+Digests`.
    var holdsEnd = false
    /// The verdict is one on a part, which does not wait for the whole.
    var awaitsPart = false
    /// Found out to be wrong: cut before the next byte.
    private var condemned: CutReason?

    /// One wake-up at the most is under way to the loop.
    private final class WakeFlag: Sendable {
        let isPending = Atomic<Bool>(false)
    }

    /// - Parameters:
    ///   - parts: at least one; the upper bound of a single one is `Int64.max` where the complete length is not known.
    ///   - framing: of a multipart body.
    ///   - rejoin: called where bytes are missing at a position: brings a fill there, or dooms the delivery.
    ///   - onEnd: called once, on the loop.
    init(
        stream: DownstreamStream,
        response: StoredResponse,
        parts: [DeliveryPart],
        framing: MultipartRanges? = nil,
        pace: DownstreamPace? = nil,
        rejoin: @escaping (Delivery, _ position: Int64) -> Void,
        onEnd: @escaping (DeliveryEnd) -> Void
    ) {
        self.stream = stream
        self.response = response
        self.rejoin = rejoin
        self.onEnd = onEnd
        self.parts = parts
        self.framing = framing
        self.pace = pace
        let range = parts.first?.range ?? 0..<0
        start = range.lowerBound
        position = range.lowerBound
        end = range.upperBound
        let flag = WakeFlag()
        wakePending = flag
        let loop = stream.loop
        let box = WeakDelivery()
        reader = response.body.openReader(wake: {
            guard !flag.isPending.exchange(true, ordering: .acquiringAndReleasing) else { return }
            loop.execute {
                flag.isPending.store(false, ordering: .releasing)
                box.delivery?.pump()
            }
        })
        box.delivery = self
        pace?.onTurn = { [weak self] in self?.pump() }
    }

    /// Reached from disk threads only to be handed to the loop.
    private final class WeakDelivery: @unchecked Sendable {
        weak var delivery: Delivery?
    }

    /// The end of the part under way, exclusive; `Int64.max` while it is not known.
    var wantedEnd: Int64 { min(end, response.body.completeLength ?? .max) }

    /// The end of the part under way as it was asked for; `Int64.max` while it is not known.
    var partEnd: Int64 { end }

    /// The bytes of the body delivered so far.
    var delivered: ByteRangeSet {
        var delivered = finishedParts
        delivered.insert(start..<position)
        return delivered
    }

    /// The end of the last span of bytes that was delivered, exclusive.
    var deliveredEnd: Int64 { delivered.ranges.last?.upperBound ?? start }

    // MARK: Events, on the loop

    /// Once, after the head was sent.
    func begin() {
        if let framing, let part = parts.first { send(framing.preamble(of: part.number)) }
        pump()
    }

    func pump() {
        guard !isEnded, !isSendingFile else { return }
        // A flush may empty the channel at once, and say so before it returns: that is no event to be lost.
        guard !isPumping else {
            isPumpDue = true
            return
        }
        isPumping = true
        defer { isPumping = false }
        repeat {
            isPumpDue = false
            sendWhatIsThere()
        } while isPumpDue && !isEnded && !isSendingFile
    }

    private func sendWhatIsThere() {
        while !isEnded {
            if let condemned { return cut(condemned) }
            if let completeLength = response.body.completeLength { end = min(end, completeLength) }
            if position >= heldBackFrom, end < .max {
                guard awaitRest() else { return stream.flush() }
                continue
            }
            if position >= end {
                if !beginNextPart() { return finish() }
                continue
            }
            guard stream.isWritable else { return stream.flush() }
            var most = min(min(end, heldBackFrom) - position, 1 << 20)
            if let pace {
                most = pace.allowance(most)
                guard most > 0 else { return stream.flush() }
            }
            switch reader.read(at: position, atMost: Int(most)) {
            case .bytes(let bytes):
                pace?.sent(Int64(bytes.count))
                position += Int64(bytes.count)
                stream.send(ByteBuffer(bytes: bytes))
            case .file(let descriptor, let range):
                isSendingFile = true
                pace?.sent(range.upperBound - range.lowerBound)
                position = range.upperBound
                stream.sendFile(descriptor: descriptor, range: range, keepAlive: reader) { [weak self] in
                    self?.isSendingFile = false
                    self?.pump()
                }
                stream.flush()
                // Where the kernel took everything at once, `done` has been called already.
                if isSendingFile { return }
            case .later:
                return stream.flush()
            case .missing:
                if missing(at: position) { continue }
                return stream.flush()
            case .failed(let error):
                return unreadable(error)
            }
        }
    }

    /// Whether the reason was resolved so that reading can go on at once.
    private func missing(at offset: Int64) -> Bool {
        if let completeLength = response.body.completeLength, offset >= completeLength { return true }
        if let unprovenEnd, offset >= unprovenEnd {
            end = offset
            return true
        }
        if let doom {
            give(up: doom)
            return true
        }
        rejoin(self, offset)
        return false
    }

    // MARK: Digests

    /// So many bytes at the end are held back: what a client has not got, it cannot take for the whole.
    private static let heldBack: Int64 = 64 << 10

    /// The first byte that waits for the verdict on the digest.
    private var heldBackFrom: Int64 { holdsEnd ? max(start, end - Self.heldBack) : .max }

    /// The last bytes are held back. Whether something has changed, so that the next step can be taken.
    private func awaitRest() -> Bool {
        let missing = response.body.held.runEnd(from: position)
        guard missing < end else {
            // What is missing elsewhere may never come: a part is not the whole's witness.
            if !awaitsPart, !response.body.isComplete { holdsEnd = false }
            return !holdsEnd
        }
        switch reader.read(at: missing, atMost: 1) {
        case .missing: return self.missing(at: missing)
        case .failed(let error):
            unreadable(error)
            return false
        case .later: return false
        case .bytes, .file: return true
        }
    }

    /// It has the digest, or nobody can tell.
    func releaseEnd() {
        holdsEnd = false
        pump()
    }

    /// It has another digest: cut before one more byte, and not continued from elsewhere.
    func condemn(_ reason: CutReason) {
        rescue = nil
        condemned = reason
        pump()
    }

    /// Nothing will bring more: what is held is delivered, then the response is cut.
    func doom(_ reason: CutReason) {
        doom = reason
        pump()
    }

    func endedUnproven(at offset: Int64) {
        unprovenEnd = offset
        // Whether it is whole is not known either.
        holdsEnd = false
        pump()
    }

    func downstreamGone() { end(.clientLeft) }

    // MARK: Ends

    private func beginNextPart() -> Bool {
        guard partIndex + 1 < parts.count else { return false }
        finishedParts.insert(start..<position)
        partIndex += 1
        let part = parts[partIndex]
        start = part.range.lowerBound
        position = start
        end = part.range.upperBound
        if let framing { send(framing.preamble(of: part.number)) }
        onNextPart?()
        return true
    }

    private func send(_ bytes: [UInt8]) {
        if !bytes.isEmpty { stream.send(ByteBuffer(bytes: bytes)) }
    }

    private func finish() {
        onFinishing?()
        if let framing { send(framing.epilogue) }
        stream.finish()
        end(.complete)
    }

    /// Whoever removes a response tells its readers why before that, and the notice may still be on its way.
    private func unreadable(_ error: StoreError) {
        stream.flush()
        stream.loop.execute { [self] in
            guard !isEnded else { return }
            give(up: doom ?? CutReason(error))
            pump()
        }
    }

    /// What is held has been delivered: the rest comes another way, or the response is cut.
    private func give(up reason: CutReason) {
        guard let rescue else { return cut(reason) }
        guard !holdsEnd else {
            // The rest that passes through is compared with no digest: what is held of the end need not be fetched again.
            holdsEnd = false
            return
        }
        self.rescue = nil
        guard rescue(position) else { return cut(reason) }
        isEnded = true
        pace?.close()
        reader.close()
        onEnd = nil
    }

    private func cut(_ reason: CutReason) {
        stream.abort()
        end(.cut(reason))
    }

    private func end(_ how: DeliveryEnd) {
        guard !isEnded else { return }
        isEnded = true
        pace?.close()
        reader.close()
        let told = onEnd
        onEnd = nil
        onNextPart = nil
        onFinishing = nil
        rescue = nil
        told?(how)
    }
}
