// Contents that change or are wrong, lengths that lie, codings and digests.

import Crypto
import Foundation
import ScriptedPeers
import Testing
import holdfast_lab

@Suite("Content and head", .onOwnThreads) struct ContentFaultTests {
    let lab: Lab

    init() throws {
        lab = try Lab()
    }

    @Test("version: another first version has other bytes and other validators")
    func version() throws {
        let first = try lab.get("/f/1K/a")
        let fifth = try lab.get("/f/1K/a?version=5")
        #expect(fifth.body == (try lab.bytes("/f/1K/a", version: 5)))
        #expect(first["ETag"] != fifth["ETag"])
        #expect(first["Last-Modified"] != fifth["Last-Modified"])
    }

    @Test("change=after: the next version comes after so many requests")
    func changeAfter() throws {
        let bodies = try (0..<4).map { _ in try lab.get("/f/1K/a?change=after:2").body }
        let versions = try [1, 1, 2, 2].map { try lab.bytes("/f/1K/a", version: $0) }
        #expect(bodies == versions)
        #expect(try lab.log(count: 4).map(\.version) == [1, 1, 2, 2])
    }

    @Test("change=every: the version is counted from the epoch")
    func changeEvery() throws {
        let old = try Lab(epoch: secondsSince1970() - 2500)
        #expect(try old.get("/f/1K/a?change=every:1000").body == (try old.bytes("/f/1K/a", version: 3)))
    }

    @Test("change=mid: the running response stays whole, the next has the new version")
    func changeMid() throws {
        let target = "/f/300K/a?change=mid:100K"
        #expect(try lab.get(target).body == (try lab.bytes("/f/300K/a", version: 1)))
        #expect(try lab.get(target).body == (try lab.bytes("/f/300K/a", version: 2)))
        #expect(try lab.get(target).body == (try lab.bytes("/f/300K/a", version: 2)))
    }

    @Test("change=inplace: the running response goes on with the new bytes")
    func changeInPlace() throws {
        let target = "/f/300K/a?change=inplace:100K"
        let (one, two) = (try lab.bytes("/f/300K/a", version: 1), try lab.bytes("/f/300K/a", version: 2))
        #expect(try lab.get(target).body == Array(one[..<102_400]) + Array(two[102_400...]))
        #expect(try lab.get(target).body == two)
    }

    @Test(
        "change-tag: which validators change with the content",
        arguments: [("yes", true, true), ("no", false, false), ("etag", true, false), ("lm", false, true)]
    )
    func changeTag(word: String, tagChanges: Bool, dateChanges: Bool) throws {
        let target = "/f/1K/a?change=after:1&change-tag=\(word)"
        let first = try lab.get(target)
        let second = try lab.get(target)
        #expect(first.body != second.body)
        #expect((first["ETag"] != second["ETag"]) == tagChanges)
        #expect((first["Last-Modified"] != second["Last-Modified"]) == dateChanges)
    }

    @Test("grow: each version is longer")
    func grow() throws {
        let lengths = try (0..<3).map { _ in try lab.get("/f/1K/a?change=after:1&grow=10").body.count }
        #expect(lengths == [1024, 1034, 1044])
    }

    @Test("corrupt: one byte is wrong, so many times")
    func corrupt() throws {
        var wrong = try lab.bytes("/f/300K/a")
        wrong[200_000] ^= 0xFF
        #expect(try lab.get("/f/300K/a?corrupt=200000&times=1", ["Range": "bytes=0-9"]).end == .complete)
        #expect(try lab.get("/f/300K/a?corrupt=200000&times=1").body == wrong)
        #expect(try lab.get("/f/300K/a?corrupt=200000&times=1").body == (try lab.bytes("/f/300K/a")))
    }

    @Test("length=no: chunked, without a length")
    func chunked() throws {
        let response = try lab.get("/f/300K/a?length=no")
        #expect(response["Transfer-Encoding"] == "chunked")
        #expect(response["Content-Length"] == nil)
        #expect(response.body == (try lab.bytes("/f/300K/a")))
        #expect(response.end == .complete)
    }

    @Test("length=no with drop: the chunked body has no last chunk")
    func chunkedDropped() throws {
        let response = try lab.get("/f/300K/a?length=no&drop=100K")
        #expect(response.body.count == 102_400)
        #expect(response.end == .truncated)
    }

    @Test("close=yes: the body ends with the connection")
    func closeDelimited() throws {
        let response = try lab.get("/f/300K/a?close=yes")
        #expect(response["Content-Length"] == nil)
        #expect(response["Connection"] == "close")
        #expect(response.body == (try lab.bytes("/f/300K/a")))
    }

