// `holdfast doctor`

import ArgumentParser
import Exchange

struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ask an origin what its ranges are worth, and say what will happen to an interrupted download.",
        discussion: """
            Example:

              holdfast doctor http://example.org/large.iso
              holdfast doctor --remembered http://example.org/

            The running proxy asks for the first byte of the URL some eight times: plainly, under the right and under a wrong \
            validator, and four times at once. Of the body nothing is stored; what it has learnt is remembered of the origin \
            for a week, and used by the next download. Downloads teach the same. With --remembered nothing is asked. Where the origin cannot be asked the exit status is 1.
            """
    )

    @Argument(help: "The URL, http so far.")
    var url: String

    @OptionGroup var options: CacheOptions

    @Flag(help: "Ask nothing; say what is known of the origin from what was asked before.")
    var remembered = false

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        var examined: ExaminedAnswer?
        try CacheDoor(options).ask(remembered ? .recall(url: url) : .examine(url: url)) { answer in
            if case .examined(let answer) = answer { examined = answer }
            return true
        }
        guard let examined else { throw ExitCode(1) }
        if json { try Output.print(json: examined) } else { Output.print(Output.rendering.examined(examined)) }
    }
}
