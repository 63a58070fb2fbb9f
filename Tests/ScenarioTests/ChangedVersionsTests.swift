// The file changed at the origin while a part of it was held: the new version whole, or a visible end, and never a
// mixture (resume-rules 2 and 5, R30 to R32; architecture invariant 2).

import ScriptedPeers
import Testing

@Suite("A changed file gives the new version whole, and never a mixture", .onOwnThreads)
struct ChangedVersionsTests {
    static let target = "/file"
    static let old = Content(seed: 6401, length: 4 * mebibyte)
    static let date = "Tue, 30 Jan 2001 13:11:30 GMT"

    /// What is different in the new version, seen by somebody who asks for the rest of the old one.
    enum Change: String, CaseIterable {
        case tag, date, tagGone, length, bytes, encoding

        var before: FileVersion {
            switch self {
            case .date: FileVersion(old, lastModified: ChangedVersionsTests.date, cacheControl: "max-age=3600")
            case .tag, .tagGone, .length, .bytes, .encoding: .tagged(old)
            }
        }

        var new: Content { Content(seed: 6402, length: self == .length ? 5 * mebibyte : 4 * mebibyte) }

        var after: FileVersion {
            var version = before
            version.content = new
            switch self {
            case .tag: version.etag = "\"two\""
            case .date: version.lastModified = "Wed, 31 Jan 2001 08:00:00 GMT"
            case .tagGone: version.etag = nil
            case .length, .bytes: break
            case .encoding: version.fields = ["Content-Encoding": "x-other"]
            }
            return version
        }
    }

    /// An origin that judges If-Range, or answers 206 whatever it says.
    struct Case: Sendable, CustomTestStringConvertible {
        let change: Change
        let ignoresIfRange: Bool
        var testDescription: String { "\(change.rawValue)\(ignoresIfRange ? ", If-Range ignored" : "")" }

        static let all = Change.allCases.flatMap { change in
            [false, true].map { Case(change: change, ignoresIfRange: $0) }
        }
    }

    /// Holds 2 MiB of the old version, whose client has left.
    static func sceneWithPart(_ version: FileVersion, _ settings: [String] = []) throws -> Scene {
        let scene = try Scene(settings: ["resume.on_disconnect=\"park\""] + settings)
        scene.origin.put(target, version)
        let gate = Barrier("the client has left")
        scene.origin.setFaults { _, number in
            FileFaults { if number == 0 { $0.stallAfter = (bytes: 2 * mebibyte, until: gate) } }
        }
        let client = try scene.client()
        try client.request(scene.url(target))
        let head = try client.head()
        #expect(head.status == 200)
        #expect(try client.checkBody(against: version.content, limit: 2 * mebibyte).firstDifference == nil)
        try scene.waitUntilHeld(target, 2 * mebibyte)
        client.reset()
        try scene.waitUntilNothingIsFilled()
        gate.open()
        return scene
    }

    @Test("A part is held and the file has changed: the next client gets all of the new one", arguments: Case.all)
    func beforeTheHead(_ which: Case) throws {
        let scene = try Self.sceneWithPart(which.change.before)
        scene.origin.setFaults { _, _ in FileFaults { $0.ignoresIfRange = which.ignoresIfRange } }
        scene.origin.put(Self.target, which.change.after)
        let answer = try scene.check(Self.target, which.change.new)
        #expect(answer.head.status == 200)
        #expect(answer.head["ETag"] == which.change.after.etag)
        #expect(answer.body == CheckedBody(count: which.change.new.length, end: .complete))
        let again = try scene.check(Self.target, which.change.new)
        #expect(again.body == CheckedBody(count: which.change.new.length, end: .complete))
    }

