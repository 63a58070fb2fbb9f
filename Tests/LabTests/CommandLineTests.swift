// The laboratory as a program: what it prints, and what its exit status says.

import Foundation
import ScriptedPeers
import Testing

@Suite("The command line", .onOwnThreads) struct CommandLineTests {
    private let folder: TemporaryDirectory

    init() throws {
        folder = try TemporaryDirectory()
    }

    private func saved(_ body: [UInt8]) throws -> String {
        let path = folder.file("body")
        try Data(body).write(to: URL(fileURLWithPath: path))
        return path
    }

    @Test("check: 0 where every byte is right, 1 where not, and where")
    func check() throws {
        let lab = try LabProcess()
        let url = lab.url("/f/300K/a?drop=100K&times=1")
        let first = try saved(try PeerClient.get(url, through: lab.port).body)
        let cut = try LabProcess.run(["check", url, first])
        #expect(cut.status == 1)
        #expect(cut.output == "\(first): too short: ends at 102400 of 307200 bytes of version 1\n")
        let second = try saved(try PeerClient.get(url, through: lab.port).body)
        let whole = try LabProcess.run(["check", url, second])
        #expect(whole.status == 0)
        #expect(whole.output == "\(second): equal: version 1, 307200 bytes\n")
    }

    @Test("check --json: the result as one line")
    func checkJSON() throws {
        let lab = try LabProcess()
        let found = try LabProcess.run(["check", "--json", lab.url("/f/1K/a"), try saved([1, 2, 3])])
        #expect(found.status == 1)
        let expected = #"{"fileLength":3,"firstWrongOffset":0,"isEqual":false,"length":1024,"version":1}"#
        #expect(found.output == expected + "\n")
    }

    @Test("check: 2 where nothing can be compared, with a sentence")
    func checkFails() throws {
        let lab = try LabProcess()
        let file = try saved([])
        let misread = try LabProcess.run(["check", lab.url("/f/1K/a?dorp=5"), file])
        #expect(misread.status == 2)
        #expect(misread.errors.contains("There is no fault named dorp."))
        #expect(try LabProcess.run(["check", lab.url("/f/1K/a"), file + "-missing"]).status == 2)
        #expect(try LabProcess.run(["check", "http://127.0.0.1:1/f/1K/a", file]).status == 2)
    }

    @Test("serve: a line for each answer")
    func serveLines() throws {
        let plain = try LabProcess()
        _ = try PeerClient.get(plain.url("/f/1K/a"), through: plain.port, fields: ["Range": "bytes=1000-"])
        let line = "127.0.0.1 GET \(plain.url("/f/1K/a")) bytes=1000-: 206 v1, 24 bytes, complete\n"
        try waitUntil("the line of the answer") { plain.child.output.hasSuffix(line) }
    }

    @Test("Killed and started again with the same seed and epoch, it has the same bytes and versions")
    func startsAgain() throws {
        let lab = try LabProcess(epoch: Date().timeIntervalSince1970 - 5000)
        let url = lab.url("/f/100K/a?change=every:1000")
        let before = try PeerClient.get(url, through: lab.port)
        try lab.kill()
        let again = try lab.startAgain()
        let after = try PeerClient.get(url, through: again.port)
        #expect(after.body == before.body)
        #expect(after["ETag"] == before["ETag"])
    }

    @Test("An address that cannot be had is an error with a sentence")
    func addressInUse() throws {
        let lab = try LabProcess()
        let second = try LabProcess.run(["serve", "--listen", "127.0.0.1:\(lab.port)"])
        #expect(second.status == 1)
        #expect(second.errors.contains("listen on 127.0.0.1:\(lab.port): Address already in use"))
    }

    @Test("faults: the list that the page has")
    func faults() throws {
        #expect(try LabProcess.run(["faults"]).output.contains("  drop=N or N..M\n"))
        #expect(try LabProcess.run(["faults", "--json"]).output.hasPrefix("[{"))
    }
}
