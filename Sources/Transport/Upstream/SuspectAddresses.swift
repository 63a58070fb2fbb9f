// Addresses from which nothing came lately: a name that has others is served by those first (resume-rules 5). A memory
// of a minute, shared by all loops; instants are arguments.

import HTTPSemantics
import Synchronization

/// May be used from any thread.
final class SuspectAddresses: Sendable {
    private struct Key: Hashable {
        let address: IPAddress
        let port: UInt16
    }

    /// When each was last found wanting, monotonic nanoseconds.
    private let state = Mutex<[Key: Int64]>([:])
    /// Read before the lock: as a rule there are none, and every answer asks.
    private let hasAny = Atomic<Bool>(false)

    /// How long an address is tried last.
    static let keptNanoseconds: Int64 = .seconds(60)
    private static let limit = 1024

    /// Nothing, or not enough, came from this address.
    func add(_ address: IPAddress, port: UInt16, now: Int64) {
        state.withLock { suspects in
            if suspects.count >= Self.limit {
                suspects = suspects.filter { now - $0.value < Self.keptNanoseconds }
                if suspects.count >= Self.limit { suspects.removeAll() }
            }
            suspects[Key(address: address, port: port)] = now
            hasAny.store(true, ordering: .relaxed)
        }
    }

    /// An answer came from it, whole.
    func remove(_ address: IPAddress, port: UInt16) {
        guard hasAny.load(ordering: .relaxed) else { return }
        state.withLock { suspects in
            suspects[Key(address: address, port: port)] = nil
            hasAny.store(!suspects.isEmpty, ordering: .relaxed)
        }
    }

    /// The same addresses: those without blemish in their order, then the others, the longest ago first.
    func ordered(_ addresses: [IPAddress], port: UInt16, now: Int64) -> [IPAddress] {
        guard addresses.count > 1, hasAny.load(ordering: .relaxed) else { return addresses }
        let marked = addresses.map { ($0, since($0, port: port, now: now)) }
        let good = marked.filter { $0.1 == nil }.map(\.0)
        let bad = marked.filter { $0.1 != nil }.sorted { $0.1 ?? 0 < $1.1 ?? 0 }.map(\.0)
        return good + bad
    }

    /// Whether a connection to this address had better not be used again, since the name has others.
    func areOthersBetter(than address: IPAddress, of all: [IPAddress], port: UInt16, now: Int64) -> Bool {
        guard all.count > 1, hasAny.load(ordering: .relaxed), since(address, port: port, now: now) != nil else {
            return false
        }
        return all.contains { $0 != address && since($0, port: port, now: now) == nil }
    }

    private func since(_ address: IPAddress, port: UInt16, now: Int64) -> Int64? {
        state.withLock { $0[Key(address: address, port: port)] }.flatMap {
            now - $0 < Self.keptNanoseconds ? $0 : nil
        }
    }
}
