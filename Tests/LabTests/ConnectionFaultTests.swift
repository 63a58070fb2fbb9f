// Faults of the connection, each proven by a client on a socket.

import ScriptedPeers
import Testing
import holdfast_lab

@Suite("Faults of the connection", .onOwnThreads) struct ConnectionFaultTests {
    let lab: Lab

    init() throws {
        lab = try Lab()
    }

    @Test("Without a fault the whole file comes, over a connection that stays")
    func noFault() throws {
        let client = try lab.client()
        for _ in 0..<2 {
            try client.request(lab.url("/f/300K/plain"))
            let response = try client.response()
            #expect(response.status == 200)
            #expect(response["Content-Length"] == "307200")
            #expect(response["Accept-Ranges"] == "bytes")
            #expect(response["Cache-Control"] == "public, max-age=3600")
            #expect(response.body == (try lab.bytes("/f/300K/plain")))
            #expect(response.end == .complete)
        }
        #expect(try lab.log(count: 2).map(\.connection) == [1, 1])
    }

    @Test("The log can be read on from a number, and says what has been sent while it is sent")
    func logFrom() throws {
        let client = try lab.client()
        try client.request(lab.url("/f/300K/plain"))
        #expect(try client.response().status == 200)
        try client.request(lab.url("/f/300K/slow?stall=200K:20"))
        _ = try client.head()
        _ = try client.body(first: 204_800)
        try waitUntil("the second is told of") {
            let lines = try lab.get("/log?from=2").text.split(separator: "\n")
            return lines.count == 1 && lines[0].contains("\"end\":\"running\"") && lines[0].contains("\"sent\":204800")
        }
        #expect(try lab.get("/log").text.split(separator: "\n").count == 2)
        #expect(try lab.get("/log?upto=2").status == 400)
    }

    @Test("drop: the connection ends after exactly so many bytes")
    func drop() throws {
        let response = try lab.get("/f/300K/a?drop=100K")
        #expect(response.body.count == 102_400)
        #expect(response.end == .truncated)
        #expect(try lab.log(count: 1).first?.end == .dropped)
        #expect(try lab.log(count: 1).first?.sent == 102_400)
    }

    @Test("drop: with a span each response has a cut of its own, the same for the same seed")
    func dropDrawn() throws {
        let other = try Lab()
        let target = "/f/300K/a?drop=1K..200K"
        let first = try (0..<4).map { _ in try lab.get(target).body.count }
        let second = try (0..<4).map { _ in try other.get(target).body.count }
        #expect(first == second)
        #expect(Set(first).count > 1)
        #expect(first.allSatisfy { (1024...204_800).contains($0) })
    }

    @Test("drop: a part shorter than the cut comes whole")
    func dropOfShortPart() throws {
        let response = try lab.get("/f/300K/a?drop=100K", ["Range": "bytes=0-999"])
        #expect(response.end == .complete)
        #expect(response.body.count == 1000)
    }

    @Test("times: so many responses are cut, and the next ones are whole")
    func times() throws {
        let ends = try (0..<4).map { _ in try lab.get("/f/300K/a?drop=10K&times=2").end }
        #expect(ends == [.truncated, .truncated, .complete, .complete])
    }

    @Test("reset: all bytes before the cut come, then a reset")
    func reset() throws {
        let response = try lab.get("/f/300K/a?reset=64K")
        #expect(response.body.count == 65_536)
        #expect(response.end == .reset)
    }

    @Test("truncate: the body looks whole, and is not")
    func truncate() throws {
        let response = try lab.get("/f/300K/a?truncate=50K")
        #expect(response["Content-Length"] == nil)
        #expect(response.end == .complete)
        #expect(response.body.count == 51_200)
        #expect(try lab.log(count: 1).first?.end == .truncated)
    }

