// The command line's questions, answered by a cache on disk, over the socket and without it.

import Configuration
import Exchange
import Foundation
import HTTPSemantics
import Resume
import Store
import Synchronization
import Testing

/// A cache with two entries: /whole is complete, /part has its first 4 of 10 bytes.
private final class SmallCache {
    let directory: TemporaryDirectory
    let store: Store
    let desk: ControlDesk
    static let now: Int64 = 1_800_000_000

    init(below: String = "") throws {
        directory = try TemporaryDirectory(below: below)
        store = try Store.open(StoreConfiguration(directory: directory.path, minFree: 0))
        var configuration = Configuration()
        configuration.cache.directory = directory.path
        desk = ControlDesk(store: store, configuration: configuration, running: nil)
        try fill("http://example.org/whole", content: "hello", of: 5, fields: [("Cache-Control", "max-age=100")])
        try fill(
            "http://example.org/part",
            content: "abcd",
            of: 10,
            fields: [("ETag", "\"v1\""), ("Cache-Control", "no-cache")]
        )
        store.settle()
    }

    deinit { store.close() }

    private func fill(_ url: String, content: String, of length: Int64, fields: [(String, String)]) throws {
        var section = FieldSection()
        for (name, value) in fields { section.append(name: name, value: value) }
        let uri = try AbsoluteURI.parse(url).get()
        let now = Int64(time(nil))
        let response = store.create(
            NewStoredResponse(
                key: CacheKey(uri),
                requestFields: FieldSection(),
                head: ResponseHead(status: 200, fields: section),
                requestTime: now,
                responseTime: now,
                validator: StrongValidator.of(section, receivedAt: now),
                completeLength: length,
                originAddress: "192.0.2.1"
            )
        )
        let writer = response.body.openWriter(at: 0, onWritten: { _ in })
        Array(content.utf8).withUnsafeBytes { writer.append($0) }
        writer.finish()
    }

    func answers(_ request: ControlRequest) -> [ControlAnswer] {
        var answers: [ControlAnswer] = []
        desk.answer(request) { answer in
            answers.append(answer)
            return true
        }
        return answers
    }

    func overSocket(_ request: ControlRequest) throws -> [ControlAnswer] {
        var answers: [ControlAnswer] = []
        try ControlClient(directory: directory.path).ask(request) { answer in
            answers.append(answer)
            return true
        }
        return answers
    }
}

extension [ControlAnswer] {
    fileprivate var urls: [String] { compactMap { if case .item(let item) = $0 { item.url } else { nil } }.sorted() }
    fileprivate var json: [String?] { map { ControlCoding.text($0, isPretty: false) } }
}

@Suite("Commands on a cache")
struct ControlDeskTests {
    @Test("ls lists what is held, and what matches")
    func list() throws {
        let cache = try SmallCache()
        #expect(
            cache.answers(.list(pattern: nil, limit: nil)).urls
                == ["http://example.org/part", "http://example.org/whole"]
        )
        #expect(cache.answers(.list(pattern: "*whole", limit: nil)).urls == ["http://example.org/whole"])
        #expect(cache.answers(.list(pattern: "example", limit: 1)).urls.count == 1)
        #expect(cache.answers(.list(pattern: nil, limit: 1)).urls.count == 1)
        #expect(cache.answers(.list(pattern: "nothing", limit: nil)).urls.isEmpty)
    }

    @Test("show says what is held, how fresh it is and whether it can be resumed")
    func show() throws {
        let cache = try SmallCache()
        guard case .shown(let part)? = cache.answers(.show(url: "http://EXAMPLE.org/part#top")).first,
            let version = part.versions.first
        else {
            Issue.record("no answer")
            return
        }
        #expect(part.versions.count == 1)
        #expect(version.held.ranges == [0..<4])
        #expect(version.held.completeLength == 10)
        #expect(version.isResumable)
        #expect(version.validator == "\"v1\"")
        #expect(version.freshness.mustValidate)
        #expect(version.originAddress == "192.0.2.1")
        #expect(version.fields.contains(FieldLine(name: "ETag", value: "\"v1\"")))

        guard case .shown(let whole)? = cache.answers(.show(url: "http://example.org/whole")).first,
            let complete = whole.versions.first
        else {
            Issue.record("no answer")
            return
        }
        #expect(complete.held.isComplete)
        #expect(complete.freshness.lifetime == 100)
        #expect(!complete.freshness.isHeuristic)
        #expect(!complete.freshness.mustValidate)
        #expect(complete.freshness.ttl > 0)
        #expect(!complete.isResumable)
    }

    @Test("show of what is not held has no versions, and of what is no URL a reason")
    func showNothing() throws {
        let cache = try SmallCache()
        guard case .shown(let answer)? = cache.answers(.show(url: "http://example.org/other")).first else {
            Issue.record("no answer")
            return
        }
        #expect(answer.versions.isEmpty)
        guard case .failed(let sentence)? = cache.answers(.show(url: "example")).first else {
            Issue.record("no failure")
            return
        }
        #expect(sentence.hasPrefix("example is no URL: "))
    }

    @Test("purge removes one URL, or everything, and says how many that were")
    func purge() throws {
        let cache = try SmallCache()
        guard
            case .purged(let some)? = cache.answers(
                .purge(urls: ["http://example.org/whole", "http://example.org/other", "nonsense"])
            ).first
        else {
            Issue.record("no answer")
            return
        }
        #expect(some.removed == 1)
        #expect(some.items.map(\.removed) == [1, 0, 0])
        #expect(some.items.map { $0.problem == nil } == [true, true, false])
        guard case .purged(let all)? = cache.answers(.purgeAll).first else {
            Issue.record("no answer")
            return
        }
        #expect(all.removed == 1)
        #expect(cache.answers(.list(pattern: nil, limit: nil)).urls.isEmpty)
    }

    @Test("status counts what is held")
    func status() throws {
        let cache = try SmallCache()
        guard case .status(let status)? = cache.answers(.status).first else {
            Issue.record("no answer")
            return
        }
        #expect(status.process == nil)
        #expect(status.responses == 2)
        #expect(status.bytes == 9)
        #expect(status.fills.isEmpty)
    }
}

