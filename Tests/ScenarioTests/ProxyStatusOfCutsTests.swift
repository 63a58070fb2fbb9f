// A response that was cut short: what Proxy-Status would have said stands in the access log, and nothing of it in the
// response (RFC 9209 §2: it may be a trailer field; a trailer section completes a chunked message, RFC 9112 §7.1).

import ScriptedPeers
import Testing

@Suite("Proxy-Status of responses that were cut", .onOwnThreads)
struct ProxyStatusOfCutsTests {
    /// The client sees a cut without a word; the line of the log ends with this error.
    private func expectCut(
        _ scene: ScriptedScene,
        _ error: String,
        _ method: String = "GET",
        _ location: SourceLocation = #_sourceLocation
    ) throws {
        let client = try scene.client()
        try client.request(scene.url("/a"), method: method)
        let response = try client.response()
        #expect(response.status == 200, sourceLocation: location)
        #expect(response.end != .complete, sourceLocation: location)
        #expect(response["Proxy-Status"] == nil, sourceLocation: location)
        #expect(client.trailers.isEmpty, sourceLocation: location)
        let line = try #require(try scene.waitForAccessLog(1).first, sourceLocation: location)
        #expect(line.contains(" cut:-"), "\(line)", sourceLocation: location)
        #expect(line.hasSuffix(" \"holdfast; error=\(error)\""), "\(line)", sourceLocation: location)
    }

    private static let host = "; next-hop=\\\"127.0.0.1\\\""

    /// Begins a body and goes on with `then`.
    private static func beginning(
        _ fields: String,
        _ text: String = "begun",
        then: @escaping @Sendable (OriginConnection) throws -> Void
    ) -> ScriptedOrigin.Handler {
        { request, connection in
            guard request["Range"] == nil else { return connection.close() }
            try connection.send("HTTP/1.1 200 OK\r\n\(fields)\r\n\r\n\(text)")
            try then(connection)
        }
    }

    private static let passed = "Cache-Control: no-store\r\nContent-Length: 100"
    private static let weak = "Cache-Control: max-age=60\r\nContent-Length: 100"
    private static let strong = "Cache-Control: max-age=60\r\nETag: \"e\"\r\nContent-Length: 100"

    @Test("An origin that closes in the body: http_response_incomplete (§2.3.18)", arguments: ["GET", "POST"])
    func closed(method: String) throws {
        let scene = try ScriptedScene(handler: Self.beginning(Self.passed) { $0.close() })
        try expectCut(scene, "http_response_incomplete" + Self.host, method)
    }

    @Test("The same of a response that is stored, and cannot be resumed")
    func closedStored() throws {
        let scene = try ScriptedScene(handler: Self.beginning(Self.weak) { $0.close() })
        try expectCut(scene, "http_response_incomplete" + Self.host)
    }

    @Test("A reset in the body, once the head was there, is no connection_terminated (§2.3.8)")
    func reset() throws {
        let scene = try ScriptedScene(
            handler: Self.beginning("Cache-Control: no-store\r\nConnection: close", "") { $0.reset() }
        )
        try expectCut(scene, "http_response_incomplete" + Self.host)
    }

    @Test("One that stops sending: connection_read_timeout (§2.3.10)")
    func stalled() throws {
        let scene = try ScriptedScene(
            settings: ["upstream.idle_timeout=\"300ms\""],
            handler: Self.beginning(Self.passed) { try $0.waitForPeerToLeave() }
        )
        try expectCut(scene, "connection_read_timeout" + Self.host)
    }

    @Test("A chunk that is none: http_response_transfer_coding (§2.3.24)")
    func badChunk() throws {
        let head = "Cache-Control: no-store\r\nTransfer-Encoding: chunked"
        let scene = try ScriptedScene(handler: Self.beginning(head, "5\r\nbegun\r\nxx\r\n") { $0.close() })
        try expectCut(scene, "http_response_transfer_coding" + Self.host)
    }

    @Test("Trailers above the limit: http_response_trailer_section_size (§2.3.22, R6)")
    func trailers() throws {
        let head = "Cache-Control: no-store\r\nTransfer-Encoding: chunked"
        let trailers = String(repeating: "X: 1\r\n", count: 65)
        let scene = try ScriptedScene(
            handler: Self.beginning(head, "5\r\nbegun\r\n0\r\n\(trailers)\r\n") { $0.close() }
        )
        try expectCut(scene, "http_response_trailer_section_size" + Self.host)
    }

    @Test("An origin that does not come back within heal_timeout: what its last answer was (R47)")
    func notHealed() throws {
        let scene = try ScriptedScene(
            settings: ["upstream.heal_timeout=\"1s\""],
            handler: Self.beginning(Self.strong) { $0.close() }
        )
        try expectCut(scene, "connection_terminated" + Self.host)
    }

    @Test("A client that leaves is no error of the next hop's, nor of ours")
    func clientLeft() throws {
        let gate = Barrier("the line is there")
        let scene = try ScriptedScene(handler: Self.beginning(Self.passed) { _ in try gate.wait() })
        let client = try scene.client()
        try client.request(scene.url("/a"))
        _ = try client.head()
        client.reset()
        let line = try #require(try scene.waitForAccessLog(1).first)
        gate.open()
        #expect(line.hasSuffix(" client-left \"-\""), "\(line)")
    }
}
