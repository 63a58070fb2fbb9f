// What the clients of a run live in: the proxy, the laboratory behind it, the files that there are now, and the fate
// that kills and starts again. The clock of versions is the laboratory's epoch.

import Foundation
import Glibc
import ScriptedPeers
import Synchronization

/// How a run is made.
struct SoakOptions: Sendable {
    var seconds: Double
    var seed: UInt64
    var clients: Int
    var objects: Int
    /// nil: as the seed says.
    var isCacheSmall: Bool?
    /// Where the cache and what is kept of findings lie.
    var directory: String
}

final class SoakWorld: Sendable {
    /// How often the two processes were begun, or are about to be.
    struct Lives: Sendable, Equatable {
        var proxy = 0
        var lab = 0
    }

    private struct State {
        var proxy: ProxyProcess
        var lab: LabProcess
        /// The latest processes; their output is kept as long as they are.
        var formerProxies: [ProxyProcess] = []
        var lives = Lives()
        var isProxyAway = false
        /// When the proxy was killed, by the life that ended.
        var killedAt: [Int: Int64] = [:]
        var isOver = false
    }

    let options: SoakOptions
    let epoch: Double
    let objects: SoakObjects
    let ledger: UpstreamLedger
    let tally = SoakTally()
    let findings = Findings()
    let settings: [String]
    let isCacheSmall: Bool
    /// Seconds without a byte after which a client is stuck: `upstream.heal_timeout` several times over, since an exchange
    /// may wait for another's head, for the origin and for a second attempt in turn.
    let patience: Double = 45
    private let proxyURL: String
    private let labURL: String
    let proxyPort: UInt16
    private let state: Mutex<State>
    /// Held while the log is read, and while the laboratory is away.
    private let logReading = Mutex(())

    var seed: UInt64 { options.seed }
    var elapsed: Double { Date().timeIntervalSince1970 - epoch }
    var lives: Lives { state.withLock { $0.lives } }
    var isProxyAway: Bool { state.withLock { $0.isProxyAway } }
    var isOver: Bool { state.withLock { $0.isOver } || findings.isTooMany }
    var proxy: ProxyProcess { state.withLock { $0.proxy } }
    var lab: LabProcess { state.withLock { $0.lab } }

    init(_ options: SoakOptions) throws {
        self.options = options
        epoch = Date().timeIntervalSince1970.rounded(.down)
        objects = SoakObjects(options, epoch: epoch)
        var random = SoakRandom(options.seed, 0xA11)
        let isSmall = random.percent(25)
        isCacheSmall = options.isCacheSmall ?? isSmall
        settings = [
            "upstream.heal_timeout=4s", "upstream.stall_timeout=1s", "upstream.idle_timeout=3s",
            "upstream.first_byte_timeout=3s", "upstream.connect_timeout=2s", "upstream.keep_alive=2s",
            "upstream.max_connections_per_origin=256", "downstream.keep_alive=2s", "stop.grace=3s",
            "cache.max_size=\(isCacheSmall ? "48 MiB" : "3 GiB")", "cache.min_free=64 MiB",
            "resume.on_disconnect=\(random.one(of: ["finish", "finish", "park", "drop"]))",
        ]
        let lab = try LabProcess(seed: options.seed, epoch: epoch, arguments: ["--quiet"])
        let proxy = try ProxyProcess(cacheDirectory: options.directory + "/cache", settings: settings)
        (proxyPort, proxyURL) = (proxy.port, "127.0.0.1:\(proxy.port)")
        labURL = "http://127.0.0.1:\(lab.port)"
        ledger = UpstreamLedger(port: lab.port)
        state = Mutex(State(proxy: proxy, lab: lab))
    }

    func url(_ object: SoakObject) -> String { labURL + object.target }

    func end() { state.withLock { $0.isOver = true } }

    /// A client was cut because the proxy is away.
    func waitForProxy() {
        try? waitUntil("the proxy to be back", within: 30) { !isProxyAway || isOver }
    }

    /// Whether the proxy was killed so soon after an instant (of the monotonic clock, in nanoseconds) that what it had
    /// begun to deliver then may not be written down.
    func wasKilledSoonAfter(_ instant: Int64, _ before: Lives) -> Bool {
        state.withLock { state in
            guard let killed = state.killedAt[before.proxy] else { return false }
            return killed - instant < 1_000_000_000
        }
    }

    func pollLedger() throws { try logReading.withLock { _ in try ledger.poll() } }

    // MARK: Fate

