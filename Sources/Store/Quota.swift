// The bytes that are held, counted as they come and go, and whether more may come (R57, hardening 2.2 item 6).
// It only counts and compares; what goes when there is no room is decided in Eviction.

import Synchronization

/// The count of bytes on the disk.
final class Quota: Sendable {
    let limit: Int64
    private let minFree: Int64?
    private let directory: Directory
    private let held: Atomic<Int64>
    private let lingering = Atomic<Int64>(0)
    private let reserved = Atomic<Int64>(0)

    init(limit: Int64, minFree: Int64?, directory: Directory, held: Int64) {
        self.limit = limit
        self.minFree = minFree
        self.directory = directory
        self.held = Atomic(held)
    }

    /// Bytes of bodies that stored responses hold.
    var heldBytes: Int64 { max(0, held.load(ordering: .relaxed)) }

    /// R57: one object at most 90 % of the whole.
    var largestBody: Int64 { limit / 10 * 9 }

    func grow(_ bytes: Int64) { held.add(bytes, ordering: .relaxed) }
    func shrink(_ bytes: Int64) { held.subtract(bytes, ordering: .relaxed) }
    func linger(_ bytes: Int64) { lingering.add(bytes, ordering: .relaxed) }
    func leave(_ bytes: Int64) { lingering.subtract(bytes, ordering: .relaxed) }

    /// Room that the disk has given to writers and that they have not filled: so many bytes more, or fewer.
    func changeReserve(by bytes: Int64) { if bytes != 0 { reserved.add(bytes, ordering: .relaxed) } }

    var reservedBytes: Int64 { max(0, reserved.load(ordering: .relaxed)) }

    /// How many bytes have to go before `bytes` more may come; 0 where they may. What writers have in reserve is no reason
    /// to refuse: they may give it back.
    func excess(for bytes: Int64) -> Int64 {
        max(0, used.addingSaturated(bytes) - limit, shortage(for: bytes))
    }

    /// The same with what writers have in reserve, which is on the disk like any byte: what is to be evicted, so that all
    /// of it stays below the limit.
    func excessOnDisk(for bytes: Int64) -> Int64 {
        max(0, used.addingSaturated(reservedBytes).addingSaturated(bytes) - limit, shortage(for: bytes))
    }

    /// How many bytes more the disk may be asked for, with nothing evicted.
    var roomOnDisk: Int64 {
        max(0, min(limit - used.addingSaturated(reservedBytes), -shortage(for: 0)))
    }

    private var used: Int64 { heldBytes.addingSaturated(max(0, lingering.load(ordering: .relaxed))) }

    /// How many bytes more may come to a body of so many, if everything else that is held goes; nil: the disk says nothing.
    func room(beside held: Int64) -> Int64? {
        guard directory.space() != nil else { return nil }
        // Below zero: so much is free beyond what is to stay so.
        let shortage = shortage(for: 0)
        let onDisk = max(0, heldBytes - held).addingSaturated(max(0, -shortage)) - max(0, shortage)
        return max(0, min(limit - held, onDisk))
    }

    /// Hardening 2.2 item 6: keep max(1 GiB, 5 %) of the disk free.
    private func shortage(for bytes: Int64) -> Int64 {
        guard let space = directory.space() else { return 0 }
        let keep = minFree ?? max(1 << 30, space.total / 20)
        return keep.addingSaturated(bytes) - space.free
    }
}

extension Int64 {
    /// The sum, or `Int64.max` where there is none: lengths and offsets are foreign numbers. `other` is not negative.
    func addingSaturated(_ other: Int64) -> Int64 {
        let (sum, isTooLarge) = addingReportingOverflow(other)
        return isTooLarge ? .max : sum
    }
}
