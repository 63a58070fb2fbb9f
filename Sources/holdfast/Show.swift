// `holdfast show`

import ArgumentParser
import Exchange

struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what is held of a URL, and why it would or would not be reused.",
        discussion: """
            Example:

              holdfast show http://mirror.example.org/debian/ls-lR.gz

            Every variant (Vary) is shown: what is held of it, whether a plain GET is answered from it, whether a broken \
            download of it can be resumed, and its header fields; and which rule of proxy.conf holds for it. Where nothing is held the exit status is 1.
            """
    )

    @Argument(help: "The URL as a client asked for it.")
    var url: String

    @OptionGroup var options: CacheOptions

    @Flag(help: "Print one JSON object: sizes in bytes, times in seconds since 1970, ranges as [first, end).")
    var json = false

    func run() throws {
        var shown: ShownAnswer?
        try CacheDoor(options).ask(.show(url: url)) { answer in
            if case .shown(let answer) = answer { shown = answer }
            return true
        }
        guard let shown else { throw ExitCode(1) }
        if json { try Output.print(json: shown) }
        if shown.versions.isEmpty {
            if !json {
                let rule = Output.rendering.rule(shown)
                let nothing = "nothing is held of \(AccessLogLine.escaped(shown.url))"
                Output.print(rule.isEmpty ? nothing : nothing + "\n\n" + rule)
            }
            throw ExitCode(1)
        }
        if !json { Output.print(Output.rendering.shown(shown)) }
    }
}
