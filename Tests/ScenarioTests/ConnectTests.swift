// CONNECT: which ports it opens, and a tunnel that carries every byte, in both directions, to either side's end
// (issue: The proxy; R28, R61, R65; RFC 9110 §9.3.6).

import Foundation
import ScriptedPeers
import Testing

@Suite("CONNECT", .onOwnThreads)
struct ConnectTests {
    static let anyPort = ["access.connect_ports=[\"1-65535\"]"]

    /// An origin of tunnels: what comes first on its connection must look like a request, and is handed to the handler
    /// together with the connection.
    private func scene(
        _ settings: [String] = anyPort,
        handler: @escaping ScriptedOrigin.Handler
    ) throws -> ScriptedScene {
        try ScriptedScene(settings: settings, readsBodies: false, handler: handler)
    }

    private func connect(_ scene: ScriptedScene, early: String = "") throws -> (PeerClient, ReceivedHead) {
        let client = try scene.client()
        let authority = scene.origin.authority
        try client.send("CONNECT \(authority) HTTP/1.1\r\nHost: \(authority)\r\n\r\n\(early)")
        return (client, try client.head(method: "CONNECT"))
    }

    private static let hello = "HELLO tunnel T/1\r\n\r\n"

    // MARK: Ports

    @Test("Only port 443 is opened where nothing else is said; the sentence names the directive (R61)")
    func defaultPort() throws {
        let scene = try scene([]) { _, _ in }
        let (client, head) = try connect(scene)
        #expect(head.status == 403)
        #expect(String(decoding: try client.body().bytes, as: UTF8.self).contains("access.connect_ports"))
        #expect(scene.origin.connectionCount == 0)
        // 443 itself is allowed: that nobody listens there is another error.
        let other = try scene.client()
        try other.send("CONNECT 127.0.0.77:443 HTTP/1.1\r\nHost: 127.0.0.77:443\r\n\r\n")
        #expect(try other.head(method: "CONNECT").status == 502)
    }

    @Test("access.connect_ports takes numbers and ranges", arguments: [true, false])
    func portRanges(isInside: Bool) throws {
        let origin = try ScriptedOrigin(readsBodies: false) { _, connection in try connection.send("tunnelled") }
        defer { origin.stop() }
        let (low, high) = isInside ? (origin.port - 1, origin.port + 1) : (1, origin.port - 1)
        let scene = try scene(["access.connect_ports=[443, \"\(low)-\(high)\"]"]) { _, _ in }
        let client = try scene.client()
        try client.send("CONNECT \(origin.authority) HTTP/1.1\r\nHost: \(origin.authority)\r\n\r\n")
        #expect(try client.head(method: "CONNECT").status == (isInside ? 200 : 403))
        #expect(isInside || origin.connectionCount == 0)
    }

    // MARK: The tunnel

