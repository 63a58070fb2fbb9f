// The deadlines of one event loop: one timer tick per loop that walks an intrusive list, instead of
// one timer per connection, whose cancelling costs as much as a third of a hit. A deadline passes up
// to one tick late. It knows nothing of what its owner is waiting for.

import NIOCore

/// Whoever waits for something with a limit of time. Called on the loop of the list.
protocol DeadlineOwner: AnyObject {
    /// The deadline has passed. It is no longer armed.
    func deadlinePassed(_ deadline: Deadline, now: Int64)
}

/// One deadline. It is made once with its owner and armed again and again.
final class Deadline {
    /// The owner holds its deadline, so the deadline must not hold its owner; one that has gone has disarmed it.
    fileprivate weak var owner: (any DeadlineOwner)?
    /// Monotonic nanoseconds.
    private(set) var instant: Int64 = 0
    fileprivate private(set) var isArmed = false
    fileprivate var next: Deadline?
    fileprivate weak var previous: Deadline?
    private let list: DeadlineList

    init(in list: DeadlineList) { self.list = list }

    /// Arms the deadline, or moves it if it is armed. The list holds it while it is armed.
    /// - Parameter nanoseconds: how long from now; zero and less mean the next tick.
    func arm(after nanoseconds: Int64, owner: any DeadlineOwner) {
        self.owner = owner
        let (sum, overflow) = Clock.monotonicNanoseconds().addingReportingOverflow(nanoseconds)
        instant = overflow ? .max : sum
        guard !isArmed else { return }
        isArmed = true
        list.link(self)
    }

    func disarm() {
        guard isArmed else { return }
        isArmed = false
        list.unlink(self)
    }
}

/// The armed deadlines of one loop.
final class DeadlineList {
    private let loop: any EventLoop
    private let tick: TimeAmount
    private var first: Deadline?
    private var isTicking = false

    /// - Parameter tickNanoseconds: the distance of two walks; every deadline is this precise.
    init(loop: any EventLoop, tickNanoseconds: Int64 = .milliseconds(250)) {
        self.loop = loop
        self.tick = .nanoseconds(tickNanoseconds)
    }

    fileprivate func link(_ deadline: Deadline) {
        deadline.previous = nil
        deadline.next = first
        first?.previous = deadline
        first = deadline
        scheduleTick()
    }

    fileprivate func unlink(_ deadline: Deadline) {
        if let previous = deadline.previous {
            previous.next = deadline.next
        } else {
            first = deadline.next
        }
        deadline.next?.previous = deadline.previous
        deadline.next = nil
        deadline.previous = nil
    }

    /// The tick runs only while something is armed: an idle process sleeps.
    private func scheduleTick() {
        guard !isTicking else { return }
        isTicking = true
        loop.assumeIsolated().scheduleTask(in: tick) { self.walk() }
    }

    private func walk() {
        isTicking = false
        let now = Clock.monotonicNanoseconds()
        // Owners arm and disarm while they are told, so those that are due are gathered first.
        var due: [Deadline] = []
        var candidate = first
        while let deadline = candidate {
            if deadline.instant <= now { due.append(deadline) }
            candidate = deadline.next
        }
        for deadline in due where deadline.isArmed && deadline.instant <= now {
            deadline.disarm()
            deadline.owner?.deadlinePassed(deadline, now: now)
        }
        if first != nil { scheduleTick() }
    }
}
