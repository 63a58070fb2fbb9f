// What a restart finds: unfinished downloads go on or wait, by directive; SIGKILL costs at most 100 ms or 1 MiB; a
// damaged byte on the disk is noticed and fetched again, and never delivered (hardening 2.2).

import Foundation
import ScriptedPeers
import Testing

@Suite(
    "Restart and crash: what is held stays held, and what is damaged is fetched again (hardening 2.2)",
    .onOwnThreads
)
struct RestartAndCrashTests {
    static let target = "/file"
    static let content = Content(seed: 6501, length: 6 * mebibyte)
    static let held: Int64 = 3 * mebibyte

    /// 3 MiB are held, the client is still there, and the origin waits.
    static func sceneWithPart(_ settings: [String] = [], gate: Barrier) throws -> (Scene, PeerClient) {
        let scene = try Scene(settings: settings)
        scene.origin.put(target, .tagged(content))
        scene.origin.setFaults { _, number in
            FileFaults { if number == 0 { $0.stallAfter = (bytes: held, until: gate) } }
        }
        let client = try scene.client()
        try client.request(scene.url(target))
        #expect(try client.head().status == 200)
        #expect(try client.checkBody(against: content, limit: held).firstDifference == nil)
        try scene.waitUntilHeld(target, held)
        return (scene, client)
    }

    @Test("finish: after SIGKILL the download goes on by itself, and is owed no more when it is complete")
    func goesOn() throws {
        let gate = Barrier("the proxy was killed")
        let (scene, client) = try Self.sceneWithPart(gate: gate)
        try scene.killAndStartAgain()
        client.close()
        gate.open()
        #expect(scene.proxy.output.contains("1 download"), "\(scene.proxy.output)")
        try scene.waitUntilHeld(Self.target, Self.content.length)
        try scene.waitForStatus("nothing is owed") { $0.isIdle }
        let requests = scene.origin.requests
        #expect(requests.count == 2)
        #expect(requests[1]["If-Range"] == "\"one\"")
        #expect(scene.origin.tally(Self.target).overlapBytes <= mebibyte + overlapProbe)
        #expect(try scene.isServedWhole(Self.target, Self.content))
    }

    @Test("finish: after SIGTERM too, and what was recorded is not asked for again")
    func goesOnAfterTerm() throws {
        let gate = Barrier("the end of the test")
        // What the origin would send into the dead connection would be counted as sent.
        defer { gate.open() }
        let (scene, client) = try Self.sceneWithPart(["stop.grace=\"100ms\""], gate: gate)
        #expect(try scene.proxy.terminate() == .exited(0))
        client.close()
        try scene.startAgain()
        try scene.waitUntilHeld(Self.target, Self.content.length)
        try scene.waitForStatus("nothing is owed") { $0.isIdle }
        #expect(scene.origin.requests.count == 2)
        #expect(scene.origin.requests[1].asks(from: Self.held))
        #expect(scene.origin.tally(Self.target).overlapBytes <= overlapProbe)
        #expect(try scene.isServedWhole(Self.target, Self.content))
    }

    @Test("park and drop: after a restart nothing is asked for until a client asks", arguments: ["park", "drop"])
    func waitsForAClient(_ directive: String) throws {
        let gate = Barrier("the proxy was killed")
        let (scene, client) = try Self.sceneWithPart(["resume.on_disconnect=\"\(directive)\""], gate: gate)
        try scene.killAndStartAgain()
        client.close()
        gate.open()
        try scene.waitForStatus("no fill") { $0.fills.isEmpty && ($0.unfinished == (directive == "park" ? 1 : 0)) }
        let answer = try scene.check(Self.target, Self.content)
        #expect(answer.body == CheckedBody(count: Self.content.length, end: .complete))
        // The client's request is the second that the origin ever saw.
        #expect(scene.origin.requests.count == 2)
        #expect(scene.origin.requests[1]["If-Range"] == "\"one\"")
        #expect(scene.origin.tally(Self.target).overlapBytes <= mebibyte + overlapProbe)
        try scene.waitForStatus("nothing is owed") { $0.isIdle }
    }

