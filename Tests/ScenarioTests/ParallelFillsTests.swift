// Faster than one connection: a large body comes over several, each byte once, where the origin tolerates it; and what
// follows is fetched before a client that reads piece by piece (resume-rules 6 and 11).

import ScriptedPeers
import Testing

@Suite("Several connections for one large body", .onOwnThreads)
struct ParallelFillsTests {
    static let target = "/large"
    static let content = Content(seed: 7601, length: 48 * mebibyte)

    private static func scene(_ settings: [String], file: String? = nil) throws -> Scene {
        let scene = try Scene(settings: settings, file: file)
        scene.origin.put(target, .tagged(content))
        return scene
    }

    /// The origin sends nothing behind the first bytes before so many requests have come.
    private static func hold(_ scene: Scene, until count: Int) -> Barrier {
        let gate = Barrier("\(count) connections")
        scene.origin.setFaults { _, number in
            FileFaults { if number < count { $0.stallAfter = (bytes: 65_536, until: gate) } }
        }
        return gate
    }

    @Test("parallel = 4: it begins with two, and each byte comes once", arguments: [true, false])
    func shares(byRule: Bool) throws {
        let rule = "[[rule]]\npath = \"/large\"\nparallel = 4\n"
        let scene = try Self.scene(byRule ? [] : ["resume.parallel=4"], file: byRule ? rule : nil)
        let gate = Self.hold(scene, until: 2)
        let client = try scene.client()
        try client.request(scene.url(Self.target))
        #expect(try client.head().status == 200)
        try gate.waitForArrivals(2)
        gate.open()
        #expect(try client.checkBody(against: Self.content).isWhole)
        try scene.waitUntilNothingIsFilled()
        let second = try #require(scene.origin.requests.dropFirst().first?.askedRange)
        #expect((20 * mebibyte...28 * mebibyte).contains(second.first))
        // What the origin had put into its socket when the first answer was cut is counted, too; a half is 24 MiB.
        #expect(scene.origin.tally(Self.target).overlapBytes <= 20 * mebibyte)
        #expect(try scene.isServedWhole(Self.target, Self.content))
    }

    @Test("Off by default: one connection")
    func isOff() throws {
        let scene = try Self.scene([])
        #expect(try scene.check(Self.target, Self.content).body.isWhole)
        #expect(scene.origin.requests.count == 1)
    }

    @Test("An origin that answers the second connection with 429 keeps the one, and is not pressed")
    func crowded() throws {
        let scene = try Self.scene(["resume.parallel=4"])
        let gate = Barrier("the second connection was refused")
        scene.origin.setFaults { _, number in
            FileFaults {
                if number == 0 { $0.stallAfter = (bytes: mebibyte, until: gate) }
                if number == 1 { $0.instead = (status: 429, fields: ["Retry-After": "1"]) }
            }
        }
        let client = try scene.client()
        try client.request(scene.url(Self.target))
        #expect(try client.head().status == 200)
        try waitUntil("the second connection") { scene.origin.requests.count >= 2 }
        gate.open()
        #expect(try client.checkBody(against: Self.content).isWhole)
        try scene.waitUntilNothingIsFilled()
        // The first one to its claim's end, the refused one, and the rest that it gave back.
        #expect(scene.origin.requests.count == 3)
        let remembered = try scene.proxy.command("doctor", "--remembered", scene.url("/"))
        #expect(remembered.output.contains("It refused more than 1 connection at once."))
    }

    @Test(
        "Ranges that are announced and refused: the first connection brings all of it",
        arguments: ["whole", "broken", "403"]
    )
    func refused(how: String) throws {
        let scene = try Self.scene(["resume.parallel=4"])
        let gate = Barrier("the second connection was refused")
        scene.origin.setFaults { request, number in
            FileFaults {
                if number == 0 { $0.stallAfter = (bytes: mebibyte, until: gate) }
                guard request.askedRange != nil else { return }
                switch how {
                case "whole": $0.ignoresRange = true
                case "broken": $0.contentRange = ""
                default: $0.instead = (status: 403, fields: [:])
                }
            }
        }
        let client = try scene.client()
        try client.request(scene.url(Self.target))
        _ = try client.head()
        try waitUntil("the second connection") { scene.origin.requests.count >= 2 }
        gate.open()
        #expect(try client.checkBody(against: Self.content).isWhole)
        #expect(scene.origin.requests.count <= 4)
    }

    @Test("What is read piece by piece is read ahead, twice as far each time; a jump begins anew")
    func readAhead() throws {
        let scene = try Self.scene(["resume.read_ahead=\"8 MiB\""])
        func ask(_ first: Int64, _ count: Int64) throws {
            let fields: PeerFields = ["Range": "bytes=\(first)-\(first + count - 1)"]
            let answer = try scene.check(Self.target, Self.content, at: first, fields)
            #expect(answer.head.status == 206)
            #expect(answer.body == CheckedBody(count: count, end: .complete))
            try scene.waitUntilNothingIsFilled()
        }
        let first: Int64 = 256 << 10
        try ask(0, 65_536)
        #expect(try scene.heldBytes(scene.url(Self.target)) == 65_536)
        try ask(65_536, 65_536)
        #expect(try scene.heldBytes(scene.url(Self.target)) == 131_072 + first)
        // A hit, which is behind the last one: twice as much.
        try ask(131_072, 65_536)
        #expect(try scene.heldBytes(scene.url(Self.target)) == 196_608 + 2 * first)
        try ask(20 * mebibyte, 65_536)
        #expect(try scene.heldBytes(scene.url(Self.target)) == 196_608 + 2 * first + 65_536 + first)
        #expect(scene.origin.tally(Self.target).overlapBytes <= 4 * overlapProbe)
    }
}