    @Test("size-lies: Content-Length is too large or too small")
    func sizeLies() throws {
        let large = try lab.get("/f/1K/a?size-lies=100")
        #expect(large["Content-Length"] == "1124")
        #expect(large.body.count == 1024)
        #expect(large.end == .truncated)
        let client = try lab.client()
        try client.request(lab.url("/f/1K/a?size-lies=-100"))
        #expect(try client.response().body.count == 924)
        #expect(try client.rest().bytes.count == 100)
    }

    @Test("cc, vary, type and field: the head says what the URL says")
    func fields() throws {
        let response = try lab.get(
            "/f/1K/a?cc=no-cache%2C%20private&vary=Accept&type=text/plain&field=X-A:%201&field=X-B:2"
        )
        #expect(response["Cache-Control"] == "no-cache, private")
        #expect(response["Vary"] == "Accept")
        #expect(response["Content-Type"] == "text/plain")
        #expect(response["X-A"] == "1")
        #expect(response["X-B"] == "2")
        #expect(try lab.get("/f/1K/a?cc=")["Cache-Control"] == nil)
    }

    @Test("encoding=gzip: for those who accept it, under a tag of its own, and a system's gunzip reads it")
    func gzip() throws {
        let target = "/f/100K/a?encoding=gzip"
        let plain = try lab.get(target)
        let coded = try lab.get(target, ["Accept-Encoding": "br, gzip;q=0.5"])
        #expect(plain["Content-Encoding"] == nil)
        #expect(coded["Content-Encoding"] == "gzip")
        #expect(coded["Vary"] == "Accept-Encoding")
        #expect(plain["ETag"] != coded["ETag"])
        let folder = try TemporaryDirectory()
        try Data(coded.body).write(to: URL(fileURLWithPath: folder.file("a.gz")))
        let unpacked = try ChildProcess.run("/bin/gzip", ["-d", folder.file("a.gz")])
        #expect(unpacked.status == 0, "\(unpacked.errors)")
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder.file("a"))) == Data(lab.bytes("/f/100K/a")))
    }

    @Test("encoding=gzip-flip: two codings under one tag")
    func gzipFlip() throws {
        let first = try lab.get("/f/1K/a?encoding=gzip-flip")
        let second = try lab.get("/f/1K/a?encoding=gzip-flip")
        #expect(first["Content-Encoding"] == nil)
        #expect(second["Content-Encoding"] == "gzip")
        #expect(second["Vary"] == nil)
        #expect(first["ETag"] == second["ETag"])
    }

    @Test("digest=ok: RFC 9530 and its forerunners say the right thing of the whole")
    func digests() throws {
        let response = try lab.get("/f/100K/a?digest=ok")
        let sha256 = Data(SHA256.hash(data: response.body)).base64EncodedString()
        #expect(response["Repr-Digest"] == "sha-256=:\(sha256):")
        #expect(response["Content-Digest"] == "sha-256=:\(sha256):")
        #expect(response["Digest"] == "SHA-256=\(sha256)")
        #expect(response["Content-MD5"] == Data(Insecure.MD5.hash(data: response.body)).base64EncodedString())
    }

    @Test("RFC 9530 §3: in a 206 Repr-Digest is of the whole, and Content-Digest of the part")
    func digestsOfPart() throws {
        let whole = try lab.get("/f/100K/a?digest=ok")
        let part = try lab.get("/f/100K/a?digest=ok", ["Range": "bytes=5000-9999"])
        #expect(part["Repr-Digest"] == whole["Repr-Digest"])
        #expect(part["Content-Digest"] == "sha-256=:\(Data(SHA256.hash(data: part.body)).base64EncodedString()):")
        #expect(part["Content-MD5"] == nil)
    }

    @Test("digest=wrong: a digest of other bytes, in the fields that are named")
    func wrongDigest() throws {
        let right = try lab.get("/f/1K/a?digest=ok")
        let wrong = try lab.get("/f/1K/a?digest=wrong:repr")
        #expect(wrong["Repr-Digest"]?.count == right["Repr-Digest"]?.count)
        #expect(wrong["Repr-Digest"] != right["Repr-Digest"])
        #expect(wrong["Digest"] == nil)
    }

    @Test("HEAD has the head of GET, and no body")
    func head() throws {
        let get = try lab.get("/f/300K/a")
        let head = try lab.get("/f/300K/a", method: "HEAD")
        #expect(head["Content-Length"] == "307200")
        #expect(head["ETag"] == get["ETag"])
        #expect(head.body.isEmpty)
    }
}
