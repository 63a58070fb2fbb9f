// Bodies that are passed on are never kept: who does not read holds back who sends, through the proxy, and the proxy's
// memory does not grow meanwhile (R15, R54).

import Foundation
import ScriptedPeers
import Testing

@Suite("Back-pressure", .onOwnThreads)
struct BackPressureTests {
    static let length = 96 * mebibyte
    /// What the kernel may hold on both connections, and what the proxy may (R15, R54), with room to spare.
    static let bound = 40 * mebibyte

    @Test("An origin that does not read holds the client's upload back; memory stays bounded, and every byte arrives")
    func upload() throws {
        let gate = Barrier("the origin reads")
        let content = Content(seed: 11, length: Self.length)
        let scene = try ScriptedScene(readsBodies: false) { request, connection in
            try gate.arriveAndWait()
            let body = try connection.readBody(of: request)
            let difference = content.firstDifference(body, at: 0)
            try connection.respond(text: "\(body.count) \(difference.map(String.init) ?? "equal")")
        }
        let client = try scene.client()
        try client.request(scene.url("/a"), fields: ["Content-Length": "\(content.length)"], method: "PUT")
        let sent = Barrier("pieces sent")
        Thread.detachNewThread {
            for piece in 0..<Int64(Self.length / mebibyte) {
                guard (try? client.send(content.bytes(piece * mebibyte..<(piece + 1) * mebibyte))) != nil else {
                    return
                }
                sent.arrive()
            }
        }
        try gate.waitForArrivals(1)
        let before = try privateKibibytes(of: scene.proxy.child.processIdentifier)
        try waitUntilStill { Int64(sent.arrivals) }
        #expect(Int64(sent.arrivals) * mebibyte <= Self.bound)
        #expect(try privateKibibytes(of: scene.proxy.child.processIdentifier) - before < 8 * 1024)
        gate.open()
        #expect(try client.response().text == "\(content.length) equal")
    }

    @Test("A client that does not read holds the origin back; memory stays bounded, and every byte arrives")
    func download() throws {
        let content = Content(seed: 12, length: Self.length)
        let sent = Barrier("pieces sent")
        let scene = try ScriptedScene { _, connection in
            try connection.send(
                "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: \(content.length)\r\n\r\n"
            )
            for piece in 0..<Int64(Self.length / mebibyte) {
                try connection.send(content.bytes(piece * mebibyte..<(piece + 1) * mebibyte))
                sent.arrive()
            }
        }
        let client = try scene.client()
        client.shrinkReceiveBuffer(to: 65_536)
        try client.request(scene.url("/a"))
        #expect(try client.head().status == 200)
        let before = try privateKibibytes(of: scene.proxy.child.processIdentifier)
        try waitUntilStill { Int64(sent.arrivals) }
        #expect(Int64(sent.arrivals) * mebibyte <= Self.bound)
        #expect(try privateKibibytes(of: scene.proxy.child.processIdentifier) - before < 8 * 1024)
        #expect(try client.checkBody(against: content).isWhole)
    }

    /// Waits until a figure has not changed for a while: who is held back shows it in no other way.
    private func waitUntilStill(_ figure: () -> Int64) throws {
        var last: Int64 = -1
        var since = monotonicNanoseconds()
        try waitUntil("nothing moves any more") {
            let now = figure()
            if now != last { (last, since) = (now, monotonicNanoseconds()) }
            return monotonicNanoseconds() - since > 250_000_000
        }
    }
}