    @Test("The answer to CONNECT says nothing of content or persistence (RFC 9110 §9.3.6)")
    func answer() throws {
        let scene = try scene { _, _ in }
        let (_, head) = try connect(scene)
        #expect(head.status == 200)
        for name in ["Content-Length", "Transfer-Encoding", "Connection"] { #expect(head[name] == nil) }
    }

    @Test("Bytes pass both ways as they are, whatever they look like")
    func bothWays() throws {
        let content = Content(seed: 21, length: 3 * mebibyte)
        let scene = try scene { _, connection in
            let up = try connection.receive(Int(content.length))
            try connection.send(up)
            connection.close()
        }
        let (client, _) = try connect(scene)
        try client.send(Self.hello)
        Thread.detachNewThread { try? client.send(content.allBytes) }
        let down = try client.receive(Int(content.length))
        #expect(content.firstDifference(down, at: 0) == nil)
        #expect(try client.rest().bytes.isEmpty)
        #expect(scene.origin.failures.isEmpty)
    }

    @Test("Bytes that were sent along with CONNECT go into the tunnel, in order (R65)")
    func earlyBytes() throws {
        let scene = try scene { request, connection in
            let more = try connection.receive(9)
            try connection.send("\(request.method) \(String(decoding: more, as: UTF8.self))")
        }
        let (client, head) = try connect(scene, early: Self.hello + "early")
        #expect(head.status == 200)
        try client.send("late")
        #expect(String(decoding: try client.receive(15), as: UTF8.self) == "HELLO earlylate")
    }

    @Test(
        "Where no tunnel comes about, bytes that were sent along with CONNECT go nowhere (R65)",
        arguments: [true, false]
    )
    func earlyBytesOfARefusedTunnel(isPortAllowed: Bool) throws {
        let scene = try ScriptedScene(settings: isPortAllowed ? Self.anyPort : [], handler: answering("smuggled"))
        let client = try scene.client()
        let target = "127.0.0.1:\(try unusedPort())"
        let early = "GET \(scene.url("/smuggled")) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        try client.send("CONNECT \(target) HTTP/1.1\r\nHost: \(target)\r\n\r\n\(early)")
        #expect(try client.response(method: "CONNECT").status == (isPortAllowed ? 502 : 403))
        #expect(try client.rest().bytes.isEmpty)
        #expect(scene.origin.requests.isEmpty)
    }

    @Test("The client ends its side: the origin sees the end, and still answers (issue: half-close handled)")
    func clientEndsItsSide() throws {
        let scene = try scene { _, connection in
            let up = try connection.receiveRest()
            #expect(up.end == .complete)
            try connection.send("got \(up.bytes.count)")
            connection.close()
        }
        let (client, _) = try connect(scene)
        try client.send(Self.hello + "12345")
        client.shutdownSending()
        let down = try client.rest()
        #expect(String(decoding: down.bytes, as: UTF8.self) == "got 5")
        #expect(down.end == .complete)
    }

    @Test("The origin ends its side: the client sees the end, and may still send (issue: half-close handled)")
    func originEndsItsSide() throws {
        let seen = Barrier("what came after the end")
        let scene = try scene { _, connection in
            try connection.send("bye")
            connection.shutdownSending()
            let up = try connection.receiveRest()
            #expect(String(decoding: up.bytes, as: UTF8.self) == "still here")
            #expect(up.end == .complete)
            seen.arrive()
        }
        let (client, _) = try connect(scene)
        try client.send(Self.hello)
        let down = try client.rest()
        #expect(String(decoding: down.bytes, as: UTF8.self) == "bye")
        #expect(down.end == .complete)
        try client.send("still here")
        client.shutdownSending()
        try seen.waitForArrivals(1)
    }

    @Test("A client that leaves takes the tunnel with it", arguments: [true, false])
    func clientLeaves(resets: Bool) throws {
        let scene = try scene { _, connection in
            try connection.send("x")
            _ = try connection.receiveRest()
        }
        let (client, _) = try connect(scene)
        try client.send(Self.hello)
        _ = try client.receive(1)
        if resets { client.reset() } else { client.close() }
        try scene.origin.waitForNoConnections()
    }

    @Test("A tunnel that is silent in both directions is closed (R48)")
    func idle() throws {
        let scene = try scene(Self.anyPort + ["tunnel.idle_timeout=\"300ms\""]) { _, connection in
            try connection.send("x")
            _ = try connection.receiveRest()
        }
        let (client, _) = try connect(scene)
        try client.send(Self.hello)
        #expect(try client.rest().bytes == Array("x".utf8))
        try scene.origin.waitForNoConnections()
    }

    // MARK: No tunnel

    @Test("A target that refuses the connection gets a 502 with a sentence; a name that is none, too")
    func refusedTarget() throws {
        let scene = try scene { _, _ in }
        for target in ["127.0.0.1:\(try unusedPort())", "no-such-host.invalid:443"] {
            let client = try scene.client()
            try client.send("CONNECT \(target) HTTP/1.1\r\nHost: \(target)\r\n\r\n")
            let response = try client.response(method: "CONNECT")
            #expect(response.status == 502, "\(target)")
            #expect(response.text.contains(target.prefix { $0 != ":" }), "\(target)")
            #expect(response["Proxy-Status"] != nil, "\(target)")
        }
    }

    @Test("CONNECT takes an authority and nothing else, and no other method takes one (RFC 9112 §3.2.3)")
    func forms() throws {
        let scene = try scene { _, _ in }
        let authority = scene.origin.authority
        let lines = [
            "CONNECT http://\(authority)/", "CONNECT /", "CONNECT *", "CONNECT 127.0.0.1",
            "CONNECT :\(scene.origin.port)",
            "CONNECT \(authority)/", "CONNECT u@\(authority)", "CONNECT 127.0.0.1:", "CONNECT 127.0.0.1:0",
            "CONNECT 127.0.0.1:99999", "CONNECT 127.1:\(scene.origin.port)", "CONNECT ::1:443", "GET \(authority)",
        ]
        for line in lines {
            let (response, rest) = try scene.raw("\(line) HTTP/1.1\r\nHost: \(authority)\r\n\r\n")
            #expect(response.status == 400, "\(line)")
            #expect(rest.isEmpty, "\(line)")
        }
        #expect(scene.origin.connectionCount == 0)
    }

    @Test("CONNECT with content is refused, and what follows is not read (R28)")
    func content() throws {
        let scene = try scene { _, _ in }
        let authority = scene.origin.authority
        for framing in ["Content-Length: 5", "Transfer-Encoding: chunked"] {
            let head = "CONNECT \(authority) HTTP/1.1\r\nHost: \(authority)\r\n\(framing)\r\n\r\n"
            let (response, rest) = try scene.raw(head + "5\r\nhello\r\n0\r\n\r\n")
            #expect(response.status == 400, "\(framing)")
            #expect(rest.isEmpty, "\(framing)")
        }
        #expect(scene.origin.connectionCount == 0)
    }
}
