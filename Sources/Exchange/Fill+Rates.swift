// What a fill receives is counted, and where rates are set it is held back. A fill that is held back is paused by us: it
// is neither stalled nor slow.

import HTTPSemantics
import NIOCore
import Synchronization
import Transport

extension Fill {
    /// Bytes came, or, where there are none of them, are about to. What is adopted from a file comes from no origin.
    func counts(_ bytes: Int64, at now: Int64) {
        guard call?.isFromOrigin == true else { return }
        let isForeground = version.isAwaitedByClients
        if let pace {
            pace.came(bytes, isForeground: isForeground, at: now)
        } else {
            table.rates.link.carried(bytes, isForeground: isForeground)
        }
    }

    /// When a rate last held it back, monotonic nanoseconds; 0: never.
    var heldBackAt: Int64 { pace?.heldBackAt ?? 0 }

    /// A client waits for it now. May be called from any thread.
    func clientCame() {
        loop.execute { self.pace?.isAwaited() }
    }
}

extension VersionFills {
    /// Whether a client waits for what comes; a download of the queue is none. May be asked from any thread.
    var isAwaitedByClients: Bool { clientCount.load(ordering: .relaxed) > 0 }

    /// To be called whenever readers have come or gone.
    func countClients(_ state: borrowing State) {
        clientCount.store(state.readers.values.count { $0.isClient }, ordering: .relaxed)
    }

    /// What yields to clients must not keep one waiting.
    func hurry(_ state: State) -> Work {
        guard table.rates.link.limitsBackground else { return [] }
        return state.fills.values.map { running in
            let fill = running.fill
            return { fill.clientCame() }
        }
    }
}
