// Interim responses (RFC 9110 §15.2): passed on when they come and not with the final one, as many as R9 allows, to every
// kind of exchange; and none of them becomes part of what is stored (issue: Messages, "1xx passed on as they come").

import ScriptedPeers
import Testing

@Suite("Interim responses", .onOwnThreads)
struct InterimTests {
    @Test("They reach the client before the final answer has begun", arguments: ["GET", "HEAD", "POST"])
    func asTheyCome(method: String) throws {
        let gates = [Barrier("the 102 was seen"), Barrier("the 103 was seen")]
        let scene = try ScriptedScene { _, connection in
            try connection.send("HTTP/1.1 102 Processing\r\n\r\n")
            try gates[0].wait()
            try connection.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")
            try gates[1].wait()
            try connection.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 5\r\n\r\n")
            if method != "HEAD" { try connection.send("final") }
        }
        let client = try scene.client()
        try client.request(scene.url("/a"), method: method)
        #expect(try client.anyHead().status == 102)
        gates[0].open()
        let hints = try client.anyHead()
        #expect(hints.status == 103)
        #expect(hints["Link"] == "</a.css>; rel=preload")
        #expect(hints["Content-Length"] == nil)
        gates[1].open()
        let response = try client.response()
        #expect(response.status == 200)
        #expect(response.text == (method == "HEAD" ? "" : "final"))
        #expect(response["Link"] == nil)
    }

    @Test("Sixteen pass, in their order; the seventeenth ends it (R9)", arguments: [16, 17], ["GET", "POST"])
    func bounded(count: Int, method: String) throws {
        let scene = try ScriptedScene { _, connection in
            for number in 0..<count {
                try connection.send("HTTP/1.1 \(number == 3 ? 199 : 102) Interim\r\nX-Number: \(number)\r\n\r\n")
            }
            try connection.respond(fields: ["Cache-Control": "no-store"], text: "final")
            if count > 16 { connection.close() }
        }
        let client = try scene.client()
        try client.request(scene.url("/a"), method: method)
        let response = try client.response()
        #expect(response.status == (count == 16 ? 200 : 502))
        #expect(client.interimHeads.compactMap { $0["X-Number"] } == (0..<16).map(String.init))
        #expect(client.interimHeads.map(\.status).filter { $0 == 199 }.count == 1)
    }

    @Test("An interim answer on a kept connection without any request ends that connection (R27)")
    func unasked() throws {
        let scene = try ScriptedScene { request, connection in
            try connection.respond(fields: ["Cache-Control": "no-store"], text: "ok")
            if request.target == "/first" { try connection.send("HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n") }
        }
        let client = try scene.client()
        try client.request(scene.url("/first"))
        #expect(try client.response().text == "ok")
        try waitUntil("the connection is given up") { scene.origin.openConnectionCount == 0 }
        try client.request(scene.url("/second"))
        #expect(try client.response().text == "ok")
        #expect(client.interimHeads.isEmpty)
        #expect(scene.origin.requests.map(\.connection) == [0, 1])
    }

    @Test("They belong to the request that they came for: a hit has none (RFC 9111 §3)")
    func notStored() throws {
        let scene = try ScriptedScene { _, connection in
            try connection.send("HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n")
            try connection.respond(fields: ["Cache-Control": "max-age=60"], text: "stored")
        }
        for expected in [[103], []] {
            let client = try scene.client()
            try client.request(scene.url("/a"))
            let response = try client.response()
            #expect(response.text == "stored")
            #expect(response["Link"] == nil)
            #expect(client.interimHeads.map(\.status) == expected)
        }
        #expect(scene.origin.requests.count == 1)
    }
}
