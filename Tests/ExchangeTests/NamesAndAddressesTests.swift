// Names that cannot be looked up for a while, and names of several addresses of which one brings nothing: the client is
// held where that may pass, and the other address is used (resume-rules 5, hardening R47 and R49).

import Exchange
import ScriptedPeers
import Testing
import Transport

@Suite("Names that fail for a time, addresses that die", .onOwnThreads)
struct NamesAndAddressesTests {
    static let content = Content(seed: 6501, length: 4 * mebibyte)
    static let whole = CheckedBody(count: content.length, end: .complete)
    static let kinds = ["max-age=60", "no-store"]

    private static func file(_ cacheControl: String) -> FileVersion {
        FileVersion(content, etag: "\"one\"", cacheControl: cacheControl)
    }

    private static func origin(_ cacheControl: String, address: String = "127.0.0.1", port: UInt16 = 0) throws
        -> FileOrigin
    {
        let origin = try FileOrigin(address: address, port: port)
        origin.put("/file", file(cacheControl))
        return origin
    }

    private static func url(_ origin: FileOrigin) -> String { "http://origin.example:\(origin.server.port)/file" }

    // MARK: Names

    @Test("A name server that fails before the first byte is asked again", arguments: kinds)
    func failsAtFirst(cacheControl: String) async throws {
        let origin = try Self.origin(cacheControl)
        defer { origin.stop() }
        let names = ScriptedNames(["127.0.0.1"])
        names.fails(.temporary, times: 2)
        try await Hall.with(names) { hall in
            try hall.expectWhole(Self.url(origin), Self.content)
            #expect(names.count == 3)
        }
    }

    @Test("A name that does not exist is reported at once")
    func doesNotExist() async throws {
        let names = ScriptedNames([])
        names.say(.failure(.notFound))
        try await Hall.with(names) { hall in
            let answer = try PeerClient.get("http://nowhere.example/", through: hall.port)
            #expect(answer.status == 502)
            #expect(names.count == 1)
        }
    }

    @Test("A name server that stays away is reported after three attempts")
    func staysAway() async throws {
        let names = ScriptedNames([])
        names.say(.failure(.temporary))
        try await Hall.with(names) { hall in
            let answer = try PeerClient.get("http://nowhere.example/", through: hall.port)
            #expect(answer.status == 502)
            #expect(answer.text.contains("nowhere.example could not be resolved"))
            #expect(names.count == 3)
        }
    }

    @Test(
        "In the middle of a download a name that fails, or is gone, is waited for",
        arguments: kinds,
        [ResolutionFailure.temporary, .notFound, .timedOut]
    )
    func failsInTheMiddle(cacheControl: String, failure: ResolutionFailure) async throws {
        let origin = try Self.origin(cacheControl)
        defer { origin.stop() }
        let names = ScriptedNames(["127.0.0.1"])
        origin.setFaults { _, number in
            guard number == 0 else { return FileFaults() }
            // What is known of the name counts for half a minute; here it has run out.
            names.say(ScriptedNames.answer(["127.0.0.1"]), first: [.failure(failure), .failure(failure)])
            return FileFaults { $0.closeAfter = mebibyte }
        }
        try await Hall.with(names, forgetsNames: true) { hall in
            try hall.expectWhole(Self.url(origin), Self.content)
            #expect(origin.requests.count == 2)
            #expect(hall.log.contains { $0.contains("could not be resolved") })
        }
    }

    @Test("A name that stays away is given up after heal_timeout, and the response is cut", arguments: kinds)
    func staysAwayInTheMiddle(cacheControl: String) async throws {
        let origin = try Self.origin(cacheControl)
        defer { origin.stop() }
        let names = ScriptedNames(["127.0.0.1"])
        origin.setFaults { _, _ in
            names.say(.failure(.temporary))
            return FileFaults { $0.closeAfter = mebibyte }
        }
        try await Hall.with(names, upstream: "heal_timeout = \"1s\"", forgetsNames: true) { hall in
            let body = try hall.check(Self.url(origin), Self.content).body
            #expect(body == CheckedBody(count: mebibyte, end: .truncated))
        }
    }

    @Test("A failing look-up takes nothing away from an address that is known", arguments: kinds)
    func remembers(cacheControl: String) async throws {
        let origin = try Self.origin(cacheControl)
        defer { origin.stop() }
        let names = ScriptedNames(["127.0.0.1"])
        origin.setFaults { _, number in
            names.say(.failure(.temporary))
            return FileFaults { if number == 0 { $0.closeAfter = mebibyte } }
        }
        try await Hall.with(names) { hall in
            try hall.expectWhole(Self.url(origin), Self.content)
        }
    }

    @Test("A resume looks the name up again, and follows it to its new address", arguments: kinds)
    func moves(cacheControl: String) async throws {
        let first = try Self.origin(cacheControl)
        let second = try Self.origin(cacheControl, address: "127.0.0.2", port: first.server.port)
        defer { [first, second].forEach { $0.stop() } }
        let names = ScriptedNames(["127.0.0.1"])
        first.setFaults { _, _ in
            names.say(ScriptedNames.answer(["127.0.0.2"]))
            return FileFaults { $0.closeAfter = mebibyte }
        }
        try await Hall.with(names) { hall in
            try hall.expectWhole(Self.url(first), Self.content)
            #expect(first.requests.count == 1 && second.requests.count == 1)
        }
    }

    // MARK: Addresses

    enum Death: CaseIterable {
        case drops, stalls, crawls, refuses
    }

    @Test("An address that brings nothing gives way to another of the name", arguments: kinds, Death.allCases)
    func dies(cacheControl: String, death: Death) async throws {
        let first = try Self.origin(cacheControl)
        let second = try Self.origin(cacheControl, address: "127.0.0.2", port: first.server.port)
        defer { [first, second].forEach { $0.stop() } }
        let gate = Barrier("the end of the test")
        defer { gate.open() }
        first.setFaults { _, _ in
            FileFaults {
                switch death {
                case .drops: $0.closeAfter = mebibyte
                case .stalls: $0.stallAfter = (bytes: mebibyte, until: gate)
                case .crawls: $0.bytesPerSecond = 100_000
                case .refuses:
                    $0.closeAfter = mebibyte
                    $0.holdHead = gate
                }
            }
        }
        let limits = "stall_timeout = \"300ms\"\nmin_rate = \"1 MiB\"\nmin_rate_time = \"400ms\""
        try await Hall.with(ScriptedNames(["127.0.0.1", "127.0.0.2"]), upstream: limits) { hall in
            guard death == .refuses else {
                try hall.expectWhole(Self.url(first), Self.content)
                #expect(first.requests.count == 1 && second.requests.count == 1)
                return
            }
            let client = try PeerClient(port: hall.port)
            try client.request(Self.url(first))
            try gate.waitForArrivals(1)
            // The listener goes, the connection that is open stays until its answer breaks off.
            first.server.stopListening()
            gate.open()
            let status = try client.head().status
            let body = try client.checkBody(against: Self.content)
            #expect(status == 200 && body.isWhole)
            #expect(second.requests.count == 1)
        }
    }

    @Test("An address that is refused is tried last from then on, not first", arguments: kinds)
    func isTriedLast(cacheControl: String) async throws {
        let second = try Self.origin(cacheControl, address: "127.0.0.2")
        defer { second.stop() }
        try await Hall.with(ScriptedNames(["127.0.0.1", "127.0.0.2"])) { hall in
            for _ in 0..<3 {
                try hall.expectWhole(Self.url(second), Self.content)
            }
        }
    }
}

let mebibyte: Int64 = 1 << 20
