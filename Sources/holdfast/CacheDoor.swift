// How a command reaches the cache: through the proxy that runs on it, or, where none does, by opening it itself. The
// answers are the same values, so that what is printed does not depend on the way.

import Configuration
import Exchange
import Foundation
import Glibc
import Store

struct CacheDoor {
    private let configuration: Configuration

    init(_ options: CacheOptions) throws {
        // `holdfast ls | head`: a pipe that nobody reads is an error of the write, after which the cache is closed.
        signal(SIGPIPE, SIG_IGN)
        configuration = try options.load()
    }

    /// Asks the proxy that runs; false where none does.
    func askProxy(_ request: ControlRequest, _ receive: (ControlAnswer) -> Bool) throws -> Bool {
        do throws(ControlFailure) {
            try ControlClient(directory: configuration.cache.directory).ask(request, receive)
            return true
        } catch {
            // It may end in the middle of an answer; what was received is asked for anew.
            guard error.isAbsent || error.isCutShort else { throw CommandFailure(error.sentence) }
            return false
        }
    }

    /// Whether a proxy takes commands just now.
    var reachesProxy: Bool { ControlClient(directory: configuration.cache.directory).reachesProxy }

    /// Asks, and hands over every answer until `receive` returns false.
    func ask(_ request: ControlRequest, _ receive: (ControlAnswer) -> Bool) throws {
        let directory = configuration.cache.directory
        do throws(ControlFailure) {
            try ControlClient(directory: directory).ask(request, receive)
            return
        } catch {
            guard error.isAbsent else { throw CommandFailure(error.sentence) }
        }
        // A look at what is held must not make a cache where there was none.
        guard FileManager.default.fileExists(atPath: directory + "/index.sqlite") else {
            throw CommandFailure("There is no cache in \(directory), and no proxy runs on it.")
        }
        let store = try open()
        defer { store.close() }
        var failure: String?
        ControlDesk(store: store, configuration: configuration, running: nil).answer(request) { answer in
            if case .failed(let sentence) = answer { failure = sentence }
            return failure == nil && receive(answer)
        }
        if let failure { throw CommandFailure(failure) }
    }

    private func open() throws -> Store {
        do throws(StoreError) {
            return try Store.open(
                StoreConfiguration(configuration, log: { DiagnosticLog.writeAtOnce($0) })
            )
        } catch {
            guard error.kind == .locked else { throw CommandFailure(error.sentence) }
            throw CommandFailure(
                "A process holds the cache directory \(configuration.cache.directory), but answers no commands. "
                    + "Does a proxy start or stop just now?"
            )
        }
    }
}

extension StoreConfiguration {
    init(_ configuration: Configuration, log: @escaping @Sendable (String) -> Void) {
        self.init(
            directory: configuration.cache.directory,
            maxSize: configuration.cache.maxSize,
            minFree: configuration.cache.minFree,
            hotBytes: Int(clamping: configuration.memory.hot),
            smallBody: Int(clamping: configuration.cache.smallBody),
            guardSeconds: configuration.resume.guardTimeSeconds,
            log: log
        )
    }
}