    @Test(
        "The file changes in the middle of a body: its client is cut, and never given a new byte",
        arguments: Case.all
    )
    func inTheMiddle(_ which: Case) throws {
        let scene = try Scene()
        scene.origin.put(Self.target, which.change.before)
        let gate = Barrier("the file has changed")
        scene.origin.setFaults { _, number in
            FileFaults {
                $0.ignoresIfRange = which.ignoresIfRange
                if number == 0 {
                    $0.stallAfter = (bytes: 2 * mebibyte, until: gate)
                    $0.closeAfter = 2 * mebibyte + 1
                }
            }
        }
        let client = try scene.client()
        try client.request(scene.url(Self.target))
        #expect(try client.head().status == 200)
        let first = try client.checkBody(against: Self.old, limit: mebibyte)
        #expect(first.firstDifference == nil)
        scene.origin.put(Self.target, which.change.after)
        gate.open()
        let rest = try client.checkBody(against: Self.old, at: mebibyte)
        #expect(rest.end == .truncated)
        #expect(rest.firstDifference == nil)
        #expect(rest.count <= mebibyte + 1)
        // Its retry, as a download manager makes it, is answered with the whole of the new version (rule 11).
        let retry = try scene.check(Self.target, which.change.new, ["Range": "bytes=\(mebibyte + rest.count)-"])
        #expect(retry.head.status == 200)
        #expect(retry.body == CheckedBody(count: which.change.new.length, end: .complete))
    }

    @Test("Entity tag and date: only the tag is ever sent in If-Range (RFC 9110 §13.1.5)")
    func neverTheDate() throws {
        let version = FileVersion(Self.old, etag: "\"one\"", lastModified: Self.date, cacheControl: "max-age=3600")
        let scene = try Self.sceneWithPart(version)
        #expect(try scene.check(Self.target, Self.old).body == CheckedBody(count: Self.old.length, end: .complete))
        #expect(scene.origin.requests.count == 2)
        #expect(scene.origin.requests[1]["If-Range"] == "\"one\"")
        #expect(scene.origin.requests[1].asks(from: 2 * mebibyte))
    }

    @Test("Weak tag, with or without a date: never resumed, asked for anew from byte 0", arguments: [true, false])
    func weakIsNeverResumed(hasDate: Bool) throws {
        let date = hasDate ? Self.date : nil
        let version = FileVersion(Self.old, etag: "W/\"one\"", lastModified: date, cacheControl: "max-age=3600")
        let scene = try Self.sceneWithPart(version)
        scene.origin.put(Self.target, FileVersion(Change.tag.new, etag: "W/\"one\"", lastModified: date))
        let answer = try scene.check(Self.target, Change.tag.new)
        #expect(answer.head.status == 200)
        #expect(answer.body == CheckedBody(count: Self.old.length, end: .complete))
        #expect(scene.origin.requests.allSatisfy { $0["Range"] == nil && $0["If-Range"] == nil })
    }

    // MARK: Broken answers to a resume (resume-rules 5, row 4)

    enum Broken: String, CaseIterable {
        case wrongStart, noContentRange, invalidContentRange, multipart, beyondAsked

        func set(_ faults: inout FileFaults) {
            let last = old.length - 1
            switch self {
            case .wrongStart: faults.contentRange = "bytes 1000000-\(last)/\(old.length)"
            case .noContentRange: faults.contentRange = ""
            case .invalidContentRange: faults.contentRange = "bytes 3-2/\(old.length)"
            case .beyondAsked:
                faults.contentRange = "bytes \(2 * mebibyte - overlapProbe)-\(last + 10)/\(old.length + 100)"
            case .multipart:
                faults.instead = (206, ["Content-Type": "multipart/byteranges; boundary=x", "ETag": "\"one\""])
            }
        }
    }

    @Test("A broken 206 to a resume is discarded, and a plain GET follows", arguments: Broken.allCases)
    func brokenPartial(_ broken: Broken) throws {
        let scene = try Self.sceneWithPart(.tagged(Self.old))
        scene.origin.setFaults { request, _ in
            FileFaults { if request["Range"] != nil { broken.set(&$0) } }
        }
        let answer = try scene.check(Self.target, Self.old)
        #expect(answer.head.status == 200)
        #expect(answer.body == CheckedBody(count: Self.old.length, end: .complete))
        #expect(scene.origin.requests.count == 3)
        #expect(scene.origin.requests[1]["Range"] != nil)
        #expect(scene.origin.requests[2]["Range"] == nil && scene.origin.requests[2]["If-Range"] == nil)
        #expect(try scene.isServedWhole(Self.target, Self.old))
    }

