// The file that is to be adopted: what it holds, its bytes, and whether it stayed as it was. Where aria2 keeps its control
// file beside it, that says which pieces are there; otherwise the file is taken for a beginning.

import Glibc
import NIOCore
import Resume
import Synchronization
import Wire

final class AdoptedFile {
    /// What it holds.
    let held: ByteRangeSet
    /// What aria2 has noted; nil where it was another program.
    let completeLength: Int64?
    private let path: String
    private let descriptor: Int32
    private let mark: Mark

    private struct Mark: Equatable {
        let size: Int
        let seconds: Int
        let nanoseconds: Int
    }

    private static let controlFileLimit = 16 << 20

    init(path: String) throws(CommandRefusal) {
        self.path = path
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw CommandRefusal("The proxy cannot open \(path): \(String(cString: strerror(errno))).")
        }
        self.descriptor = descriptor
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw CommandRefusal("\(path) is no regular file.")
        }
        mark = Mark(size: status.st_size, seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec)
        let whole = 0..<Int64(status.st_size)
        let control = path + ".aria2"
        guard access(control, F_OK) == 0 else {
            held = ByteRangeSet([whole])
            completeLength = nil
            return
        }
        guard let bytes = Self.contents(of: control), let noted = Aria2ControlFile(bytes) else {
            close(descriptor)
            throw CommandRefusal("\(control) cannot be read: what \(path) holds is not known.")
        }
        held = noted.held.intersection(whole)
        completeLength = noted.completeLength
    }

    deinit { close(descriptor) }

    private static func contents(of path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= controlFileLimit
        else { return nil }
        return bytes(descriptor, 0..<Int64(status.st_size))
    }

    private static func bytes(_ descriptor: Int32, _ range: Range<Int64>) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: Int(range.upperBound - range.lowerBound))
        var count = 0
        while count < bytes.count {
            let got = bytes.withUnsafeMutableBytes {
                pread(
                    descriptor,
                    $0.baseAddress?.advanced(by: count),
                    $0.count - count,
                    off_t(range.lowerBound) + off_t(count)
                )
            }
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { return nil }
            count += got
        }
        return bytes
    }

    func read(_ range: Range<Int64>) throws(CommandRefusal) -> [UInt8] {
        guard let bytes = Self.bytes(descriptor, range) else {
            throw CommandRefusal("\(path) cannot be read.")
        }
        return bytes
    }

    /// Where another program has written to it meanwhile, nothing of it is believed.
    func checkUnchanged(_ otherwise: () -> Void) throws(CommandRefusal) {
        var status = stat()
        let isSame =
            fstat(descriptor, &status) == 0
            && mark
                == Mark(size: status.st_size, seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec)
        guard !isSame else { return }
        otherwise()
        throw CommandRefusal("\(path) was changed meanwhile: does another program still write to it?")
    }
}

/// Brings the runs of a file into the fills of a version, as if an origin sent them.
final class AdoptedFeed: Sendable {
    private let version: VersionFills
    private let runs: [Range<Int64>]
    private let loop: any EventLoop
    private let paused = Mutex<Set<Int>>([])
    private let condition = LogCondition()

    private static let portion: Int64 = 256 << 10

    init(version: VersionFills, runs: [Range<Int64>], loop: any EventLoop) {
        self.version = version
        self.runs = runs
        self.loop = loop
    }

    /// A call with its run; reached on the loop only.
    private struct Calls: @unchecked Sendable {
        var calls: [OriginCall]
    }

    /// All runs are claimed at once, and then fed in turn, so that none seems to have stalled. Blocking.
    func run(_ file: AdoptedFile, _ report: (Int64, Int64) -> Bool) throws(CommandRefusal) {
        let total = runs.reduce(Int64(0)) { $0 + ($1.upperBound - $1.lowerBound) }
        let calls = Calls(
            calls: runs.indices.map { index in
                OriginCall.feeding { [weak self] isPaused in self?.flow(index, isPaused) }
            }
        )
        let requester = version.state.withLock { $0.requester }
        onLoop { [self] in
            for (run, call) in zip(runs, calls.calls) {
                version.begin(
                    span: run,
                    with: call,
                    framing: .length(run.upperBound - run.lowerBound),
                    for: requester,
                    on: loop
                )
            }
        }
        var offsets = runs.map(\.lowerBound)
        var fed: Int64 = 0
        while fed < total {
            waitForRoom(among: runs.indices.filter { offsets[$0] < runs[$0].upperBound })
            for index in runs.indices where offsets[index] < runs[index].upperBound && !isPaused(index) {
                let end = min(offsets[index] + Self.portion, runs[index].upperBound)
                let bytes = ByteBuffer(bytes: try file.read(offsets[index]..<end))
                let isLast = end == runs[index].upperBound
                onLoop {
                    calls.calls[index].upstreamBody(bytes)
                    if isLast { calls.calls[index].upstreamEnded() }
                }
                fed += end - offsets[index]
                offsets[index] = end
            }
            guard report(fed, total) else { throw CommandRefusal("It was given up: nobody waits for it any more.") }
            guard !version.state.withLock({ $0.hasEnded && !$0.isForgotten }) else {
                throw CommandRefusal("It was purged meanwhile.")
            }
        }
    }

    private func onLoop(_ body: @escaping @Sendable () -> Void) {
        // A loop that has shut down takes no work; then the process ends.
        try? loop.submit(body).wait()
    }

    private func flow(_ index: Int, _ isPaused: Bool) {
        condition.lock()
        paused.withLock { if isPaused { $0.insert(index) } else { $0.remove(index) } }
        condition.broadcast()
        condition.unlock()
    }

    private func isPaused(_ index: Int) -> Bool { paused.withLock { $0.contains(index) } }

    /// The disk is behind all of them: waits until it is not, or until the fills are gone.
    private func waitForRoom(among indices: [Int]) {
        condition.lock()
        defer { condition.unlock() }
        while indices.allSatisfy({ isPaused($0) }), !version.state.withLock({ $0.fills.isEmpty }) {
            condition.wait(until: LogCondition.now() + 1_000_000_000)
        }
    }
}
