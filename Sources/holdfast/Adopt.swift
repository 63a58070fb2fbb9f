// `holdfast adopt`

import ArgumentParser
import Exchange
import Foundation
import Glibc

struct Adopt: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Take over the bytes of a file that another program left unfinished.",
        discussion: """
            Examples:

              holdfast adopt large.iso http://example.org/large.iso
              holdfast adopt --fetch large.iso.crdownload http://example.org/large.iso

            The file is what curl, wget, aria2 or a browser has written so far: the beginning of the URL's content, or, where \
            aria2's control file lies beside it, the pieces that it names. Its first and last 64 KiB are asked for again \
            and compared; the origin has to give a strong validator, or the file has to be whole. The bytes are \
            copied into the cache; the file stays as it is. --fetch queues the rest (holdfast fetch).

            Exit status: 0 where the file was adopted, 1 where it was not.
            """
    )

    @Argument(help: "The file, readable for the proxy; nothing may be writing to it.")
    var file: String

    @Argument(help: "The URL that it came from, http so far.")
    var url: String

    @Flag(help: "Fetch what is missing.")
    var fetch = false

    @OptionGroup var options: CacheOptions

    @Flag(help: "Print one JSON object: sizes in bytes, ranges as [first, end).")
    var json = false

    func run() throws {
        let door = try CacheDoor(options)
        let isTerminal = !json && isatty(STDOUT_FILENO) == 1
        var adopted: AdoptedAnswer?
        let path = URL(fileURLWithPath: file).path
        try door.ask(.adopt(path: path, url: url)) { answer in
            switch answer {
            case .adopting(let done, let total):
                let share = HumanText.share(held: done, of: total)
                if isTerminal { Output.write("\r\u{1B}[K\(share) of \(HumanText.size(total)) copied") }
            case .adopted(let answer): adopted = answer
            default: break
            }
            return true
        }
        guard let adopted else { throw ExitCode(1) }
        if isTerminal { Output.write("\r\u{1B}[K") }
        if json { try Output.print(json: adopted) } else { Output.print(Output.rendering.adopted(adopted)) }
        guard fetch else { return }
        var isInVain = false
        try door.ask(.fetch([FetchItem(url: url)])) { answer in
            if case .problem(let problem) = answer {
                isInVain = true
                Output.complain(problem.sentence)
            }
            return true
        }
        if isInVain { throw ExitCode(1) }
    }
}
