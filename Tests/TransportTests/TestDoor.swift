// A door that answers as a test says, and a server behind it for the length of a test.

import HTTPSemantics
import NIOCore
import NIOPosix
import Testing
import Wire

@testable import Transport

/// The exchange's side, in closures that run on the stream's loop.
struct TestDoor: ExchangeDoor {
    var request: @Sendable (RequestHead, BodyFraming, DownstreamStream) -> Void
    var refusal: @Sendable (WireRefusal, DownstreamStream) -> Void = { refusal, stream in
        stream.sendHead(ResponseHead(status: refusal.status), body: .length(0))
        stream.finish()
    }

    func receive(_ head: RequestHead, framing: BodyFraming, on stream: DownstreamStream) {
        request(head, framing, stream)
    }

    func refused(_ refusal: WireRefusal, on stream: DownstreamStream) {
        self.refusal(refusal, stream)
    }
}

/// A consumer in closures.
final class TestConsumer: DownstreamConsumer {
    var body: (ByteBuffer) -> Void = { _ in }
    var ended: () -> Void = {}
    var failed: (RequestBodyFailure) -> Void = { _ in }
    var room: () -> Void = {}
    var gone: () -> Void = {}

    func requestBody(_ bytes: ByteBuffer) { body(bytes) }
    func requestBodyEnded() { ended() }
    func requestBodyFailed(_ failure: RequestBodyFailure) { failed(failure) }
    func writable() { room() }
    func downstreamGone() { gone() }
}

extension DownstreamStream {
    /// A whole answer.
    func answer(_ text: String, status: Int = 200) {
        sendHead(ResponseHead(status: status), body: .length(Int64(text.utf8.count)))
        send(ByteBuffer(string: text))
        finish()
    }
}

extension RequestHead {
    /// The path of an absolute target.
    var path: String {
        if case .absolute(let uri) = target { uri.pathAndQuery } else { "" }
    }
}

/// Limits whose times are short enough to wait for.
var quickLimits: DownstreamLimits {
    var limits = DownstreamLimits(descriptors: 4096)
    limits.tickNanoseconds = 10_000_000
    return limits
}

/// Runs a server on a loop of its own for the length of the closure.
func withServer(
    limits: DownstreamLimits = quickLimits,
    door: TestDoor,
    _ body: (_ port: Int, _ server: DownstreamServer) async throws -> Void
) async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    do {
        let server = try await DownstreamServer.start(
            addresses: [ListenAddress(host: "127.0.0.1", port: 0)],
            group: group,
            door: door,
            limits: limits
        )
        try await body(try #require(server.boundAddresses.first?.port), server)
        _ = await server.drain(graceNanoseconds: 0)
    } catch {
        try? await group.shutdownGracefully()
        throw error
    }
    try await group.shutdownGracefully()
}
