// Carries the body of an origin's answer straight to one client, at the pace of that client: what may
// not be stored, or was not asked to be. Memory is bounded by the water marks of the two connections.

import HTTPSemantics
import NIOCore
import Resume
import Transport
import Wire

/// One answer on its way through. Bound to one loop, that of both connections.
final class ResponseRelay: OriginBodyReceiver {
    private let stream: DownstreamStream
    private let call: OriginCall
    private let onEnd: (DeliveryEnd) -> Void
    /// How many bytes have to come; nil where the framing alone tells.
    private let expected: Int64?
    private var isPaused = false
    private var isEnded = false
    private(set) var bytesRelayed: Int64 = 0
    /// Called when more of the request's content may go upstream.
    var onOriginWritable: (() -> Void)?

    /// Takes the body of the call. The head must have been sent.
    init(
        stream: DownstreamStream,
        call: OriginCall,
        expecting expected: Int64? = nil,
        onEnd: @escaping (DeliveryEnd) -> Void
    ) {
        self.expected = expected
        self.stream = stream
        self.call = call
        self.onEnd = onEnd
        call.body = self
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
        bytesRelayed += Int64(bytes.readableBytes)
        if let expected, bytesRelayed > expected {
            call.cancel()
            stream.abort()
            return end(.cut(CutReason("the origin sent more bytes than it had announced", .httpProtocolError)))
        }
        stream.send(bytes)
        stream.flush()
        if !stream.isWritable, !isPaused {
            isPaused = true
            call.pause()
        }
    }

    func originEnded() {
        guard !isEnded else { return }
        guard expected == nil || expected == bytesRelayed else {
            stream.abort()
            let sentence = "the origin sent another number of bytes than it had announced"
            return end(.cut(CutReason(sentence, .httpResponseIncomplete)))
        }
        stream.finish()
        end(.complete)
    }

    func originFailed(_ failure: UpstreamFailure) {
        guard !isEnded else { return }
        stream.abort()
        end(.cut(CutReason(failure)))
    }

    func originWritable() { onOriginWritable?() }

    // MARK: From the client

    func writable() {
        guard isPaused, !isEnded else { return }
        isPaused = false
        call.resume()
    }

    func downstreamGone() {
        guard !isEnded else { return }
        call.cancel()
        end(.clientLeft)
    }

    private func end(_ how: DeliveryEnd) {
        isEnded = true
        onOriginWritable = nil
        onEnd(how)
    }
}
