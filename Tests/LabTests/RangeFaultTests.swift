// Lies about ranges and validators.

import ScriptedPeers
import Testing
import holdfast_lab

@Suite("Ranges and validators", .onOwnThreads) struct RangeFaultTests {
    let lab: Lab
    let bytes: [UInt8]

    init() throws {
        lab = try Lab()
        bytes = try lab.bytes("/f/10000/a")
    }

    private func part(_ word: String, _ range: String = "bytes=1000-1999") throws -> ReceivedResponse {
        try lab.get("/f/10000/a?ranges=\(word)", ["Range": range])
    }

    @Test("ranges=on: a part is a part")
    func on() throws {
        let response = try part("on")
        #expect(response.status == 206)
        #expect(response["Content-Range"] == "bytes 1000-1999/10000")
        #expect(response.body == Array(bytes[1000..<2000]))
    }

    @Test("ranges=on: several ranges are multipart/byteranges")
    func several() throws {
        let response = try part("on", "bytes=0-9,5000-5009")
        let type = try #require(response["Content-Type"])
        #expect(type.hasPrefix("multipart/byteranges; boundary="))
        let boundary = type.dropFirst("multipart/byteranges; boundary=".count)
        func head(_ range: String) -> [UInt8] {
            Array(
                "\r\n--\(boundary)\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes \(range)/10000\r\n\r\n"
                    .utf8
            )
        }
        let end = Array("\r\n--\(boundary)--\r\n".utf8)
        var expected = head("0-9")
        expected += bytes[..<10]
        expected += head("5000-5009")
        expected += bytes[5000..<5010]
        expected += end
        #expect(response.body == expected)
    }

    @Test("ranges=off: the whole, and nothing is promised")
    func off() throws {
        let response = try part("off")
        #expect(response.status == 200)
        #expect(response["Accept-Ranges"] == nil)
        #expect(response.body == bytes)
    }

    @Test("ranges=lie: the whole, although ranges are promised")
    func lie() throws {
        let response = try part("lie")
        #expect(response.status == 200)
        #expect(response["Accept-Ranges"] == "bytes")
    }

    @Test("ranges=half: less than was asked for, and it says so")
    func half() throws {
        let response = try lab.get("/f/1M/a?ranges=half", ["Range": "bytes=1000-200999"])
        #expect(response["Content-Range"] == "bytes 1000-100999/1048576")
        #expect(response.body == (try lab.content("/f/1M/a").bytes(1000..<101_000)))
        #expect(try part("half")["Content-Range"] == "bytes 1000-1999/10000")
    }

    @Test("ranges=short: fewer bytes than Content-Range says")
    func short() throws {
        let response = try part("short")
        #expect(response["Content-Range"] == "bytes 1000-1999/10000")
        #expect(response.body == Array(bytes[1000..<1500]))
        #expect(response.end == .complete)
    }

    @Test("ranges=long: more bytes than Content-Range says")
    func long() throws {
        let response = try part("long")
        #expect(response["Content-Range"] == "bytes 1000-1999/10000")
        #expect(response.body.count == 2000)
    }

    @Test("ranges=shifted: the bytes begin one later than Content-Range says")
    func shifted() throws {
        let response = try part("shifted")
        #expect(response["Content-Range"] == "bytes 1000-1999/10000")
        #expect(response.body == Array(bytes[1001..<2001]))
    }

    @Test("ranges=shifted: at the end of the file the length stays right")
    func shiftedAtEnd() throws {
        let response = try part("shifted", "bytes=9000-")
        #expect(response["Content-Length"] == "1000")
        #expect(response.body == Array(bytes[9001...]) + [UInt8(ascii: "x")])
    }

    @Test("ranges=broken-start: another start than was asked for")
    func brokenStart() throws {
        let response = try part("broken-start")
        #expect(response["Content-Range"] == "bytes 1001-1999/10000")
        #expect(response.body == Array(bytes[1001..<2000]))
    }

    @Test("ranges=broken-total and unknown-total: another complete length, or none")
    func totals() throws {
        #expect(try part("broken-total")["Content-Range"] == "bytes 1000-1999/10001")
        #expect(try part("unknown-total")["Content-Range"] == "bytes 1000-1999/*")
    }

    @Test("ranges=no-content-range: a 206 that does not say what it holds")
    func noContentRange() throws {
        let response = try part("no-content-range")
        #expect(response.status == 206)
        #expect(response["Content-Range"] == nil)
    }

