// A client of origins for the length of a test, and a receiver that writes down what it hears.

import HTTPSemantics
import NIOCore
import NIOPosix
import Synchronization
import Testing
import Wire

@testable import Transport

/// Everything that a receiver is told, in order; body pieces joined.
enum Heard: Equatable {
    case connected
    case interim(Int)
    case head(Int, BodyFraming)
    case body(String)
    case ended
    case failed(UpstreamFailure.Kind)
    case writable
}

/// One call and what came of it. It may be used from any thread.
final class TestCall: UpstreamReceiver, Sendable {
    let loop: any EventLoop
    let heard = Journal<Heard>()
    private let call = Mutex<NIOLoopBound<UpstreamCall>?>(nil)
    private let onHead: @Sendable (TestCall) -> Void

    init(loop: any EventLoop, onHead: @escaping @Sendable (TestCall) -> Void = { _ in }) {
        self.loop = loop
        self.onHead = onHead
    }

    func begin(_ request: UpstreamRequest, with client: UpstreamClient) async throws -> TestCall {
        try await loop.submit {
            let call = client.send(request, on: self.loop, receiver: self)
            self.call.withLock { $0 = NIOLoopBound(call, eventLoop: self.loop) }
        }.get()
        return self
    }

    /// Does something with the call, on its loop.
    func with(_ body: @escaping @Sendable (UpstreamCall) -> Void) async throws {
        guard let call = call.withLock({ $0 }) else { return }
        try await loop.submit { body(call.value) }.get()
    }

    /// Does something with the call at once; on its loop only.
    func now(_ body: (UpstreamCall) -> Void) {
        if let call = call.withLock({ $0 }) { body(call.value) }
    }

    /// What was heard, from first to last, once the call is over.
    func outcome() -> [Heard] {
        let all = heard.wait { entries in
            entries.contains { if case .failed = $0 { true } else { $0 == .ended } }
        }
        return Self.joined(all.filter { $0 != .connected && $0 != .writable })
    }

    static func joined(_ entries: [Heard]) -> [Heard] {
        entries.reduce(into: []) { result, entry in
            if case .body(let more) = entry, case .body(let sofar) = result.last {
                result[result.count - 1] = .body(sofar + more)
            } else {
                result.append(entry)
            }
        }
    }

    func upstreamConnected(address: IPAddress) { heard.append(.connected) }
    func upstreamInterim(_ head: ResponseHead) { heard.append(.interim(head.status)) }
    func upstreamHead(_ head: ResponseHead, framing: BodyFraming) {
        heard.append(.head(head.status, framing))
        onHead(self)
    }
    func upstreamBody(_ bytes: ByteBuffer) { heard.append(.body(String(buffer: bytes))) }
    func upstreamEnded() { heard.append(.ended) }
    func upstreamFailed(_ failure: UpstreamFailure) { heard.append(.failed(failure.kind)) }
    func upstreamWritable() { heard.append(.writable) }
}

struct TestClient {
    let client: UpstreamClient
    let loop: any EventLoop

    /// A request to loopback.
    func request(
        _ method: Method = .get,
        port: Int,
        body: UpstreamRequest.Body = .none,
        fields: [(String, String)] = [],
        host: String = "127.0.0.1",
        check: @escaping @Sendable (IPAddress, UInt16) -> Bool = { _, _ in true },
        deniedAddressRefusesAll: Bool = true
    ) -> UpstreamRequest {
        var section = FieldSection()
        section.append(.host, "a.example")
        for (name, value) in fields { section.append(name: name, value: value) }
        let uri = AbsoluteURI(
            scheme: "http",
            authority: Authority(host: "a.example", port: nil),
            pathAndQuery: "/path?query"
        )
        return UpstreamRequest(
            host: host,
            port: UInt16(port),
            head: RequestHead(method: method, target: .absolute(uri), version: .http11, fields: section),
            body: body,
            check: check,
            deniedAddressRefusesAll: deniedAddressRefusesAll
        )
    }

    func begin(
        _ request: UpstreamRequest,
        onHead: @escaping @Sendable (TestCall) -> Void = { _ in }
    ) async throws -> TestCall {
        try await TestCall(loop: loop, onHead: onHead).begin(request, with: client)
    }

    /// A request from beginning to end.
    func outcome(_ request: UpstreamRequest) async throws -> [Heard] {
        try await begin(request).outcome()
    }

    func expect(
        _ expected: [Heard],
        of request: UpstreamRequest,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let heard = try await outcome(request)
        #expect(heard == expected, sourceLocation: sourceLocation)
    }

    /// The request has a complete response.
    func expectEnd(of request: UpstreamRequest, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let heard = try await outcome(request)
        #expect(heard.last == .ended, sourceLocation: sourceLocation)
    }
}

/// Limits whose ticks are short enough to wait for.
var quickUpstreamLimits: UpstreamLimits {
    var limits = UpstreamLimits()
    limits.tickNanoseconds = 10_000_000
    return limits
}

func withClient(
    limits: UpstreamLimits = quickUpstreamLimits,
    lookUp: @escaping NameResolver.LookUp = { _ in .failure(.notFound) },
    _ body: (TestClient) async throws -> Void
) async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let client = UpstreamClient(group: group, resolver: NameResolver(lookUp: lookUp), limits: limits)
    do {
        try await body(TestClient(client: client, loop: group.next()))
    } catch {
        await client.close()
        try? await group.shutdownGracefully()
        throw error
    }
    await client.close()
    try await group.shutdownGracefully()
}
