// The parts of a running proxy, and the order in which they begin and end. Nothing is decided here but that order.

import Configuration
import Exchange
import Glibc
import HTTPSemantics
import NIOCore
import NIOPosix
import Store
import Transport

/// A running proxy.
struct Proxy: Sendable {
    private let configuration: Configuration
    private let diagnostics: DiagnosticLog
    private let store: Store
    private let table: FillTable
    private let queue: DownloadQueue
    private let hall: ExchangeHall
    private let server: DownstreamServer
    private let control: ControlServer?
    private let accessLog: AccessLog
    private let addresses: [String]

    /// What cannot be had ends the start, with one sentence.
    static func start(_ configuration: Configuration, diagnostics: DiagnosticLog) async throws -> Proxy {
        let startedAt = Clock.monotonicNanoseconds()
        // R50, R102: before anything counts descriptors.
        let descriptors = DescriptorBudget.raise()
        let say: @Sendable (String) -> Void = { diagnostics.write($0) }
        if descriptors < 1024 {
            say("The system allows \(descriptors) open files, which limits how many clients can be served (ulimit -n).")
        }
        let store = try openStore(configuration, say)
        do {
            return try await assemble(configuration, diagnostics, store, descriptors: descriptors, startedAt: startedAt)
        } catch {
            store.close()
            throw error
        }
    }

    private static func openStore(
        _ configuration: Configuration,
        _ log: @escaping @Sendable (String) -> Void
    ) throws -> Store {
        do throws(StoreError) {
            return try Store.open(StoreConfiguration(configuration, log: log))
        } catch {
            throw CommandFailure(error.sentence)
        }
    }

    private static func assemble(
        _ configuration: Configuration,
        _ diagnostics: DiagnosticLog,
        _ store: Store,
        descriptors: Int,
        startedAt: Int64
    ) async throws -> Proxy {
        let say: @Sendable (String) -> Void = { diagnostics.write($0) }
        let accessLog: AccessLog
        do throws(AccessLogFailure) {
            accessLog = try AccessLog(configuration.log, cacheName: configuration.forward.viaName, diagnose: say)
        } catch {
            throw CommandFailure(error.sentence)
        }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: System.coreCount)
        let access = Access(configuration.access)
        let table = FillTable(
            store: store,
            client: UpstreamClient(group: group, limits: UpstreamLimits(configuration)),
            access: access,
            configuration: configuration,
            group: group,
            pseudonym: pseudonym(configuration.forward.viaName),
            log: say
        )
        let traffic = TrafficCounters()
        let hall = ExchangeHall(
            configuration: configuration,
            store: store,
            access: access,
            table: table,
            log: { record in
                traffic.count(record)
                accessLog.write(record)
            }
        )
        // R64 before the first connection; a port that is yet to be found comes after, and nobody knows it until then.
        for address in configuration.listen where address.port != 0 {
            access.listens(on: specific(IPAddress.parse(address.host)), port: address.port)
        }
        let server = try await listen(
            configuration,
            group,
            hall,
            limits: DownstreamLimits(configuration, descriptors: descriptors)
        )
        var addresses: [String] = []
        for bound in server.boundAddresses {
            guard let address = IPAddress(bound), let port = bound.port.flatMap({ UInt16(exactly: $0) }) else {
                continue
            }
            access.listens(on: specific(address), port: port)
            addresses.append(address.text(withPort: port))
        }
        let queue = DownloadQueue(store: store, rules: configuration.rules, table: table)
        let desk = ControlDesk(
            store: store,
            configuration: configuration,
            running: RunningProxy(
                table: table,
                queue: queue,
                traffic: traffic,
                listening: addresses,
                startedAt: startedAt
            )
        )
        return Proxy(
            configuration: configuration,
            diagnostics: diagnostics,
            store: store,
            table: table,
            queue: queue,
            hall: hall,
            server: server,
            control: startControl(configuration, desk, say),
            accessLog: accessLog,
            addresses: addresses
        )
    }

    /// RFC 9110 §7.6.3: by the random part a loop is told from another proxy of the same name.
    private static func pseudonym(_ name: String) -> String {
        let token = String(UInt32.random(in: .min ... .max), radix: 16)
        return name + "-" + String(repeating: "0", count: 8 - token.count) + token
    }

    /// nil for 0.0.0.0 and [::], which stand for every address.
    private static func specific(_ address: IPAddress?) -> IPAddress? {
        switch address {
        case .v4(0), .v6(0, 0): nil
        default: address
        }
    }

    private static func listen(
        _ configuration: Configuration,
        _ group: MultiThreadedEventLoopGroup,
        _ hall: ExchangeHall,
        limits: DownstreamLimits
    ) async throws -> DownstreamServer {
        do {
            return try await DownstreamServer.start(
                addresses: configuration.listen.map { ListenAddress(host: $0.host, port: $0.port) },
                group: group,
                door: hall,
                limits: limits
            )
        } catch let error as IOError {
            let addresses = configuration.listen.map(\.text).joined(separator: ", ")
            let reason =
                error.errnoCode == EADDRINUSE
                ? "the address is in use; does another proxy run? --listen and the directive listen name another one"
                : String(cString: strerror(error.errnoCode))
            throw CommandFailure("\(addresses) cannot be listened on: \(reason).")
        }
    }

    /// A proxy without its control socket serves clients all the same.
    private static func startControl(
        _ configuration: Configuration,
        _ desk: ControlDesk,
        _ say: (String) -> Void
    ) -> ControlServer? {
        do throws(ControlFailure) {
            return try ControlServer.start(directory: configuration.cache.directory, desk: desk)
        } catch {
            say("There is no control socket, so that the other commands do not work now: \(error.sentence)")
            return nil
        }
    }

    // MARK: Running

    /// What the start says: where, what is held, what is unfinished.
    var startLine: String {
        let summary = store.summary
        return "holdfast: listening on \(addresses.joined(separator: ", ")); "
            + "cache \(AccessLogLine.escaped(configuration.cache.directory)) holds "
            + "\(HumanText.count(summary.entries, "response")), \(HumanText.size(summary.bytes)); "
            + "\(HumanText.count(summary.unfinished, "download")) unfinished"
    }

    var nextSteps: String {
        "holdfast: next: export http_proxy=http://\(addresses.first ?? "") (https is tunnelled, and not cached so far)"
    }

    /// Goes on with the downloads that were under way when the last process ended.
    func resumeUnfinished() {
        // The index is read for it.
        let table = self.table
        NIOThreadPool.singleton.submit { _ in table.startFinishing() }
        queue.start()
    }

    // MARK: The end

    /// R103: nothing is accepted any more, running responses have their grace, and what came is on disk at the end.
    func stop() async {
        let grace = configuration.stop.graceNanoseconds
        diagnostics.write(
            "Stopping: running responses have \(HumanText.duration(seconds: grace / 1_000_000_000)); a second signal "
                + "ends at once."
        )
        hall.stops(at: Clock.monotonicNanoseconds() + grace)
        let cut = await server.drain(graceNanoseconds: grace)
        if cut > 0 { diagnostics.write("\(HumanText.count(cut, "response")) could not be finished in time.") }
        queue.stop()
        table.stopFinishing()
        control?.stop()
        store.close()
        accessLog.close()
        diagnostics.write("Stopped.")
        diagnostics.close()
    }
}
