// What becomes of a download that its last client leaves, by hours, time, validator and origin, in all and by rule
// (resume-rules 6).

import Foundation
import Glibc
import ScriptedPeers
import Testing

/// `HH:MM` of the local day, so many minutes from now.
private func clock(minutesFromNow minutes: Int) -> String {
    var instant = time(nil) + minutes * 60
    var local = tm()
    localtime_r(&instant, &local)
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(two(local.tm_hour)):\(two(local.tm_min))"
}

@Suite("Finish, park or drop: the whole policy (resume-rules 6)", .onOwnThreads)
struct FinishPolicyTests {
    static let open = "resume.finish_between=\"\(clock(minutesFromNow: -120))-\(clock(minutesFromNow: 120))\""
    static let closed = "resume.finish_between=\"\(clock(minutesFromNow: 120))-\(clock(minutesFromNow: 240))\""

    /// An origin that waits is not asked anew.
    private static let patient = "upstream.stall_timeout=\"10m\""

    private typealias Keeping = KeepAndFinishTests
    private static let target = Keeping.target
    private static let content = Keeping.content

    private static func waitsForItsHours(_ status: StatusView) -> Bool {
        status.fills.isEmpty && status.waiting.first?.state == "outsideHours" && status.rates?.waitingForHours == 1
    }

    @Test("Inside its hours a download is finished")
    func openWindow() throws {
        let gate = Barrier("the client has left")
        let scene = try Keeping.scene([Self.open], gate: gate)
        try scene.readAndLeave(Self.target, Self.content, mebibyte)
        try scene.waitForStatus("it is finishing") { $0.fills.first?.isFinishing == true }
        gate.open()
        try scene.waitUntilHeld(Self.target, Self.content.length)
        #expect(scene.origin.requests.count == 1)
        let url = scene.url(Self.target)
        try waitUntil("the log says why") { scene.proxy.errors.contains("\(url) is finished: No condition is set.") }
    }

    @Test("Outside its hours it waits, and says why; a start inside them takes it up")
    func closedWindow() throws {
        let gate = Barrier("the end of the test")
        let scene = try Keeping.scene([Self.closed], gate: gate)
        defer { gate.open() }
        try scene.readAndLeave(Self.target, Self.content, mebibyte)
        try scene.waitForStatus("it waits for its hours", Self.waitsForItsHours)
        let url = scene.url(Self.target)
        try waitUntil("the log says why") {
            scene.proxy.errors.contains("\(url) is parked: It is outside finish_between.")
        }
        // Not by a start outside them.
        try scene.killAndStartAgain(settings: [Self.closed])
        try scene.waitForStatus("it still waits", Self.waitsForItsHours)
        #expect(scene.origin.requests.count == 1)
        try scene.killAndStartAgain(settings: [Self.open])
        try scene.waitUntilHeld(Self.target, Self.content.length)
        #expect(scene.origin.requests.count == 2)
        #expect(try scene.isServedWhole(Self.target, Self.content))
    }

    /// The origin waits at 1 MiB of each answer, and nobody takes it for dead; it itself is patient for 20 seconds.
    private static func patientScene(_ hours: String, until gate: Barrier) throws -> Scene {
        let scene = try Scene(
            settings: ["resume.finish_between=\"\(hours)\"", patient, "upstream.idle_timeout=\"10m\""]
        )
        scene.origin.put(target, .tagged(content))
        scene.origin.setFaults { _, _ in FileFaults { $0.stallAfter = (bytes: mebibyte, until: gate) } }
        return scene
    }

    /// So that a minute does not end before the client has left.
    private static func waitForTheMinutesBeginning() throws {
        try waitUntil("the minute is not about to end", within: 40) { time(nil) % 60 < 40 }
    }

