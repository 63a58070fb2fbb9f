// `holdfast ls`

import ArgumentParser
import Exchange
import Transport

struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract: "List what is held, used last first.",
        discussion: """
            Examples:

              holdfast ls                      all of it
              holdfast ls example.org           URLs that contain this
              holdfast ls 'http://*.iso'       URLs that match this as a whole; * stands for anything

            The bar shows which parts of a body are held. "ask each time" means that the origin is asked before each use. \
            Without a match the exit status is 1.
            """
    )

    @Argument(help: "Part of the URL, or, where it has a *, the whole of it.")
    var pattern: String?

    @Option(help: ArgumentHelp("Show so many at most.", valueName: "count"))
    var limit: Int?

    @OptionGroup var options: CacheOptions

    @Flag(help: "Print one JSON object a line: sizes in bytes, times in seconds since 1970, ranges as [first, end).")
    var json = false

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit is a number of at least 1.") }
    }

    func run() throws {
        let rendering = Output.rendering
        let now = Clock.unixSeconds()
        var count = 0
        var failure: (any Error)?
        try CacheDoor(options).ask(.list(pattern: pattern, limit: limit)) { answer in
            guard case .item(let item) = answer else { return true }
            count += 1
            if json {
                do { return try Output.print(json: item, isPretty: false) } catch {
                    failure = error
                    return false
                }
            }
            if count == 1, !Output.print(rendering.listHeading) { return false }
            return Output.print(rendering.item(item, now: now))
        }
        if let failure { throw failure }
        if count == 0 {
            if !json { Output.print(pattern == nil ? "nothing is held" : "nothing that is held matches") }
            throw ExitCode(1)
        }
    }
}
