// Rates: what one direction, one client, one origin and background work may take. Nothing is timed here: what is limited
// is compared with what is not, at the moment in which the other is complete.

import Foundation
import ScriptedPeers
import Synchronization
import Testing

/// A client that reads on a thread of its own and says how far it is.
private final class ReadingClient: Sendable {
    private let read = Atomic<Int64>(0)
    private let failure = Mutex<String?>(nil)
    private let isDone = Barrier("the client has read all")

    var count: Int64 { read.load(ordering: .relaxed) }

    init(_ url: String, _ content: Content, through port: UInt16, from source: String? = nil) throws {
        let client = try PeerClient(port: port, from: source)
        try client.request(url)
        guard try client.head().status == 200 else { throw PeerFailure("not 200") }
        Thread.detachNewThread { [self] in
            do {
                while count < content.length {
                    let limit = min(16 * kibibyte, content.length - count)
                    let part = try client.checkBody(against: content, at: count, limit: limit)
                    guard part.firstDifference == nil, part.count > 0 else { throw PeerFailure("\(part)") }
                    read.add(part.count, ordering: .relaxed)
                }
            } catch {
                failure.withLock { $0 = "\(error)" }
            }
            client.close()
            isDone.open()
        }
    }

    /// Waits until it has read all, or failed.
    func wait(within seconds: Double = defaultPatience) throws {
        try isDone.wait(within: seconds)
        if let text = failure.withLock({ $0 }) { throw PeerFailure(text) }
    }
}

@Suite("Rates", .onOwnThreads)
struct RateTests {
    static let large = Content(seed: 7001, length: 32 * mebibyte)
    static let small = Content(seed: 7002, length: 8 * mebibyte)
    static let tiny = Content(seed: 7003, length: 512 * kibibyte)

    private static func scene(_ settings: [String]) throws -> Scene {
        let scene = try Scene(settings: settings)
        scene.origin.put("/large", .tagged(large, "\"large\""))
        scene.origin.put("/small", .tagged(small, "\"small\""))
        scene.origin.put("/tiny", .tagged(tiny, "\"tiny\""))
        return scene
    }

    @Test("background_rate: what finishes without a client crawls while a client's download runs, and hurries for one")
    func background() throws {
        let gate = Barrier("the client has left")
        let scene = try Self.scene(["resume.background_rate=\"1 KiB\""])
        scene.origin.setFaults { request, _ in
            FileFaults { if request.target == "/large" { $0.stallAfter = (bytes: mebibyte, until: gate) } }
        }
        try scene.readAndLeave("/large", Self.large, 512 * kibibyte)
        try scene.waitForStatus("it is finishing") { $0.fills.first?.isFinishing == true }
        gate.open()
        #expect(try scene.check("/small", Self.small).body.isWhole)
        let held = try scene.heldBytes(scene.url("/large"))
        #expect(held < 4 * mebibyte, "\(held)")
        let status = try scene.status()
        #expect(status.rates?.background == 1024)
        #expect(status.rates?.backgroundSetting == "1 KiB")
        // At that rate this would take hours, and the next read alone minutes.
        #expect(try scene.check("/large", Self.large).body.isWhole)
        #expect(scene.origin.tally("/large").overlapBytes == 0)
        #expect(scene.origin.requests.count == 2)
    }

    @Test("background_rate holds for what was fetched without a client, too")
    func queue() throws {
        let scene = try Self.scene(["resume.background_rate=\"64 KiB\""])
        let fetch = try scene.startFetch(scene.url("/large"))
        #expect(try fetch.waitForEnd() == .exited(0))
        try waitUntil("it has begun") { scene.origin.bodyBytesSent("/large") > 0 }
        #expect(try scene.check("/small", Self.small).body.isWhole)
        let held = try scene.heldBytes(scene.url("/large"))
        #expect(held < 4 * mebibyte, "\(held)")
    }

