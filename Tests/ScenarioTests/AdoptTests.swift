// `holdfast adopt`: a file that another program left unfinished becomes what is held of a URL, if and only if it is a part
// of what the origin has.

import Foundation
import ScriptedPeers
import Testing

@Suite("Adopting a partial file (resume-rules 11)", .onOwnThreads)
struct AdoptTests {
    static let target = "/file"
    static let content = Content(seed: 7101, length: 4 * mebibyte)
    static let probe: Int64 = 65_536

    private static func stage(_ version: FileVersion = .tagged(content)) throws -> (Scene, TemporaryDirectory) {
        let scene = try Scene()
        scene.origin.put(target, version)
        return (scene, try TemporaryDirectory())
    }

    private static func file(_ folder: TemporaryDirectory, _ bytes: [UInt8], _ name: String = "part") throws -> String {
        let path = folder.file(name)
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return path
    }

    @Test("A right beginning is taken over, and only the rest is fetched")
    func beginning() throws {
        let (scene, folder) = try Self.stage()
        let path = try Self.file(folder, Self.content.bytes(0..<3 * mebibyte))
        let result = try scene.proxy.command("adopt", path, scene.url(Self.target))
        #expect(result.status == 0, "\(result.output)\(result.errors)")
        #expect(try scene.heldBytes(scene.url(Self.target)) == 3 * mebibyte)
        #expect(scene.origin.bodyBytesSent(Self.target) == 2 * Self.probe)
        let answer = try scene.check(Self.target, Self.content)
        #expect(answer.head.status == 200)
        #expect(answer.body == CheckedBody(count: Self.content.length, end: .complete))
        #expect(scene.origin.bodyBytesSent(Self.target) <= mebibyte + 2 * Self.probe + overlapProbe)
    }

    @Test("--fetch gets the rest, also over an end of the proxy")
    func fetchesTheRest() throws {
        let (scene, folder) = try Self.stage()
        let path = try Self.file(folder, Self.content.bytes(0..<3 * mebibyte))
        #expect(try scene.proxy.command("adopt", "--fetch", path, scene.url(Self.target)).status == 0)
        try scene.killAndStartAgain()
        try scene.waitForDownload("it is done") { $0.state == "done" }
        #expect(try scene.isServedWhole(Self.target, Self.content))
        // A SIGKILL costs at most 1 MiB of what had come (hardening 2.2 item 3).
        #expect(scene.origin.bodyBytesSent(Self.target) <= 2 * mebibyte + 2 * Self.probe + 2 * overlapProbe)
    }

    @Test("A whole file is held as a whole, without a strong validator too", arguments: ["\"a\"", "W/\"a\""])
    func whole(tag: String) throws {
        let (scene, folder) = try Self.stage(.tagged(Self.content, tag))
        let path = try Self.file(folder, Self.content.allBytes)
        let result = try scene.proxy.command("adopt", path, scene.url(Self.target))
        #expect(result.status == 0, "\(result.output)\(result.errors)")
        #expect(try scene.isServedWhole(Self.target, Self.content))
    }

    @Test("A file that ends differently, or begins differently, is refused, and nothing is held", arguments: [0, 3])
    func different(mebibytes: Int64) throws {
        let (scene, folder) = try Self.stage()
        var bytes = Self.content.bytes(0..<3 * mebibyte)
        bytes[max(0, Int(mebibytes * mebibyte) - 1)] ^= 1
        let path = try Self.file(folder, bytes)
        let result = try scene.proxy.command("adopt", path, scene.url(Self.target))
        #expect(result.status == 1)
        #expect(result.errors.contains("no part of what the origin has now"))
        #expect(try scene.heldBytes(scene.url(Self.target)) == 0)
    }

    @Test("A part without a strong validator is refused")
    func weak() throws {
        let (scene, folder) = try Self.stage(.tagged(Self.content, "W/\"a\""))
        let path = try Self.file(folder, Self.content.bytes(0..<3 * mebibyte))
        let result = try scene.proxy.command("adopt", path, scene.url(Self.target))
        #expect(result.status == 1)
        #expect(result.errors.contains("no strong validator"))
    }

