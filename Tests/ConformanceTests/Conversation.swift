// What the origin knows of one exchange while it runs: which answers are laid out for the present step, which requests
// came, and how far they were answered. The runner lays out, the origin's threads take; nothing here decides.

import ScriptedPeers
import Synchronization

/// A request as it reached the origin, with the body that was read of it.
struct OriginRequest: Sendable {
    let head: ReceivedRequest
    var body: [UInt8] = []
}

/// The origin's side of one exchange.
final class Conversation: Sendable {
    private struct State {
        var entries: [OriginEntry] = []
        var taken = 0
        var requests: [OriginRequest] = []
        var answered = 0
        var unexpected: [String] = []
        var gate: Barrier?
        var overheld = false
    }

    let words: Words
    private let state = Mutex(State())

    init(words: Words) {
        self.words = words
    }

    /// Lays out the answers of a step, and forgets the step before.
    ///
    /// - Parameter gate: where given, no answer leaves before it is open.
    func begin(_ entries: [OriginEntry], gate: Barrier?) {
        state.withLock { $0 = State(entries: entries, gate: gate) }
    }

    /// Every request of the present step, in the order in which the heads were read.
    var requests: [OriginRequest] { state.withLock { $0.requests } }

    /// Requests for which the step has no answer.
    var unexpected: [String] { state.withLock { $0.unexpected } }

    /// Every request that came has its whole answer.
    var isQuiet: Bool { state.withLock { $0.answered == $0.requests.count } }

    /// The gate stayed shut for so long that the client must have been waiting for the origin.
    var overheld: Bool { state.withLock { $0.overheld } }

    /// The next answer, and the number of the request; nil where none is laid out.
    func take(_ head: ReceivedRequest) -> (entry: OriginEntry?, number: Int, gate: Barrier?) {
        state.withLock { state in
            let number = state.requests.count
            state.requests.append(OriginRequest(head: head))
            if state.taken < state.entries.count {
                state.taken += 1
                return (state.entries[state.taken - 1], number, state.gate)
            }
            if let last = state.entries.last, last.disconnect == true || last.repeat == true {
                return (last, number, state.gate)
            }
            state.unexpected.append("\(head.method) \(head.target)")
            return (nil, number, state.gate)
        }
    }

    func received(_ body: [UInt8], of number: Int) {
        state.withLock { state in
            if state.requests.indices.contains(number) { state.requests[number].body = body }
        }
    }

    func finished(_ number: Int) {
        state.withLock { state in
            if state.requests.indices.contains(number) { state.answered += 1 }
        }
    }

    func noteOverheld() {
        state.withLock { $0.overheld = true }
    }
}
