// One request and its response, as the exchange sees them: a head, a body in pieces, an end or an
// honest cut. It frames the response for the client's version and keeps count of what it promised. It
// knows nothing of how requests are read or of the connection's next request.

package import HTTPSemantics
package import NIOCore
import Wire

/// One request/response pair. Bound to the event loop of its connection; every call belongs on it. After
/// the response has ended or the client has gone, every call does nothing.
package final class DownstreamStream {
    package let loop: any EventLoop
    /// The client's address; nil only where the socket tells none.
    package let clientAddress: IPAddress?
    /// The client's address and port for the log.
    package let clientText: String
    /// The address that the client connected to.
    package let localAddress: SocketAddress?
    package let requestVersion: HTTPVersion
    /// Whoever answers. Held until the response has ended or the client has gone.
    package var consumer: (any DownstreamConsumer)?
    /// Bytes of the response body sent so far, chunk framing not counted.
    package private(set) var bytesSent: Int64 = 0
    /// Whether a final head has been sent.
    package private(set) var hasSentHead = false

    /// nil once the response has ended.
    private var connection: DownstreamConnection?
    private let output: DownstreamOutput
    private let isConnect: Bool
    private var framing = ResponseFraming.none
    private var mayPersist: Bool

    init(
        connection: DownstreamConnection,
        output: DownstreamOutput,
        isConnect: Bool,
        requestVersion: HTTPVersion,
        mayPersist: Bool
    ) {
        self.connection = connection
        self.isConnect = isConnect
        self.output = output
        self.requestVersion = requestVersion
        self.mayPersist = mayPersist
        loop = connection.loop
        clientAddress = connection.clientAddress
        clientText = connection.clientText
        localAddress = connection.localAddress
    }

    // MARK: The response

    /// Sends a 1xx head, to HTTP/1.1 clients only (RFC 9110 §15.2). Flushes.
    package func sendInterim(_ head: ResponseHead) {
        guard connection != nil, !hasSentHead, requestVersion == .http11 else { return }
        writeHead(head)
        output.flush()
    }

    /// Asks the client for the request body (RFC 9110 §10.1.1).
    package func sendContinue() {
        sendInterim(ResponseHead(status: 100))
    }

    /// Sends the final head. The fields that frame the body and those that speak of the connection are set
    /// here; all others go as they are. Does not flush: the body, or `finish`, or `flush` does.
    package func sendHead(_ head: ResponseHead, body: ResponseBody) {
        guard let connection, !hasSentHead else { return }
        hasSentHead = true
        if isConnect, (200...299).contains(head.status) {
            // RFC 9110 §9.3.6: what follows is the tunnel, so nothing is said of framing or persistence.
            writeHead(head)
            return
        }
        framing = ResponseFraming(body, status: head.status, clientVersion: requestVersion)
        if framing == .untilClose || connection.mustClose { mayPersist = false }
        writeHead(
            Persistence.framed(head, framing: framing, isKept: mayPersist, clientVersion: requestVersion)
        )
    }

    /// Sends body bytes. Does not flush.
    package func send(_ bytes: ByteBuffer) {
        guard connection != nil, hasSentHead, bytes.readableBytes > 0 else { return }
        bytesSent += Int64(bytes.readableBytes)
        if framing == .chunked {
            writeChunkHeader(Int64(bytes.readableBytes))
            output.write(bytes)
            output.gather { $0.writeStaticString("\r\n") }
        } else {
            output.write(bytes)
        }
    }

    /// Sends a span of a file by sendfile, and flushes. The descriptor stays the caller's and is not closed.
    /// - Parameters:
    ///   - keepAlive: held until the kernel has all bytes, or the connection has gone.
    ///   - done: called on the loop when all bytes were handed to the kernel; never where the client went first.
    package func sendFile(
        descriptor: Int32,
        range: Range<Int64>,
        keepAlive: AnyObject,
        done: @escaping () -> Void
    ) {
        guard connection != nil, hasSentHead else { return }
        let count = range.upperBound - range.lowerBound
        if count > 0 {
            bytesSent += count
            if framing == .chunked { writeChunkHeader(count) }
            output.writeFile(descriptor: descriptor, range: range, keepAlive: keepAlive)
            if framing == .chunked { output.gather { $0.writeStaticString("\r\n") } }
        }
        output.afterWaiting(done)
    }

    package func flush() {
        guard connection != nil else { return }
        output.flush()
    }

    /// Whether the client takes bytes as fast as they are sent. When this is false, `consumer.writable` tells
    /// of room again, or the `done` of the file that is being sent.
    package var isWritable: Bool { connection != nil && output.isWritable }

    /// The response is complete. A body shorter or longer than its announced length is cut like `abort`.
    package func finish() {
        guard let connection else { return }
        guard hasSentHead else {
            abort()
            return
        }
        if case .length(let length) = framing, length != bytesSent {
            abort()
            return
        }
        end()
        if framing == .chunked { output.gather { $0.writeStaticString("0\r\n\r\n") } }
        output.afterWaiting { connection.responseEnded(mayPersist: self.mayPersist) }
        output.flush()
    }

    /// Cuts the response so that the client sees that it is cut (resume-rules 3.4): length and chunked
    /// framing end short, a close-delimited body is reset.
    /// - Parameter reset: whether to reset the connection; nil decides by the framing.
    package func abort(reset: Bool? = nil) {
        guard let connection else { return }
        end()
        connection.responseAborted(reset: reset ?? (hasSentHead && framing == .untilClose))
    }

    /// Closes the connection when this response has ended.
    package func closeAfterResponse() {
        mayPersist = false
    }

    /// Whether the connection ends with this response, as far as is known by now.
    package var isLastOnConnection: Bool { !mayPersist || connection?.mustClose != false }

    // MARK: The request body

    /// Asks for no more of the request body. What has already been read still comes.
    package func pauseRequestBody() { connection?.pauseRequestBody() }

    package func resumeRequestBody() { connection?.resumeRequestBody() }

    // MARK: A tunnel

    /// Ends HTTP on this connection, after the head of a 2xx to CONNECT was sent: the handler takes its place,
    /// and what the client has already sent is given to it first (R65).
    package func becomeTunnel(_ handler: any ChannelHandler) -> (any Channel)? {
        guard let connection else { return nil }
        output.flush()
        end()
        return connection.becomeTunnel(handler)
    }

    // MARK: From the connection

    /// The client has gone.
    func downstreamGone() {
        guard connection != nil else { return }
        let consumer = self.consumer
        end()
        consumer?.downstreamGone()
    }

    private func end() {
        connection = nil
        consumer = nil
    }

    private func writeHead(_ head: ResponseHead) {
        var bytes: [UInt8] = []
        HeadWriter.response(head, into: &bytes)
        output.gather { $0.writeBytes(bytes) }
    }

    private func writeChunkHeader(_ count: Int64) {
        output.gather { $0.writeBytes(ChunkWriter.header(Int(count))) }
    }
}
