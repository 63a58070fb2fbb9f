// The door of the laboratory: its name and its commands.

import ArgumentParser

@main
struct HoldfastLab: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "holdfast-lab",
        abstract: "An origin that drops, stalls, lies, changes and limits as its URL says.",
        discussion: """
            For trying caches, proxies and download programs. Start it, and ask it through what is to be tried:

              holdfast-lab serve --listen 127.0.0.1:9000
              export http_proxy=http://127.0.0.1:3128
              curl -o disk.iso 'http://127.0.0.1:9000/f/35M/disk.iso?drop=10M'
              holdfast-lab check 'http://127.0.0.1:9000/f/35M/disk.iso?drop=10M' disk.iso

            More faults in one URL:

              'http://127.0.0.1:9000/f/2G/a.iso?drop=1M..30M&stall=5M:8&times=40&every=10:503&retry-after=1'
              'http://127.0.0.1:9000/f/35M/b.iso?change=every:10&change-tag=no'

            holdfast-lab faults lists all of them; so does the page http://127.0.0.1:9000/.
            """,
        version: "0.1.0",
        subcommands: [ServeLab.self, CheckFile.self, ListFaults.self]
    )
}
