// `holdfast fetch`

import ArgumentParser
import Exchange
import Foundation
import HTTPSemantics

struct Fetch: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Queue downloads in the running proxy: they go on over failures, days and restarts.",
        discussion: """
            Examples:

              holdfast fetch http://example.org/large.iso
              holdfast fetch --wait --output large.iso --sha256 9f86… http://example.org/large.iso
              holdfast fetch --input urls.txt --wait

            The file comes into the cache, from where clients get it. With --wait the command shows the progress and ends \
            when all are complete; Ctrl-C ends the command, not the downloads. Without a running proxy they are queued and \
            begin when one starts.

            Exit status: 0 where all are complete (without --wait: queued), 1 where one failed or could not be queued, \
            2 where one was cancelled, 3 where one has another SHA-256.
            """
    )

    private static let urlsAtOnce = 64

    @Argument(help: "The URLs, http so far.")
    var urls: [String] = []

    @Option(help: ArgumentHelp("Read URLs from a file, one a line; - is standard input.", valueName: "file"))
    var input: String?

    @Flag(help: "Wait until all are complete, and show the progress.")
    var wait = false

    @Option(help: ArgumentHelp("The digest of the file in hexadecimal (one URL).", valueName: "digest"))
    var sha256: String?

    @Option(help: ArgumentHelp("Copy the complete file to here (one URL; implies --wait).", valueName: "file"))
    var output: String?

    @OptionGroup var options: CacheOptions

    @Flag(help: "Print one JSON object a line: downloads as they are queued and, with --wait, as they change.")
    var json = false

    func validate() throws {
        guard !urls.isEmpty || input != nil else { throw ValidationError("Name URLs, or --input FILE.") }
        if sha256 != nil || output != nil, urls.count != 1 || input != nil {
            throw ValidationError("--sha256 and --output speak of one URL.")
        }
        if let sha256, DigestValue(.sha256, hexadecimal: sha256) == nil {
            throw ValidationError("--sha256 has 64 hexadecimal digits.")
        }
    }

    func run() throws {
        let door = try CacheDoor(options)
        let items = try wishes()
        guard !items.isEmpty else { throw CommandFailure("There are no URLs in \(input ?? "the arguments").") }
        let copy = output.map {
            FetchOutput(path: $0, wanted: sha256.flatMap { DigestValue(.sha256, hexadecimal: $0) })
        }
        try copy?.checkPlace()
        var queued: [DownloadItem] = []
        var isInVain = false
        // One request has a line of bounded length.
        for start in stride(from: 0, to: items.count, by: Self.urlsAtOnce) {
            let some = Array(items[start..<min(start + Self.urlsAtOnce, items.count)])
            try door.ask(.fetch(some)) { answer in
                switch answer {
                case .download(let item): queued.append(item)
                case .problem(let problem):
                    isInVain = true
                    Output.complain("\(AccessLogLine.escaped(problem.subject)): \(problem.sentence)")
                default: break
                }
                return true
            }
        }
        guard wait || output != nil else {
            for item in queued { try say(item) }
            if !door.reachesProxy { Output.complain("No proxy runs: the downloads begin when one starts.") }
            if isInVain { throw ExitCode(1) }
            return
        }
        guard door.reachesProxy else {
            throw CommandFailure("No proxy runs, so that there is nothing to wait for; the downloads are queued.")
        }
        let ended = try FetchWatch(door: door, isJSON: json).watch(queued.map(\.id))
        if let copy, let item = ended.first, item.state == "done" { try copy.copy(item.id, through: door) }
        try conclude(ended, isInVain: isInVain)
    }

    private func say(_ item: DownloadItem) throws {
        if json {
            try Output.print(json: item, isPretty: false)
        } else {
            Output.print("\(AccessLogLine.escaped(item.url)): \(item.state) (download \(item.id))")
        }
    }

    private func conclude(_ items: [DownloadItem], isInVain: Bool) throws {
        if items.contains(where: \.hasOtherDigest) { throw ExitCode(3) }
        if isInVain || items.contains(where: { $0.state == "failed" }) { throw ExitCode(1) }
        if items.contains(where: { $0.state == "cancelled" }) { throw ExitCode(2) }
    }

    private func wishes() throws -> [FetchItem] {
        var items = urls.map { FetchItem(url: $0, sha256: sha256) }
        guard let input else { return items }
        let data =
            input == "-" ? FileHandle.standardInput.readDataToEndOfFile() : FileManager.default.contents(atPath: input)
        guard let data, let text = String(data: data, encoding: .utf8) else {
            throw CommandFailure("\(input) cannot be read as text.")
        }
        for line in text.split(whereSeparator: \.isNewline) {
            let url = line.trimmingCharacters(in: .whitespaces)
            if !url.isEmpty, !url.hasPrefix("#") { items.append(FetchItem(url: url)) }
        }
        return items
    }
}
