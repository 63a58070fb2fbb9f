// The table of resume-rules 5 on sockets, a row a test: a client has the first mebibyte when its origin closes, and the
// origin's answer to the request for the rest is that of the row.

import ScriptedPeers
import Testing

@Suite("What each answer to Range and If-Range leads to (resume-rules 5)", .onOwnThreads)
struct DecisionTableScenarioTests {
    static let target = "/file"
    static let old = Content(seed: 7801, length: 4 * mebibyte)
    static let new = Content(seed: 7802, length: 4 * mebibyte)
    static let hole = mebibyte
    static let whole = CheckedBody(count: old.length, end: .complete)
    static let cut = CheckedBody(count: hole, end: .truncated)

    /// - Parameters:
    ///   - then: the version from the second request on.
    ///   - fault: of the second request, or of all from there on.
    private static func scene(
        then: FileVersion? = nil,
        always: Bool = false,
        _ fault: @escaping @Sendable (ReceivedRequest, inout FileFaults) -> Void = { _, _ in }
    ) throws -> (scene: Scene, body: CheckedBody) {
        let scene = try Scene(settings: ["upstream.heal_timeout=5s"])
        scene.origin.put(target, .tagged(old))
        let gate = Barrier("the file is another one")
        scene.origin.setFaults { request, number in
            FileFaults {
                if number == 0 {
                    ($0.stallAfter, $0.closeAfter) = ((bytes: 1000, until: gate), hole)
                } else if number == 1 || always {
                    fault(request, &$0)
                }
            }
        }
        let client = try scene.client()
        try client.request(scene.url(target))
        #expect(try client.head().status == 200)
        if let then { scene.origin.put(target, then) }
        gate.open()
        return (scene, try client.checkBody(against: old))
    }

    /// The next client gets this content whole, and nothing else.
    private static func expectNext(_ scene: Scene, _ content: Content) throws {
        #expect(try scene.check(target, content).body == CheckedBody(count: content.length, end: .complete))
    }

    @Test("Row 1: the same version, from the right byte, equal where it overlaps: appended")
    func good() throws {
        let (scene, body) = try Self.scene()
        #expect(body == Self.whole)
        #expect(scene.origin.requests.count == 2)
        #expect(scene.origin.tally(Self.target).overlapBytes <= overlapProbe)
    }

    @Test("Row 2: no validator after If-Range, and total and overlap agree: appended")
    func unnamed() throws {
        let (scene, body) = try Self.scene { _, faults in faults.omitsValidatorsOfParts = true }
        #expect(body == Self.whole)
        #expect(scene.origin.requests.count == 2)
    }

    @Test("Row 2: no validator after If-Range, and the overlap differs: no byte of it", arguments: [true, false])
    func unnamedOther(sameLength: Bool) throws {
        let new = sameLength ? Self.new : Content(seed: 7803, length: 5 * mebibyte)
        let (scene, body) = try Self.scene(then: .tagged(new, "\"two\"")) { _, faults in
            (faults.omitsValidatorsOfParts, faults.ignoresIfRange) = (true, true)
        }
        #expect(body == Self.cut)
        try Self.expectNext(scene, new)
    }

    @Test("Row 3: a part of another version: cut, and the new one from then on")
    func otherPart() throws {
        let (scene, body) = try Self.scene(then: .tagged(Self.new, "\"two\"")) { _, faults in
            faults.ignoresIfRange = true
        }
        #expect(body == Self.cut)
        try Self.expectNext(scene, Self.new)
    }

    @Test(
        "Row 4: a wrong start, no Content-Range: discarded, the whole asked for and compared",
        arguments: ["", "wrong"]
    )
    func broken(which: String) throws {
        let range = which.isEmpty ? "" : "bytes \(Self.hole + 7)-\(Self.old.length - 1)/\(Self.old.length)"
        let (scene, body) = try Self.scene { _, faults in faults.contentRange = range }
        #expect(body == Self.whole)
        #expect(scene.origin.requests.last?.askedRange == nil)
    }

    @Test("Row 4: the same tag and another complete length: none of it, the whole asked for and compared")
    func otherLength() throws {
        let range = "bytes \(Self.hole - overlapProbe)-\(Self.old.length - 1)/\(Self.old.length + 1)"
        let (scene, body) = try Self.scene { _, faults in faults.contentRange = range }
        #expect(body == Self.whole)
        #expect(scene.origin.requests.map { $0["Range"] != nil } == [false, true, false])
    }

