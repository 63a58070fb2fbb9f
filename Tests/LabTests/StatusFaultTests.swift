// Faults that answer with another status, and limits.

import ScriptedPeers
import Testing
import holdfast_lab

@Suite("Faults of the status", .onOwnThreads) struct StatusFaultTests {
    let lab: Lab

    init() throws {
        lab = try Lab()
    }

    @Test("status and retry-after")
    func status() throws {
        let response = try lab.get("/f/1K/a?status=503&retry-after=7")
        #expect(response.status == 503)
        #expect(response["Retry-After"] == "7")
        #expect(try lab.get("/f/1K/a?status=404&retry-after=7")["Retry-After"] == nil)
    }

    @Test("every: each K-th request of this URL")
    func every() throws {
        let statuses = try (0..<6).map { _ in try lab.get("/f/1K/a?every=3:500").status }
        #expect(statuses == [200, 200, 500, 200, 200, 500])
    }

    @Test("Another query is another URL with counts of its own")
    func countsAreByURL() throws {
        #expect(try lab.get("/f/1K/a?first=1:500").status == 500)
        #expect(try lab.get("/f/1K/a?first=1:500&times=1").status == 500)
        #expect(try lab.get("/f/1K/a?first=1:500").status == 200)
    }

    @Test("first: the first K requests")
    func first() throws {
        #expect(try (0..<3).map { _ in try lab.get("/f/1K/a?first=2:502").status } == [502, 502, 200])
    }

    @Test("when=range: only requests with a Range field are touched")
    func whenRange() throws {
        #expect(try lab.get("/f/1K/a?status=503&when=range").status == 200)
        #expect(try lab.get("/f/1K/a?status=503&when=range", ["Range": "bytes=5-"]).status == 503)
    }

    @Test("when=whole: only requests without a Range field are touched")
    func whenWhole() throws {
        #expect(try lab.get("/f/1K/a?status=503&when=whole").status == 503)
        #expect(try lab.get("/f/1K/a?status=503&when=whole", ["Range": "bytes=5-"]).status == 206)
    }

    @Test("parallel: 429 beyond so many at once, and none for one that comes after the other")
    func parallel() throws {
        let target = "/f/100K/a?parallel=1&stall=1K:60"
        let running = try lab.client()
        try running.request(lab.url(target))
        _ = try running.head()
        _ = try running.body(first: 1024)
        #expect(try lab.get(target).status == 429)
        running.close()
        _ = try lab.log(count: 2)
        for _ in 0..<20 { #expect(try lab.get("/f/100K/a?parallel=1").status == 200) }
    }

    @Test("limit-per-client: 429 for a client with other requests under way, of whatever URL")
    func limitPerClient() throws {
        let running = try lab.client()
        try running.request(lab.url("/f/100K/other?stall=1K:60"))
        _ = try running.head()
        _ = try running.body(first: 1024)
        #expect(try lab.get("/f/1K/a?limit-per-client=1").status == 429)
        #expect(try lab.get("/f/1K/a?limit-per-client=2").status == 200)
    }

    @Test("auth: 401 without the credentials")
    func auth() throws {
        let refused = try lab.get("/f/1K/a?auth=user:secret")
        #expect(refused.status == 401)
        #expect(refused["WWW-Authenticate"] == "Basic realm=\"laboratory\"")
        let fields: PeerFields = ["Authorization": "Basic dXNlcjpzZWNyZXQ="]
        #expect(try lab.get("/f/1K/a?auth=user:secret", fields).status == 200)
    }

    @Test("cookie: another value in each response")
    func cookie() throws {
        #expect(try lab.get("/f/1K/a?cookie=session")["Set-Cookie"] == "session=1")
        #expect(try lab.get("/f/1K/a?cookie=session")["Set-Cookie"] == "session=2")
    }

    @Test("needs-cookie: 403 without it")
    func neededCookie() throws {
        #expect(try lab.get("/f/1K/a?needs-cookie=session").status == 403)
        #expect(try lab.get("/f/1K/a?needs-cookie=session", ["Cookie": "a=b; session=1"]).status == 200)
    }

    @Test("redirect: so many in a row, then the file")
    func redirect() throws {
        var target = "/f/1K/a?redirect=307:2&etag=weak"
        for _ in 0..<2 {
            let response = try lab.get(target)
            #expect(response.status == 307)
            target = response["Location"] ?? ""
        }
        #expect(target == "/f/1K/a?etag=weak")
        #expect(try lab.get(target).status == 200)
    }

    @Test("A fault that is not understood is 400, with a sentence")
    func notUnderstood() throws {
        let response = try lab.get("/f/1K/a?dorp=5")
        #expect(response.status == 400)
        #expect(response.text == "There is no fault named dorp. The page / lists all of them.\n")
    }

    @Test("Other methods than GET and HEAD are 405")
    func otherMethods() throws {
        let response = try lab.get("/f/1K/a", method: "DELETE")
        #expect(response.status == 405)
        #expect(response["Allow"] == "GET, HEAD")
    }
}