    /// Kills and starts again, until the run is over.
    ///
    /// - Parameter quietFrom: seconds since the epoch from which the proxy is left alone, so that growth shows.
    func disturb(quietFrom: Double) {
        var random = SoakRandom(seed, 0xFA7E)
        while !isOver {
            let until = elapsed + random.fraction(1...5)
            while elapsed < until, !isOver {
                usleep(50_000)
                noticeCrash()
            }
            if isOver { return }
            do {
                try befall(&random, mayTouchProxy: elapsed < quietFrom)
            } catch {
                findings.add(Finding(what: "a process could not be started again: \(error)"))
                end()
            }
        }
    }

    private enum Fate {
        case kill, stop, lab, both, purge, fetch
    }

    private func befall(_ random: inout SoakRandom, mayTouchProxy: Bool) throws {
        let fate = random.one(weighted: [
            (30, Fate.kill), (5, .stop), (10, .lab), (5, .both), (25, .purge), (25, .fetch),
        ])
        switch fate {
        case .kill, .stop:
            if mayTouchProxy { try restartProxy(kill: fate == .kill, after: random.fraction(0...0.5)) }
        case .lab:
            try restartLab(after: random.fraction(0...1.5))
        case .both:
            try restartLab(after: random.fraction(0...1.5))
            if mayTouchProxy { try restartProxy(kill: true, after: random.fraction(0...0.5)) }
        case .purge:
            // What is purged has to be fetched again: not what the ratio is counted of.
            let object = objects.one(&random)
            if !object.isSound { _ = try proxy.command("purge", url(object)) }
        case .fetch:
            let object = objects.one(&random)
            ledger.wants(object, .whole, held: 0)
            _ = try proxy.command("fetch", url(object))
        }
    }

    private func restartProxy(kill: Bool, after seconds: Double) throws {
        let old = state.withLock { state -> ProxyProcess in
            // Before it is killed: clients look here as soon as they are cut.
            state.killedAt[state.lives.proxy] = monotonicNanoseconds()
            state.lives.proxy += 1
            state.isProxyAway = true
            return state.proxy
        }
        try pollLedger()
        if kill { try old.kill() } else { try old.terminate() }
        ledger.proxyWasKilled()
        usleep(UInt32(seconds * 1e6))
        let new = try old.startAgain(listen: proxyURL)
        state.withLock { state in
            state.formerProxies = [old] + state.formerProxies.prefix(2)
            state.proxy = new
            state.isProxyAway = false
        }
        tally.proxyRestarted()
    }

    private func restartLab(after seconds: Double) throws {
        let old = lab
        try logReading.withLock { _ in
            state.withLock { $0.lives.lab += 1 }
            try ledger.poll()
            try old.kill()
            ledger.labWasKilled()
            usleep(UInt32(seconds * 1e6))
            let new = try old.startAgain()
            state.withLock { $0.lab = new }
        }
        tally.labRestarted()
    }

    /// The proxy ends only where it is told to.
    private func noticeCrash() {
        let (proxy, isAway) = state.withLock { ($0.proxy, $0.isProxyAway) }
        guard !isAway, let end = proxy.child.end else { return }
        findings.add(Finding(what: "the proxy ended by itself: \(end)\n\(proxy.errors.suffix(4000))"))
        self.end()
    }

    // MARK: What is seen of the proxy

    /// The proxies' lines that name a target, the latest process first.
    func logLines(of target: String) -> [String] {
        let all = state.withLock { [$0.proxy] + $0.formerProxies }
        return all.flatMap { proxy in
            (proxy.output + proxy.errors).split(separator: "\n").filter { $0.contains(target) }.map(String.init)
        }
    }

    func stop() throws {
        let (proxy, lab) = state.withLock { ($0.proxy, $0.lab) }
        let end = try proxy.terminate()
        if end != .exited(0) { findings.add(Finding(what: "the proxy did not end orderly: \(end)")) }
        try lab.kill()
    }
}

/// The files that there are now: each place holds one for a while, and then another.
final class SoakObjects: Sendable {
    private let options: SoakOptions
    private let epoch: Double

    init(_ options: SoakOptions, epoch: Double) {
        self.options = options
        self.epoch = epoch
    }

    private func generation(of place: Int) -> Int {
        let lifetime = Double(18 + (place * 7) % 30)
        return Int((Date().timeIntervalSince1970 - epoch) / lifetime)
    }

    private func object(at place: Int) -> SoakObject {
        FaultDraw.object(
            seed: options.seed,
            place: place,
            generation: generation(of: place),
            isSound: place % 3 == 0
        )
    }

    func one(_ random: inout SoakRandom) -> SoakObject {
        object(at: Int.random(in: 0..<options.objects, using: &random))
    }

    func holds(_ object: SoakObject) -> Bool {
        let parts = object.name.split(separator: "-").map { Int($0) }
        guard parts.count == 3, let place = parts[1], let generation = parts[2] else { return false }
        return generation == self.generation(of: place)
    }
}
