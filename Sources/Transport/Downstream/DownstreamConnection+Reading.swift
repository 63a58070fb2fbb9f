// How a client connection takes requests apart: heads by the parser, bodies by their framing, within the
// bounds on what is kept (R53, R54). What an answer is, and when the connection ends, is decided elsewhere.

import HTTPSemantics
import NIOCore
import Wire

extension DownstreamConnection {
    private var wantsInput: Bool {
        guard !isInputClosed else { return false }
        switch phase {
        case .waiting, .readingHead, .leaving: return true
        case .exchanging:
            switch body {
            case .length, .chunked: return !isBodyPaused
            case .complete, .failed: return false
            }
        case .tunnel, .closed: return false
        }
    }

    func readIfWanted() {
        if wantsInput { context?.read() }
    }

    /// Keeps what has been read, within bounds.
    func accept(_ bytes: ByteBuffer) {
        guard !hasDroppedInput else { return }
        if phase == .exchanging {
            let bound: Int
            switch body {
            case .length, .chunked: bound = limits.pausedBodyBytes
            case .complete: bound = limits.readAheadBytes
            case .failed: bound = 0
            }
            guard pending.readableBytes + bytes.readableBytes <= bound else {
                // R27: what follows cannot be understood any more, so the connection ends with this response.
                hasDroppedInput = true
                pending = ByteBuffer()
                switch body {
                case .length, .chunked: requestBodyFailed(.tooLarge)
                case .complete, .failed: break
                }
                return
            }
        }
        if pending.readableBytes == 0 {
            pending = bytes
        } else {
            pending.writeImmutableBuffer(bytes)
        }
    }

    /// Works through what is pending. An exchange may end inside; then the next request is taken up here.
    func process() {
        guard !isProcessing else { return }
        isProcessing = true
        defer { isProcessing = false }
        while true {
            let goesOn: Bool
            switch phase {
            case .waiting, .readingHead: goesOn = readHead()
            case .exchanging: goesOn = readBody()
            case .leaving, .tunnel, .closed: goesOn = false
            }
            guard goesOn else { break }
        }
        // The client ended its side, and all that it had asked for is answered.
        if isInputClosed, phase == .waiting || phase == .readingHead { leave() }
        // Letting go of the receive buffer before the next read lets NIO use it again.
        if pending.readableBytes == 0 { pending = ByteBuffer() }
    }

    private func readHead() -> Bool {
        guard pending.readableBytes > 0 else { return false }
        switch pending.withUnsafeReadableBytes({ parser.parse($0) }) {
        case .needMore:
            if phase == .waiting {
                phase = .readingHead
                deadline.arm(after: limits.headNanoseconds, owner: self)
            }
            return false
        case .head(let head, let consumed):
            pending.moveReaderIndex(forwardBy: consumed)
            switch BodyFraming.request(head) {
            case .success(let framing): begin(head, framing)
            case .failure(let refusal): refuse(refusal)
            }
            return true
        case .refusal(let refusal):
            refuse(refusal)
            return true
        }
    }

    private func begin(_ head: RequestHead, _ framing: BodyFraming) {
        body =
            switch framing {
            case .none, .untilClose, .length(0): .complete
            case .length(let length): .length(length)
            case .chunked: .chunked(ChunkedDecoder(limits: limits.wire))
            }
        bodyBytes = 0
        isBodyPaused = false
        let kept = Persistence.isKept(version: head.version, fields: head.fields)
        guard let stream = beginStream(head, version: head.version, mayPersist: kept) else { return }
        if case .complete = body {} else { armBodyDeadline() }
        home.door.receive(head, framing: framing, on: stream)
        guard self.stream === stream else { return }
        if framing == .length(0) {
            requestBodyEnded(stream)
        } else if case .length(let length) = body, length > limits.requestBodyBytes ?? .max {
            requestBodyFailed(.tooLarge)
        }
    }

    /// R27: the bytes mean nothing, so nothing that follows does.
    private func refuse(_ refusal: WireRefusal) {
        body = .failed
        pending = ByteBuffer()
        hasDroppedInput = true
        guard let stream = beginStream(nil, version: .http11, mayPersist: false) else { return }
        home.door.refused(refusal, on: stream)
    }

    /// - Parameter head: nil where there is no sound one.
    func beginStream(
        _ head: RequestHead?,
        version: HTTPVersion,
        mayPersist: Bool
    ) -> DownstreamStream? {
        guard let output else { return nil }
        requests += 1
        phase = .exchanging
        let stream = DownstreamStream(
            connection: self,
            output: output,
            isConnect: head?.method == .connect,
            requestVersion: version,
            mayPersist: mayPersist
        )
        self.stream = stream
        startWriteWindow()
        return stream
    }

    // MARK: The request body

    private func readBody() -> Bool {
        guard !isBodyPaused, let stream else { return false }
        switch body {
        case .complete, .failed:
            return false
        case .length(let remaining):
            let available = min(Int64(pending.readableBytes), remaining)
            guard available > 0 || remaining == 0 else { return false }
            let bytes = pending.readSlice(length: Int(available)) ?? ByteBuffer()
            body = .length(remaining - available)
            deliver(bytes, to: stream)
            if case .length(0) = body, self.stream === stream { requestBodyEnded(stream) }
            return true
        case .chunked(var decoder):
            let step = pending.withUnsafeReadableBytes { decoder.decode($0) }
            body = .chunked(decoder)
            switch step {
            case .body(let span, let consumed):
                let bytes = pending.getSlice(at: pending.readerIndex + span.lowerBound, length: span.count)
                pending.moveReaderIndex(forwardBy: consumed)
                deliver(bytes ?? ByteBuffer(), to: stream)
                return true
            case .framing(let consumed):
                pending.moveReaderIndex(forwardBy: consumed)
                return consumed > 0
            case .needMore(let consumed):
                pending.moveReaderIndex(forwardBy: consumed)
                return false
            case .finished(let consumed):
                pending.moveReaderIndex(forwardBy: consumed)
                requestBodyEnded(stream)
                return true
            case .refusal(let refusal):
                requestBodyFailed(.malformed(refusal))
                return false
            }
        }
    }

    private func deliver(_ bytes: ByteBuffer, to stream: DownstreamStream) {
        guard bytes.readableBytes > 0 else { return }
        bodyBytes += Int64(bytes.readableBytes)
        if let most = limits.requestBodyBytes, bodyBytes > most {
            requestBodyFailed(.tooLarge)
        } else {
            stream.consumer?.requestBody(bytes)
        }
    }

    private func requestBodyEnded(_ stream: DownstreamStream) {
        body = .complete
        bodyDeadline.disarm()
        stream.consumer?.requestBodyEnded()
    }

    func requestBodyFailed(_ failure: RequestBodyFailure) {
        body = .failed
        hasDroppedInput = true
        pending = ByteBuffer()
        bodyDeadline.disarm()
        stream?.consumer?.requestBodyFailed(failure)
    }

    func pauseRequestBody() {
        isBodyPaused = true
        bodyDeadline.disarm()
    }

    func resumeRequestBody() {
        guard isBodyPaused else { return }
        isBodyPaused = false
        guard phase == .exchanging else { return }
        if case .complete = body {} else { armBodyDeadline() }
        process()
        if isInputClosed, let context { inputClosed(context) }
        readIfWanted()
    }
}
