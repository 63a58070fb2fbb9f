// `holdfast doctor`: an origin is asked what its ranges are worth, and the answer says what becomes of a download that
// breaks.

import ScriptedPeers
import Testing

@Suite("What an origin's ranges are worth (resume-rules 11)", .onOwnThreads)
struct DoctorTests {
    static let target = "/file"
    static let content = Content(seed: 7201, length: mebibyte)

    private static func prospect(
        _ version: FileVersion,
        _ faults: @escaping FileOrigin.FaultPlan = { _, _ in FileFaults() }
    ) throws -> (prospect: String?, text: String) {
        let scene = try Scene()
        scene.origin.put(target, version)
        scene.origin.setFaults(faults)
        let result = try scene.proxy.command("doctor", scene.url(target), "--json")
        #expect(result.status == 0, "\(result.errors)")
        // Nothing of it is stored, and no body was fetched but single bytes and what a 200 began with.
        #expect(try scene.heldBytes(scene.url(target)) == 0)
        return (try jsonObject(result.output)["prospect"] as? String, result.output)
    }

    @Test("Ranges and If-Range with a tag honoured: it goes on where it broke")
    func honoured() throws {
        let found = try Self.prospect(.tagged(Self.content))
        #expect(found.prospect == "resumes")
        #expect(found.text.contains("4 connections at once"))
    }

    @Test("If-Range with a date honoured: the same")
    func date() throws {
        let version = FileVersion(Self.content, lastModified: httpDate(secondsFromNow: -100_000))
        #expect(try Self.prospect(version).prospect == "resumes")
    }

    @Test("If-Range not looked at: bytes are compared first")
    func ignoredCondition() throws {
        let found = try Self.prospect(.tagged(Self.content)) { _, _ in FileFaults { $0.ignoresIfRange = true } }
        #expect(found.prospect == "resumes-after-comparing")
        #expect(found.text.contains("ignores If-Range"))
    }

    @Test("No ranges, or only weak validators: it is fetched again from the start")
    func restarts() throws {
        let noRanges = try Self.prospect(.tagged(Self.content)) { _, _ in FileFaults { $0.ignoresRange = true } }
        #expect(noRanges.prospect == "restarts")
        #expect(try Self.prospect(.tagged(Self.content, "W/\"a\"")).prospect == "restarts")
    }

    @Test("An origin that cannot be asked is said to be so, with status 1")
    func unreachable() throws {
        let scene = try Scene()
        let missing = try scene.proxy.command("doctor", scene.url("/missing"))
        #expect(missing.status == 1)
        #expect(missing.errors.contains("404"))
        scene.origin.stop()
        #expect(try scene.proxy.command("doctor", scene.url(Self.target)).status == 1)
    }
}
