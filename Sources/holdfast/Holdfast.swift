// The door: the name of the program and its commands. Each command has a file of its own; what they share stands in
// CacheOptions.swift (which configuration, which cache) and CacheDoor.swift (a running proxy, or the cache itself).

import ArgumentParser

@main
struct Holdfast: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "holdfast",
        abstract: "A forward caching HTTP proxy that completes what it has begun to download.",
        discussion: """
            Start it, and point clients at it:

              holdfast serve
              export http_proxy=http://127.0.0.1:3128

            http is cached; https is tunnelled, and not cached so far. All commands but serve, adopt \
            and doctor work while the proxy runs, and when it does not.
            """,
        version: "0.1.0",
        subcommands: [
            Serve.self, Status.self, List.self, Show.self, Purge.self, Fetch.self, Downloads.self, Adopt.self,
            Doctor.self, Verify.self, Check.self,
        ]
    )
}
