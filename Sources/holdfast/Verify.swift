// `holdfast verify`

import ArgumentParser
import Configuration
import Exchange
import Glibc

struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Read the cache, or what is held of URLs, against its checksums and the digests that are known.",
        discussion: """
            Examples:

              holdfast verify
              holdfast verify --sidecar http://example.org/large.iso
              holdfast verify --max-rate 0 --json

            A damaged piece is dropped, the rest of the file stays, and the piece is fetched again (by the proxy that runs, \
            or when one starts). A file with another digest than its header fields, its URL or, with --sidecar, a file of \
            digests beside it names is removed from the cache.

            Exit status: 0 where all is sound, 1 where something was damaged or could not be found out, 3 where a digest is \
            another one.
            """
    )

    @Argument(help: "The URLs as clients asked for them; all that is held where there are none.")
    var urls: [String] = []

    @Flag(help: "Ask for URL.sha256, URL.sha512, SHA256SUMS or SHA512SUMS beside the file, and compare with it.")
    var sidecar = false

    @Flag(inversion: .prefixedNo, help: "Fetch again what was damaged.")
    var fetch = true

    @Option(
        help: ArgumentHelp("Read at most so much a second, that clients do not suffer; 0: no limit.", valueName: "size")
    )
    var maxRate = "64 MiB"

    @OptionGroup var options: CacheOptions

    @Flag(help: "Print one JSON object a line: each response, and a summary at the end.")
    var json = false

    /// In a pipe: at most one line about progress in so many seconds.
    private static let lineSeconds: Double = 10

    func validate() throws {
        if sidecar, urls.isEmpty { throw ValidationError("--sidecar speaks of URLs: name them.") }
        guard SizeText.parse(maxRate) != nil else {
            throw ValidationError("--max-rate wants a size such as \"64 MiB\", or 0.")
        }
    }

    func run() throws {
        let rate = SizeText.parse(maxRate) ?? 0
        let wish = VerifyWish(
            urls: urls,
            bytesPerSecond: rate > 0 ? rate : nil,
            refetches: fetch,
            usesSidecar: sidecar
        )
        let isTerminal = !json && isatty(STDOUT_FILENO) == 1
        var summary: VerifySummary?
        var toldAt: Double = 0
        var failure: (any Error)?
        try CacheDoor(options).ask(.verify(wish)) { answer in
            do {
                switch answer {
                case .verifying(let progress):
                    if isTerminal {
                        Output.write("\r\u{1B}[K" + Output.rendering.progress(progress, columns: 79))
                    } else if !json, progress.seconds - toldAt >= Self.lineSeconds {
                        toldAt = progress.seconds
                        return Output.print(Output.rendering.progress(progress, columns: .max))
                    }
                case .verified(let item):
                    if json { return try Output.print(json: item, isPretty: false) }
                    // Of a whole cache, what is worth a person's time.
                    guard !urls.isEmpty || !item.isSound else { return true }
                    if isTerminal { Output.write("\r\u{1B}[K") }
                    return Output.print(Output.rendering.verified(item))
                case .verification(let found):
                    summary = found
                default: break
                }
            } catch {
                failure = error
                return false
            }
            return true
        }
        if let failure { throw failure }
        guard let summary else { throw ExitCode(1) }
        if json {
            try Output.print(json: summary, isPretty: false)
        } else {
            if isTerminal { Output.write("\r\u{1B}[K") }
            Output.print(Output.rendering.verification(summary))
        }
        if summary.otherDigests > 0 { throw ExitCode(3) }
        if summary.damagedResponses > 0 || summary.unclear > 0 { throw ExitCode(1) }
    }
}