    @Test("A client's rate holds back its response, and not the download")
    func client() throws {
        let scene = try Self.scene(["downstream.max_rate_per_client=\"256 KiB\""])
        let client = try ReadingClient(scene.url("/large"), Self.large, through: scene.proxy.port)
        try scene.waitUntilHeld("/large", Self.large.length)
        #expect(client.count < 8 * mebibyte, "\(client.count)")
        let status = try scene.status()
        #expect(status.rates?.limits.map(\.directive) == ["downstream.max_rate_per_client"])
        #expect(status.rates?.limits.map(\.bytesPerSecond) == [262_144])
        #expect(try scene.proxy.command("status").output.contains("limits: downstream.max_rate_per_client 256 KiB/s"))
    }

    @Test("Two responses under one rate have equal parts, of one client and of all", arguments: [true, false])
    func fairness(ofOneClient: Bool) throws {
        let directive = ofOneClient ? "max_rate_per_client" : "max_rate"
        let scene = try Self.scene(["downstream.\(directive)=\"512 KiB\""])
        let large = try ReadingClient(scene.url("/large"), Self.large, through: scene.proxy.port)
        let source = ofOneClient ? nil : "127.0.0.2"
        let other = try ReadingClient(scene.url("/tiny"), Self.tiny, through: scene.proxy.port, from: source)
        try other.wait()
        #expect(large.count < 4 * Self.tiny.length, "\(large.count)")
        #expect(large.count > 0)
    }

    @Test("A client has its own rate, however much another one asks for")
    func eachClient() throws {
        let scene = try Self.scene(["downstream.max_rate_per_client=\"512 KiB\""])
        let greedy = try (0..<8).map { _ in
            try ReadingClient(scene.url("/large"), Self.large, through: scene.proxy.port)
        }
        let modest = try ReadingClient(scene.url("/tiny"), Self.tiny, through: scene.proxy.port, from: "127.0.0.2")
        try modest.wait()
        // Of the eight, each has an eighth.
        for client in greedy { #expect(client.count < Self.tiny.length, "\(client.count)") }
    }

    @Test("What passes through is held to the client's rate, too")
    func relayed() throws {
        let scene = try Self.scene(["downstream.max_rate_per_client=\"512 KiB\""])
        scene.origin.put("/private", .tagged(Self.large, "\"private\"", cacheControl: "no-store"))
        let client = try ReadingClient(scene.url("/private"), Self.large, through: scene.proxy.port)
        let other = try ReadingClient(scene.url("/tiny"), Self.tiny, through: scene.proxy.port, from: "127.0.0.2")
        try other.wait()
        #expect(client.count < 4 * Self.tiny.length, "\(client.count)")
    }

    @Test("The rate of one origin, and of all", arguments: ["upstream.max_rate_per_origin", "upstream.max_rate"])
    func upstream(directive: String) throws {
        let scene = try Self.scene(["\(directive)=\"1 MiB\""])
        // What is held costs the origin nothing, and is the measure.
        scene.origin.put("/held", .tagged(Self.tiny, "\"held\""))
        #expect(try scene.check("/held", Self.tiny).body.isWhole)
        let client = try ReadingClient(scene.url("/large"), Self.large, through: scene.proxy.port)
        for _ in 0..<64 { #expect(try scene.check("/held", Self.tiny).body.isWhole) }
        #expect(client.count < 16 * mebibyte, "\(client.count)")
        #expect(try scene.heldBytes(scene.url("/large")) < 16 * mebibyte)
        #expect(try scene.status().rates?.limits.map(\.directive) == [directive])
    }

    @Test("A limited download comes whole and right, and counts as no stall")
    func whole() throws {
        let scene = try Self.scene(["upstream.max_rate=\"4 MiB\"", "upstream.stall_timeout=\"50ms\""])
        #expect(try scene.check("/small", Self.small).body.isWhole)
        #expect(scene.origin.requests.count == 1)
        try scene.waitForStatus("what the link carries is seen") { $0.rates?.link ?? 0 > 0 }
    }
}
