// `holdfast downloads`: the queue that `holdfast fetch` fills.

import ArgumentParser
import Exchange
import Transport

struct Downloads: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List, pause, resume, cancel and reorder what holdfast fetch has queued.",
        discussion: """
            Examples:

              holdfast downloads                  the queue, in order
              holdfast downloads 3 4              two of them
              holdfast downloads pause 3 4
              holdfast downloads resume --all     what is paused, waits, or has failed
              holdfast downloads move 5 1         download 5 is the next to begin
              holdfast downloads cancel 3         what is held of it stays held
              holdfast downloads forget --all     those that are over leave the list

            What was cancelled or has failed can be resumed by its number. Where something could not be done the exit \
            status is 1.
            """
    )

    @Argument(
        help: ArgumentHelp(
            "list, pause, resume, cancel, forget or move, and the numbers of downloads; move wants one and its place.",
            valueName: "action and numbers"
        )
    )
    var words: [String] = []

    @Flag(help: "All to which the action applies.")
    var all = false

    @OptionGroup var options: CacheOptions

    @Flag(help: "Print one JSON object a line: sizes in bytes, times in seconds since 1970, ranges as [first, end).")
    var json = false

    private enum Action: String {
        case list, pause, resume, cancel, forget, move

        /// The states of downloads to which `--all` applies it. What a person has cancelled is not meant.
        var states: Set<String> {
            switch self {
            case .list, .move: []
            case .pause: ["queued", "running", "waiting"]
            case .resume: ["paused", "waiting", "failed"]
            case .cancel: ["queued", "running", "waiting", "paused"]
            case .forget: ["done", "failed", "cancelled"]
            }
        }

        func order(_ id: Int64) -> DownloadOrder? {
            switch self {
            case .list, .move: nil
            case .pause: .pause(id: id)
            case .resume: .resume(id: id)
            case .cancel: .cancel(id: id)
            case .forget: .forget(id: id)
            }
        }
    }

    func validate() throws { _ = try meaning() }

    func run() throws {
        let (action, numbers) = try meaning()
        let door = try CacheDoor(options)
        switch action {
        case .list:
            let count = try show(.downloads(ids: numbers.isEmpty ? nil : numbers), door)
            guard count == 0 else { return }
            if !json { Output.print("nothing is queued") }
            if !numbers.isEmpty { throw ExitCode(1) }
        case .move:
            try show(.order([.move(id: numbers[0], place: Int(clamping: numbers[1]))]), door)
        case .pause, .resume, .cancel, .forget:
            let ids = all ? try applicable(action, door) : numbers
            try show(.order(ids.compactMap { action.order($0) }), door)
        }
    }

    private func meaning() throws -> (action: Action, numbers: [Int64]) {
        var rest = words[...]
        var action = Action.list
        if let first = rest.first, Int64(first) == nil {
            guard let named = Action(rawValue: first) else {
                throw ValidationError(
                    "'\(first)' is no action; there are list, pause, resume, cancel, forget and move."
                )
            }
            action = named
            rest = rest.dropFirst()
        }
        let numbers = rest.compactMap { Int64($0) }
        guard numbers.count == rest.count else { throw ValidationError("Downloads are named by their numbers.") }
        switch action {
        case .list:
            if all, !numbers.isEmpty { throw ValidationError("Name downloads or --all, not both.") }
        case .move:
            guard numbers.count == 2, numbers[1] >= 1, !all else {
                throw ValidationError("move wants the number of a download and its new place; the first place is 1.")
            }
        case .pause, .resume, .cancel, .forget:
            guard numbers.isEmpty == all else {
                throw ValidationError(all ? "Name downloads or --all, not both." : "Name downloads, or --all.")
            }
        }
        return (action, numbers)
    }

    private func applicable(_ action: Action, _ door: CacheDoor) throws -> [Int64] {
        var ids: [Int64] = []
        try door.ask(.downloads(ids: nil)) { answer in
            if case .download(let item) = answer, action.states.contains(item.state) { ids.append(item.id) }
            return true
        }
        return ids
    }

    /// How many downloads were shown. Problems are said, and end the command with status 1.
    @discardableResult
    private func show(_ request: ControlRequest, _ door: CacheDoor) throws -> Int {
        var count = 0
        var problems = 0
        var failure: (any Error)?
        let now = Clock.unixSeconds()
        try door.ask(request) { answer in
            switch answer {
            case .download(let item):
                count += 1
                if json {
                    do { return try Output.print(json: item, isPretty: false) } catch {
                        failure = error
                        return false
                    }
                }
                if count == 1, !Output.print(Output.rendering.downloadsHeading) { return false }
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
        return count
    }
}
