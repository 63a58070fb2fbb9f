// A cache that is full: what was used longest ago goes, never what is being filled; what is too large passes; and a
// disk without room costs no client a byte (R57, hardening 2.2 item 6).

import Foundation
import Glibc
import ScriptedPeers
import Testing

@Suite("A full cache keeps proxying, and forgets what was used longest ago (R57)", .onOwnThreads)
struct QuotaAndEvictionTests {
    static func content(_ number: Int, _ length: Int64 = 2 * mebibyte) -> Content {
        Content(seed: UInt64(6600 + number), length: length)
    }

    /// Targets /0, /1, … of 2 MiB each; four of them fit, and a bit.
    static func scene(_ settings: [String] = []) throws -> Scene {
        let scene = try Scene(settings: ["cache.max_size=\"9 MiB\"", "cache.min_free=\"1 MiB\""] + settings)
        for number in 0..<8 { scene.origin.put("/\(number)", .tagged(content(number), "\"\(number)\"")) }
        return scene
    }

    static func fetch(_ scene: Scene, _ number: Int) throws {
        let answer = try scene.check("/\(number)", content(number))
        #expect(answer.head.status == 200)
        #expect(answer.body == CheckedBody(count: 2 * mebibyte, end: .complete))
    }

    @Test("What was used longest ago goes first; what was used again stays")
    func leastRecentlyUsed() throws {
        let scene = try Self.scene()
        // The order of use is kept in seconds.
        for number in 0..<4 {
            try Self.fetch(scene, number)
            try nextSecond()
        }
        try Self.fetch(scene, 0)
        #expect(scene.origin.requests.count == 4)
        try nextSecond()
        try Self.fetch(scene, 4)
        try scene.waitForStatus("the quota holds") { $0.bytes <= 9 * mebibyte && $0.isIdle }
        #expect(try scene.heldBytes(scene.url("/1")) == 0)
        for number in [0, 4] { #expect(try scene.isServedWhole("/\(number)", Self.content(number))) }
        try Self.fetch(scene, 1)
        #expect(scene.origin.server.requests(for: "/1").count == 2)
    }

    private func nextSecond() throws {
        let now = time(nil)
        try waitUntil("the next second") { time(nil) > now }
    }

    @Test("What is being filled is never taken, however long ago it began")
    func neverWhatIsBeingFilled() throws {
        let scene = try Self.scene()
        let gate = Barrier("the others were fetched")
        scene.origin.setFaults { request, _ in
            FileFaults { if request.target == "/0" { $0.stallAfter = (bytes: mebibyte, until: gate) } }
        }
        let client = try scene.client()
        try client.request(scene.url("/0"))
        #expect(try client.head().status == 200)
        let first = try client.checkBody(against: Self.content(0), limit: mebibyte)
        #expect(first.firstDifference == nil)
        for number in 1..<7 { try Self.fetch(scene, number) }
        #expect(try scene.heldBytes(scene.url("/0")) == mebibyte)
        gate.open()
        #expect(try client.checkBody(against: Self.content(0), at: mebibyte).isWhole)
        #expect(scene.origin.server.requests(for: "/0").count == 1)
        #expect(try scene.isServedWhole("/0", Self.content(0)))
        try scene.waitForStatus("the quota holds") { $0.bytes <= 9 * mebibyte }
    }

    @Test("A range that is being fetched occupies no more than the range, and one that broke off what came of it")
    func occupied() throws {
        let scene = try Scene(settings: ["resume.on_disconnect=\"park\""])
        let content = Self.content(30, 40 * mebibyte)
        scene.origin.put("/large", .tagged(content))
        let gate = Barrier("the files were measured")
        scene.origin.setFaults { _, _ in FileFaults { $0.stallAfter = (bytes: 65_536, until: gate) } }
        let part = try scene.client()
        try part.request(scene.url("/large"), fields: ["Range": "bytes=1000000-1099999"])
        #expect(try part.head().status == 206)
        #expect(try part.checkBody(against: content, at: 1_000_000, limit: 65_536).firstDifference == nil)
        #expect(try Self.occupied(in: scene) <= 100_000 + Self.ofTheFileSystem)
        // One that has no end before the body's, and whose client leaves.
        let whole = try scene.client()
        try whole.request(scene.url("/large"))
        #expect(try whole.head().status == 200)
        #expect(try whole.checkBody(against: content, limit: 65_536).firstDifference == nil)
        whole.close()
        part.close()
        gate.open()
        try scene.waitForStatus("nobody fills") { $0.fills.isEmpty }
        try waitUntil("what is not held has gone back") {
            try Self.occupied(in: scene) <= scene.heldBytes(scene.url("/large")) + 2 * Self.ofTheFileSystem
        }
        scene.origin.setFaults { _, _ in FileFaults { _ in } }
        #expect(try scene.check("/large", content).body.isWhole)
    }

    /// Blocks that a file system takes for itself, and those at both ends that are not full.
    private static let ofTheFileSystem: Int64 = 65_536

    /// What the bodies of a cache occupy on the disk, bytes.
    private static func occupied(in scene: Scene) throws -> Int64 {
        let bodies = scene.cacheDirectory + "/bodies"
        let names = FileManager.default.enumerator(atPath: bodies)?.allObjects as? [String] ?? []
        return names.reduce(0) { sum, name in
            var status = stat()
            let isFile = lstat("\(bodies)/\(name)", &status) == 0 && status.st_mode & S_IFMT == S_IFREG
            return isFile ? sum + Int64(status.st_blocks) * 512 : sum
        }
    }

    @Test("An object above 90 % of the cache, or above max_object_size, passes unstored", arguments: [true, false])
    func tooLarge(byDirective: Bool) throws {
        let scene = try Self.scene(byDirective ? ["cache.max_object_size=\"4 MiB\""] : [])
        let large = Self.content(20, byDirective ? 5 * mebibyte : 10 * mebibyte)
        scene.origin.put("/large", .tagged(large))
        try Self.fetch(scene, 0)
        for _ in 0..<2 {
            let answer = try scene.check("/large", large)
            #expect(answer.head.status == 200)
            #expect(answer.body == CheckedBody(count: large.length, end: .complete))
        }
        try scene.waitForStatus("nothing of it is held") { $0.bytes == 2 * mebibyte && $0.isIdle }
        #expect(scene.origin.server.requests(for: "/large").count == 2)
        #expect(try scene.isServedWhole("/0", Self.content(0)))
    }

    /// Of item 6 an honest cut is allowed in the response that met the end of the room, and in no later one.
    @Test("A body of unknown length that outgrows the cache comes whole, at the latest the second time (item 6)")
    func outgrows() throws {
        let scene = try Self.scene()
        let large = Self.content(21, 14 * mebibyte)
        scene.origin.put("/large", .tagged(large))
        scene.origin.setFaults { _, _ in FileFaults { $0.framing = .chunked } }
        let first = try scene.check("/large", large)
        #expect(first.body.firstDifference == nil)
        #expect(first.body.end == .truncated || first.body.isWhole)
        let second = try scene.check("/large", large)
        #expect(second.head.status == 200)
        #expect(second.body == CheckedBody(count: large.length, end: .complete))
        try scene.waitForStatus("the quota holds") { $0.bytes <= 9 * mebibyte }
        try Self.fetch(scene, 0)
    }

    @Test("The quota holds across a restart, and a smaller one evicts at once")
    func smallerQuota() throws {
        let scene = try Self.scene()
        for number in 0..<4 { try Self.fetch(scene, number) }
        try scene.waitForStatus("all is stored") { $0.bytes == 8 * mebibyte && $0.isIdle }
        try scene.proxy.terminate()
        try scene.startAgain(settings: ["cache.max_size=\"5 MiB\"", "cache.min_free=\"1 MiB\""])
        try scene.waitForStatus("the quota holds") { $0.bytes <= 5 * mebibyte }
        for number in 0..<4 { try Self.fetch(scene, number) }
        try scene.waitForStatus("the quota holds again") { $0.bytes <= 5 * mebibyte }
    }

    @Test("Many clients on more than fits: every byte is right, and the quota holds at the end")
    func manyMoreThanFits() throws {
        let scene = try Self.scene()
        _ = try scene.atOnce(16) { number in try Self.fetch(scene, number % 8) }
        try scene.waitForStatus("the quota holds") { $0.bytes <= 9 * mebibyte && $0.fills.isEmpty }
        for number in 0..<8 { try Self.fetch(scene, number) }
    }

    // MARK: No room on the disk

    @Test(
        "A disk without room: every client gets right bytes, and the proxy goes on (hardening 2.4 item 4)",
        .enabled(if: SmallDisk.isPossible)
    )
    func fullDisk() throws {
        let disk = try SmallDisk(mebibytes: 16)
        defer { withExtendedLifetime(disk) {} }
        let origin = try FileOrigin()
        defer { origin.stop() }
        let settings = ["cache.min_free=\"1 MiB\""]
        let proxy = try ProxyProcess(cacheDirectory: "\(disk.path)/cache", settings: settings)
        defer { try? proxy.kill() }
        // Somebody else takes the room that the quota counts on.
        try disk.fill(leavingMebibytes: 3)
        for number in 0..<6 {
            let content = Self.content(30 + number, 4 * mebibyte)
            origin.put("/\(number)", .tagged(content, "\"\(number)\""))
            let answer = try PeerClient.check(origin.url("/\(number)"), through: proxy.port, against: content)
            #expect(answer.head.status == 200)
            #expect(answer.body == CheckedBody(count: content.length, end: .complete))
        }
        try disk.empty()
        let content = Self.content(40, mebibyte)
        origin.put("/after", .tagged(content))
        for _ in 0..<2 {
            let answer = try PeerClient.check(origin.url("/after"), through: proxy.port, against: content)
            #expect(answer.body == CheckedBody(count: content.length, end: .complete))
        }
        #expect(proxy.child.end == nil)
    }

    @Test(
        "A disk that fills up in the middle of a body: no wrong byte, and the next response is whole (item 6)",
        .enabled(if: SmallDisk.isPossible)
    )
    func fullInTheMiddle() throws {
        let disk = try SmallDisk(mebibytes: 32)
        defer { withExtendedLifetime(disk) {} }
        let origin = try FileOrigin()
        defer { origin.stop() }
        let proxy = try ProxyProcess(cacheDirectory: "\(disk.path)/cache", settings: ["cache.min_free=\"0\""])
        defer { try? proxy.kill() }
        let content = Self.content(41, 24 * mebibyte)
        origin.put("/file", .tagged(content))
        let gate = Barrier("the disk is full")
        origin.setFaults { _, number in
            FileFaults { if number == 0 { $0.stallAfter = (bytes: 4 * mebibyte, until: gate) } }
        }
        let client = try PeerClient(port: proxy.port)
        try client.request(origin.url("/file"))
        #expect(try client.head().status == 200)
        #expect(try client.checkBody(against: content, limit: 3 * mebibyte).firstDifference == nil)
        try disk.fill(leavingMebibytes: 0)
        gate.open()
        let rest = try client.checkBody(against: content, at: 3 * mebibyte)
        #expect(rest.firstDifference == nil)
        #expect(rest.end == .truncated || rest.isWhole)
        let next = try PeerClient.check(origin.url("/file"), through: proxy.port, against: content)
        #expect(next.head.status == 200)
        #expect(next.body == CheckedBody(count: content.length, end: .complete))
        #expect(proxy.child.end == nil)
    }
}

/// A file system of a few mebibytes in memory, where this process may mount one.
private final class SmallDisk {
    let path: String
    private let folder: TemporaryDirectory

    static let isPossible: Bool = (try? SmallDisk(mebibytes: 1)) != nil

    init(mebibytes: Int) throws {
        folder = try TemporaryDirectory()
        path = folder.file("disk")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        guard mount("none", path, "tmpfs", 0, "size=\(mebibytes)m") == 0 else { throw PeerFailure("mount: \(errno)") }
    }

    deinit { umount2(path, Int32(MNT_DETACH)) }

    /// Takes room until so much is left.
    func fill(leavingMebibytes rest: Int) throws {
        let descriptor = open("\(path)/ballast", O_WRONLY | O_CREAT | O_APPEND, 0o600)
        guard descriptor >= 0 else { throw PeerFailure("ballast: \(errno)") }
        defer { close(descriptor) }
        let piece = [UInt8](repeating: 0x42, count: 65_536)
        while try room() > Int64(rest) * mebibyte, write(descriptor, piece, piece.count) > 0 {}
    }

    func empty() throws { try FileManager.default.removeItem(atPath: "\(path)/ballast") }

    private func room() throws -> Int64 {
        var space = statvfs()
        guard statvfs(path, &space) == 0 else { throw PeerFailure("statvfs: \(errno)") }
        return Int64(space.f_bavail) * Int64(space.f_frsize)
    }
}