    @Test("ranges=multipart: one range in several parts' clothes")
    func multipart() throws {
        let response = try part("multipart")
        #expect(response.status == 206)
        #expect(response["Content-Range"] == nil)
        #expect(response["Content-Type"]?.hasPrefix("multipart/byteranges") == true)
    }

    @Test("ranges=416: no range is satisfiable")
    func unsatisfiable() throws {
        let response = try part("416")
        #expect(response.status == 416)
        #expect(response["Content-Range"] == "bytes */10000")
    }

    @Test("A range beyond the end is 416")
    func beyondTheEnd() throws {
        #expect(try part("on", "bytes=10000-").status == 416)
    }

    @Test(
        "if-range: which kind of validator brings the part",
        arguments: [
            ("on", [206, 206, 200]), ("ignore", [206, 206, 206]), ("date-only", [200, 206, 200]),
            ("etag-only", [206, 200, 200]), ("never", [200, 200, 200]),
        ]
    )
    func ifRange(word: String, statuses: [Int]) throws {
        let target = "/f/10000/a?if-range=\(word)"
        let whole = try lab.get(target)
        let tag = try #require(whole["ETag"])
        let date = try #require(whole["Last-Modified"])
        let found = try [tag, date, "\"other\""].map { validator in
            try lab.get(target, ["Range": "bytes=5-9", "If-Range": validator]).status
        }
        #expect(found == statuses)
    }

    @Test("RFC 9110 §13.1.5: a weak tag never brings a part")
    func weakIfRange() throws {
        let tag = try #require(try lab.get("/f/10000/a?etag=weak")["ETag"])
        #expect(tag.hasPrefix("W/\""))
        let fields: PeerFields = ["Range": "bytes=5-9", "If-Range": tag]
        #expect(try lab.get("/f/10000/a?etag=weak", fields).status == 200)
    }

    @Test("etag=per-request and changing: other tags for the same bytes")
    func changingTags() throws {
        let first = try lab.get("/f/1K/a?etag=per-request")
        let second = try lab.get("/f/1K/a?etag=per-request")
        #expect(first["ETag"] != second["ETag"])
        #expect(first.body == second.body)
        #expect(
            try lab.get("/f/1K/a?etag=changing:1000")["ETag"] == (try lab.get("/f/1K/a?etag=changing:1000")["ETag"])
        )
    }

    @Test("etag=none, lm=none and date=none: nothing to go by")
    func noValidators() throws {
        let response = try lab.get("/f/1K/a?etag=none&lm=none&date=none")
        #expect(response["ETag"] == nil)
        #expect(response["Last-Modified"] == nil)
        #expect(response["Date"] == nil)
    }

    @Test("lm=SECONDS and lm=now")
    func lastModified() throws {
        #expect(try lab.get("/f/1K/a?lm=784111777")["Last-Modified"] == "Sun, 06 Nov 1994 08:49:37 GMT")
        let response = try lab.get("/f/1K/a?lm=now")
        #expect(response["Last-Modified"] == response["Date"])
    }

    @Test("date=±SECONDS: a clock that is wrong")
    func skewedDate() throws {
        let now = Int64(secondsSince1970())
        let date = try lab.get("/f/1K/a?date=-86400")["Date"]
        #expect((now...now + 20).map { httpDate($0 - 86_400) }.contains(date))
    }

    @Test(
        "RFC 9110 §13.2.2: conditions",
        arguments: [
            ("If-None-Match", "TAG", 304), ("If-None-Match", "W/TAG", 304), ("If-None-Match", "\"x\"", 200),
            ("If-Match", "TAG", 200), ("If-Match", "\"x\"", 412), ("If-Match", "*", 200),
            ("If-Modified-Since", "DATE", 304), ("If-Unmodified-Since", "DATE", 200),
            ("If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:37 GMT", 412),
        ]
    )
    func conditions(field: String, value: String, status: Int) throws {
        let whole = try lab.get("/f/1K/a")
        let value = value.replacing("TAG", with: whole["ETag"] ?? "").replacing(
            "DATE",
            with: whole["Last-Modified"] ?? ""
        )
        var fields = PeerFields()
        fields.append(field, value)
        #expect(try lab.get("/f/1K/a", fields).status == status)
        #expect(try lab.get("/f/1K/a?conditions=ignore", fields).status == 200)
    }
}