@Suite("The control socket")
struct ControlSocketTests {
    @Test("The same answers come over the socket, also where the directory's path is too long for an address")
    func sameAnswers() throws {
        for below in ["", String(repeating: "a-long-name/", count: 12) + "cache"] {
            let cache = try SmallCache(below: below)
            let server = try ControlServer.start(directory: cache.directory.path, desk: cache.desk)
            defer { server.stop() }
            let request = ControlRequest.list(pattern: "example", limit: nil)
            #expect(try cache.overSocket(request).urls == cache.answers(request).urls)
            #expect(try cache.overSocket(.purge(urls: ["x"])).json == cache.answers(.purge(urls: ["x"])).json)
        }
    }

    @Test("A failure is the answer's sentence")
    func failure() throws {
        let cache = try SmallCache()
        let server = try ControlServer.start(directory: cache.directory.path, desk: cache.desk)
        defer { server.stop() }
        let failure = #expect(throws: ControlFailure.self) { try cache.overSocket(.show(url: "x")) }
        #expect(failure?.isAbsent == false)
        #expect(failure?.sentence.hasPrefix("x is no URL") == true)
    }

    @Test("Only its user may connect, and it is gone after the end")
    func rights() throws {
        let cache = try SmallCache()
        let path = cache.directory.path + "/control.sock"
        let server = try ControlServer.start(directory: cache.directory.path, desk: cache.desk)
        var status = stat()
        #expect(lstat(path, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
        server.stop()
        #expect(lstat(path, &status) != 0)
        let failure = #expect(throws: ControlFailure.self) { try cache.overSocket(.status) }
        #expect(failure?.isAbsent == true)
    }

    @Test("A socket that a killed process left is no proxy for commands, and no obstacle for the next one")
    func stale() throws {
        let cache = try SmallCache()
        let path = cache.directory.path + "/control.sock"
        let dead = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(dead, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        #expect(bound == 0)
        close(dead)
        let failure = #expect(throws: ControlFailure.self) { try cache.overSocket(.status) }
        #expect(failure?.isAbsent == true)
        let server = try ControlServer.start(directory: cache.directory.path, desk: cache.desk)
        defer { server.stop() }
        #expect(try cache.overSocket(.status).count == 1)
    }

    @Test("A file of that name that is not ours is left alone")
    func foreignFile() throws {
        let cache = try SmallCache()
        let path = cache.directory.path + "/control.sock"
        #expect(FileManager.default.createFile(atPath: path, contents: Data("mine".utf8)))
        #expect(throws: ControlFailure.self) {
            try ControlServer.start(directory: cache.directory.path, desk: cache.desk)
        }
        #expect(FileManager.default.contents(atPath: path) == Data("mine".utf8))
    }
}