    @Test("A file that is longer than what the origin has is refused")
    func tooLong() throws {
        let (scene, folder) = try Self.stage()
        let path = try Self.file(folder, Self.content.allBytes + [UInt8](repeating: 0, count: 200_000))
        #expect(try scene.proxy.command("adopt", path, scene.url(Self.target)).status == 1)
        #expect(try scene.heldBytes(scene.url(Self.target)) == 0)
    }

    @Test("An origin without ranges cannot be compared with: refused")
    func noRanges() throws {
        let (scene, folder) = try Self.stage()
        scene.origin.setFaults { _, _ in FileFaults { $0.ignoresRange = true } }
        let path = try Self.file(folder, Self.content.bytes(0..<mebibyte))
        let result = try scene.proxy.command("adopt", path, scene.url(Self.target))
        #expect(result.status == 1)
        #expect(result.errors.contains("no ranges"))
    }

    @Test("Of aria2's file the pieces are taken that its control file names, and not its zeros")
    func aria2() throws {
        let (scene, folder) = try Self.stage()
        var bytes = [UInt8](repeating: 0, count: Int(Self.content.length))
        for piece in [Int64(0), 2] {
            let range = piece * mebibyte..<(piece + 1) * mebibyte
            bytes.replaceSubrange(Int(range.lowerBound)..<Int(range.upperBound), with: Self.content.bytes(range))
        }
        let path = try Self.file(folder, bytes)
        // Version 1; pieces of 1 MiB; 4 MiB in all; pieces 0 and 2.
        let control: [UInt8] =
            [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0] + [0, 0, 0, 0, 0, 64, 0, 0] + [UInt8](repeating: 0, count: 8)
            + [0, 0, 0, 1, 0b1010_0000, 0, 0, 0, 0]
        _ = try Self.file(folder, control, "part.aria2")
        let result = try scene.proxy.command("adopt", path, scene.url(Self.target))
        #expect(result.status == 0, "\(result.output)\(result.errors)")
        #expect(try scene.heldBytes(scene.url(Self.target)) == 2 * mebibyte)
        let answer = try scene.check(Self.target, Self.content)
        #expect(answer.body == CheckedBody(count: Self.content.length, end: .complete))
    }

    @Test("What is held already is not replaced by less; a lesser part is")
    func beside() throws {
        let (scene, folder) = try Self.stage()
        _ = try scene.get(Self.target, ["Range": "bytes=0-2097151"])
        try scene.waitUntilHeld(Self.target, 2 * mebibyte)
        let less = try Self.file(folder, Self.content.bytes(0..<mebibyte))
        let refused = try scene.proxy.command("adopt", less, scene.url(Self.target))
        #expect(refused.status == 1)
        #expect(refused.errors.contains("held already"))
        let more = try Self.file(folder, Self.content.bytes(0..<3 * mebibyte), "more")
        #expect(try scene.proxy.command("adopt", more, scene.url(Self.target)).status == 0)
        #expect(try scene.heldBytes(scene.url(Self.target)) == 3 * mebibyte)
        let answer = try scene.check(Self.target, Self.content)
        #expect(answer.body == CheckedBody(count: Self.content.length, end: .complete))
    }

    @Test("Without a proxy, or without a file, it says so and ends with status 1")
    func impossible() throws {
        let (scene, folder) = try Self.stage()
        let missing = try scene.proxy.command("adopt", folder.file("none"), scene.url(Self.target))
        #expect(missing.status == 1)
        #expect(missing.errors.contains("cannot open"))
        try scene.proxy.terminate()
        let path = try Self.file(folder, Self.content.bytes(0..<mebibyte))
        let alone = try scene.proxy.command("adopt", path, scene.url(Self.target))
        #expect(alone.status == 1)
        #expect(alone.errors.contains("No proxy runs"))
    }
}