    @Test("stall: nothing comes for so long after so many bytes, then the rest")
    func stall() throws {
        let client = try lab.client()
        try client.request(lab.url("/f/64K/a?stall=10K:0.3"))
        _ = try client.head()
        _ = try client.body(first: 10_240)
        let before = monotonicNanoseconds()
        _ = try client.body(first: 1)
        #expect(monotonicNanoseconds() - before > 200_000_000)
        #expect(try client.body().bytes.count == 65_536 - 10_241)
    }

    @Test("stall: a client that leaves ends it")
    func stallEndsWithClient() throws {
        let client = try lab.client()
        try client.request(lab.url("/f/64K/a?stall=10K:60"))
        _ = try client.head()
        _ = try client.body(first: 10_240)
        client.close()
        #expect(try lab.log(count: 1).first?.end == .clientLeft)
    }

    @Test("rate: bytes come no faster")
    func rate() throws {
        let before = monotonicNanoseconds()
        let response = try lab.get("/f/100K/a?rate=250K")
        #expect(response.end == .complete)
        #expect(monotonicNanoseconds() - before > 350_000_000)
    }

    @Test("head-delay: the head is late")
    func headDelay() throws {
        let before = monotonicNanoseconds()
        #expect(try lab.get("/f/1K/a?head-delay=0.2").status == 200)
        #expect(monotonicNanoseconds() - before > 190_000_000)
    }

    @Test("down: the connection is reset instead of an answer, for part of each period")
    func down() throws {
        let always = try Lab(epoch: secondsSince1970() - 1)
        #expect(throws: PeerFailure.self) { try always.get("/f/1K/a?down=1000/2000") }
        #expect(try always.log(count: 1).first?.end == .down)
        #expect(try always.get("/f/1K/a?down=0.5/2000").status == 200)
    }

    @Test("down: silent keeps the connection and says nothing until the time is over")
    func downSilent() throws {
        let before = monotonicNanoseconds()
        #expect(throws: PeerFailure.self) { try lab.get("/f/1K/a?down=0.3/1000:silent") }
        #expect(monotonicNanoseconds() - before < 10_000_000_000)
        #expect(try lab.log(count: 1).first?.end == .down)
    }

    @Test("serve --down: connections are refused for part of each period, and open ones end")
    func refused() throws {
        // Up for the first 0.6 s that are left of the period, then down for 0.4 s.
        let period = try #require(try Faults(query: "down=0.4/1000").down)
        let other = try Lab(epoch: secondsSince1970() - 999.4, down: period)
        let running = try other.client()
        try running.request(other.url("/f/64K/a?stall=10K:60"))
        _ = try running.head()
        #expect(try running.body().end == .truncated)
        #expect(throws: PeerFailure.self) { try other.get("/f/1K/a") }
        try waitUntil("the laboratory answers again") { (try? other.get("/f/1K/a").status) == 200 }
    }

    @Test("keep-alive=no: the connection is closed after the response")
    func keepAlive() throws {
        let client = try lab.client()
        try client.request(lab.url("/f/1K/a?keep-alive=no"))
        let response = try client.response()
        #expect(response["Connection"] == "close")
        try client.waitForPeerToLeave()
    }

    @Test("http=1.0: the version is 1.0, and a chunked body becomes one that the connection's end delimits")
    func http10() throws {
        let response = try lab.get("/f/1K/a?http=1.0&length=no")
        #expect(response.head.version == "HTTP/1.0")
        #expect(response["Transfer-Encoding"] == nil)
        #expect(response.body == (try lab.bytes("/f/1K/a")))
    }

    @Test("piece: the chunks have this size")
    func piece() throws {
        let client = try lab.client()
        try client.request(lab.url("/f/30/a?length=no&piece=10&keep-alive=no"))
        _ = try client.head()
        let bytes = try lab.bytes("/f/30/a")
        var expected: [UInt8] = []
        for chunk in 0..<3 {
            expected += Array("a\r\n".utf8)
            expected += bytes[chunk * 10..<chunk * 10 + 10]
            expected += Array("\r\n".utf8)
        }
        expected += Array("0\r\n\r\n".utf8)
        #expect(try client.rest().bytes == expected)
    }
}
