// How the peers wait: every wait has a deadline, and a deadline that passes is a failure with a sentence in it.
//
// A test that hangs says nothing; a test that fails says what it was waiting for. Nothing here sleeps for a
// guessed time: `Monitor` and `Barrier` wait for a condition, and only `waitUntil` naps between two looks at
// something that cannot be waited for (a file, another process).

import Glibc

/// What a peer could not do, in a sentence that a failing test shows.
package struct PeerFailure: Error, CustomStringConvertible {
    package let description: String
    /// A deadline passed without anything from the other side.
    package let isTimeout: Bool

    package init(_ sentence: String, isTimeout: Bool = false) {
        description = sentence
        self.isTimeout = isTimeout
    }

    /// A failed system call, with the system's own words.
    init(call: String, errorNumber: Int32 = errno) {
        description = "\(call): \(String(cString: strerror(errorNumber)))"
        isTimeout = false
    }
}

/// Nanoseconds of the monotonic clock.
package func monotonicNanoseconds() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
}

/// How long a wait may take at most when a test does not say otherwise, in seconds.
package let defaultPatience: Double = 20

/// An instant after which waiting is a failure.
struct PeerDeadline {
    let nanoseconds: Int64

    init(seconds: Double) {
        nanoseconds = monotonicNanoseconds() + Int64(seconds * 1e9)
    }

    /// Milliseconds until the deadline, rounded up, never negative: the unit of `poll`.
    var remainingMilliseconds: Int32 {
        let left = nanoseconds - monotonicNanoseconds()
        return left <= 0 ? 0 : Int32(clamping: (left + 999_999) / 1_000_000)
    }

    var hasPassed: Bool { monotonicNanoseconds() >= nanoseconds }

    var asTimespec: timespec {
        timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
    }
}

/// A value behind a lock, with a wake-up for everybody who waits for it to change.
///
/// `@unchecked`: the state is reached only between lock and unlock of the mutex.
final class Monitor<State>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var state: State

    init(_ state: State) {
        self.state = state
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

    /// Changes or reads the state and wakes all who wait.
    @discardableResult
    func withLock<Answer>(_ work: (inout State) throws -> Answer) rethrows -> Answer {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(condition)
            pthread_mutex_unlock(mutex)
        }
        return try work(&state)
    }

    /// Waits until the condition holds; throws a failure that names what was waited for.
    func wait(for what: @autoclosure () -> String, within seconds: Double, until holds: (State) -> Bool) throws {
        let deadline = PeerDeadline(seconds: seconds)
        var instant = deadline.asTimespec
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while !holds(state) {
            if deadline.hasPassed {
                throw PeerFailure("waited \(seconds) s in vain for \(what()); the state is \(state)")
            }
            pthread_cond_timedwait(condition, mutex, &instant)
        }
    }
}

/// A gate for scripts: peers arrive at it and wait; the test waits for arrivals and opens it.
package final class Barrier: Sendable {
    private struct State {
        var isOpen = false
        var arrivals = 0
    }

    private let name: String
    private let monitor = Monitor(State())

    package init(_ name: String = "barrier") {
        self.name = name
    }

    package var isOpen: Bool { monitor.withLock { $0.isOpen } }

    /// How many have arrived so far.
    package var arrivals: Int { monitor.withLock { $0.arrivals } }

    /// Lets all through who wait now or will come.
    package func open() {
        monitor.withLock { $0.isOpen = true }
    }

    /// Closes the gate again for those who come from now on.
    package func shut() {
        monitor.withLock { $0.isOpen = false }
    }

    /// Counts an arrival without waiting: the gate as a counter of events.
    package func arrive() {
        monitor.withLock { $0.arrivals += 1 }
    }

    /// Counts an arrival and waits until the gate is open.
    package func arriveAndWait(within seconds: Double = defaultPatience) throws {
        arrive()
        try wait(within: seconds)
    }

    /// Waits until the gate is open, without counting as an arrival.
    package func wait(within seconds: Double = defaultPatience) throws {
        try monitor.wait(for: "\(name) to open", within: seconds) { $0.isOpen }
    }

    /// Waits until at least `count` have arrived.
    package func waitForArrivals(_ count: Int, within seconds: Double = defaultPatience) throws {
        try monitor.wait(for: "\(count) arrivals at \(name)", within: seconds) { $0.arrivals >= count }
    }
}

/// Looks at a condition again and again until it holds: only for what offers no wake-up.
package func waitUntil(
    _ what: String,
    within seconds: Double = defaultPatience,
    _ holds: () throws -> Bool
) throws {
    let deadline = PeerDeadline(seconds: seconds)
    while try !holds() {
        if deadline.hasPassed { throw PeerFailure("waited \(seconds) s in vain: \(what)") }
        usleep(5_000)
    }
}