    @Test("A broken 206 in the middle of a body: no byte of it is delivered", arguments: Broken.allCases)
    func brokenInTheMiddle(_ broken: Broken) throws {
        let scene = try Scene()
        scene.origin.put(Self.target, .tagged(Self.old))
        scene.origin.setFaults { request, number in
            FileFaults {
                if number == 0 { $0.closeAfter = 2 * mebibyte }
                if request["Range"] != nil { broken.set(&$0) }
            }
        }
        let answer = try scene.check(Self.target, Self.old)
        #expect(answer.head.status == 200)
        #expect(answer.body.firstDifference == nil)
        #expect(answer.body.end == .truncated || answer.body.isWhole)
        let next = try scene.check(Self.target, Self.old)
        #expect(next.body == CheckedBody(count: Self.old.length, end: .complete))
    }

    @Test("A 206 that nobody asked for is never taken for the whole (R70, R30)")
    func unaskedPartial() throws {
        let origin = try ScriptedOrigin { request, connection in
            let part = Self.old.bytes(0..<1000)
            let fields: PeerFields = ["ETag": "\"one\"", "Content-Range": "bytes 0-999/\(Self.old.length)"]
            try connection.respond(206, "Partial Content", fields: fields, body: part)
        }
        defer { origin.stop() }
        let scene = try Scene()
        let answer = try PeerClient.get(origin.url("/unasked"), through: scene.proxy.port)
        #expect(answer.status == 502)
        #expect(try scene.status().responses == 0)
    }

    @Test("A complete older version survives a newer one that breaks off (resume-rules 10, invariant 12)")
    func failedRefill() throws {
        let scene = try Scene(settings: ["resume.on_disconnect=\"drop\""])
        scene.origin.put(Self.target, .tagged(Self.old, cacheControl: "no-cache"))
        #expect(try scene.check(Self.target, Self.old).body.isWhole)
        let new = Content(seed: 6403, length: 3 * mebibyte)
        scene.origin.put(Self.target, FileVersion(new, etag: "W/\"two\"", cacheControl: "no-cache"))
        scene.origin.setFaults { _, _ in FileFaults { $0.closeAfter = mebibyte } }
        let cut = try scene.check(Self.target, new)
        #expect(cut.body == CheckedBody(count: mebibyte, end: .truncated))
        // The origin is back at the old version: one 304, and no byte of it comes again.
        scene.origin.clearFaults()
        scene.origin.put(Self.target, .tagged(Self.old, cacheControl: "no-cache"))
        let sent = scene.origin.bodyBytesSent(Self.target)
        let again = try scene.check(Self.target, Self.old)
        #expect(again.head.status == 200)
        #expect(again.body == CheckedBody(count: Self.old.length, end: .complete))
        #expect(scene.origin.bodyBytesSent(Self.target) == sent)
    }
}

@Suite("The resume guard: who holds the beginning of an older version gets no splice (resume-rules 11)", .onOwnThreads)
struct ResumeGuardScenarioTests {
    static let target = ChangedVersionsTests.target
    static let new = Content(seed: 6404, length: 4 * mebibyte)

    /// A client on 127.0.0.1 was given 2 MiB of an older version; the newer one is stored whole.
    static func scene(_ settings: [String] = []) throws -> Scene {
        let scene = try ChangedVersionsTests.sceneWithPart(.tagged(ChangedVersionsTests.old), settings)
        scene.origin.put(target, .tagged(new, "\"two\""))
        return scene
    }

    @Test(
        "A bare Range K- or K-L of the new version is answered with all of it",
        arguments: ["2097152-", "1000-2000000"]
    )
    func bareRange(_ range: String) throws {
        let scene = try Self.scene()
        #expect(try scene.check(Self.target, Self.new).body.isWhole)
        for _ in 0..<2 {
            let answer = try scene.check(Self.target, Self.new, ["Range": "bytes=\(range)"])
            #expect(answer.head.status == 200)
            #expect(answer.head["Content-Range"] == nil)
            #expect(answer.body == CheckedBody(count: Self.new.length, end: .complete))
        }
    }

