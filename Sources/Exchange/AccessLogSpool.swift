// The way of lines from the threads that have them to the one that writes them. Whoever logs appends to a bounded
// buffer and goes on: a log that is full, slow or blocked costs lines, which are counted, and never time or memory
// (R101). What the lines say, and where they go, it is told.

import Glibc
import Synchronization

/// Where a spool writes.
package protocol LogSink: Sendable {
    /// Writes whole lines. Called from the spool's thread only. Throws where some of it could not be written.
    func write(_ lines: [UInt8]) throws(LogWriteFailure)
    func close()
}

/// Why lines were not written: errno.
package struct LogWriteFailure: Error {
    package let code: Int32

    package init(code: Int32) { self.code = code }
}

/// A bounded buffer and the thread that empties it. May be used from any thread.
package final class LogSpool<Entry: Sendable>: @unchecked Sendable {
    private let condition = LogCondition()
    private let sink: any LogSink
    private let format: @Sendable (Entry) -> [UInt8]
    private let lost: @Sendable (_ lines: Int, _ why: String) -> Void
    private let capacity: Int
    private let delayNanoseconds: Int64

    // Guarded by the condition's lock.
    private var entries: [Entry] = []
    private var bytes = 0
    private var dropped = 0
    private var isClosed = false
    private var isDone = false

    /// The bytes at which lines are written without waiting for more.
    private static var batchBytes: Int { 64 * 1024 }
    /// How long a close waits for a sink that does not take what is left.
    private static var closeNanoseconds: Int64 { 2_000_000_000 }
    /// How often lost lines are reported, in nanoseconds.
    private static var reportInterval: Int64 { 10_000_000_000 }

    /// - Parameters:
    ///   - capacity: the bytes that may wait, counted by what `append` is told.
    ///   - delayNanoseconds: how long a line may wait for others.
    ///   - format: called on the spool's thread.
    ///   - lost: is told of lost lines, now and then; called on the spool's thread.
    package init(
        sink: any LogSink,
        capacity: Int = 8 << 20,
        delayNanoseconds: Int64 = 200_000_000,
        format: @escaping @Sendable (Entry) -> [UInt8],
        lost: @escaping @Sendable (_ lines: Int, _ why: String) -> Void
    ) {
        self.sink = sink
        self.capacity = capacity
        self.delayNanoseconds = delayNanoseconds
        self.format = format
        self.lost = lost
        let isStarted = ControlThread.start { self.run() }
        if !isStarted {
            isClosed = true
            isDone = true
            lost(0, "the thread that writes the log could not be started")
        }
    }

    /// - Parameter cost: the memory that the entry takes, in bytes, roughly.
    package func append(_ entry: Entry, cost: Int) {
        condition.lock()
        defer { condition.unlock() }
        guard !isClosed, bytes + cost <= capacity else {
            dropped += 1
            return
        }
        let wasEmpty = entries.isEmpty
        let wasBelowBatch = bytes < Self.batchBytes
        entries.append(entry)
        bytes += cost
        // The thread sleeps without an end while there is nothing, and with one until a batch is full.
        if wasEmpty || (wasBelowBatch && bytes >= Self.batchBytes) { condition.signal() }
    }

    /// Writes what waits, closes the sink, and returns when that is done, or after two seconds of a sink that is stuck.
    package func close() {
        condition.lock()
        defer { condition.unlock() }
        isClosed = true
        condition.signal()
        let end = LogCondition.now() + Self.closeNanoseconds
        while !isDone, LogCondition.now() < end { condition.wait(until: end) }
    }

    private func run() {
        var lostSinceReport = 0
        var why = "the log could not be written fast enough"
        var nextReport = LogCondition.now()
        while true {
            let (batch, droppedNow, isLast) = nextBatch()
            lostSinceReport += droppedNow
            if !batch.isEmpty {
                var lines: [UInt8] = []
                for entry in batch { lines += format(entry) }
                do throws(LogWriteFailure) {
                    try sink.write(lines)
                } catch {
                    lostSinceReport += batch.count
                    why = String(cString: strerror(error.code))
                }
            }
            if lostSinceReport > 0, isLast || LogCondition.now() >= nextReport {
                lost(lostSinceReport, why)
                lostSinceReport = 0
                nextReport = LogCondition.now() + Self.reportInterval
            }
            if isLast { break }
        }
        sink.close()
        condition.lock()
        isDone = true
        condition.broadcast()
        condition.unlock()
    }

    /// Waits for lines, then for more of them until the delay is over; takes all.
    private func nextBatch() -> (entries: [Entry], dropped: Int, isLast: Bool) {
        condition.lock()
        defer { condition.unlock() }
        while entries.isEmpty, !isClosed { condition.wait(until: nil) }
        let end = LogCondition.now() + delayNanoseconds
        while bytes < Self.batchBytes, !isClosed, LogCondition.now() < end { condition.wait(until: end) }
        defer {
            entries = []
            bytes = 0
            dropped = 0
        }
        return (entries, dropped, isClosed)
    }
}

/// A lock and the waiting for a change of what it guards, on the monotonic clock.
final class LogCondition: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func lock() { pthread_mutex_lock(mutex) }
    func unlock() { pthread_mutex_unlock(mutex) }
    func signal() { pthread_cond_signal(condition) }
    func broadcast() { pthread_cond_broadcast(condition) }

    /// - Parameter end: nanoseconds of the monotonic clock; nil: without an end. May return early.
    func wait(until end: Int64?) {
        guard let end else {
            pthread_cond_wait(condition, mutex)
            return
        }
        var time = timespec(tv_sec: Int(end / 1_000_000_000), tv_nsec: Int(end % 1_000_000_000))
        pthread_cond_timedwait(condition, mutex, &time)
    }

    /// Nanoseconds of the monotonic clock.
    static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

/// Threads for what blocks: the log's sink, the control socket.
enum ControlThread {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// false where the system refuses another thread.
    static func start(_ run: @escaping @Sendable () -> Void) -> Bool {
        var thread = pthread_t()
        let body = Unmanaged.passRetained(Body(run))
        let result = pthread_create(
            &thread,
            nil,
            { argument in
                if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            },
            body.toOpaque()
        )
        guard result == 0 else {
            body.release()
            return false
        }
        pthread_detach(thread)
        return true
    }
}
