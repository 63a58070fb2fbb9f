// Carries the body of an origin's answer straight to one client, at the pace of that client: what may
// not be stored, or was not asked to be. Memory is bounded by the water marks of the two connections. Where the rest
// can be asked for when the origin breaks off, ResponseRelay+Healing does that.

import HTTPSemantics
import NIOCore
import Resume
import Transport
import Wire

/// One answer on its way through. Bound to one loop, that of both connections.
final class ResponseRelay: OriginBodyReceiver {
    let stream: DownstreamStream
    /// nil while the rest is waited for.
    var call: OriginCall?
    private let onEnd: (DeliveryEnd) -> Void
    /// nil where the body ends with its first answer, for good or ill.
    let healing: RelayHealing?
    /// How many bytes have to come where nothing is healed; nil where the framing alone tells.
    private let expected: Int64?
    private let link: LinkMeter
    /// nil where no rate is set.
    private let pace: UpstreamPace?
    private(set) var isPaused = false
    private(set) var isEnded = false
    private(set) var bytesRelayed: Int64 = 0
    /// Called when more of the request's content may go upstream.
    var onOriginWritable: (() -> Void)?

    /// Takes the body of the call. The head must have been sent.
    ///
    /// - Parameter origin: host and port that it comes from, for the rates.
    init(
        stream: DownstreamStream,
        call: OriginCall,
        expecting expected: Int64? = nil,
        healing: RelayHealing? = nil,
        rates: Rates,
        origin: String,
        onEnd: @escaping (DeliveryEnd) -> Void
    ) {
        self.stream = stream
        self.call = call
        self.healing = healing
        self.expected = healing == nil ? expected : nil
        self.onEnd = onEnd
        (link, pace) = (rates.link, Self.pace(stream, rates, origin))
        call.body = self
        if healing != nil { bodyBegins() }
        keepsPace()
    }

    /// Asks for the rest of a response whose beginning was sent from elsewhere.
    init(
        stream: DownstreamStream,
        healing: RelayHealing,
        rates: Rates,
        origin: String,
        onEnd: @escaping (DeliveryEnd) -> Void
    ) {
        self.stream = stream
        self.healing = healing
        expected = nil
        self.onEnd = onEnd
        (link, pace) = (rates.link, Self.pace(stream, rates, origin))
        keepsPace()
        ask()
    }

    private static func pace(_ stream: DownstreamStream, _ rates: Rates, _ origin: String) -> UpstreamPace? {
        guard rates.upstream != nil || rates.downstream != nil else { return nil }
        return UpstreamPace(rates, origin: origin, client: stream.clientAddress ?? .v4(0), loop: stream.loop)
    }

    private func keepsPace() {
        pace?.onTurn = { [weak self] in self?.writable() }
        // What came for others before may be owed still.
        pace?.came(0, isForeground: true, at: Clock.monotonicNanoseconds())
        if pace?.isHeldBack == true {
            isPaused = true
            call?.pause()
        }
    }

    /// How the framing of an answer is carried on downstream.
    static func body(of framing: BodyFraming) -> ResponseBody {
        switch framing {
        case .none: .none
        case .length(let length): .length(length)
        case .chunked, .untilClose: .unknownLength
        }
    }

    /// What the body of a part has to be, where its own framing does not tell: its Content-Range does (R30).
    static func announced(by head: ResponseHead, _ framing: BodyFraming) -> Int64? {
        if case .length = framing { return nil }
        return ContinuationCheck.announcedLength(of: head)
    }

    // MARK: From the origin

    func originBody(_ bytes: ByteBuffer) {
        guard !isEnded else { return }
        guard let new = healing == nil ? bytes : judged(bytes) else { return }
        bytesRelayed += Int64(new.readableBytes)
        if let expected, bytesRelayed > expected {
            return cut(CutReason("the origin sent more bytes than it had announced", .httpProtocolError))
        }
        stream.send(new)
        stream.flush()
        if let pace {
            pace.came(Int64(bytes.readableBytes), isForeground: true, at: Clock.monotonicNanoseconds())
        } else {
            link.carried(Int64(bytes.readableBytes), isForeground: true)
        }
        // No more is read while the client takes none, or a rate holds it back.
        if !stream.isWritable || pace?.isHeldBack == true, !isPaused {
            isPaused = true
            call?.pause()
        }
    }

    func originEnded() {
        guard !isEnded else { return }
        if let healing { return bodyEnded(healing) }
        guard expected == nil || expected == bytesRelayed else {
            let sentence = "the origin sent another number of bytes than it had announced"
            return cut(CutReason(sentence, .httpResponseIncomplete))
        }
        complete()
    }

    func originFailed(_ failure: UpstreamFailure) {
        guard !isEnded else { return }
        if let healing { return broke(healing, RelayTrouble(failure)) }
        cut(CutReason(failure))
    }

    func originWritable() { onOriginWritable?() }

    // MARK: From the client

    func writable() {
        guard isPaused, !isEnded, stream.isWritable, pace?.isHeldBack != true else { return }
        isPaused = false
        healing.map(goesOn)
        call?.resume()
    }

    func downstreamGone() {
        guard !isEnded else { return }
        call?.cancel()
        end(.clientLeft)
    }

    // MARK: Ends

    func complete() {
        stream.finish()
        end(.complete)
    }

    func cut(_ reason: CutReason) {
        call?.cancel()
        stream.abort()
        end(.cut(reason))
    }

    private func end(_ how: DeliveryEnd) {
        isEnded = true
        call = nil
        pace?.close()
        onOriginWritable = nil
        healing?.stop()
        onEnd(how)
    }
}
