// `holdfast purge`

import ArgumentParser
import Exchange

struct Purge: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Remove what is held of URLs, or everything.",
        discussion: """
            Examples:

              holdfast purge http://example.org/a http://example.org/b
              holdfast purge --all

            Downloads of these URLs that are under way are stopped, unfinished ones are forgotten. Clients that read what \
            is removed keep what they have. Where nothing was removed the exit status is 1.
            """
    )

    @Argument(help: "The URLs as clients asked for them.")
    var urls: [String] = []

    @Flag(help: "Remove everything.")
    var all = false

    @OptionGroup var options: CacheOptions

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        guard urls.isEmpty == all else {
            throw ValidationError(all ? "Name URLs or --all, not both." : "Name the URLs to remove, or --all.")
        }
    }

    func run() throws {
        var purged: PurgeAnswer?
        try CacheDoor(options).ask(all ? .purgeAll : .purge(urls: urls)) { answer in
            if case .purged(let answer) = answer { purged = answer }
            return true
        }
        guard let purged else { throw ExitCode(1) }
        if json { try Output.print(json: purged) } else { Output.print(Output.rendering.purged(purged)) }
        let isInVain = !all && purged.removed == 0
        if isInVain || purged.items.contains(where: { $0.problem != nil }) { throw ExitCode(1) }
    }
}
