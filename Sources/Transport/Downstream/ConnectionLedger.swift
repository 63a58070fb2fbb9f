// How many clients are connected, in all and by address (R50, R51), over all loops. A count behind a
// lock held for nanoseconds; it closes nothing itself.

import HTTPSemantics
import Synchronization

final class ConnectionLedger: Sendable {
    private struct Counts {
        var total = 0
        var byPrefix: [IPAddress: Int] = [:]
    }

    private let limit: Int
    private let limitPerAddress: Int
    private let counts = Mutex(Counts())

    init(limit: Int, limitPerAddress: Int) {
        self.limit = limit
        self.limitPerAddress = limitPerAddress
    }

    /// Counts a connection, or refuses it because its address has too many (R51).
    func enter(_ address: IPAddress?) -> Bool {
        counts.withLock { counts in
            if let prefix = Self.counted(address) {
                let current = counts.byPrefix[prefix] ?? 0
                guard current < limitPerAddress else { return false }
                counts.byPrefix[prefix] = current + 1
            }
            counts.total += 1
            return true
        }
    }

    /// A counted connection has closed.
    /// - Returns: whether there is room now where there was none.
    func leave(_ address: IPAddress?) -> Bool {
        counts.withLock { counts in
            if let prefix = Self.counted(address), let current = counts.byPrefix[prefix] {
                counts.byPrefix[prefix] = current > 1 ? current - 1 : nil
            }
            let wasFull = counts.total >= limit
            counts.total -= 1
            return wasFull
        }
    }

    var isFull: Bool { counts.withLock { $0.total >= limit } }

    /// More than 80 % are in use (R45).
    var isCrowded: Bool { counts.withLock { $0.total * 5 > limit * 4 } }

    /// This machine is exempt (R51).
    private static func counted(_ address: IPAddress?) -> IPAddress? {
        guard let address, !address.isOnThisMachine else { return nil }
        return address.countingPrefix
    }
}
