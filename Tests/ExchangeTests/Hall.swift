// A proxy inside the test's process, for what a process of its own cannot be shown: names that are looked up by a
// script. Everything else is as in the program.

import Configuration
import HTTPSemantics
import NIOCore
import NIOPosix
import ScriptedPeers
import Store
import Synchronization
import Testing
import Transport

@testable import Exchange

/// What the names are worth at each moment.
final class ScriptedNames: Sendable {
    typealias Answer = Result<[IPAddress], ResolutionFailure>

    private struct State {
        var answer: Answer
        /// Told first, one for each look-up.
        var before: [Answer] = []
        var count = 0
    }

    private let state: Mutex<State>

    init(_ addresses: [String]) { state = Mutex(State(answer: Self.answer(addresses))) }

    static func answer(_ addresses: [String]) -> Answer { .success(addresses.compactMap { IPAddress.parse($0) }) }

    /// From now on every look-up is answered so, after those in `first`.
    func say(_ answer: Answer, first: [Answer] = []) {
        state.withLock { ($0.answer, $0.before) = (answer, first) }
    }

    func fails(_ failure: ResolutionFailure, times: Int) {
        state.withLock { $0.before = Array(repeating: .failure(failure), count: times) }
    }

    /// How many look-ups there were.
    var count: Int { state.withLock { $0.count } }

    func lookUp() -> Answer {
        state.withLock { state in
            state.count += 1
            return state.before.isEmpty ? state.answer : state.before.removeFirst()
        }
    }
}

/// The proxy, as the tests reach it.
struct Hall {
    let port: UInt16
    let names: ScriptedNames
    let table: FillTable
    private let lines: Lines

    final class Lines: Sendable {
        let all = Mutex<[String]>([])
    }

    /// What the log says so far.
    var log: [String] { lines.all.withLock { $0 } }

    func check(_ url: String, _ content: Content, _ fields: PeerFields = [:]) throws -> (
        head: ReceivedHead, body: CheckedBody
    ) {
        try PeerClient.check(url, through: port, against: content, fields: fields)
    }

    /// One response of 200 with every byte.
    func expectWhole(_ url: String, _ content: Content, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let answer = try check(url, content)
        #expect(answer.head.status == 200, sourceLocation: sourceLocation)
        #expect(answer.body == CheckedBody(count: content.length, end: .complete), sourceLocation: sourceLocation)
    }

    /// Runs with a proxy.
    ///
    /// - Parameters:
    ///   - names: how every name is looked up.
    ///   - upstream: lines of proxy.conf's section `[upstream]`.
    ///   - forgetsNames: what was looked up is not remembered.
    static func with(
        _ names: ScriptedNames,
        upstream: String = "",
        forgetsNames: Bool = false,
        _ body: (Hall) async throws -> Void
    ) async throws {
        let folder = try TemporaryDirectory()
        let configuration = try Configuration.load(
            fileText: "[upstream]\n\(upstream)\n",
            fileName: "proxy.conf",
            cacheDirectory: folder.file("cache")
        )
        let lines = Lines()
        let say: @Sendable (String) -> Void = { line in lines.all.withLock { $0.append(line) } }
        let store = try Store.open(StoreConfiguration(directory: configuration.cache.directory, log: say))
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        var limits = NameResolverLimits()
        limits.momentNanoseconds = 0
        if forgetsNames { (limits.keptNanoseconds, limits.failureKeptNanoseconds) = (0, 0) }
        let client = UpstreamClient(
            group: group,
            resolver: NameResolver(limits: limits, lookUp: { _ in names.lookUp() }),
            limits: UpstreamLimits(configuration)
        )
        let access = Access(configuration.access)
        let table = FillTable(
            store: store,
            client: client,
            access: access,
            configuration: configuration,
            group: group,
            pseudonym: "test",
            log: say
        )
        let hall = ExchangeHall(configuration: configuration, store: store, access: access, table: table) { _ in }
        let server = try await DownstreamServer.start(
            addresses: [ListenAddress(host: "127.0.0.1", port: 0)],
            group: group,
            door: hall
        )
        let port = UInt16(server.boundAddresses.first?.port ?? 0)
        var failure: (any Error)?
        do {
            try await body(Hall(port: port, names: names, table: table, lines: lines))
        } catch {
            failure = error
        }
        _ = await server.drain(graceNanoseconds: 0)
        table.stopFinishing()
        await client.close()
        store.close()
        try await group.shutdownGracefully()
        if let failure { throw failure }
    }
}
