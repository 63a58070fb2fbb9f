// `holdfast status`

import ArgumentParser
import Exchange

struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what is being filled, waited for and parked, and at what rate.",
        discussion: """
            Example:

              holdfast status
              watch -n 1 holdfast status

            A download that is parked goes on when a client asks for it again.
            """
    )

    @OptionGroup var options: CacheOptions

    @Flag(help: "Print one JSON object: sizes in bytes, times in seconds since 1970.")
    var json = false

    func run() throws {
        var printed: Result<Void, any Error>?
        try CacheDoor(options).ask(.status) { answer in
            guard case .status(let status) = answer else { return true }
            printed = Result {
                if json { try Output.print(json: status) } else { Output.print(Output.rendering.status(status)) }
            }
            return true
        }
        try printed?.get()
    }
}
