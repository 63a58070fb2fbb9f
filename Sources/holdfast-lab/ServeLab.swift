// `holdfast-lab serve`: the laboratory until it is stopped, and a line for each answer.

import ArgumentParser
import Glibc

struct ServeLab: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve files with faults until stopped.",
        discussion: """
            Contents and random draws come from the seed: the same seed gives the same bytes and the same cuts. Versions \
            that come with time are counted from the epoch; give both when the laboratory is started again in the \
            middle of a run.

              holdfast-lab serve --listen 127.0.0.1:9000 --seed 7
              holdfast-lab serve --listen 127.0.0.1:9000 --json | jq -c '[.target, .range, .status, .sent, .end]'
            """
    )

    @Option(help: "Address and port; port 0 takes a free one.")
    var listen = "127.0.0.1:9000"

    @Option(help: "From which contents and random draws are made.")
    var seed: UInt64 = 1

    @Option(help: "Seconds since 1970 from which versions and downtimes are counted; the start where it is not given.")
    var epoch: Double?

    @Option(
        help: ArgumentHelp(
            "For the first seconds of each period refuse all connections, and end those that are open.",
            valueName: "seconds/period"
        )
    )
    var down: String?

    @Flag(help: "Print each answer as a line of JSON, and the address too.")
    var json = false

    @Flag(help: "Print the address only.")
    var quiet = false

    func validate() throws {
        if let epoch, !epoch.isFinite || epoch < 0 {
            throw ValidationError("--epoch is a number of seconds since 1970.")
        }
    }

    func run() throws {
        let downtime = try down.map { text in
            guard let read = FaultValue.downtime(text), !read.isSilent else {
                throw ValidationError("--down is SECONDS/PERIOD, such as 5/60: \(text)")
            }
            return read
        }
        let (isJSON, isQuiet) = (json, quiet)
        let server = try LabServer(listen: listen, seed: seed, epoch: epoch, down: downtime) { entry in
            if !isQuiet { say(isJSON ? jsonLine(entry) : Self.line(entry)) }
        }
        say(json ? jsonLine(["listening": server.address]) : "holdfast-lab: listening on \(server.address)")
        // Until a signal ends the process: there is nothing to put in order.
        while true { pause() }
    }

    private static func line(_ entry: LogEntry) -> String {
        let range = entry.range.map { " \($0)" } ?? ""
        let version = entry.version.map { " v\($0)" } ?? ""
        let status = entry.status.map(String.init) ?? "-"
        return "\(entry.client) \(entry.method) \(entry.target)\(range): \(status)\(version), \(entry.sent) bytes, "
            + entry.end.rawValue
    }
}

struct ListFaults: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "faults", abstract: "List all faults.")

    @Flag(help: "As JSON.")
    var json = false

    func run() {
        say(json ? jsonLine(FaultCatalogue.entries) : FaultCatalogue.text)
    }
}

/// One line or several on standard output, whole.
func say(_ text: String) {
    var bytes = Array((text + "\n").utf8)[...]
    while !bytes.isEmpty {
        let count = bytes.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
        if count > 0 { bytes = bytes.dropFirst(count) } else if errno != EINTR { return }
    }
}