    @Test("When its hours begin it is taken up by itself")
    func hoursBegin() throws {
        let gate = Barrier("its hours have begun")
        try Self.waitForTheMinutesBeginning()
        let hours = "\(clock(minutesFromNow: 1))-\(clock(minutesFromNow: 60))"
        let scene = try Self.patientScene(hours, until: gate)
        try scene.readAndLeave(Self.target, Self.content, 512 * kibibyte)
        try scene.waitForStatus("it waits for its hours", Self.waitsForItsHours)
        #expect(scene.origin.requests.count == 1)
        try waitUntil("its hours have begun, and it is asked for", within: 90) { scene.origin.requests.count > 1 }
        gate.open()
        try scene.waitUntilHeld(Self.target, Self.content.length)
        #expect(try scene.isServedWhole(Self.target, Self.content))
    }

    @Test("When its hours end it stops, and waits for them")
    func hoursEnd() throws {
        let gate = Barrier("the end of the test")
        defer { gate.open() }
        try Self.waitForTheMinutesBeginning()
        let hours = "\(clock(minutesFromNow: -60))-\(clock(minutesFromNow: 1))"
        let scene = try Self.patientScene(hours, until: gate)
        try scene.readAndLeave(Self.target, Self.content, 512 * kibibyte)
        try scene.waitForStatus("it is finishing") { $0.fills.first?.isFinishing == true }
        try waitUntil("its hours are over, and it waits again", within: 90) {
            try Self.waitsForItsHours(scene.status())
        }
        #expect(try scene.heldBytes(scene.url(Self.target)) >= 512 * kibibyte)
        #expect(scene.proxy.errors.contains("is parked: It is outside finish_between."))
    }

    @Test("What was fetched without a client is not bound to those hours")
    func queueAtAnyHour() throws {
        let scene = try Scene(settings: [Self.closed])
        scene.origin.put(Self.target, .tagged(Self.content))
        let fetch = try scene.startFetch("--wait", scene.url(Self.target))
        #expect(try fetch.waitForEnd() == .exited(0))
        #expect(try scene.heldBytes(scene.url(Self.target)) == Self.content.length)
    }

    @Test("A rule says it for its host alone: hours, and what to do")
    func byRule() throws {
        let gate = Barrier("the end of the test")
        let hours = "\(clock(minutesFromNow: 120))-\(clock(minutesFromNow: 240))"
        let scene = try Scene(
            file: """
                [resume]
                on_disconnect = "park"

                [[rule]]
                path = "/hours"
                on_disconnect = "finish"
                finish_between = "\(hours)"

                [[rule]]
                path = "/small"
                on_disconnect = "finish"
                finish_below = "1 KiB"

                [[rule]]
                host = "127.0.0.1"
                on_disconnect = "finish"
                """
        )
        defer { gate.open() }
        scene.origin.setFaults { _, _ in FileFaults { $0.stallAfter = (bytes: 3 * mebibyte, until: gate) } }
        for target in ["/hours", "/small", "/other"] {
            scene.origin.put(target, .tagged(Self.content))
            try scene.readAndLeave(target, Self.content, mebibyte)
        }
        let states = ["/hours": "outsideHours", "/small": "parked"]
        try scene.waitForStatus("each is where its rule puts it") { status in
            status.fills.map(\.url) == [scene.url("/other")] && status.fills.allSatisfy(\.isFinishing)
                && status.waiting.count == 2
                && status.waiting.allSatisfy { waiting in
                    states.contains { scene.url($0.key) == waiting.url && $0.value == waiting.state }
                }
        }
        let parked = try scene.status().waiting.first { $0.state == "parked" }
        #expect(parked?.reason == "None of finish_below, finish_share and finish_eta is met.")
        #expect(try scene.proxy.command("show", scene.url("/small")).output.contains("finish_share and finish_eta"))
    }

    @Test("What finishes is parked after finish_max_time")
    func maxTime() throws {
        let gate = Barrier("the end of the test")
        let scene = try Keeping.scene(["resume.finish_max_time=\"1s\"", Self.patient], gate: gate)
        defer { gate.open() }
        try scene.readAndLeave(Self.target, Self.content, mebibyte)
        try scene.waitForStatus("it is parked, and says why") { status in
            status.fills.isEmpty && status.waiting.first?.state == "parked"
                && status.waiting.first?.reason == "It went on without a client for finish_max_time."
        }
        #expect(scene.origin.requests.count == 1)
        #expect(try scene.heldBytes(scene.url(Self.target)) >= mebibyte)
    }

