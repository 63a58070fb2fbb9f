// The laboratory as a running origin: listens, gives each connection a thread, and holds what connections share.

import Glibc
import Synchronization

/// Listens from its making on.
package final class LabServer: Sendable {
    private struct State {
        var connections: [Int: LabSocket] = [:]
        var connectionCount = 0
        var isStopped = false
        /// nil while the laboratory is down.
        var listener: LabSocket?
    }

    /// From which contents and random draws are made.
    package let seed: UInt64
    package let log = RequestLog()
    package let counts: FileCounts
    private let hashes = HashCache()
    private let epoch: Double
    private let down: Downtime?
    /// Where it listens, as `127.0.0.1:9000`.
    package let address: String
    private let state = Mutex(State())
    private let reports: (@Sendable (LogEntry) -> Void)?

    /// - Parameters:
    ///   - listen: `127.0.0.1:9000`; port 0 takes a free one.
    ///   - epoch: in seconds since 1970; from which versions and downtimes are counted. nil for now.
    ///   - down: for part of each period, connections are refused and those that are open are ended.
    ///   - reports: is told of each answer that has ended, on the thread of its connection.
    package init(
        listen: String,
        seed: UInt64 = 1,
        epoch: Double? = nil,
        down: Downtime? = nil,
        reports: (@Sendable (LogEntry) -> Void)? = nil
    ) throws {
        self.seed = seed
        self.reports = reports
        self.epoch = epoch ?? secondsSince1970()
        self.down = down
        counts = FileCounts(epoch: self.epoch)
        // Also where it begins with a downtime: an address that cannot be had is told at once.
        let listener = try LabSocket.listening(listen)
        address = listener.localAddress
        state.withLock { $0.listener = listener }
        startThread { [self] in run() }
    }

    package var port: UInt16 { UInt16(address[(address.lastIndex(of: ":") ?? address.startIndex)...].dropFirst()) ?? 0 }

    /// Ends all connections; nothing is accepted any more.
    package func stop() {
        let listener = state.withLock { state in
            state.isStopped = true
            return state.listener
        }
        listener?.wake()
        endConnections()
    }

    private func endConnections() {
        let open = state.withLock { Array($0.connections.values) }
        for socket in open { socket.wake() }
    }

    /// Accepts connections, but not while the laboratory is down.
    private func run() {
        while let listener = state.withLock({ $0.isStopped ? nil : $0.listener }) {
            let elapsed = secondsSince1970() - epoch
            if let down, down.isDown(elapsed) {
                state.withLock { $0.listener = nil }
                listener.close()
                endConnections()
                usleep(UInt32(down.remaining(elapsed) * 1e6))
                guard let again = try? LabSocket.listening(address) else { return }
                state.withLock { $0.listener = again }
            } else if listener.waitForClient(seconds: down?.untilNext(elapsed)) {
                guard let (socket, client) = listener.accepted() else { break }
                serve(socket, client)
            }
        }
        state.withLock { $0.listener }?.close()
    }

    private func serve(_ socket: LabSocket, _ client: String) {
        let number: Int? = state.withLock { state in
            if state.isStopped { return nil }
            state.connectionCount += 1
            state.connections[state.connectionCount] = socket
            return state.connectionCount
        }
        guard let number else { return }
        startThread { [self] in
            LabConnection(socket, client: client, number: number, server: self).run()
            _ = state.withLock { $0.connections.removeValue(forKey: number) }
        }
    }

    // MARK: What connections ask

    func plan(_ request: LabRequest, _ file: LabFile, _ moment: Moment) -> AnswerPlan {
        let content = file.content(labSeed: seed, version: moment.version)
        return AnswerPlan(
            request,
            file,
            moment,
            labSeed: seed,
            representation: { [hashes] isGzip in isGzip ? .gzip(hashes.gzip(content)) : .identity(content) },
            hash: { [hashes] representation, range, algorithm in hashes.hash(representation, range, algorithm) }
        )
    }

    package func truth(_ file: LabFile, version: Int64?, isHashed: Bool) -> Truth {
        let present = counts.presentVersion(file)
        let version = version ?? present
        let content = file.content(labSeed: seed, version: version)
        let sha256 = isHashed ? hashes.hash(.identity(content), nil, .sha256) : nil
        return Truth(file, labSeed: seed, version: version, presentVersion: present, sha256: sha256)
    }

    /// Where in a body the file changes, and what the body then goes on with; nil where it does not.
    func change(_ file: LabFile, _ moment: Moment) -> (offset: Int64, next: () -> Representation?)? {
        switch file.faults.change {
        case .mid(let offset):
            return (
                offset,
                { [counts] in
                    _ = counts.reachedChange(file)
                    return nil
                }
            )
        case .inPlace(let offset):
            let next = file.content(labSeed: seed, version: moment.version + 1)
            return (offset, { [counts] in counts.reachedChange(file) ? .identity(next) : nil })
        case nil, .every, .after: return nil
        }
    }

    func finished(_ entry: Int, _ end: ResponseEnd) {
        if let finished = log.update(entry, { $0.end = end }) { reports?(finished) }
    }
}

/// Runs work on a thread of its own that nobody waits for.
private func startThread(_ work: @escaping @Sendable () -> Void) {
    let box = Unmanaged.passRetained(ThreadWork(work))
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setstacksize(&attributes, 524_288)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    var thread = pthread_t()
    let failure = pthread_create(&thread, &attributes, runThreadWork, box.toOpaque())
    pthread_attr_destroy(&attributes)
    // Without a thread the connection is released, and so closed.
    if failure != 0 { box.release() }
}

private let runThreadWork: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { pointer in
    if let pointer { Unmanaged<ThreadWork>.fromOpaque(pointer).takeRetainedValue().work() }
    return nil
}

private final class ThreadWork: Sendable {
    let work: @Sendable () -> Void

    init(_ work: @escaping @Sendable () -> Void) {
        self.work = work
    }
}
