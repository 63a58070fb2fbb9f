// holdfast-soak: many clients, an origin that does everything wrong, and a fate that kills, for as long as is wanted; and
// every byte that is delivered is compared with the truth (docs/soak.md).

import ArgumentParser
import Foundation
import Glibc
import ScriptedPeers

@main
struct HoldfastSoak: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "holdfast-soak",
        abstract: "Run a proxy before a failing origin, kill it now and then, and check every byte."
    )

    @Option(help: "How long it runs.")
    var seconds: Double = 60

    @Option(help: "From which all decisions are drawn; the time of day where it is not given.")
    var seed: UInt64?

    @Option(help: "How many clients there are.")
    var clients = 24

    @Option(help: "How many files there are at the same time.")
    var objects = 15

    @Option(help: "small, large, or as the seed says. In a small cache files are evicted, and the ratio says nothing.")
    var cache: String?

    @Option(help: "At most so many bytes may cross the upstream link for each that had to, from a sound origin.")
    var ratio = 1.02

    func validate() throws {
        guard seconds >= 1, clients >= 1, objects >= 1, cache == nil || cache == "small" || cache == "large" else {
            throw ValidationError("--seconds, --clients and --objects are at least 1; --cache is small or large.")
        }
    }

    func run() throws {
        signal(SIGPIPE, SIG_IGN)
        let seed = self.seed ?? UInt64(Date().timeIntervalSince1970)
        let directory = NSTemporaryDirectory() + "/holdfast-soak-\(seed)-\(getpid())"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let world = try SoakWorld(
            SoakOptions(
                seconds: seconds,
                seed: seed,
                clients: clients,
                objects: objects,
                isCacheSmall: cache.map { $0 == "small" },
                directory: directory
            )
        )
        SoakReport.say("holdfast-soak: seed \(seed), \(Int(seconds)) s, \(directory)")
        let watch = try Run(world).toTheEnd()
        SoakReport(world).table(start: watch.start, end: watch.end)
        let sums = world.ledger.sums(sound: true)
        let isTooMuch = !world.isCacheSmall && sums.needed > 50 << 20 && sums.ratioWithoutKills > ratio
        if isTooMuch { SoakReport.say("more than \(ratio) bytes crossed the upstream link for each that had to") }
        if world.findings.count > 0 || isTooMuch {
            SoakReport.say("kept: \(directory)")
            throw ExitCode(1)
        }
        try? FileManager.default.removeItem(atPath: directory)
    }
}
