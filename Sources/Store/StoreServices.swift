// What the parts of the store share: the directory, the threads, the counts, the way to the index. One value
// that is made when the store is opened; none of its members knows the others' secrets.

import Synchronization

/// The shared parts of one open store.
final class StoreServices: Sendable {
    let configuration: StoreConfiguration
    let directory: Directory
    /// Reads, writes, look-ups.
    let pool: DiskPool
    /// `fdatasync` and nothing else, so that no read waits behind one.
    let flushPool: DiskPool
    let quota: Quota
    let descriptors: DescriptorCache
    let connections: ReadConnections
    let mailbox = IndexMailbox()
    let buffers = BufferPool()
    let health: DiskHealth
    let damagedPieces = Atomic<Int>(0)
    /// false once the file system has refused to take blocks back: then none are asked for beforehand either.
    let takesBlocksBack = Atomic<Bool>(true)
    let isClosed = Atomic<Bool>(false)

    init(configuration: StoreConfiguration, directory: Directory, held: Int64) {
        self.configuration = configuration
        self.directory = directory
        pool = DiskPool(threads: configuration.diskThreads, named: "disk")
        flushPool = DiskPool(threads: 2, named: "flush")
        quota = Quota(
            limit: configuration.maxSize,
            minFree: configuration.minFree,
            directory: directory,
            held: held
        )
        descriptors = DescriptorCache(capacity: configuration.keptDescriptors)
        connections = ReadConnections(path: directory.indexPath)
        health = DiskHealth(log: configuration.log)
    }

    func log(_ sentence: String) { configuration.log(sentence) }
    func now() -> Int64 { configuration.now() }

    /// nil where something new may be stored.
    var refusal: StoreError? {
        if isClosed.load(ordering: .acquiring) { return StoreError(.gone, "The store is closed.") }
        if health.isOff { return StoreError(.off, "The disk cache is off after repeated errors of the disk.") }
        return nil
    }
}

/// Three errors of the disk in a minute turn the disk cache off; it is tried again every 30 s (hardening 2.2
/// item 5).
final class DiskHealth: Sendable {
    private struct State {
        var errors: [Int64] = []
        var offUntil: Int64?
    }
    private let state = Mutex(State())
    private let log: @Sendable (String) -> Void

    private static let window: Int64 = 60_000_000_000
    private static let pause: Int64 = 30_000_000_000

    init(log: @escaping @Sendable (String) -> Void) { self.log = log }

    var isOff: Bool {
        state.withLock { state in
            guard let until = state.offUntil else { return false }
            return monotonicNanoseconds() < until
        }
    }

    func failed(_ error: StoreError) {
        let now = monotonicNanoseconds()
        let isNewlyOff = state.withLock { state in
            state.errors.removeAll { now - $0 > Self.window }
            state.errors.append(now)
            guard state.errors.count >= 3 else { return false }
            // The errors are kept: the first one after the pause turns it off again.
            state.errors.removeFirst(state.errors.count - 3)
            state.offUntil = max(state.offUntil ?? 0, now + Self.pause)
            return true
        }
        log(error.sentence)
        if isNewlyOff { log("The disk cache is off: three errors within a minute. It is tried again in 30 s.") }
    }

    /// Off for the rest of this run.
    func turnOff(_ sentence: String) {
        state.withLock { $0.offUntil = .max }
        log(sentence)
    }

    func succeeded() {
        let isOnAgain = state.withLock { state in
            guard let until = state.offUntil, until != .max, monotonicNanoseconds() >= until else { return false }
            state = State()
            return true
        }
        if isOnAgain { log("The disk cache is on again.") }
    }
}

/// Connections that only read, made as they are needed and used by one disk thread at a time.
final class ReadConnections: Sendable {
    private final class Connection: @unchecked Sendable {
        // Only the thread that took it out of the pool touches it.
        let database: Database
        init(_ database: Database) { self.database = database }
    }
    private let idle = Mutex<[Connection]>([])
    private let path: String

    init(path: String) { self.path = path }

    /// Runs `body` on a connection of its own. Blocking.
    func read<Result>(_ body: (Database) throws -> Result) throws -> Result {
        let connection = try idle.withLock { $0.popLast() } ?? Connection(Database(path: path, mayWrite: false))
        let result = try body(connection.database)
        // After an error the connection is not used again.
        idle.withLock { $0.append(connection) }
        return result
    }

    func closeAll() {
        let connections = idle.withLock { idle in
            defer { idle = [] }
            return idle
        }
        for connection in connections { connection.database.close() }
    }
}
