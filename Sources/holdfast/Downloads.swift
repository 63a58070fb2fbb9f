// `holdfast downloads`: the queue that `holdfast fetch` fills.

import ArgumentParser
import Exchange
import Transport

struct Downloads: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List, pause, resume, cancel and reorder what holdfast fetch has queued.",
        discussion: """
            Examples:

              holdfast downloads
              holdfast downloads pause 3 4
              holdfast downloads resume --all
              holdfast downloads move 5 1         it is the next to begin
              holdfast downloads cancel 3         what is held of it stays held
              holdfast downloads forget --all     those that are over leave the list
            """,
        subcommands: [
            DownloadList.self, DownloadPause.self, DownloadResume.self, DownloadCancel.self, DownloadMove.self,
            DownloadForget.self,
        ],
        defaultSubcommand: DownloadList.self
    )
}

struct DownloadList: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Show the queue, in order.")

    @Argument(help: "The numbers of downloads; without them all.")
    var ids: [Int64] = []

    @OptionGroup var options: CacheOptions

    @Flag(help: "Print one JSON object a line: sizes in bytes, times in seconds since 1970, ranges as [first, end).")
    var json = false

    func run() throws {
        let count = try DownloadPrinting(isJSON: json).print(.downloads(ids: ids.isEmpty ? nil : ids), options).count
        if count == 0 {
            if !json { Output.print("nothing is queued") }
            if !ids.isEmpty { throw ExitCode(1) }
        }
    }
}

/// Which downloads a command means.
struct DownloadChoice: ParsableArguments {
    @Argument(help: "The numbers of downloads, as holdfast downloads shows them.")
    var ids: [Int64] = []

    @Flag(help: "All to which it applies.")
    var all = false

    func validate() throws {
        guard ids.isEmpty == all else {
            throw ValidationError(all ? "Name downloads or --all, not both." : "Name downloads, or --all.")
        }
    }
}

/// What several of the commands do: find out what is meant, order it, show what came of it.
struct DownloadPrinting {
    let isJSON: Bool

    /// The downloads that were printed. Problems are said, and end the command with status 1.
    @discardableResult
    func print(_ request: ControlRequest, _ options: CacheOptions) throws -> [DownloadItem] {
        var items: [DownloadItem] = []
        var problems = 0
        var failure: (any Error)?
        let now = Clock.unixSeconds()
        try CacheDoor(options).ask(request) { answer in
            switch answer {
            case .download(let item):
                items.append(item)
                if isJSON {
                    do { return try Output.print(json: item, isPretty: false) } catch {
                        failure = error
                        return false
                    }
                }
                if items.count == 1, !Output.print(Output.rendering.downloadsHeading) { return false }
                return Output.print(Output.rendering.download(item, now: now))
            case .problem(let problem):
                problems += 1
                Output.complain(problem.sentence)
                return true
            default: return true
            }
        }
        if let failure { throw failure }
        if problems > 0 { throw ExitCode(1) }
        return items
    }

    func order(
        _ choice: DownloadChoice,
        _ options: CacheOptions,
        appliesTo states: Set<String>,
        _ order: (Int64) -> DownloadOrder
    ) throws {
        var ids = choice.ids
        if choice.all {
            try CacheDoor(options).ask(.downloads(ids: nil)) { answer in
                if case .download(let item) = answer, states.contains(item.state) { ids.append(item.id) }
                return true
            }
        }
        try print(.order(ids.map(order)), options)
    }
}

struct DownloadPause: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Stop downloads for a while; what is held of them stays held."
    )

    @OptionGroup var choice: DownloadChoice
    @OptionGroup var options: CacheOptions

    @Flag(help: "Print one JSON object a line.")
    var json = false

    func run() throws {
        try DownloadPrinting(isJSON: json)
            .order(choice, options, appliesTo: ["queued", "running", "waiting"]) { .pause(id: $0) }
    }
}

struct DownloadResume: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Go on with what is paused, waits, has failed or was cancelled."
    )

    @OptionGroup var choice: DownloadChoice
    @OptionGroup var options: CacheOptions

    @Flag(help: "Print one JSON object a line.")
    var json = false

    func run() throws {
        // What was cancelled is taken up again by its number only.
        try DownloadPrinting(isJSON: json)
            .order(choice, options, appliesTo: ["paused", "waiting", "failed"]) { .resume(id: $0) }
    }
}

struct DownloadCancel: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "Give downloads up; what is held of them stays held."
    )

    @OptionGroup var choice: DownloadChoice
    @OptionGroup var options: CacheOptions

    @Flag(help: "Print one JSON object a line.")
    var json = false

    func run() throws {
        try DownloadPrinting(isJSON: json)
            .order(choice, options, appliesTo: ["queued", "running", "waiting", "paused"]) { .cancel(id: $0) }
    }
}

struct DownloadForget: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forget",
        abstract: "Take downloads that are over off the list; the cache keeps what they brought."
    )

    @OptionGroup var choice: DownloadChoice
    @OptionGroup var options: CacheOptions

    func run() throws {
        try DownloadPrinting(isJSON: false)
            .order(choice, options, appliesTo: ["done", "failed", "cancelled"]) { .forget(id: $0) }
    }
}

struct DownloadMove: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "move",
        abstract: "Put a download at another place; 1 begins first. What runs goes on."
    )

    @Argument(help: "The number of the download.")
    var id: Int64

    @Argument(help: "Its new place.")
    var place: Int

    @OptionGroup var options: CacheOptions

    @Flag(help: "Print one JSON object a line.")
    var json = false

    func validate() throws {
        guard place >= 1 else { throw ValidationError("The first place is 1.") }
    }

    func run() throws {
        try DownloadPrinting(isJSON: json).print(.order([.move(id: id, place: place)]), options)
    }
}
