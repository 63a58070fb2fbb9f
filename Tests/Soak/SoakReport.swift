// What a run prints: a line that moves on a terminal, a plain line now and then in a pipe, each finding as it comes with
// all that is known of it, and a table at the end.

import Foundation
import Glibc

struct SoakReport {
    let world: SoakWorld
    private let isTerminal = isatty(STDOUT_FILENO) == 1
    private var lastLine = 0.0

    init(_ world: SoakWorld) { self.world = world }

    static func say(_ text: String) {
        FileHandle.standardOutput.write(Data((text + "\n").utf8))
    }

    mutating func progress() {
        for finding in world.findings.taken() { show(finding) }
        let elapsed = world.elapsed
        guard isTerminal || elapsed - lastLine >= 10 else { return }
        lastLine = elapsed
        let counts = world.tally.now
        let line =
            "\(Int(elapsed)) of \(Int(world.options.seconds)) s: \(counts.requests) responses, "
            + "\(counts.bytes >> 20) MiB delivered, \(counts.proxyRestarts) kills of the proxy, "
            + "\(world.findings.count) findings"
        FileHandle.standardOutput.write(Data((isTerminal ? "\r\u{1B}[K\(line)" : line + "\n").utf8))
    }

    private func show(_ finding: Finding) {
        let file = world.options.directory + "/findings.txt"
        var text = """

            FINDING (seed \(world.seed), at \(Int(world.elapsed)) s): \(finding.what)
              client \(finding.client), offset \(finding.offset), after \(finding.received) bytes of the body
              \(finding.url)
              \(finding.request)

            """
        if let head = finding.head { text += head.replacingOccurrences(of: "\r\n", with: "\n").indented }
        if let target = finding.url.range(of: "/f/").map({ String(finding.url[$0.lowerBound...]) }) {
            text += world.logLines(of: target).suffix(40).joined(separator: "\n").indented
        }
        Self.say((isTerminal ? "\r\u{1B}[K" : "") + text)
        if let stream = fopen(file, "a") {
            fputs(text, stream)
            fclose(stream)
        }
    }

    func table(start: ProcessWatch?, end: ProcessWatch?) {
        let counts = world.tally.now
        let statuses = counts.statuses.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
        var rows: [(String, String)] = [
            ("seed", "\(world.seed)"),
            ("seconds", "\(Int(world.elapsed))"),
            ("clients, places", "\(world.options.clients), \(world.options.objects)"),
            ("cache", "\(world.isCacheSmall ? "small, evicts" : "large"); \(world.settings.last ?? "")"),
            ("responses", "\(counts.requests) (\(statuses.joined(separator: ", ")))"),
            ("bodies to their end", "\(counts.whole)"),
            ("delivered and compared", "\(counts.bytes >> 20) MiB"),
            ("cut by a kill", "\(counts.interrupted)"),
            ("kills and stops of the proxy", "\(counts.proxyRestarts); of the origin: \(counts.labRestarts)"),
            ("longest wait for a byte", String(format: "%.1f s", Double(counts.longestSilence) / 1e9)),
            ("ends that nobody can prove", "\(counts.unprovable)"),
            ("changes that nobody can notice", "\(counts.switches)"),
        ]
        for isSound in [true, false] {
            let sums = world.ledger.sums(sound: isSound)
            let name = isSound ? "sound origin" : "any origin"
            rows.append(
                (
                    "\(name): sent ÷ needed",
                    String(
                        format: "%.4f, without what kills cost %.4f (%lld MiB of %lld MiB)",
                        sums.ratio,
                        sums.ratioWithoutKills,
                        sums.sent >> 20,
                        sums.needed >> 20
                    )
                )
            )
            rows.append(
                (
                    "\(name): again (KiB)",
                    "compared \(sums.probed >> 10), after kills \(sums.lost >> 10), else \(sums.repeated >> 10), "
                        + "wanted by nobody \(sums.unwanted >> 10)"
                )
            )
            if sums.repeated > 0 {
                rows.append(("\(name): most again", "\(sums.worst.repeated >> 10) KiB of \(sums.worst.target)"))
            }
        }
        if let start, let end {
            rows.append(("memory", "\(start.memory >> 10) MiB, at the end \(end.memory >> 10) MiB"))
            rows.append(
                (
                    "descriptors (sockets)",
                    "\(start.descriptors) (\(start.sockets)), at the end \(end.descriptors) (\(end.sockets))"
                )
            )
        }
        rows.append(("findings", "\(world.findings.count)"))
        Self.say("")
        for (name, value) in rows { Self.say(name.padding(toLength: 32, withPad: " ", startingAt: 0) + value) }
    }
}

extension String {
    fileprivate var indented: String { split(separator: "\n").map { "  \($0)\n" }.joined() }
}