    @Test(
        "finish_validator: what is told from its next version less surely is parked or dropped",
        arguments: [("etag", false), ("date", true), ("weak", true), ("none", true)]
    )
    func validator(_ least: String, finishes: Bool) throws {
        let gate = Barrier("the end of the test")
        let scene = try Keeping.scene(["resume.finish_validator=\"\(least)\""], gate: gate)
        defer { gate.open() }
        let modified = httpDate(secondsFromNow: -86_400)
        scene.origin.put(
            Self.target,
            FileVersion(Self.content, lastModified: modified, cacheControl: "max-age=3600")
        )
        try scene.readAndLeave(Self.target, Self.content, mebibyte)
        try scene.waitForStatus("it is decided") { status in
            finishes
                ? status.fills.first?.isFinishing == true
                : status.fills.isEmpty && status.waiting.first?.state == "parked"
        }
    }

    @Test(
        "finish_eta: at the rate at which it came, the rest has to come in time",
        arguments: [("1h", true), ("0s", false)]
    )
    func eta(_ time: String, finishes: Bool) throws {
        let gate = Barrier("the end of the test")
        let scene = try Keeping.scene(["resume.finish_eta=\"\(time)\""], gate: gate)
        defer { gate.open() }
        // So slow that a rate is known when the client leaves, and 0 s too few for the rest.
        scene.origin.setFaults { _, _ in FileFaults { $0.bytesPerSecond = 2 * mebibyte } }
        try scene.readAndLeave(Self.target, Self.content, 2 * mebibyte)
        try scene.waitForStatus("it is decided") { status in
            finishes
                ? status.fills.first?.isFinishing == true
                : status.fills.isEmpty && status.waiting.first?.state == "parked"
        }
    }

    @Test("max_finishing_per_origin = 1: one origin's downloads finish one after the other, another's beside them")
    func perOrigin() throws {
        let (gate, otherGate) = (Barrier("the first origin goes on"), Barrier("the other origin goes on"))
        let scene = try Keeping.scene(["resume.max_finishing_per_origin=1", Self.patient], gate: gate)
        let second = "/second"
        scene.origin.put(second, .tagged(Self.content, "\"second\""))
        let other = try FileOrigin()
        defer { other.stop() }
        other.put(Self.target, .tagged(Self.content, "\"other\""))
        other.setFaults { _, _ in FileFaults { $0.stallAfter = (bytes: 3 * mebibyte, until: otherGate) } }
        try scene.readAndLeave(Self.target, Self.content, mebibyte)
        try scene.waitForStatus("the first is finishing") { $0.fills.first?.isFinishing == true }
        try scene.readAndLeave(second, Self.content, mebibyte)
        let client = try scene.client()
        try client.request(other.url(Self.target))
        #expect(try client.head().status == 200)
        #expect(try client.checkBody(against: Self.content, limit: mebibyte).count == mebibyte)
        client.reset()
        try scene.waitForStatus("one of each origin finishes, and the second of the first waits") { status in
            func fill(_ url: String) -> StatusView.Fill? { status.fills.first { $0.url == url } }
            return fill(scene.url(Self.target))?.isFinishing == true && fill(scene.url(second))?.isQueued == true
                && fill(other.url(Self.target))?.isFinishing == true
                && status.rates?.finishing == 2 && status.rates?.waitingForPlace == 1
        }
        otherGate.open()
        try waitUntil("the other origin's is whole") {
            try scene.heldBytes(other.url(Self.target)) == Self.content.length
        }
        try scene.waitForStatus("its place is not for the first origin") { status in
            status.rates?.finishing == 1 && status.rates?.waitingForPlace == 1
        }
        gate.open()
        try scene.waitUntilHeld(Self.target, Self.content.length)
        try scene.waitUntilHeld(second, Self.content.length)
        try scene.waitForStatus("nothing is owed") { $0.isIdle && $0.rates?.finishing == 0 }
        #expect(try scene.isServedWhole(second, Self.content))
    }
}
