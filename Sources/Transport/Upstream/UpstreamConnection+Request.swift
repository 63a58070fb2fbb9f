// How a request is written to an origin: its head in origin-form, its body by its framing, never a byte
// more than was announced. The response is read elsewhere.

import HTTPSemantics
import NIOCore
import Wire

extension UpstreamConnection {
    func writeHead(_ request: UpstreamRequest, _ context: ChannelHandlerContext) {
        var head = request.head
        head.fields.removeAll(.transferEncoding)
        switch request.body {
        case .none:
            bodyOwed = 0
            // A Content-Length of 0 says that there is no body where one is expected (RFC 9110 §8.6).
            head.fields.removeAll { $0.known == .contentLength && $0.value != "0" }
        case .length(let length):
            bodyOwed = length
            head.fields.set(.contentLength, String(length))
        case .chunked:
            bodyOwed = nil
            head.fields.removeAll(.contentLength)
            head.fields.append(.transferEncoding, "chunked")
        }
        var bytes: [UInt8] = []
        HeadWriter.request(head, originForm: true, into: &bytes)
        write(channel.allocator.buffer(bytes: bytes), context)
    }

    func sendBody(_ bytes: ByteBuffer) {
        guard let context, !isRequestEnded else { return }
        if let owed = bodyOwed {
            guard Int64(bytes.readableBytes) <= owed else {
                // More than was announced would be taken for the next request.
                fail(.cancelled)
                return
            }
            bodyOwed = owed - Int64(bytes.readableBytes)
            write(bytes, context)
        } else {
            write(channel.allocator.buffer(bytes: ChunkWriter.header(bytes.readableBytes)), context)
            write(bytes, context)
            write(channel.allocator.buffer(staticString: ChunkWriter.trailer), context)
        }
        context.flush()
        if case .headAwaited = reading { armHeadDeadline() }
    }

    func endBody() {
        guard let context, !isRequestEnded else { return }
        switch bodyOwed {
        case nil:
            write(channel.allocator.buffer(staticString: ChunkWriter.last), context)
            context.flush()
            isRequestEnded = true
        case 0: isRequestEnded = true
        default: fail(.cancelled)
        }
    }

    private func write(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(.byteBuffer(bytes)), promise: nil)
    }

    var isWritable: Bool { channel.isWritable }
}