    @Test("max_finishing holds after a restart: the downloads go on one after the other, and all come to their end")
    func queueAfterRestart() throws {
        let gate = Barrier("the proxy was killed")
        let scene = try Scene(settings: ["resume.max_finishing=1"])
        let targets = (0..<3).map { "/queued\($0)" }
        let second = Barrier("the second answer of the first download")
        scene.origin.setFaults { _, number in
            FileFaults {
                if number == 0 { $0.stallAfter = (bytes: mebibyte, until: gate) }
                if number == 1 { $0.holdHead = second }
            }
        }
        var clients: [PeerClient] = []
        for target in targets {
            scene.origin.put(target, .tagged(Self.content, "\"\(target)\""))
            let client = try scene.client()
            try client.request(scene.url(target))
            #expect(try client.head().status == 200)
            _ = try client.checkBody(against: Self.content, limit: mebibyte)
            try scene.waitUntilHeld(target, mebibyte)
            clients.append(client)
        }
        try scene.killAndStartAgain()
        gate.open()
        try second.waitForArrivals(1)
        try scene.waitForStatus("one is asked for, two wait") { status in
            status.fills.filter(\.isQueued).count == 2 && status.fills.filter(\.isFinishing).count == 1
        }
        #expect(second.arrivals == 1)
        second.open()
        for target in targets { try scene.waitUntilHeld(target, Self.content.length) }
        try scene.waitForStatus("nothing is owed") { $0.isIdle }
        for target in targets { #expect(try scene.isServedWhole(target, Self.content)) }
    }

    @Test("The file changed while the proxy was down: the unfinished download gives the new version, no mixture")
    func changedMeanwhile() throws {
        let gate = Barrier("the proxy was killed")
        let (scene, client) = try Self.sceneWithPart(gate: gate)
        try scene.proxy.kill()
        client.close()
        gate.open()
        let new = Content(seed: 6502, length: 5 * mebibyte)
        scene.origin.put(Self.target, .tagged(new, "\"two\""))
        try scene.startAgain()
        let answer = try scene.check(Self.target, new)
        #expect(answer.head.status == 200)
        #expect(answer.body == CheckedBody(count: new.length, end: .complete))
        try scene.waitForStatus("nothing is owed") { $0.isIdle }
    }

    @Test("SIGKILL in the middle of many fills: afterwards every object is whole and right, and little came twice")
    func killedInTheMiddle() throws {
        let scene = try Scene()
        let targets = (0..<12).map { "/many\($0)" }
        let contents = (0..<12).map { Content(seed: UInt64(6510 + $0), length: 2 * mebibyte + Int64($0) * 77_777) }
        for (target, content) in zip(targets, contents) { scene.origin.put(target, .tagged(content, "\"\(target)\"")) }
        scene.origin.setFaults { _, number in FileFaults { if number == 0 { $0.bytesPerSecond = 2 * mebibyte } } }
        var clients: [PeerClient] = []
        for target in targets {
            let client = try scene.client()
            try client.request(scene.url(target))
            clients.append(client)
        }
        // Each is somewhere else in its body when the end comes.
        for target in targets { try scene.origin.server.waitForBodyBytes(300_000, of: target) }
        try scene.killAndStartAgain()
        for client in clients { client.close() }
        for (target, content) in zip(targets, contents) {
            let answer = try scene.check(target, content)
            #expect(answer.head.status == 200)
            #expect(answer.body == CheckedBody(count: content.length, end: .complete))
            // 100 ms or 1 MiB of a body, what the kernels held of it, and the comparison.
            #expect(scene.origin.tally(target).overlapBytes <= 2 * mebibyte)
        }
        try scene.waitForStatus("nothing is owed, nothing is damaged") { $0.isIdle && $0.damagedPieces == 0 }
    }

    @Test("A byte of a body that changed on the disk is noticed and fetched again (hardening 2.2 item 4)")
    func damagedByte() throws {
        let scene = try Scene()
        scene.origin.put(Self.target, .tagged(Self.content))
        #expect(try scene.check(Self.target, Self.content).body.isWhole)
        try scene.waitForStatus("nothing is owed") { $0.isIdle }
        try scene.proxy.terminate()
        try Self.damage(Self.bodyFile(in: scene.cacheDirectory, of: Self.content.length), at: [1_000_000, 4_500_000])
        try scene.startAgain()
        let answer = try scene.check(Self.target, Self.content)
        #expect(answer.head.status == 200)
        #expect(answer.body == CheckedBody(count: Self.content.length, end: .complete))
        #expect(try scene.status().damagedPieces >= 2)
        let again = scene.origin.bodyBytesSent(Self.target) - Self.content.length
        #expect(again > 0 && again < 2 * mebibyte)
        #expect(try scene.isServedWhole(Self.target, Self.content))
    }

    @Test(
        "A body file that is gone or cut short: the client gets right bytes all the same (hardening 2.2 item 8)",
        arguments: ["gone", "short", "empty"]
    )
    func damagedFile(_ kind: String) throws {
        let scene = try Scene()
        scene.origin.put(Self.target, .tagged(Self.content))
        #expect(try scene.check(Self.target, Self.content).body.isWhole)
        try scene.waitForStatus("nothing is owed") { $0.isIdle }
        try scene.proxy.terminate()
        let path = try Self.bodyFile(in: scene.cacheDirectory, of: Self.content.length)
        if kind == "gone" {
            try FileManager.default.removeItem(atPath: path)
        } else {
            let handle = try #require(FileHandle(forWritingAtPath: path))
            try handle.truncate(atOffset: kind == "short" ? 2_500_000 : 0)
        }
        try scene.startAgain()
        let answer = try scene.check(Self.target, Self.content)
        #expect(answer.head.status == 200)
        #expect(answer.body == CheckedBody(count: Self.content.length, end: .complete))
        #expect(try scene.check(Self.target, Self.content).body.isWhole)
    }

    @Test("An index that cannot be read is set aside, and the proxy serves (hardening 2.2 item 7)")
    func damagedIndex() throws {
        let scene = try Scene()
        scene.origin.put(Self.target, .tagged(Self.content))
        #expect(try scene.check(Self.target, Self.content).body.isWhole)
        try scene.waitForStatus("nothing is owed") { $0.isIdle }
        try scene.proxy.terminate()
        for name in try FileManager.default.contentsOfDirectory(atPath: scene.cacheDirectory) {
            guard name.hasPrefix("index"), !name.hasSuffix("-wal"), !name.hasSuffix("-shm") else { continue }
            try Data(repeating: 0x55, count: 8192).write(to: URL(fileURLWithPath: "\(scene.cacheDirectory)/\(name)"))
        }
        try scene.startAgain()
        #expect(try scene.status().responses == 0)
        #expect(try scene.check(Self.target, Self.content).body.isWhole)
        #expect(try scene.isServedWhole(Self.target, Self.content))
    }

    /// The one file below the directory that has the length of the body.
    static func bodyFile(in directory: String, of length: Int64) throws -> String {
        let paths = FileManager.default.enumerator(atPath: directory)?.compactMap { $0 as? String } ?? []
        let fitting = try paths.map { "\(directory)/\($0)" }.filter { path in
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            return (attributes[.size] as? NSNumber)?.int64Value == length
        }
        guard fitting.count == 1 else { throw PeerFailure("not one body file of \(length) bytes: \(paths)") }
        return fitting[0]
    }

    static func damage(_ path: String, at offsets: [UInt64]) throws {
        guard let handle = FileHandle(forUpdatingAtPath: path) else { throw PeerFailure("no \(path)") }
        for offset in offsets {
            try handle.seek(toOffset: offset)
            let byte = try handle.read(upToCount: 1)?.first ?? 0
            try handle.seek(toOffset: offset)
            try handle.write(contentsOf: Data([byte ^ 0x01]))
        }
        try handle.close()
    }
}
