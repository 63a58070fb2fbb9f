// The body of an answer of which only the head was wanted.

import NIOCore
import Transport

/// A body that nobody wants: read to its end so that the connection can be used again.
final class DiscardedBody: OriginBodyReceiver {
    func originBody(_ bytes: ByteBuffer) {}
    func originEnded() {}
    func originFailed(_ failure: UpstreamFailure) {}
    func originWritable() {}
}