    @Test("Row 4: where the whole is another one under the same tag: cut, and its parts are joined to nothing")
    func otherLengthForGood() throws {
        let longer = Content(seed: 7804, length: 5 * mebibyte)
        let (scene, body) = try Self.scene(then: .tagged(longer))
        #expect(body == Self.cut)
        try Self.expectNext(scene, longer)
        // Whoever continues what it has is not given the rest of another one.
        let rest = try scene.get(Self.target, ["Range": "bytes=\(Self.hole)-"])
        #expect(rest.head.status == 200)
    }

    @Test("Row 5: the whole of the same version: the next rung, then compared from byte 0")
    func ignored() throws {
        let (scene, body) = try Self.scene { _, faults in faults.ignoresRange = true }
        #expect(body == Self.whole)
        let conditions = scene.origin.requests.map { $0["If-Match"] }
        #expect(conditions == [nil, nil, "\"one\""])
    }

    @Test("Row 6: the whole of another version: cut, and it is the version from then on")
    func changed() throws {
        let (scene, body) = try Self.scene(then: .tagged(Self.new, "\"two\""))
        #expect(body == Self.cut)
        try Self.expectNext(scene, Self.new)
        #expect(scene.origin.tally(Self.target).totalBytes <= Self.hole + Self.new.length + 65_536)
    }

    @Test("Row 8: 416 that contradicts what is known: the whole asked for and compared")
    func unsatisfied() throws {
        let (scene, body) = try Self.scene { _, faults in
            faults.instead = (status: 416, fields: ["Content-Range": "bytes */\(Self.old.length + 1)"])
        }
        #expect(body == Self.whole)
        #expect(scene.origin.requests.last?.askedRange == nil)
    }

    @Test("Row 9: 412 after If-Match: changed, and the new version is fetched")
    func preconditionFailed() throws {
        let scene = try Scene(settings: ["upstream.heal_timeout=5s"])
        scene.origin.put(Self.target, .tagged(Self.old))
        let gate = Barrier("If-Match has come")
        scene.origin.setFaults { request, number in
            FileFaults {
                if number == 0 { $0.closeAfter = Self.hole }
                // It knows no If-Range, and changes after it has said so.
                $0.ignoresRange = request["If-Range"] != nil
                if request["If-Match"] != nil {
                    $0.holdHead = gate
                    $0.instead = (status: 412, fields: [:])
                }
            }
        }
        let client = try scene.client()
        try client.request(scene.url(Self.target))
        try gate.waitForArrivals(1)
        scene.origin.put(Self.target, .tagged(Self.new, "\"two\""))
        gate.open()
        _ = try client.head()
        #expect(try client.checkBody(against: Self.old) == Self.cut)
        try Self.expectNext(scene, Self.new)
    }

    @Test("Row 10: 304, which nobody asked for: the whole asked for and compared")
    func notModified() throws {
        let (scene, body) = try Self.scene { _, faults in faults.instead = (status: 304, fields: ["ETag": "\"one\""]) }
        #expect(body == Self.whole)
        #expect(scene.origin.requests.last?.askedRange == nil)
    }

    @Test(
        "Row 11: refused or gone: cut, what is held is kept, and the status is the next client's",
        arguments: [401, 403, 404, 410]
    )
    func gone(status: Int) throws {
        let (scene, body) = try Self.scene(always: true) { _, faults in
            faults.instead = (status: status, fields: [:])
        }
        #expect(body == Self.cut)
        try scene.waitUntilNothingIsFilled()
        #expect(try scene.heldBytes(scene.url(Self.target)) == Self.hole)
        // A 404 to a plain request is the answer for a while, and takes the place of what was held (RFC 9111 §4.3.3).
        if status < 404 { #expect(try scene.get(Self.target).status == status) }
        // With what the origin wants, the rest alone is fetched.
        scene.origin.setFaults { _, _ in FileFaults() }
        try Self.expectNext(scene, Self.old)
        // Nobody but a client asks again what was refused: the rest and then the whole for its answer, and the rest.
        let asked = scene.origin.requests.map { $0["Range"] != nil }
        #expect(asked == (status < 404 ? [false, true, true, false, true] : [false, true, true]))
        #expect(scene.origin.tally(Self.target).overlapBytes <= overlapProbe + 100)
    }

    @Test("Row 12: busy or broken for a while: waited for, and appended", arguments: [408, 425, 429, 500, 503])
    func transient(status: Int) throws {
        let (scene, body) = try Self.scene { _, faults in
            faults.instead = (status: status, fields: ["Retry-After": "0"])
        }
        #expect(body == Self.whole)
        #expect(scene.origin.requests.count == 3)
        #expect(scene.origin.tally(Self.target).overlapBytes <= overlapProbe + 100)
    }
}