    @Test("With an If-Range that names the new version there is nothing to guess: 206")
    func withIfRange() throws {
        let scene = try Self.scene()
        #expect(try scene.check(Self.target, Self.new).body.isWhole)
        let fields: PeerFields = ["Range": "bytes=2097152-", "If-Range": "\"two\""]
        let answer = try scene.check(Self.target, Self.new, at: 2 * mebibyte, fields)
        #expect(answer.head.status == 206)
        #expect(answer.body == CheckedBody(count: 2 * mebibyte, end: .complete))
    }

    @Test(
        "An origin that does not look at the client's If-Range: the whole of what there is now, also where nothing is stored",
        arguments: ["\"one\"", "Sun, 06 Nov 1994 08:49:37 GMT"]
    )
    func ifRangeNotLookedAt(_ named: String) throws {
        let scene = try Scene()
        var version = FileVersion(Self.new, etag: named.hasPrefix("\"") ? "\"two\"" : nil, cacheControl: "no-store")
        version.lastModified = "Tue, 08 Nov 1994 08:49:37 GMT"
        scene.origin.put(Self.target, version)
        scene.origin.setFaults { _, _ in FileFaults { $0.ignoresIfRange = true } }
        let answer = try scene.check(Self.target, Self.new, ["Range": "bytes=2097152-", "If-Range": named])
        #expect(answer.head.status == 200)
        #expect(answer.body == CheckedBody(count: Self.new.length, end: .complete))
        #expect(scene.origin.requests.map { $0["Range"] } == ["bytes=2097152-", nil])
    }

    @Test("Another client was given nothing of the older version: its bare range is a 206")
    func anotherClient() throws {
        let scene = try Self.scene()
        #expect(try scene.check(Self.target, Self.new).body.isWhole)
        let fields: PeerFields = ["Range": "bytes=2097152-2097161"]
        let port = scene.proxy.port
        let other = try ClientAtAddress.get(scene.url(Self.target), from: "127.0.0.9", through: port, fields: fields)
        #expect(other.hasPrefix("HTTP/1.1 206 "))
        let same = try ClientAtAddress.get(scene.url(Self.target), from: "127.0.0.1", through: port, fields: fields)
        #expect(same.hasPrefix("HTTP/1.1 200 "))
    }

    @Test("After guard_time the range is a range again")
    func afterTheTime() throws {
        let scene = try Self.scene(["resume.guard_time=\"1s\""])
        let answer = try scene.check(Self.target, Self.new, ["Range": "bytes=2097152-"])
        #expect(answer.head.status == 200)
        #expect(answer.body.isWhole)
        try waitUntil("the guard time is over") {
            let answer = try scene.get(Self.target, ["Range": "bytes=2097152-"])
            return answer.status == 206 && Self.new.firstDifference(answer.body, at: 2 * mebibyte) == nil
        }
    }

    @Test("resume_guard = \"off\": the range of the new version is served")
    func off() throws {
        let scene = try Self.scene(["resume.resume_guard=\"off\""])
        let answer = try scene.check(Self.target, Self.new, at: 2 * mebibyte, ["Range": "bytes=2097152-"])
        #expect(answer.head.status == 206)
        #expect(answer.body == CheckedBody(count: 2 * mebibyte, end: .complete))
    }

    @Test("The record survives SIGKILL: a delivery that the crash cut counts as the complete length")
    func survivesKill() throws {
        let scene = try Scene()
        scene.origin.put(Self.target, .tagged(ChangedVersionsTests.old))
        let gate = Barrier("the proxy was killed")
        scene.origin.setFaults { _, number in
            FileFaults { if number == 0 { $0.stallAfter = (bytes: 2 * mebibyte, until: gate) } }
        }
        let client = try scene.client()
        try client.request(scene.url(Self.target))
        #expect(try client.head().status == 200)
        #expect(try client.checkBody(against: ChangedVersionsTests.old, limit: 2 * mebibyte).firstDifference == nil)
        try scene.waitUntilHeld(Self.target, 2 * mebibyte)
        try scene.proxy.kill()
        scene.origin.put(Self.target, .tagged(Self.new, "\"two\""))
        gate.open()
        try scene.startAgain()
        let answer = try scene.check(Self.target, Self.new, ["Range": "bytes=2097152-"])
        #expect(answer.head.status == 200)
        #expect(answer.body == CheckedBody(count: Self.new.length, end: .complete))
    }
}
