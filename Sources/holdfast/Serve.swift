// `holdfast serve`: runs the proxy until it is told to stop.

import ArgumentParser
import Configuration
import Glibc

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the proxy until SIGTERM or Ctrl-C.",
        discussion: """
            Examples:

              holdfast serve
              holdfast serve --listen 127.0.0.1:8080 --set cache.max_size='100 GiB'

            At its start it prints one line with its addresses, its cache and what is unfinished. A signal makes it finish \
            running responses within stop.grace; a second signal ends it at once.
            """
    )

    @OptionGroup var options: CacheOptions

    @Option(
        help: ArgumentHelp(
            "An address for clients, such as 127.0.0.1:3128 or [::1]:0; port 0 takes a free one. May be repeated.",
            valueName: "address:port"
        )
    )
    var listen: [String] = []

    func run() async throws {
        // A client that is gone is an error of its connection, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        let signals = StopSignals()
        let configuration = try options.load(listen: listen)
        let diagnostics = DiagnosticLog()
        if options.file == nil {
            diagnostics.write("There is no \(CacheOptions.defaultFile) here; built-in defaults hold.")
        }
        let proxy: Proxy
        do {
            proxy = try await Proxy.start(configuration, diagnostics: diagnostics)
        } catch {
            diagnostics.close()
            throw error
        }
        Output.print(proxy.startLine)
        if isatty(STDOUT_FILENO) == 1 { Output.print(proxy.nextSteps) }
        proxy.resumeUnfinished()

        await signals.first()
        await proxy.stop()
        // Event loops still run; unwinding under them gains nothing, and everything is on disk.
        _exit(0)
    }
}
